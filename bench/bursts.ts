import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { childEnvironment } from '../src/infra/config.ts';
import { cpuTimes } from './cpu.ts';
import {
  agentIdOf,
  type LinkedService,
  type Look,
  numberOf,
  startDatabase,
  startLinkedService,
} from './linked-service.ts';
import { goalText, head, quantile, spread } from './machine.ts';
import { ask, firstWord, LOAD_CORE, pin, SERVER_CORE, spawnNode, stopNode } from './pinned.ts';
import { publish } from './publish.ts';
import { median } from './rounds.ts';

// From the end of a burst's debounce to the request at the AI backend, a real HTTP server in its own process: bursts of
// three messages in 500 chats of 20 agents, 300 messages a second, replies included.

const GOAL_MS = 10;
/** How much the memory may grow over all rounds, which is what measuring it varies by. */
const FLAT = 1.1;
const CHATS = 500;
const AGENTS = 20;
const PER_BURST = 3;
const BURSTS_PER_SECOND = 100;
/** Between two messages of a burst, and from the last one to the request. */
const GAP_MS = 100;
const DEBOUNCE_MS = 1_000;
const ROUNDS = 5;
const ROUND_SECONDS = 15;
const WARM_UP_SECONDS = 30;

/** A request that the AI received; `at` in ns of the machine's clock. */
type Call = [agentId: string, id: string, text: string, at: string];

/** The figures of one round. */
interface Round {
  /** From the end of the debounce to the request at the AI, ms. */
  p50: number;
  p99: number;
  max: number;
  messagesPerSecond: number;
  /** Of the service, per message. */
  cpuMicros: number;
  foreignCores: number;
}

/** Number of the next burst; the chats write in turn. */
let next = 0;

/** Sends bursts at a steady rate, independent of the service; delays are made up for. */
async function write(service: LinkedService, seconds: number): Promise<void> {
  const first = next;
  const count = seconds * BURSTS_PER_SECOND;
  const startedAt = performance.now();
  const dueAt = (burst: number, part: number) =>
    ((burst - first) / BURSTS_PER_SECOND) * 1_000 + part * GAP_MS;
  const writing: { burst: number; part: number }[] = [];
  while (next < first + count || writing.length > 0) {
    const now = performance.now() - startedAt;
    for (; next < first + count && dueAt(next, 0) <= now; next += 1) writing.push({ burst: next, part: 0 });
    for (const each of writing) {
      if (dueAt(each.burst, each.part) > now) continue;
      const chat = each.burst % CHATS;
      const from = `62812${String(chat).padStart(8, '0')}`;
      service.write({ from, to: numberOf(chat % AGENTS), text: `${each.burst} ${each.part}` });
      each.part += 1;
    }
    writing.splice(0, writing.length, ...writing.filter(({ part }) => part < PER_BURST));
    await sleep(1);
  }
}

/** The calls since the last time. @throws Error unless there is one for each burst, whole and in order */
async function callsOf(ai: ChildProcess, count: number): Promise<Call[]> {
  const calls: Call[] = [];
  for (let tries = 0; calls.length < count && tries < 200; tries += 1) {
    await sleep(50);
    calls.push(...((await ask(ai, {})) as Call[]));
  }
  if (calls.length !== count) throw new Error(`${calls.length} requests arrived for ${count} bursts.`);
  for (const [, , text] of calls) {
    const [burst] = text.split(' ');
    const whole = Array.from({ length: PER_BURST }, (_, part) => `${burst} ${part}`).join('\n');
    if (text !== whole) throw new Error(`A burst was asked about in part: ${JSON.stringify(text)}.`);
  }
  return calls;
}

/** One round: sends, then compares the times of the service and of the AI. */
async function measure(service: LinkedService, ai: ChildProcess, seconds: number): Promise<Round> {
  const before = cpuTimes(service.pid);
  await write(service, seconds);
  const after = cpuTimes(service.pid);
  const calls = await callsOf(ai, seconds * BURSTS_PER_SECOND);
  const received = new Map(
    (await service.received()).map(([owner, id, at]) => [`${owner} ${id}`, BigInt(at)]),
  );
  const agents = new Map(Array.from({ length: AGENTS }, (_, i) => [agentIdOf(i), `${numberOf(i)}@c.us`]));
  // The request names the newest message of its burst.
  const late = calls.map(([agentId, id, , at]) => {
    const since = BigInt(at) - received.get(`${agents.get(agentId)} ${id}`)!;
    return Number(since) / 1e6 - DEBOUNCE_MS;
  });
  const messages = calls.length * PER_BURST;
  const result = {
    p50: quantile(late, 0.5),
    p99: quantile(late, 0.99),
    max: quantile(late, 1),
    messagesPerSecond: messages / seconds,
    cpuMicros: ((after.server - before.server) / messages) * 1e6,
    foreignCores: Math.max(0, after.machine - before.machine - (after.own - before.own)) / seconds,
  };
  const figures = Object.entries(result).map(([name, value]) => `${name} ${value.toFixed(2)}`);
  console.log(figures.join(', '));
  return result;
}

