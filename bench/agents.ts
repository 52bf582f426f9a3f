import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  agentsGoals,
  agentsReport,
  type Drain,
  megabytes,
  type Neighbours,
  type Rest,
} from './agents-report.ts';
import { cpuTimes } from './cpu.ts';
import { agentIdOf, type BenchDatabase, type Fleet, keyOf, startDatabase, startFleet } from './fleet.ts';
import { quantile, spread } from './machine.ts';
import { OpenLoop } from './open-loop.ts';
import { logPlot } from './plot.ts';
import { publish } from './publish.ts';

// What many agents cost in one process: at rest, coming back after a restart, all sending at their limit, and what
// that means for others. Their rows and links are what an earlier life would have left.

const SIZES = [1, 10, 100, 1_000, 10_000];
/** Connected for so long, an agent's waits begin small again: until then a timer stands. */
const STEADY_MS = 125_000;
const REST_SECONDS = 30;
const RESTORES = 5;
const DRAINING = 1_000;
const DRAIN_SECONDS = 30;
/** Messages a minute that each agent may send. */
const RATE = 100;
/** What each finds in its queue: enough for a minute and a half. */
const QUEUED = 150;
/** Agents that send beside those, one message a second each. */
const NEIGHBOURS = 20;
const NEIGHBOUR_SECONDS = 40;

let made = 0;

/** A database of its own for each service. */
function fresh(database: BenchDatabase): Promise<string> {
  made += 1;
  return database.create(`agents_${made}`);
}

/** The share of a core that a process takes during so many seconds, and what it did meanwhile. */
async function cpuPercent(pid: number, seconds: number): Promise<number> {
  const before = cpuTimes(pid);
  await sleep(seconds * 1_000);
  return ((cpuTimes(pid).server - before.server) / seconds) * 100;
}

/** Memory, timers and CPU of agents that have nothing to do. */
async function rest(database: BenchDatabase, agents: number): Promise<Rest> {
  const fleet = await startFleet({ dbUrl: await fresh(database), agents, probe: true });
  try {
    await sleep(STEADY_MS);
    // The first look collects the garbage of the start.
    await fleet.look();
    const cpu = await cpuPercent(fleet.pid, REST_SECONDS);
    const seen = { agents, ...(await fleet.look()), cpuPercent: cpu };
    console.log(JSON.stringify(seen));
    return seen;
  } finally {
    await fleet.stop();
  }
}

/** How long 1,000 agents take from the start of the process until all are connected, ms. */
async function restores(database: BenchDatabase): Promise<number[]> {
  const times: number[] = [];
  for (let round = 0; round < RESTORES; round += 1) {
    const fleet = await startFleet({ dbUrl: await fresh(database), agents: 1_000 });
    times.push(fleet.connectedMs);
    await fleet.stop();
  }
  console.log(`1,000 agents connected: ${spread(times)} ms`);
  return times;
}

/** Messages a second and CPU of agents whose queues are full, each sending as fast as it may. */
async function drain(fleet: Fleet): Promise<Drain> {
  fleet.log.lines();
  const cpu = await cpuPercent(fleet.pid, DRAIN_SECONDS);
  const sent = fleet.log.lines().filter((line) => line.event === 'message.sent').length;
  return { agents: DRAINING, perSecond: sent / DRAIN_SECONDS, cpuPercent: cpu };
}

/** How long sends of agents with empty queues take, each to its acknowledgement, ms. */
async function sendBeside(fleet: Fleet): Promise<number[]> {
  const requests = Array.from({ length: NEIGHBOURS }, (_, index) => ({
    method: 'POST' as const,
    path: `/agents/${agentIdOf(DRAINING + index)}/messages`,
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${keyOf(DRAINING + index)}`,
    },
    body: JSON.stringify({ to: '6281300000001', message: 'Halo! Pesanan Anda sudah dikirim.' }),
  }));
  const loop = new OpenLoop(fleet.url, requests, NEIGHBOURS);
  const answers = await loop.run(NEIGHBOURS, NEIGHBOUR_SECONDS);
  loop.close();
  const wrong = answers.find(({ status }) => status !== 200);
  if (wrong) throw new Error(`A send beside others was answered with ${wrong.status}.`);
  return answers.map(({ ms }) => ms);
}

/** Agents at their limit, and others beside them; then the others alone. */
async function atTheLimit(database: BenchDatabase): Promise<{ drain: Drain; neighbours: Neighbours }> {
  const fleet = await startFleet({
    dbUrl: await fresh(database),
    agents: DRAINING + NEIGHBOURS,
    queued: QUEUED,
    queuedFor: DRAINING,
    env: { SEND_BURST: '1', SEND_RATE_PER_MINUTE: String(RATE) },
  });
  try {
    await sleep(10_000);
    const drained = await drain(fleet);
    const busy = await sendBeside(fleet);
    const sent = fleet.log.lines().filter((line) => line.event === 'message.sent').length;
    if (sent < (DRAINING * NEIGHBOUR_SECONDS * RATE * 0.8) / 60)
      throw new Error('The others did not keep on sending.');
    await sleep((QUEUED / RATE) * 60_000 - (10 + DRAIN_SECONDS + NEIGHBOUR_SECONDS) * 1_000 + 10_000);
    const quiet = await sendBeside(fleet);
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
    await fleet.stop();
  }
}

const database = await startDatabase();
try {
  // All at once: those at rest don't disturb each other, and most of the time is waiting.
  const rests = await Promise.all(SIZES.map((agents) => rest(database, agents)));
  const results = { rests, restores: await restores(database), ...(await atTheLimit(database)) };
  const over = (value: (seen: Rest) => number) =>
    rests.map((seen): [number, number] => [seen.agents, value(seen)]);
  const plot = logPlot('Agents at rest', { x: 'agents', y: 'MB, and % of a core' }, [
    { name: 'resident, MB', points: over(({ rss }) => megabytes(rss)) },
    { name: 'heap, MB', points: over(({ heapUsed }) => megabytes(heapUsed)) },
    { name: 'CPU, % of a core', points: over(({ cpuPercent: cpu }) => cpu) },
  ]);
  writeFileSync(new URL('agents.svg', import.meta.url), plot);
  const plan = { steadySeconds: STEADY_MS / 1_000, restSeconds: REST_SECONDS };
  publish('agents', agentsReport(results, plan), agentsGoals(results));
} finally {
  await database.stop();
}
