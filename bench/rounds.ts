import autocannon from 'autocannon';
import { cpuTimes } from './cpu.ts';
import type { Target } from './servers.ts';

/** Enough that the server is never idle: a message waits for the disk, and its core has others meanwhile. */
export const CONNECTIONS = 128;

/** What one round measured; times in ms unless named otherwise. */
export interface Round {
  perSecond: number;
  p50: number;
  p99: number;
  /** CPU time of the server's own process, NaN where it can't be told. */
  cpuMicrosPerRequest: number;
  /** Cores that strangers kept busy meanwhile: with more than a little, the round says nothing. */
  foreignCores: number;
}

/** Both servers' rounds, in pairs. */
export interface Pair {
  service: Round;
  bare: Round;
}

/**
 * One round of load on one server.
 * @throws Error when any answer is not 200: a 202, say, would mean that the message had not been sent.
 */
export async function measure(target: Target, seconds: number): Promise<Round> {
  const { requests } = target;
  let clients = 0;
  const before = cpuTimes(target.pid);
  const result = await autocannon({
    url: target.url,
    connections: CONNECTIONS,
    duration: seconds,
    // Each connection begins elsewhere, so that they don't all stand in one agent's line.
    setupClient: (client) => {
      const start = Math.floor((clients++ * requests.length) / CONNECTIONS);
      client.setRequests([...requests.slice(start), ...requests.slice(0, start)]);
    },
  });
  const after = cpuTimes(target.pid);
  const { 200: ok, ...others } = result.statusCodeStats;
  if (!ok || Object.keys(others).length > 0 || result.errors > 0) {
    const told = JSON.stringify({ ...result.statusCodeStats, errors: result.errors });
    throw new Error(`${target.name} did not answer every request with 200: ${told}`);
  }
  return {
    perSecond: ok.count / result.duration,
    p50: result.latency.p50,
    p99: result.latency.p99,
    cpuMicrosPerRequest: ((after.server - before.server) / ok.count) * 1e6,
    foreignCores: Math.max(0, after.machine - before.machine - (after.own - before.own)) / result.duration,
  };
}

/** Warms both servers up, then measures them in turns. */
export async function alternate(
  targets: Record<keyof Pair, Target>,
  plan: { rounds: number; seconds: number; warmUpSeconds: number },
): Promise<Pair[]> {
  await measure(targets.bare, plan.warmUpSeconds);
  await measure(targets.service, plan.warmUpSeconds);
  const pairs: Pair[] = [];
  for (let round = 1; round <= plan.rounds; round += 1) {
    const bare = await measure(targets.bare, plan.seconds);
    const service = await measure(targets.service, plan.seconds);
    pairs.push({ bare, service });
    const [own, theirs] = [service.perSecond, bare.perSecond].map(Math.round);
    const [ownCpu, theirCpu] = [service.cpuMicrosPerRequest, bare.cpuMicrosPerRequest].map(Math.round);
    const foreign = Math.max(service.foreignCores, bare.foreignCores).toFixed(2);
    console.log(
      `round ${round}: service ${own}/s (${ownCpu} µs CPU), bare Express ${theirs}/s (${theirCpu} µs CPU), foreign load ${foreign} cores`,
    );
  }
  return pairs;
}

/** The middle value; of an even number the mean of the two in the middle. */
export function median(values: number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Requests per second of the service as a share of the bare Express: the ratio of the medians. */
export function ratioOf(pairs: Pair[]): number {
  const rate = (side: keyof Pair) => median(pairs.map((pair) => pair[side].perSecond));
  return rate('service') / rate('bare');
}