const megabytes = (bytes: number) => (bytes / 2 ** 20).toFixed(1);

/** The results as the text of BURSTS.md. */
function report(rounds: Round[], before: Look, after: Look): string {
  const column = (field: keyof Round, digits = 2) =>
    spread(
      rounds.map((round) => round[field]),
      digits,
    );
  const p99 = median(rounds.map((round) => round.p99));
  return `# From the end of a burst to the AI

${head('bench:bursts')}

Bursts of ${PER_BURST} messages, ${GAP_MS} ms apart, in ${CHATS} chats of ${AGENTS} agents, ${BURSTS_PER_SECOND * PER_BURST} messages a second, with \`AI_DEBOUNCE_MS=${DEBOUNCE_MS}\`;
${ROUND_SECONDS} s a round, median (min … max) of ${ROUNDS} rounds. The service runs as an operator starts it, on its own core; the AI backend is a
real HTTP server in another process, on the second core with the database and the phones.

| | ms |
|---|---|
| end of the debounce → request at the AI, p50 | ${column('p50')} |
| end of the debounce → request at the AI, **p99** | ${column('p99')} |
| slowest | ${column('max')} |

Goal: p99 ≤ ${GOAL_MS} ms: ${goalText(p99 <= GOAL_MS)}. The AI was called once for every burst, with all its messages in order; the bench
fails otherwise. The time has the wake-up of the timer, the claims in Postgres, the turn and the request in it.

Memory after a full garbage collection, before and after the ${ROUNDS} rounds: heap ${megabytes(before.heapUsed)} and ${megabytes(after.heapUsed)} MB, resident
${megabytes(before.rss)} and ${megabytes(after.rss)} MB; timers of the actors and the sandbox ${before.tasks} and ${after.tasks}. The simulated network keeps the
messages of its chats, which grows the heap until each chat has 500.

A message takes ${column('cpuMicros', 0)} µs of the service's CPU in total, a third of a reply included. Foreign load was ${column('foreignCores')} cores.
`;
}

pin(process.pid, LOAD_CORE);
const database = await startDatabase();
const ai = spawnNode([fileURLToPath(new URL('ai-server.mjs', import.meta.url))], { env: childEnvironment() });
try {
  const aiUrl = `http://127.0.0.1:${await firstWord(ai)}`;
  const service = await startLinkedService({
    dbUrl: await database.create('bursts'),
    agents: AGENTS,
    probe: true,
    env: {
      AI_BACKEND_URL: aiUrl,
      AI_DEBOUNCE_MS: String(DEBOUNCE_MS),
      SEND_RATE_PER_MINUTE: '10000000',
      SEND_BURST: '10000000',
    },
  });
  try {
    pin(service.pid, SERVER_CORE);
    await measure(service, ai, WARM_UP_SECONDS);
    const before = await service.look();
    const rounds: Round[] = [];
    for (let round = 0; round < ROUNDS; round += 1) rounds.push(await measure(service, ai, ROUND_SECONDS));
    const after = await service.look();
    const p99 = rounds.map((round) => round.p99);
    publish('bursts', report(rounds, before, after), [
      {
        what: `p99 from the end of a debounce, ${BURSTS_PER_SECOND * PER_BURST} messages/s in bursts over ${CHATS} chats`,
        measured: `${spread(p99, 1)} ms`,
        wanted: `${GOAL_MS} ms`,
        isReached: median(p99) <= GOAL_MS,
      },
      {
        what: 'resident memory after bursts, relative to before',
        measured: (after.rss / before.rss).toFixed(2),
        wanted: `flat (${FLAT})`,
        isReached: after.rss / before.rss <= FLAT,
      },
    ]);
  } finally {
    await service.stop();
  }
} finally {
  await stopNode(ai);
  await database.stop();
}
