import { expect } from 'chai';
import { startHealthProber } from '../../../src/actors/gateway/health-prober.ts';
import { ManualClock } from '../../support/manual-clock.ts';

describe('the health prober', () => {
  it('probes each agent once per interval, a slice of them at a time, until it is stopped', async () => {
    const clock = new ManualClock();
    const probes = Array.from({ length: 31 }, () => 0);
    const agents = probes.map((_, index) => ({
      probe: () => {
        probes[index]! += 1;
      },
    }));
    const stopping = new AbortController();
    startHealthProber({ clock, everyMs: 15_000, agents: () => agents, signal: stopping.signal });
    await clock.pass(1_000);
    expect(probes.filter((count) => count === 1)).to.have.length(3);
    await clock.pass(14_000);
    expect(probes).to.deep.equal(probes.map(() => 1));
    stopping.abort();
    await clock.pass(60_000);
    expect(probes).to.deep.equal(probes.map(() => 1));
  });
});
