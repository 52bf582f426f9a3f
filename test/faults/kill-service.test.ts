import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { faultRuns, moments, reportFigures, times } from '../support/fault-runs.ts';
import { auditAll, type Findings, Stream, total } from '../support/ledger.ts';
import { processesIn } from '../support/processes.ts';
import { SandboxService } from '../support/sandbox-service.ts';

const KILLS = faultRuns(4, 100);
/** Limited because the network keeps the newest 500 messages of a chat. */
const KILLS_PER_NETWORK = 10;
const AGENTS = 5;
const TEXTS_PER_KILL = 40;
/** By then all texts are accepted, and the last of them in flight. */
const LATEST_KILL_MS = 700;

describe('the service, killed with SIGKILL at random moments', function () {
  this.timeout(120_000 + KILLS * 15_000);
  const killAfter = moments('kill', LATEST_KILL_MS);

  /** Kills a service on a new network under load `kills` times, then audits it and stops it with SIGTERM. */
  async function killed(kills: number): Promise<Findings> {
    const service = await SandboxService.create();
    const streams = Array.from({ length: AGENTS }, (_, index) => new Stream(index + 1));
    try {
      let running = await service.up();
      for (const { agentId, number } of streams) await service.link(agentId, number);
      for (let kill = 0; kill < kills; kill += 1) {
        // Every other time acknowledgements are slow, so that the kill finds a message in flight.
        for (const { agentId } of kill % 2 ? streams : []) await service.delaySends(agentId, 15);
        const writing = streams.map((stream) => stream.write(service, TEXTS_PER_KILL));
        await delay(killAfter());
        await running.end('SIGKILL');
        await Promise.all(writing);
        running = await service.up();
        for (const { agentId } of streams) await service.connected(agentId);
      }
      const audits = await auditAll(service, streams);
      expect(streams.flatMap(({ refusals }) => refusals)).to.deep.equal([]);
      for (const { duplicates } of audits) expect(duplicates).to.be.at.most(kills);
      expect(await running.end('SIGTERM')).to.deep.equal({ code: 0, signal: null });
      expect(processesIn(service.dir), 'processes left').to.deep.equal([]);
      return total(audits);
    } finally {
      await service.close();
    }
  }

  it('loses no accepted message, keeps the order and duplicates at most one message per agent and kill', async () => {
    const findings: Findings[] = [];
    for (let left = KILLS; left > 0; left -= KILLS_PER_NETWORK)
      findings.push(await killed(Math.min(left, KILLS_PER_NETWORK)));
    const found = total(findings);
    const load = `${AGENTS} agents × ${TEXTS_PER_KILL} messages`;
    reportFigures('P1 P2 P3', `kill -9 of the service at a random moment under ${load}, ${times(KILLS)}`, {
      ...found,
    });
    expect(found.accepted, 'accepted').to.be.above(KILLS);
    expect(found).to.include({ lost: 0, inversions: 0 });
    expect(found.mostCopies, 'copies of one message').to.be.at.most(2);
  });
});
