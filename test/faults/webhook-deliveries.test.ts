import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import pg from 'pg';
import { IN_A_DELIVERY } from '../support/crash-points.ts';
import { eventually } from '../support/eventually.ts';
import { faultRuns, moments, reportFigures, times } from '../support/fault-runs.ts';
import { Stream } from '../support/ledger.ts';
import { withDatabase } from '../support/postgres.ts';
import { SandboxService } from '../support/sandbox-service.ts';
import { WebhookReceiver } from '../support/webhook-receiver.ts';

const RUNS = faultRuns(1, 10);
const KILLS = faultRuns(1, 200);
const TEXTS = 10;
const LATEST_KILL_MS = 700;
/** Fails every so many requests. */
const FLAKY = 7;

/** Keeps a copy of each event that was ever written, in its order. */
const WATCH = `
  create table written (webhook_id uuid, id uuid primary key, place bigint generated always as identity);
  create function keep_written() returns trigger language plpgsql as $$ begin
    insert into written (webhook_id, id) values (new.webhook_id, new.id); return null;
  end $$;
  create trigger keep_written after insert on gateway_webhook_delivery
    for each row execute function keep_written()`;

describe('webhooks, while the service is killed with SIGKILL', function () {
  this.timeout(180_000 + RUNS * IN_A_DELIVERY.length * 20_000 + KILLS * 10_000);
  const database = withDatabase();
  const killAfter = moments('webhook kill', LATEST_KILL_MS);
  const streams = [new Stream(1), new Stream(2)];
  /** How many texts customers have written. */
  let questions = 0;
  const hooks: { id: string; agentId: string; receiver: WebhookReceiver }[] = [];
  let service: SandboxService;
  let sql: pg.Client;

  before(async () => {
    const [steady, flaky] = [await WebhookReceiver.open(), await WebhookReceiver.open()];
    flaky.answer = (res) => res.writeHead(flaky.received.length % FLAKY === 0 ? 500 : 200).end();
    const env = {
      DB_URL: database().url,
      WEBHOOK_ALLOWED_ORIGINS: `${steady.origin},${flaky.origin}`,
      WEBHOOK_RETRY_BASE_MS: '20',
      WEBHOOK_RETRY_MAX_MS: '100',
    };
    service = await SandboxService.create(env, { door: true });
    await service.up();
    sql = new pg.Client(database().config);
    await sql.connect();
    await sql.query(WATCH);
    for (const { agentId, number } of streams) {
      await service.link(agentId, number);
      for (const receiver of [steady, flaky]) {
        const body = { url: receiver.origin, events: ['*'] };
        const created = await service.call('POST', `/agents/${agentId}/webhooks`, body);
        hooks.push({ id: String(created.body.id), agentId, receiver });
      }
    }
  });
  after(async () => {
    await service?.close();
    await sql?.end();
    for (const receiver of new Set(hooks.map(({ receiver }) => receiver))) await receiver.close();
  });

  /** Both agents send, and a customer of each writes, until the service is gone. */
  async function traffic(): Promise<void> {
    await Promise.all(
      streams.flatMap((stream, index) => [
        stream.write(service, TEXTS),
        (async () => {
          for (let n = 0; n < TEXTS / 2; n += 1) {
            questions += 1;
            const message = { from: `62813000000${index}`, text: `question ${questions}` };
            const path = `/sandbox/phones/${stream.agentId}/messages`;
            if (!(await service.call('POST', path, message).catch(() => null))) return;
          }
        })(),
      ]),
    );
  }

  async function restart(): Promise<void> {
    await service.up();
    for (const { agentId } of streams) await service.connected(agentId);
  }

  /** Waits until nothing waits for a webhook, then compares what arrived with what was written. */
  async function audit() {
    const waiting = async () =>
      (await sql.query("select from gateway_webhook_delivery where status = 'waiting'")).rowCount;
    for (const { agentId, accepted } of streams) await service.settled(agentId, [...accepted.values()]);
    for (const { agentId } of streams) await expectQuestions(agentId);
    await eventually('all to be delivered', async () => (await waiting()) === 0);
    const found = { events: 0, lost: 0, repeated: 0, changed: 0, inversions: 0, gaps: 0 };
    for (const { id, receiver } of hooks) {
      const { rows } = await sql.query<{ id: string }>('select id from written where webhook_id = $1', [id]);
      const written = new Set(rows.map((row) => row.id));
      const mine = receiver.received.filter((each) => written.has(each.id));
      const firsts = new Map<string, (typeof mine)[number]>();
      for (const each of mine) {
        const first = firsts.get(each.id);
        if (!first) firsts.set(each.id, each);
        else if (first.text === each.text) found.repeated += 1;
        else found.changed += 1;
      }
      const sequences = [...firsts.values()].map(({ body }) => body.sequence);
      found.events += written.size;
      found.lost += written.size - firsts.size;
      found.inversions += sequences.filter((each, index) => index > 0 && each < sequences[index - 1]!).length;
      found.gaps += sequences.filter((each, index) => each !== index + 1).length;
    }
    await expectStatuses();
    return found;
  }

  /** Waits until each text that the phone of an agent has from a customer reached all of its webhooks. */
  async function expectQuestions(agentId: string): Promise<void> {
    const { body } = await service.call('GET', `/sandbox/phones/${agentId}/messages?limit=1000`);
    const asked = (body as unknown as { fromMe: boolean; body: string }[]).filter(({ fromMe }) => !fromMe);
    for (const { receiver } of hooks.filter((hook) => hook.agentId === agentId)) {
      const missing = () => {
        const received = receiver.received.filter(({ body: { type } }) => type === 'message.received');
        const texts = new Set(received.map(({ body: { data } }) => (data as { text: string }).text));
        return asked.filter((message) => !texts.has(message.body));
      };
      await eventually('the questions', () => missing().length === 0).catch(() => undefined);
      expect(missing(), `questions to ${agentId} that were not recorded`).to.deep.equal([]);
    }
  }

  /** Every message is `queued` or `sending` first, and its last event has the status of its row. */
  async function expectStatuses(): Promise<void> {
    const { rows } = await sql.query<{ id: string; agent_id: string; status: string }>(
      'select id, agent_id, status from gateway_message',
    );
    for (const { receiver } of hooks) {
      const statuses = new Map<string, string[]>();
      for (const { body } of receiver.received) {
        const { id, status } = body.data as { id: string; status: string };
        if (body.type === 'message.status') statuses.set(id, [...(statuses.get(id) ?? []), status]);
      }
      for (const { id, status } of rows) {
        expect(statuses.get(id)?.[0], `the first status of ${id}`).to.be.oneOf(['queued', 'sending']);
        expect(statuses.get(id)?.at(-1), `the last status of ${id}`).to.equal(status);
      }
    }
  }

  it('delivers each event at least once, in order, under one id, wherever in a delivery it is killed', async () => {
    for (let run = 0; run < RUNS; run += 1)
      for (const point of IN_A_DELIVERY) {
        const dying = service.running;
        await dying.ask({ crash: { point, pass: 2 + run * 3 } });
        while (dying.child.signalCode === null) await traffic();
        await restart();
      }
    const found = await audit();
    reportFigures('P22', `kill -9 at each step of a delivery, ${times(RUNS)}`, found);
    expect(found).to.include({ lost: 0, changed: 0, inversions: 0, gaps: 0 });
    expect(found.repeated).to.be.above(0);
  });

  it('delivers each event at least once, in order, under one id, when it is killed at random moments', async () => {
    for (let kill = 0; kill < KILLS; kill += 1) {
      const dying = service.running;
      const writing = traffic();
      await delay(killAfter());
      await dying.end('SIGKILL');
      await writing;
      await restart();
    }
    const found = await audit();
    reportFigures('P22', `kill -9 at a random moment under load, ${times(KILLS)}`, found);
    expect(found).to.include({ lost: 0, changed: 0, inversions: 0, gaps: 0 });
  });
});
