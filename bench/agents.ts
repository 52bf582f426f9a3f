import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { cpuTimes } from './cpu.ts';
import { type BenchDatabase, type FleetPlan, type Look, startDatabase, startFleet } from './fleet.ts';
import { head, spread, verdict } from './machine.ts';
import { logPlot } from './plot.ts';
import { median } from './rounds.ts';

// What many agents cost in one process: at rest, coming back after a restart, and all sending at their limit. Their
// rows and links are what an earlier life would have left.

const SIZES = [1, 10, 100, 1_000, 10_000];
/** Connected for so long, an agent's waits begin small again: until then a timer stands. */
const STEADY_MS = 125_000;
const REST_SECONDS = 30;
const RESTORES = 5;
const DRAINING = 1_000;
const DRAIN_SECONDS = 30;
/** Messages a minute that each agent may send. */
const RATE = 100;

/** A fleet of some size at rest. */
interface Rest extends Look {
  agents: number;
  cpuPercent: number;
}

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
async function drain(database: BenchDatabase): Promise<{ perSecond: number; cpuPercent: number }> {
  const plan: FleetPlan = {
    dbUrl: await fresh(database),
    agents: DRAINING,
    queued: 120,
    env: { SEND_BURST: '1' },
  };
  const fleet = await startFleet({ ...plan, env: { ...plan.env, SEND_RATE_PER_MINUTE: String(RATE) } });
  try {
    await sleep(10_000);
    fleet.log.lines();
    const cpu = await cpuPercent(fleet.pid, DRAIN_SECONDS);
    const sent = fleet.log.lines().filter((line) => line.event === 'message.sent').length;
    const result = { perSecond: sent / DRAIN_SECONDS, cpuPercent: cpu };
    console.log(JSON.stringify(result));
    return result;
  } finally {
    await fleet.stop();
  }
}

const megabytes = (bytes: number) => bytes / 1e6;

/** The results as the text of AGENTS.md. */
function report(rests: Rest[], times: number[], drained: { perSecond: number; cpuPercent: number }): string {
  const [one, most] = [rests[0]!, rests.at(-1)!];
  const each = (field: 'heapUsed' | 'rss') => (most[field] - one[field]) / (most.agents - one.agents) / 1_000;
  const rows = rests.map(
    ({ agents, heapUsed, rss, cpuPercent: cpu, timers, tasks }) =>
      `| ${agents.toLocaleString('en')} | ${megabytes(heapUsed).toFixed(0)} | ${megabytes(rss).toFixed(0)} | ${cpu.toFixed(2)} | ${timers} + ${tasks} |`,
  );
  const goal = (what: string, figure: string, wanted: string, isReached: boolean) =>
    `| ${what} | ${figure} | ${wanted} | ${verdict(isReached)} |`;
  return `# What many agents cost

${head('bench:agents')}

The service as an operator starts it, on the sandbox driver and a Postgres beside it; the simulated WhatsApp is in the
same process, and its devices count against the agents.

## At rest

| agents | heap MB | resident MB | CPU % of a core | timers |
|---|---|---|---|---|
${rows.join('\n')}

After a full collection, ${STEADY_MS / 1_000} s after the start; the CPU of ${REST_SECONDS} s. Timers are the host's, and those of actors and sandbox.

![Memory and CPU over the number of agents](agents.svg)

## Goals

| | measured | goal | |
|---|---|---|---|
${[
  goal('heap of an idle agent', `${each('heapUsed').toFixed(1)} kB`, '10 kB', each('heapUsed') <= 10),
  goal('resident, of an idle agent', `${each('rss').toFixed(1)} kB`, '20 kB', each('rss') <= 20),
  goal('10,000 agents in all', `${megabytes(most.rss).toFixed(0)} MB`, '300 MB', most.rss <= 300e6),
  goal('CPU of 10,000 at rest', `${most.cpuPercent.toFixed(2)} %`, '1 %', most.cpuPercent < 1),
  goal('timers of 10,000 at rest', `${most.tasks}`, 'none per agent', most.tasks < 100),
  goal('1,000 agents connected after', `${spread(times)} ms`, '2,000 ms', median(times) <= 2_000),
  goal(
    `${DRAINING} agents sending, ${drained.perSecond.toFixed(0)} messages/s`,
    `${drained.cpuPercent.toFixed(0)} %`,
    '10 % of a core',
    drained.cpuPercent <= 10,
  ),
].join('\n')}
`;
}

const database = await startDatabase();
try {
  // All at once: those at rest don't disturb each other, and most of the time is waiting.
  const rests = await Promise.all(SIZES.map((agents) => rest(database, agents)));
  const times = await restores(database);
  const drained = await drain(database);
  const over = (value: (seen: Rest) => number) =>
    rests.map((seen): [number, number] => [seen.agents, value(seen)]);
  const plot = logPlot('Agents at rest', { x: 'agents', y: 'MB, and % of a core' }, [
    { name: 'resident, MB', points: over(({ rss }) => megabytes(rss)) },
    { name: 'heap, MB', points: over(({ heapUsed }) => megabytes(heapUsed)) },
    { name: 'CPU, % of a core', points: over(({ cpuPercent: cpu }) => cpu) },
  ]);
  await writeFile(new URL('agents.svg', import.meta.url), plot);
  await writeFile(new URL('AGENTS.md', import.meta.url), report(rests, times, drained));
} finally {
  await database.stop();
}
