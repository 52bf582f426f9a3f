import { writeFileSync } from 'node:fs';
import { cpuTimes } from './cpu.ts';
import { loadReport, type Step } from './load-report.ts';
import { quantile } from './machine.ts';
import { OpenLoop } from './open-loop.ts';
import { LOAD_CORE, pin } from './pinned.ts';
import { logPlot } from './plot.ts';
import { publish } from './publish.ts';
import { AGENTS, startService } from './servers.ts';

// Latency over offered load, up to and beyond saturation: the offered rate does not depend on the answers until all
// connections are busy. Beyond saturation also with small mailboxes, so that overload is refused instead of queued.

const RATES = [250, 500, 1_000, 1_500, 2_000, 2_500, 3_000, 3_500, 4_000, 5_000, 7_000];
const CONNECTIONS = 1_000;
const SECONDS = 5;
const WARM_UP_SECONDS = 5;
const OVERLOAD = [5_000, 7_000];
/** Rounds at rates near saturation, where one full garbage collection makes a difference. */
const ROUNDS = 3;
/** Burst and capacity: the defaults, and a total below the number of connections. */
const ROOMY = { SEND_BURST: '100', MAILBOX_CAPACITY: '500' };
const SMALL = { SEND_BURST: '2', MAILBOX_CAPACITY: '2' };

/** Offers requests at one rate. */
async function offer(loop: OpenLoop, pid: number, rate: number, seconds: number): Promise<Step> {
  const before = cpuTimes(pid);
  const startedAt = performance.now();
  const answers = await loop.run(rate, seconds);
  const took = (performance.now() - startedAt) / 1_000;
  const after = cpuTimes(pid);
  const timesOf = (...statuses: number[]) =>
    answers.filter(({ status }) => statuses.includes(status)).map(({ ms }) => ms);
  const [sent, refused] = [timesOf(200), timesOf(429, 503)];
  const step = {
    offered: rate,
    sentPerSecond: sent.length / took,
    refusedPerSecond: refused.length / took,
    otherAnswers: answers.length - sent.length - refused.length,
    p50: quantile(sent, 0.5),
    p99: quantile(sent, 0.99),
    refusalP99: quantile(refused, 0.99),
    busy: (after.server - before.server) / took,
  };
  console.log(
    Object.entries(step)
      .map(([name, value]) => `${name} ${value.toFixed(2)}`)
      .join(', '),
  );
  return step;
}

/** Offers a rate once or, near saturation, a few times; returns the median round by messages sent. */
async function offerOften(loop: OpenLoop, pid: number, rate: number): Promise<Step> {
  const steps: Step[] = [];
  const rounds = OVERLOAD.includes(rate) ? ROUNDS : 1;
  for (let round = 0; round < rounds; round += 1) steps.push(await offer(loop, pid, rate, SECONDS));
  steps.sort((one, other) => one.sentPerSecond - other.sentPerSecond);
  const otherAnswers = steps.reduce((sum, step) => sum + step.otherAnswers, 0);
  return { ...steps[Math.floor(rounds / 2)]!, otherAnswers };
}

/** The results of each rate on a service with these mailboxes. */
async function sweep(mailboxes: NodeJS.ProcessEnv, rates: number[]): Promise<Step[]> {
  const service = await startService({ env: mailboxes });
  const loop = new OpenLoop(service.url, service.requests, CONNECTIONS);
  try {
    await offer(loop, service.pid, 1_000, WARM_UP_SECONDS);
    const steps: Step[] = [];
    for (const rate of rates) steps.push(await offerOften(loop, service.pid, rate));
    return steps;
  } finally {
    loop.close();
    await service.stop();
  }
}

pin(process.pid, LOAD_CORE);
const roomy = await sweep(ROOMY, RATES);
const small = await sweep(SMALL, OVERLOAD);
const points = (of: (step: Step) => number) =>
  roomy.map((step): [number, number] => [step.offered, of(step)]);
const plot = logPlot(
  'Latency over offered load',
  { x: 'requests offered a second', y: 'ms, and messages a second' },
  [
    { name: 'messages sent a second', points: points(({ sentPerSecond }) => sentPerSecond) },
    { name: 'p99, ms', points: points(({ p99 }) => p99) },
    { name: 'p50, ms', points: points(({ p50 }) => p50) },
  ],
);
writeFileSync(new URL('load.svg', import.meta.url), plot);
const { text, goals } = loadReport(roomy, small, {
  connections: CONNECTIONS,
  agents: AGENTS,
  seconds: SECONDS,
  rounds: ROUNDS,
});
publish('load', text, goals);
