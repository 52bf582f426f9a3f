import { fork } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { HOST_CLOCK } from '../src/infra/host-clock.ts';
import { openDatabase } from '../src/infra/postgres/database.ts';
import { SealedSecrets } from '../src/infra/webhooks/sealed-secrets.ts';
import { WebhookDirectory } from '../src/infra/webhooks/webhook-directory.ts';
import { startDatabase } from './linked-service.ts';
import { goalText, head, quantile, spread } from './machine.ts';
import { publish } from './publish.ts';
import { median } from './rounds.ts';

// From an event to the request at its receiver, while others hang; and what webhooks cost the statements of messages.

const WEBHOOKS = 100;
const HANGING = 10;
const PER_SECOND = 300;
const SECONDS = 10;
const ROUNDS = 3;
const DEADLINE_MS = 10_000;
const MOST_MS = 50;
/** Rows of one statement, as a group commit writes them under load. */
const BATCH = 100;
const STATEMENTS = 60;
const MOST_MICROS = 10;

const server = await startDatabase();
const url = await server.create('webhooks');
let directory: WebhookDirectory | undefined;
const database = await openDatabase({
  dbUrl: url,
  dataDir: 'unused',
  onPublished: (...published) => directory?.published(...published),
});
const receiver = fork(fileURLToPath(new URL('webhook-receiver.mjs', import.meta.url)));
try {
  const [port] = (await once(receiver, 'message')) as [number];
  const origin = `http://127.0.0.1:${port}`;
  const cost = await costs();
  directory = await WebhookDirectory.open({
    store: database.webhooks,
    secrets: new SealedSecrets(randomBytes(32)),
    allowedOrigins: [origin],
    clock: HOST_CLOCK,
    limits: {
      ...{ deadlineMs: DEADLINE_MS, retryBaseMs: 1_000, retryMaxMs: 3_600_000, giveUpMs: 259_200_000 },
    },
    context: () => ({ account: null, idOfStanza: async () => null }),
    random: Math.random,
    onReport: () => undefined,
    onFault: (error) => console.error(error),
  });
  const agents = [];
  for (let index = 0; index < WEBHOOKS; index += 1) {
    const agent = { userId: 1, agentId: `agent-${index}` };
    await database.agents.save({ ...agent, agentName: agent.agentId, apiKey: 'k', status: 'connected' });
    const path = index < HANGING ? 'hang' : `${index}`;
    await directory.create(agent, { url: `${origin}/${path}`, events: ['*'], format: 'native' });
    agents.push(agent);
  }
  directory.start();
  await round(agents, 2);
  const lags: number[][] = [];
  for (let turn = 0; turn < ROUNDS; turn += 1) lags.push(await round(agents, SECONDS));
  const p99 = lags.map((values) => quantile(values, 0.99));
  const worst = median(p99);
  const micros = ((cost.others - cost.none) * 1_000) / BATCH;
  publish(
    'webhooks',
    `# From an event to its webhook

${head('bench:webhooks')}

${PER_SECOND} events a second for ${WEBHOOKS} webhooks of as many agents, of which ${HANGING} hang until their deadline of ${DEADLINE_MS / 1000} s; ${ROUNDS} rounds of ${SECONDS} s. Receivers in a process of their own, Postgres embedded. Time from before the event is written to its whole request at the receiver, of the ${WEBHOOKS - HANGING} others.

| | ms |
|---|---|
| half within | ${spread(
      lags.map((values) => quantile(values, 0.5)),
      1,
    )} |
| 99 % within | ${spread(p99, 1)} (goal ${MOST_MS}: ${goalText(worst <= MOST_MS)}) |

What a statement costs that accepts ${BATCH} messages, median of ${STATEMENTS}, ms:

| the trigger | without | no webhooks | webhooks of other agents | a webhook of their agent |
|---|---|---|---|---|
| | ${cost.off.toFixed(2)} | ${cost.none.toFixed(2)} | ${cost.others.toFixed(2)} | ${cost.own.toFixed(2)} |
`,
    [
      {
        what: `from an event to its request, p99, with ${HANGING} of ${WEBHOOKS} webhooks hanging`,
        measured: `${worst.toFixed(1)} ms`,
        wanted: `${MOST_MS} ms`,
        isReached: worst <= MOST_MS,
      },
      {
        what: 'a message of an agent without webhooks, beyond one of a database without any',
        measured: `${micros.toFixed(1)} µs`,
        wanted: `${MOST_MICROS} µs`,
        isReached: micros <= MOST_MICROS,
      },
    ],
  );
} finally {
  receiver.disconnect();
  await directory?.stop();
  await database.close();
  await server.stop();
}

/** Writes events for some seconds, to each webhook in turn; returns the lags of those that arrived, in ms. */
async function round(agents: { userId: number; agentId: string }[], seconds: number): Promise<number[]> {
  const count = PER_SECOND * seconds;
  const startedAt = performance.now();
  const writing: Promise<void>[] = [];
  for (let n = 0; n < count; n += 1) {
    const wait = startedAt + (n * 1_000) / PER_SECOND - performance.now();
    if (wait > 1) await delay(wait);
    const writtenAt = performance.timeOrigin + performance.now();
    const event = { type: 'message.received', at: new Date(), data: { writtenAt, text: 'hello' } } as const;
    writing.push(directory!.record(agents[n % agents.length]!, { ...event, key: randomUUID() }));
  }
  await Promise.all(writing);
  const wanted = (count * (WEBHOOKS - HANGING)) / WEBHOOKS;
  const lags: number[] = [];
  for (let asked = 0; lags.length < wanted; asked += 1) {
    if (asked > 100) throw new Error(`${lags.length} of ${wanted} events arrived.`);
    await delay(200);
    receiver.send('lags');
    const [more] = (await once(receiver, 'message')) as [number[]];
    lags.push(...more);
  }
  return lags;
}

/** Milliseconds that the acceptance of a batch takes, by what the trigger finds. */
async function costs() {
  const sql = new pg.Client({ connectionString: url });
  await sql.connect();
  const insert = `insert into gateway_message
    (id, user_id, agent_id, to_jid, content, origin, trace_id, status, created_at)
    select gen_random_uuid(), 2, 'measured', '628123456789@c.us', '{"kind": "text", "text": "hello"}', 'api', 't',
      'queued', now() from generate_series(1, ${BATCH})`;
  const webhook = `insert into gateway_webhook
    (id, user_id, agent_id, url, events, format, secret, verified_at, created_at)
    select gen_random_uuid(), 2, $1 || n, '', '{*}', 'native', '', now(), now() from generate_series(1, $2::int) as n`;
  const measure = async () => {
    const times: number[] = [];
    for (let n = 0; n < STATEMENTS; n += 1) {
      await sql.query('begin');
      const startedAt = performance.now();
      await sql.query(insert);
      times.push(performance.now() - startedAt);
      await sql.query('rollback');
    }
    return median(times.slice(STATEMENTS / 6));
  };
  const trigger = (state: string) => sql.query(`alter table gateway_message ${state} trigger all`);
  await trigger('disable');
  await measure();
  const off = await measure();
  await trigger('enable');
  const none = await measure();
  await sql.query(webhook, ['other-', 200]);
  const others = await measure();
  await sql.query(`update gateway_webhook set agent_id = 'measured' where agent_id = 'other-1'`);
  const own = await measure();
  await sql.query('truncate gateway_webhook, gateway_webhook_delivery');
  await sql.end();
  return { off, none, others, own };
}
