import { expect } from 'chai';
import { StatusProjection } from '../../src/actors/status-projection.ts';
import { held } from '../support/memory-gateway.ts';

describe('the states of agents in the database', () => {
  it('are all written for an agent whose predecessor of that name was deleted during a write', async () => {
    const written: string[] = [];
    const first = held<void>();
    const projection = new StatusProjection(
      {
        setStatus: async (_agentId, status) => {
          written.push(status);
          if (written.length === 1) await first.promise;
        },
      },
      (_agentId, error) => {
        throw error;
      },
    );
    projection.write('shop', 'disconnected', new Date());
    projection.forget('shop');
    projection.write('shop', 'awaiting_qr', new Date());
    projection.write('shop', 'connected', new Date());
    first.release();
    await projection.flushed(1_000);
    expect(written).to.deep.equal(['disconnected', 'awaiting_qr', 'connected']);
    projection.close();
  });
});
