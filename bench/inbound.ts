import type { ChildProcess } from 'node:child_process';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { childEnvironment } from '../src/infra/config.ts';
import { cpuTimes } from './cpu.ts';
import {
  agentIdOf,
  type LinkedService,
  numberOf,
  startDatabase,
  startLinkedService,
} from './linked-service.ts';
import { goalText, head, quantile, spread } from './machine.ts';
import { ask, firstWord, LOAD_CORE, pin, SERVER_CORE, spawnNode, stopNode } from './pinned.ts';
import { publish } from './publish.ts';
import { median } from './rounds.ts';

// From a message event of WhatsApp to the request at the AI backend, a real HTTP server in its own process: 500 messages
// a second over 200 chats of 20 agents, replies included.

const GOAL_MS = 5;
const PER_SECOND = 500;
const CHATS = 200;
const AGENTS = 20;
const ROUNDS = 5;
const ROUND_SECONDS = 10;
const WARM_UP_SECONDS = 10;
/** After this many messages a chat is replaced by another one, before the loop guard stops answering it. */
const MESSAGES_PER_CHAT = 6;

/** A request that the AI received; `at` in ns of the machine's clock. */
type Call = [agentId: string, id: string, text: string, at: string];

/** The figures of one round. */
interface Round {
  /** From the message event to the request at the AI, ms. */
  p50: number;
  p99: number;
  max: number;
  /** From the phone, through the simulated network, whose timers take whole milliseconds. */
  phoneP99: number;
  perSecond: number;
  cpuMicros: number;
  foreignCores: number;
}

/** Number of the next message; the chats write in turn. */
let turn = 0;

/** Sends one message from the next phone. */
function writeNext(service: LinkedService): void {
  const chat = turn % CHATS;
  const generation = Math.floor(turn / (CHATS * MESSAGES_PER_CHAT));
  const from = `62812${String(generation * CHATS + chat).padStart(8, '0')}`;
  // The number is the order, the time is that of writing.
  service.write({ from, to: numberOf(chat % AGENTS), text: `${turn} ${process.hrtime.bigint()}` });
  turn += 1;
}

/** Sends at a steady rate, independent of the service; delays are made up for. */
async function write(service: LinkedService, seconds: number): Promise<void> {
  const startedAt = performance.now();
  const count = seconds * PER_SECOND;
  for (let written = 0; written < count; await sleep(1)) {
    const due = Math.min(count, Math.floor(((performance.now() - startedAt) / 1_000) * PER_SECOND));
    for (; written < due; written += 1) writeNext(service);
  }
}

/** The calls since the last time. @throws Error unless `count` of them arrive */
async function callsOf(ai: ChildProcess, count: number): Promise<Call[]> {
  const calls: Call[] = [];
  for (let tries = 0; calls.length < count && tries < 100; tries += 1) {
    await sleep(50);
    calls.push(...((await ask(ai, {})) as Call[]));
  }
  if (calls.length !== count) throw new Error(`${calls.length} requests arrived for ${count} messages.`);
  return calls;
}

/** @throws Error when a chat's messages arrived in another order than they were written */
function checkOrder(calls: Call[]): void {
  const newest = new Map<string, number>();
  for (const [agentId, id, text] of calls) {
    const chat = `${agentId} ${id.split('_')[1]}`;
    const number = Number(text.split(' ')[0]);
    if (number < (newest.get(chat) ?? -1)) throw new Error(`A message overtook another in ${chat}.`);
    newest.set(chat, number);
  }
}

