import { expect } from 'chai';
import sinon from 'sinon';
import type { Agent } from '../../../src/actors/agent/agent.ts';
import { MemoryRecycler } from '../../../src/actors/gateway/memory-recycler.ts';
import { HOST_CLOCK } from '../../../src/infra/host-clock.ts';

const MB = 1024 * 1024;
const MINUTE = 60_000;

describe('the memory recycler', () => {
  let timers: sinon.SinonFakeTimers;
  let stopping: AbortController;
  let sizes: Record<string, number>;
  let quiet: Set<string>;
  let away: Set<string>;
  let recycled: string[];
  let faults: unknown[];

  beforeEach(() => {
    timers = sinon.useFakeTimers();
    sizes = {};
    quiet = new Set();
    away = new Set();
    recycled = [];
    faults = [];
    /** The parts of an agent that the recycler uses. */
    const find = (agentId: string) =>
      ({
        isQuiet: () => quiet.has(agentId),
        get isConnected() {
          return !away.has(agentId);
        },
        command: ({ type }: { type: string }) => {
          recycled.push(`${type} ${agentId}`);
          away.add(agentId);
        },
      }) as unknown as Agent;
    stopping = new AbortController();
    const recycler = new MemoryRecycler({
      driver: { memory: async () => new Map(Object.entries(sizes)) },
      clock: HOST_CLOCK,
      limitBytes: 500 * MB,
      find,
      fault: (error) => faults.push(error),
      signal: stopping.signal,
    });
    recycler.start();
  });
  afterEach(() => {
    stopping.abort();
    timers.restore();
  });

  it('replaces a client above the limit once it is quiet, and no smaller or busy one', async () => {
    sizes = { small: 499 * MB, busy: 900 * MB, large: 600 * MB };
    await timers.tickAsync(MINUTE);
    expect(recycled).to.deep.equal([]);
    quiet = new Set(['small', 'large']);
    await timers.tickAsync(MINUTE);
    expect(recycled).to.deep.equal(['session.recycle large']);
  });

  it('replaces one client at a time, waiting ten minutes at most for the last one to reconnect', async () => {
    sizes = { larger: 900 * MB, large: 600 * MB };
    quiet = new Set(['larger', 'large']);
    await timers.tickAsync(MINUTE);
    delete sizes.larger;
    await timers.tickAsync(9 * MINUTE);
    expect(recycled).to.deep.equal(['session.recycle larger']);
    await timers.tickAsync(MINUTE);
    expect(recycled).to.deep.equal(['session.recycle larger', 'session.recycle large']);
  });

  it('measures again after a failure, and no more once stopped', async () => {
    Object.defineProperty(sizes, 'broken', {
      enumerable: true,
      configurable: true,
      get: () => {
        throw new Error('no /proc');
      },
    });
    await timers.tickAsync(MINUTE);
    expect(faults).to.have.length(1);
    sizes = { large: 600 * MB };
    quiet.add('large');
    await timers.tickAsync(MINUTE);
    expect(recycled).to.have.length(1);
    stopping.abort();
    away.clear();
    await timers.tickAsync(60 * MINUTE);
    expect(recycled).to.have.length(1);
  });
});
