import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'whatsapp-web.js';
import { childEnvironment } from '../src/infra/config.ts';
import { findChromium, launchOptions } from '../src/infra/whatsapp/wwebjs/chromium.ts';
import { SandboxNetwork } from '../src/sandbox/network/network.ts';
import { callApi } from '../test/support/api.ts';
import { type Service, startService } from '../test/support/service.ts';
import { startStandIn } from '../test/support/stand-in/index.ts';
import { BrowserSessions } from './browser-sessions.ts';
import { startDatabase } from './linked-service.ts';
import { quantile } from './machine.ts';
import { openOutbox } from './outbox-path.ts';
import { publish } from './publish.ts';
import { type SendPath, type SendRound, sendGoals, sendReport } from './send-report.ts';

// A text through the real whatsapp-web.js: a bare loop of `client.sendMessage` against the whole service, from the
// request to WhatsApp's acknowledgement; each in its own browser with the same arguments, on the stand-in page.

const ROUNDS = 5;
const MESSAGES = 200;
const QUEUED = 8;
const TEXT = 'Halo! Pesanan Anda sudah dikirim dan tiba dalam dua hari kerja.';
const BARE = '6281100000001';
const AGENT = '6281100000002';
const OUTBOX = '6281100000003';
const KEY = 'key-of-the-benchmark';

const network = new SandboxNetwork();
let strangers = 0;

/** A number with an account and no chat yet. */
function stranger(): string {
  strangers += 1;
  const number = `62813${String(strangers).padStart(8, '0')}`;
  network.account(number);
  return number;
}

/** Sends all messages, some at a time, and measures each and the total. */
async function timeRound(lanes: number, send: () => Promise<void>): Promise<SendRound> {
  const times: number[] = [];
  let left = MESSAGES;
  const startedAt = performance.now();
  const lane = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const sentAt = performance.now();
      await send();
      times.push(performance.now() - sentAt);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  const perSecond = (MESSAGES * 1000) / (performance.now() - startedAt);
  return { perSecond, p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
}

/** The bare library's send, without and with the wait for the acknowledgement. */
function barePaths(client: Client): SendPath[] {
  const to = `${stranger()}@c.us`;
  const acks = new Map<string, () => void>();
  client.on('message_ack', (message, ack) => {
    if (Number(ack) > 0) acks.get(message.id._serialized)?.();
  });
  const sendAndWait = async (): Promise<void> => {
    const early = new Set<string>();
    const note = (message: { id: { _serialized: string } }): void => void early.add(message.id._serialized);
    client.on('message_ack', note);
    const { id } = await client.sendMessage(to, TEXT);
    client.off('message_ack', note);
    if (early.has(id._serialized)) return;
    await new Promise<void>((resolve) => acks.set(id._serialized, resolve));
    acks.delete(id._serialized);
  };
  return [
    {
      name: 'bare `client.sendMessage`',
      lanes: 1,
      send: async () => void (await client.sendMessage(to, TEXT)),
    },
    { name: 'bare, and its acknowledgement', lanes: 1, send: sendAndWait },
  ];
}

/** The service's paths: one request after the other, several waiting, and to a new number each time. */
function servicePaths(url: string): SendPath[] {
  const agent = new Agent({ keepAlive: true, maxSockets: QUEUED });
  const known = stranger();
  const post = (to: string): Promise<void> => postMessage(agent, `${url}/agents/bench/messages`, to);
  return [
    { name: 'the service, a request at a time', lanes: 1, send: () => post(known) },
    { name: `the service, ${QUEUED} requests waiting`, lanes: QUEUED, send: () => post(known) },
    { name: 'the service, a new recipient each time', lanes: 1, send: () => post(stranger()) },
  ];
}

/** One message over HTTP. @throws Error unless the answer says that it is sent */
async function postMessage(agent: Agent, url: string, to: string): Promise<void> {
  const headers = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' };
  const asked = request(url, { method: 'POST', agent, headers });
  asked.end(JSON.stringify({ to, message: TEXT }));
  const [answer] = await once(asked, 'response');
  answer.resume();
  await once(answer, 'end');
  if (answer.statusCode !== 200) throw new Error(`The service answered ${answer.statusCode}.`);
}

/** Creates the agent, scans its QR, and waits until it is ready. */
async function link({ app, pool }: Service): Promise<void> {
  await pool.query(
    'insert into api_keys (user_id, api_key, is_active, created_at) values (1, $1, true, now())',
    [KEY],
  );
  const session = { userId: 1, agentId: 'bench', agentName: 'Bench', apikey: KEY };
  const { body } = await callApi(app.url, 'POST', '/sessions', session);
  network.scan(String(body.qr), AGENT);
  while ((await callApi(app.url, 'GET', '/sessions/bench')).body.status !== 'connected') await sleep(50);
}

/** Measures all paths in turns after a warm-up round. */
async function alternate(paths: SendPath[]): Promise<Map<SendPath, SendRound[]>> {
  const results = new Map<SendPath, SendRound[]>(paths.map((path) => [path, []]));
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const path of paths) {
      const result = await timeRound(path.lanes, path.send);
      console.log(
        `round ${round}: ${path.name}: ${Math.round(result.perSecond)}/s, p50 ${result.p50.toFixed(1)} ms`,
      );
      if (round > 0) results.get(path)!.push(result);
    }
  }
  return results;
}