/** One round: sends, then compares the times of the service and of the AI. */
async function measure(service: LinkedService, ai: ChildProcess, seconds: number): Promise<Round> {
  const before = cpuTimes(service.pid);
  await write(service, seconds);
  const after = cpuTimes(service.pid);
  const calls = await callsOf(ai, seconds * PER_SECOND);
  checkOrder(calls);
  const received = new Map(
    (await service.received()).map(([owner, id, at]) => [`${owner} ${id}`, BigInt(at)]),
  );
  const agents = new Map(Array.from({ length: AGENTS }, (_, i) => [agentIdOf(i), `${numberOf(i)}@c.us`]));
  const inMs = (from: bigint, to: string) => Number(BigInt(to) - from) / 1e6;
  const serviceMs = calls.map(([agentId, id, , at]) =>
    inMs(received.get(`${agents.get(agentId)} ${id}`)!, at),
  );
  const phone = calls.map(([, , text, at]) => inMs(BigInt(text.split(' ')[1]!), at));
  const result = {
    p50: quantile(serviceMs, 0.5),
    p99: quantile(serviceMs, 0.99),
    max: quantile(serviceMs, 1),
    phoneP99: quantile(phone, 0.99),
    perSecond: calls.length / seconds,
    cpuMicros: ((after.server - before.server) / calls.length) * 1e6,
    foreignCores: Math.max(0, after.machine - before.machine - (after.own - before.own)) / seconds,
  };
  const figures = Object.entries(result).map(([name, value]) => `${name} ${value.toFixed(2)}`);
  console.log(figures.join(', '));
  return result;
}

/** The results as the text of INBOUND.md. */
function report(rounds: Round[]): string {
  const column = (field: keyof Round, digits = 2) =>
    spread(
      rounds.map((round) => round[field]),
      digits,
    );
  const p99 = median(rounds.map((round) => round.p99));
  return `# From a message to the AI

${head('bench:inbound')}

${PER_SECOND} messages a second over ${CHATS} chats of ${AGENTS} agents, ${ROUND_SECONDS} s a round; median (min … max) of ${ROUNDS} rounds. The service
runs as an operator starts it, on its own core; the AI backend is a real HTTP server in another process, on the second
core with the database and the phones.

| | ms |
|---|---|
| message event → request at the AI, p50 | ${column('p50')} |
| message event → request at the AI, **p99** | ${column('p99')} |
| slowest | ${column('max')} |
| phone → request at the AI, p99, through the simulated network | ${column('phoneP99')} |

Goal: p99 ≤ ${GOAL_MS} ms: ${goalText(p99 <= GOAL_MS)}. The AI was called once for every message, in the order of writing in each chat; the
bench fails otherwise.

A message takes ${column('cpuMicros', 0)} µs of the service's CPU in total: its claim in Postgres, the turn, the request and its
response, the reply through the mailbox with its row, send, acknowledgement and outcome, the log, and the simulated
WhatsApp itself. Foreign load was ${column('foreignCores')} cores.
`;
}

const { values } = parseArgs({ options: { 'cpu-prof': { type: 'string' } } });
const profile = values['cpu-prof'];

pin(process.pid, LOAD_CORE);
const database = await startDatabase();
const ai = spawnNode([fileURLToPath(new URL('ai-server.mjs', import.meta.url))], { env: childEnvironment() });
try {
  const aiUrl = `http://127.0.0.1:${await firstWord(ai)}`;
  const service = await startLinkedService({
    dbUrl: await database.create('inbound'),
    agents: AGENTS,
    probe: true,
    nodeArguments: profile ? ['--cpu-prof', `--cpu-prof-dir=${resolve(profile)}`] : [],
    env: { AI_BACKEND_URL: aiUrl, SEND_RATE_PER_MINUTE: '10000000', SEND_BURST: '10000000' },
  });
  try {
    pin(service.pid, SERVER_CORE);
    await measure(service, ai, WARM_UP_SECONDS);
    const rounds: Round[] = [];
    for (let round = 0; round < ROUNDS; round += 1) rounds.push(await measure(service, ai, ROUND_SECONDS));
    const p99 = rounds.map((round) => round.p99);
    if (!profile) {
      publish('inbound', report(rounds), [
        {
          what: `p99 at ${PER_SECOND} messages/s over ${CHATS} chats`,
          measured: `${spread(p99, 1)} ms`,
          wanted: `${GOAL_MS} ms`,
          isReached: median(p99) <= GOAL_MS,
        },
      ]);
    }
  } finally {
    await service.stop();
  }
} finally {
  await stopNode(ai);
  await database.stop();
}
