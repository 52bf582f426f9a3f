import { expect } from 'chai';
import { AT_THE_START, type CrashPoint, DEAD_LETTER, UNDER_WAY } from '../support/crash-points.ts';
import { eventually } from '../support/eventually.ts';
import { faultRuns, reportFigures, times } from '../support/fault-runs.ts';
import { auditAll, type Findings, Stream, total } from '../support/ledger.ts';
import { withDatabase } from '../support/postgres.ts';
import { SandboxService } from '../support/sandbox-service.ts';

const RUNS = faultRuns(1, 10);
const TEXTS = 12;
/** Limited because the network keeps the newest 500 messages of a chat. */
const RUNS_PER_CUSTOMER = 30;
const NO_ACCOUNT = '15550000001';
const KEYED: CrashPoint[] = [
  'after the body was parsed',
  'after INSERT accepted',
  'after the lease',
  'after the hand-over to the page',
  'before the `sent` write',
  'after the `sent` write',
];

describe('the service, killed with SIGKILL at each step of a message', function () {
  this.timeout(120_000 + RUNS * 30_000);
  const database = withDatabase();
  let service: SandboxService;
  let customers = 0;

  before(async () => {
    // With its own database process a start takes a second instead of three.
    service = await SandboxService.create({ DB_URL: database().url }, { door: true });
    await service.up();
    for (const index of [1, 2]) {
      const { agentId, number } = new Stream(index);
      await service.link(agentId, number);
    }
  });
  after(() => service.close());

  /** Two agents, each writing to a new customer. */
  function freshStreams(): Stream[] {
    return [1, 2].map((index) => {
      customers += 1;
      return new Stream(index, customers);
    });
  }

  /** Waits until both agents are connected. */
  async function connected(): Promise<void> {
    for (const agentId of ['agent-1', 'agent-2']) await service.connected(agentId);
  }

  /** Writes until the process is killed at the point, for the `pass`-th time it is reached. */
  async function killAt(point: CrashPoint, pass: number, write: () => Promise<unknown>): Promise<void> {
    const dying = service.running;
    await dying.ask({ crash: { point, pass } });
    await write();
    await eventually(`the kill ${point}`, () => dying.child.signalCode);
    expect((await dying.ended).signal, `the signal ${point}`).to.equal('SIGKILL');
  }

  /** Repeats a kill and audits the texts; each run kills at another pass. */
  async function kills(
    point: CrashPoint,
    kill: (streams: Stream[], pass: number) => Promise<void>,
  ): Promise<void> {
    const findings: Findings[] = [];
    let streams = freshStreams();
    let since = 0;
    const audit = async () => {
      findings.push(...(await auditAll(service, streams)));
    };
    for (let run = 0; run < RUNS; run += 1) {
      if (since === RUNS_PER_CUSTOMER) {
        await audit();
        streams = freshStreams();
        since = 0;
      }
      since += 1;
      await kill(streams, 1 + ((run * 3 + 2) % TEXTS));
      await service.up();
      await connected();
    }
    await audit();
    const found = total(findings);
    reportFigures('P1 P2 P3', `kill -9 ${point}, ${times(RUNS)}`, { ...found });
    // The simulated network shows every message handed over, so none is sent again.
    expect(found).to.include({ lost: 0, duplicates: 0, inversions: 0 });
  }

  /** Both agents write faster than WhatsApp acknowledges, so that messages queue up. */
  async function writeAll(streams: Stream[]): Promise<void> {
    // It may already have been killed by an earlier text.
    for (const { agentId } of streams) await service.delaySends(agentId, 5).catch(() => undefined);
    await Promise.all(streams.map((stream) => stream.write(service, TEXTS)));
  }

  for (const point of UNDER_WAY) {
    it(`${point}: loses no message, keeps the order and duplicates none`, () =>
      kills(point, (streams, pass) => killAt(point, pass, () => writeAll(streams))));
  }

  it('when the drain of a stop has ended: loses and duplicates no message', () =>
    kills('when the drain of a stop has ended', async (streams) => {
      await writeAll(streams);
      await killAt('when the drain of a stop has ended', 1, async () =>
        service.running.child.kill('SIGTERM'),
      );
    }));

  for (const point of AT_THE_START) {
    it(`${point}: the next start continues with the message`, () =>
      kills(point, async (streams, pass) => {
        // The first kill leaves an indeterminate message.
        await killAt('after the hand-over to the page', pass, () => writeAll(streams));
        const starting = service.launch({ DOOR_CRASH: point });
        expect((await starting.ended).signal, `the signal ${point}`).to.equal('SIGKILL');
      }));
  }

  for (const point of DEAD_LETTER) {
    it(`${point}: the undeliverable message fails, and the next ones are sent`, async () => {
      const streams = freshStreams();
      const failed: string[] = [];
      for (let run = 0; run < RUNS; run += 1) {
        await killAt(point, 1, async () => {
          // It waits behind a slow one, so that its 202 is sent before the kill.
          await service.delaySends('agent-1', 500);
          await streams[0]!.write(service, 1);
          const { body } = await service.accept('agent-1', NO_ACCOUNT, `undeliverable ${run}`);
          failed.push(String(body.id));
          await writeAll(streams);
        });
        await service.up();
        await connected();
      }
      const ended = await service.settled('agent-1', failed);
      const audits = await Promise.all(streams.map((stream) => stream.audit(service)));
      reportFigures('P1 P2 P3', `kill -9 ${point}, ${times(RUNS)}`, {
        'dead letters reported as failed': ended.failed,
        ...total(audits),
      });
      expect(ended).to.deep.equal({ failed: RUNS });
      expect(total(audits)).to.include({ lost: 0, duplicates: 0, inversions: 0 });
    });
  }

  it('does not send twice when a request that was cut off is repeated with its Idempotency-Key', async () => {
    const [stream] = freshStreams();
    const answers: Record<string, number> = {};
    const texts: string[] = [];
    for (const point of KEYED) {
      for (let run = 0; run < RUNS; run += 1) {
        const message = `${point} ${run}`;
        texts.push(message);
        const send = () =>
          service.call(
            'POST',
            '/agents/agent-1/messages',
            { to: stream!.customer, message },
            { 'idempotency-key': message },
          );
        await killAt(point, 1, () => send().catch(() => null));
        await service.up();
        await connected();
        const { status, headers } = await send();
        const answer = `${status}${headers.get('idempotent-replayed') ? ' replayed' : ''}`;
        answers[answer] = (answers[answer] ?? 0) + 1;
      }
    }
    const sent = () => service.sentTexts('agent-1', stream!.customer);
    await eventually('all to be sent', async () => (await sent()).length >= texts.length);
    const copies = texts.map(async (text) => (await sent()).filter((each) => each === text).length);
    const twice = (await Promise.all(copies)).filter((count) => count !== 1).length;
    reportFigures(
      'P11',
      `kill -9 at ${KEYED.length} points under a request with a key, ${times(RUNS)} each, then a repeat`,
      {
        requests: texts.length,
        ...answers,
        'not sent exactly once': twice,
      },
    );
    expect(twice).to.equal(0);
  });
});