/** Mean ms of the steps in the service's own metrics, by name; without empty ones. */
async function stepsOf(url: string): Promise<Map<string, number>> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const line =
    /^wa_(?:db_query|client_operation)_duration_seconds_(sum|count)\{operation="([^"]+)"[^}]*\} (\S+)$/gm;
  const sums = new Map<string, number>();
  const steps = new Map<string, number>();
  for (const [, field, operation, value] of text.matchAll(line)) {
    if (field === 'sum') sums.set(operation!, Number(value));
    else if (Number(value) >= MESSAGES) steps.set(operation!, (1000 * sums.get(operation!)!) / Number(value));
  }
  return steps;
}

/** Starts everything, measures, and writes the results. */
async function main(): Promise<void> {
  const environment = childEnvironment();
  const chromium = findChromium(process.env.PUPPETEER_EXECUTABLE_PATH, environment.PATH ?? '');
  if (!chromium) throw new Error('No Chromium was found.');
  const standIn = await startStandIn(network);
  const database = await startDatabase();
  const extraArgs = standIn.chromiumArgs;
  const settings = { extraArgs, sandbox: 'auto', protocolTimeoutMs: 60_000, environment } as const;
  const bare = await BrowserSessions.open(network, launchOptions(settings, chromium));
  const url = await database.create('bench_send');
  const service = await startService(
    { url, config: { connectionString: url } },
    {
      ...{ network, standIn },
      env: { SEND_RATE_PER_MINUTE: '10000000', SEND_BURST: '10000000' },
    },
  );
  const outbox = await openOutbox(network, extraArgs, chromium, OUTBOX);
  try {
    await link(service);
    const known = `${stranger()}@c.us`;
    const paths = [
      ...barePaths(await bare.add(BARE)),
      { name: 'mailbox, actors and driver, no disk', lanes: QUEUED, send: () => outbox.send(known, TEXT) },
      { name: 'the same, a message at a time', lanes: 1, send: () => outbox.send(known, TEXT) },
      ...servicePaths(service.app.url),
    ];
    const results = [...(await alternate(paths))];
    const text = sendReport(results, MESSAGES, await stepsOf(service.app.url));
    publish('send', text, sendGoals(results));
    console.log(text);
  } finally {
    await service.close();
    await outbox.close();
    await bare.close();
    await standIn.close();
    await database.stop();
  }
}

await main();
