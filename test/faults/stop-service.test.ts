import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { AiServer } from '../support/ai-server.ts';
import { eventually } from '../support/eventually.ts';
import { faultRuns, moments, reportFigures, times } from '../support/fault-runs.ts';
import { auditAll, Stream, total } from '../support/ledger.ts';
import { processesIn } from '../support/processes.ts';
import { SandboxService } from '../support/sandbox-service.ts';

const STOPS = faultRuns(4, 100);
const STOPS_PER_NETWORK = 6;
const TEXTS_PER_STOP = 60;
const LATEST_STOP_MS = 500;
const GRACE_MS = 10_000;
/** Exit after a second signal, far within the grace period. */
const EXIT_MS = 5_000;

describe('the service, stopped at random moments', function () {
  this.timeout(120_000 + STOPS * 15_000);
  const stopAfter = moments('stop', LATEST_STOP_MS);
  let service: SandboxService;

  beforeEach(async () => {
    service = await SandboxService.create({ SHUTDOWN_GRACE_MS: String(GRACE_MS) });
  });
  afterEach(() => service.close());

  /** Stops a service on a new network under load `stops` times; returns the ms of each stop and the audits. */
  async function stopped(stops: number) {
    const streams = [1, 2, 3].map((index) => new Stream(index));
    const took: number[] = [];
    let running = await service.up();
    for (const { agentId, number } of streams) await service.link(agentId, number);
    for (let stop = 0; stop < stops; stop += 1) {
      for (const { agentId } of streams) await service.delaySends(agentId, 15);
      const writing = streams.map((stream) => stream.write(service, TEXTS_PER_STOP));
      await delay(stopAfter());
      expect(processesIn(service.dir), 'the database').not.to.deep.equal([]);
      const signalled = performance.now();
      const ended = await running.end(stop % 2 ? 'SIGINT' : 'SIGTERM');
      took.push(Math.round(performance.now() - signalled));
      expect(ended, running.output()).to.deep.equal({ code: 0, signal: null });
      expect(processesIn(service.dir), 'processes left').to.deep.equal([]);
      await Promise.all(writing);
      running = await service.up();
      for (const { agentId } of streams) await service.connected(agentId);
    }
    const audits = await auditAll(service, streams);
    const refusals = new Set(streams.flatMap((stream) => stream.refusals));
    return { took, refusals, ...total(audits) };
  }

  it('exits with 0 within the grace period, leaves no process, and loses and duplicates no message', async () => {
    const batches = [];
    for (let left = STOPS; left > 0; left -= STOPS_PER_NETWORK) {
      batches.push(await stopped(Math.min(left, STOPS_PER_NETWORK)));
      if (left > STOPS_PER_NETWORK) {
        await service.close();
        service = await SandboxService.create({ SHUTDOWN_GRACE_MS: String(GRACE_MS) });
      }
    }
    const found = total(batches);
    const slowest = Math.max(...batches.flatMap(({ took }) => took));
    reportFigures('P16', `SIGTERM and SIGINT by turns under load, ${times(STOPS)} in all`, {
      'exits with 0': batches.flatMap(({ took }) => took).length,
      ...found,
      'slowest ms': slowest,
    });
    expect(found.accepted).to.be.above(STOPS);
    expect(found).to.include({ lost: 0, duplicates: 0, inversions: 0 });
    expect(slowest).to.be.below(GRACE_MS);
    for (const refusal of batches.flatMap(({ refusals }) => [...refusals]))
      expect(refusal).to.equal('503 SHUTTING_DOWN');
  });

  it('completes a /run that waits for its AI, and answers its repeat without asking again', async () => {
    const ai = await new AiServer().open();
    try {
      ai.behave = async ({ body }) => {
        await delay(1_000);
        return { body: { reply: `AI: ${body.message}` } };
      };
      service = await replaced({ SHUTDOWN_GRACE_MS: String(GRACE_MS), AI_BACKEND_URL: ai.url });
      const running = await service.up();
      await service.link('shop', '6281111111111');
      const question = { message: 'hi', sessionId: '6283333333333' };
      const ask = () => service.call('POST', '/agents/shop/run', question, { 'idempotency-key': 'one' });
      const run = ask();
      await eventually('the AI to be asked', () => ai.calls.length > 0);
      const ended = running.end('SIGTERM');
      const { status, body } = await run;
      reportFigures('P16', 'SIGTERM while the AI of a /run thinks for a second', {
        status,
        replySent: body.replySent,
      });
      expect({ status, reply: body.reply }).to.deep.equal({ status: 200, reply: 'AI: hi' });
      expect(await ended).to.deep.equal({ code: 0, signal: null });
      await service.up();
      await service.connected('shop');
      expect((await ask()).body.reply).to.equal('AI: hi');
      expect(ai.calls).to.have.length(1);
    } finally {
      await ai.close();
    }
  });

  it('keeps messages that it could not send within the grace period, and exits with 0', async () => {
    const stream = new Stream(1);
    service = await replaced({ SHUTDOWN_GRACE_MS: '2000' });
    let running = await service.up();
    await service.link(stream.agentId, stream.number);
    await hold(stream);
    const signalled = performance.now();
    expect(await running.end('SIGTERM')).to.deep.equal({ code: 0, signal: null });
    expect(performance.now() - signalled).to.be.below(10_000);
    running = await service.up();
    await service.connected(stream.agentId);
    expect(await stream.audit(service)).to.include({ accepted: 5, lost: 0, duplicates: 0, inversions: 0 });
  });

  it('exits with 1 at the second signal without waiting for the grace period', async () => {
    const stream = new Stream(1);
    service = await replaced({ SHUTDOWN_GRACE_MS: '60000' });
    const running = await service.up();
    await service.link(stream.agentId, stream.number);
    await hold(stream);
    running.child.kill('SIGTERM');
    await eventually('the stop to begin', () => running.output().includes('service.stopping'));
    const signalled = performance.now();
    const { code } = await running.end('SIGTERM');
    expect(performance.now() - signalled).to.be.below(EXIT_MS);
    expect(code).to.equal(1);
    await eventually('the database to be gone', () => processesIn(service.dir).length === 0);
    await service.up();
    await service.connected(stream.agentId);
    expect(await stream.audit(service)).to.include({ accepted: 5, lost: 0, inversions: 0 });
  });

  it('stops what it has started and exits with 0 during startup', async () => {
    for (const isFirst of [true, false]) {
      const running = service.launch();
      await eventually(
        isFirst ? 'its first database' : 'its database',
        () => processesIn(service.dir).length > 0,
      );
      expect(await running.end('SIGTERM'), running.output()).to.deep.equal({ code: 0, signal: null });
      expect(processesIn(service.dir), 'processes left').to.deep.equal([]);
    }
    await service.up();
  });

  /** Replaces the service by one with this environment. */
  async function replaced(env: Record<string, string>): Promise<SandboxService> {
    await service.close();
    return SandboxService.create(env);
  }

  /** Accepts five texts; the first stays unacknowledged for longer than any stop lasts. */
  async function hold(stream: Stream): Promise<void> {
    await service.delaySends(stream.agentId, 600_000);
    await stream.write(service, 5);
  }
});
