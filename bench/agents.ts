import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  agentsGoals,
  agentsReport,
  type Drain,
  type Idle,
  megabytes,
  type Neighbours,
} from './agents-report.ts';
import { cpuTimes } from './cpu.ts';
import {
  agentIdOf,
  type BenchDatabase,
  keyOf,
  type LinkedService,
  startDatabase,
  startLinkedService,
} from './linked-service.ts';
import { quantile, spread } from './machine.ts';
import { OpenLoop } from './open-loop.ts';
import { logPlot } from './plot.ts';
import { publish } from './publish.ts';

// What many agents cost in one process: idle, after a restart, all sending at their limit, and the effect on others.
// Their rows and links are prepared as an earlier process would have left them.

const SIZES = [1, 10, 100, 1_000, 10_000];
/** After this time connected, an agent's backoff is reset; until then it has a timer. */
const STEADY_MS = 125_000;
const IDLE_SECONDS = 30;
const RESTORES = 5;
const DRAINING = 1_000;
const DRAIN_SECONDS = 30;
/** Messages a minute that each agent may send. */
const RATE = 100;
/** Queued messages of each agent: enough for a minute and a half. */
const QUEUED = 150;
/** Other agents, which send one message a second each. */
const NEIGHBOURS = 20;
const NEIGHBOUR_SECONDS = 40;

let databases = 0;

/** Creates a database for one service; returns its `DB_URL`. */
function fresh(database: BenchDatabase): Promise<string> {
  databases += 1;
  return database.create(`agents_${databases}`);
}

/** CPU of a process over some seconds, % of a core. */
async function cpuPercent(pid: number, seconds: number): Promise<number> {
  const before = cpuTimes(pid);
  await sleep(seconds * 1_000);
  return ((cpuTimes(pid).server - before.server) / seconds) * 100;
}

/** Memory, timers and CPU of idle agents. */
async function measureIdle(database: BenchDatabase, agents: number): Promise<Idle> {
  const service = await startLinkedService({ dbUrl: await fresh(database), agents, probe: true });
  try {
    await sleep(STEADY_MS);
    // The first look collects the garbage of the start.
    await service.look();
    const cpu = await cpuPercent(service.pid, IDLE_SECONDS);
    const seen = { agents, ...(await service.look()), cpuPercent: cpu };
    console.log(JSON.stringify(seen));
    return seen;
  } finally {
    await service.stop();
  }
}

/** Time from the start of the process until 1,000 agents are connected, ms. */
async function restores(database: BenchDatabase): Promise<number[]> {
  const times: number[] = [];
  for (let round = 0; round < RESTORES; round += 1) {
    const service = await startLinkedService({ dbUrl: await fresh(database), agents: 1_000 });
    times.push(service.connectedMs);
    await service.stop();
  }
  console.log(`1,000 agents connected: ${spread(times)} ms`);
  return times;
}

/** Messages a second and CPU of agents with full queues, each sending at its rate limit. */
async function drain(service: LinkedService): Promise<Drain> {
  service.log.lines();
  const cpu = await cpuPercent(service.pid, DRAIN_SECONDS);
  const sent = service.log.lines().filter((line) => line.event === 'message.sent').length;
  return { agents: DRAINING, perSecond: sent / DRAIN_SECONDS, cpuPercent: cpu };
}

/** Latencies of sends by agents with empty queues, up to the acknowledgement, ms. */
async function sendBeside(service: LinkedService): Promise<number[]> {
  const requests = Array.from({ length: NEIGHBOURS }, (_, index) => ({
    method: 'POST' as const,
    path: `/agents/${agentIdOf(DRAINING + index)}/messages`,
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${keyOf(DRAINING + index)}`,
    },
    body: JSON.stringify({ to: '6281300000001', message: 'Halo! Pesanan Anda sudah dikirim.' }),
  }));
  const loop = new OpenLoop(service.url, requests, NEIGHBOURS);
  const answers = await loop.run(NEIGHBOURS, NEIGHBOUR_SECONDS);
  loop.close();
  const wrong = answers.find(({ status }) => status !== 200);
  if (wrong) throw new Error(`A send was answered with ${wrong.status}.`);
  return answers.map(({ ms }) => ms);
}

/** Agents at their limit with others beside them; then the others alone. */
async function atTheLimit(database: BenchDatabase): Promise<{ drain: Drain; neighbours: Neighbours }> {
  const service = await startLinkedService({
    dbUrl: await fresh(database),
    agents: DRAINING + NEIGHBOURS,
    queued: QUEUED,
    queuedFor: DRAINING,
    env: { SEND_BURST: '1', SEND_RATE_PER_MINUTE: String(RATE) },
  });
  try {
    await sleep(10_000);
    const drained = await drain(service);
    const busy = await sendBeside(service);
    const sent = service.log.lines().filter((line) => line.event === 'message.sent').length;
    if (sent < (DRAINING * NEIGHBOUR_SECONDS * RATE * 0.8) / 60)
      throw new Error('The agents at their limit did not keep sending.');
    await sleep((QUEUED / RATE) * 60_000 - (10 + DRAIN_SECONDS + NEIGHBOUR_SECONDS) * 1_000 + 10_000);
    const quiet = await sendBeside(service);
    const neighbours = {
      senders: NEIGHBOURS,
      sends: busy.length,
      busyP50: quantile(busy, 0.5),
      busyP99: quantile(busy, 0.99),
      quietP50: quantile(quiet, 0.5),
      quietP99: quantile(quiet, 0.99),
    };
    console.log(JSON.stringify({ drained, neighbours }));
    return { drain: drained, neighbours };
  } finally {
    await service.stop();
  }
}

const database = await startDatabase();
try {
  // All at once: idle agents don't disturb each other, and most of the time is waiting.
  const idle = await Promise.all(SIZES.map((agents) => measureIdle(database, agents)));
  const results = { idle, restores: await restores(database), ...(await atTheLimit(database)) };
  const over = (value: (seen: Idle) => number) =>
    idle.map((seen): [number, number] => [seen.agents, value(seen)]);
  const plot = logPlot('Idle agents', { x: 'agents', y: 'MB, and % of a core' }, [
    { name: 'resident, MB', points: over(({ rss }) => megabytes(rss)) },
    { name: 'heap, MB', points: over(({ heapUsed }) => megabytes(heapUsed)) },
    { name: 'CPU, % of a core', points: over(({ cpuPercent: cpu }) => cpu) },
  ]);
  writeFileSync(new URL('agents.svg', import.meta.url), plot);
  const plan = { steadySeconds: STEADY_MS / 1_000, idleSeconds: IDLE_SECONDS };
  publish('agents', agentsReport(results, plan), agentsGoals(results));
} finally {
  await database.stop();
}
