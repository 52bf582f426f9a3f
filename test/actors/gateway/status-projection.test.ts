import { expect } from 'chai';
import { StatusProjection } from '../../../src/actors/gateway/status-projection.ts';
import { held } from '../../support/memory-gateway.ts';

describe('the status projection', () => {
  it('writes every status of an agent whose predecessor was deleted during a write', async () => {
    const written: string[] = [];
    const first = held<void>();
    const projection = new StatusProjection(
      {
        setStatus: async (_agent, { to }) => {
          written.push(to);
          if (written.length === 1) await first.promise;
        },
      },
      (_agentId, error) => {
        throw error;
      },
    );
    const agent = { userId: 1, agentId: 'shop' };
    const since = { reason: null, at: new Date() };
    projection.write(agent, { from: 'connected', to: 'disconnected', ...since });
    projection.forget('shop');
    projection.write(agent, { from: 'disconnected', to: 'awaiting_qr', ...since });
    projection.write(agent, { from: 'awaiting_qr', to: 'connected', ...since });
    first.release();
    await projection.flushed(1_000);
    expect(written).to.deep.equal(['disconnected', 'awaiting_qr', 'connected']);
    projection.close();
  });
});
