import autocannon from 'autocannon';
import { cpuTimes } from './cpu.ts';
import type { Target } from './servers.ts';

/** Enough to keep the server busy while messages wait for the disk. */
export const CONNECTIONS = 128;

/** The figures of one round; times in ms unless named otherwise. */
export interface Round {
  perSecond: number;
  p50: number;
  p99: number;
  /** CPU time of the server's own process, NaN where it can't be measured. */
  cpuMicrosPerRequest: number;
  /** Cores used by other programs; with more than a little, the round is not valid. */
  foreignCores: number;
}

/** The service and the bare Express. */
export type Side = 'service' | 'bare';

/** One round of each. */
export type Turn = Record<Side, Round>;

/**
 * One round of load on one server.
 * @throws Error when any answer is not 200: a 202, for example, means that the message was not sent
 */
export async function measure(target: Target, seconds: number): Promise<Round> {
  const { requests } = target;
  let clients = 0;
  const before = cpuTimes(target.pid);
  const result = await autocannon({
    url: target.url,
    connections: CONNECTIONS,
    duration: seconds,
    // Each connection starts with another agent, so that they don't all wait in one queue.
    setupClient: (client) => {
      const start = Math.floor((clients++ * requests.length) / CONNECTIONS);
      client.setRequests([...requests.slice(start), ...requests.slice(0, start)]);
    },
  });
  const after = cpuTimes(target.pid);
  const { 200: ok, ...others } = result.statusCodeStats;
  if (!ok || Object.keys(others).length > 0 || result.errors > 0) {
    const counts = JSON.stringify({ ...result.statusCodeStats, errors: result.errors });
    throw new Error(`${target.name} did not answer every request with 200: ${counts}`);
  }
  return {
    perSecond: ok.count / result.duration,
    p50: result.latency.p50,
    p99: result.latency.p99,
    cpuMicrosPerRequest: ((after.server - before.server) / ok.count) * 1e6,
    foreignCores: Math.max(0, after.machine - before.machine - (after.own - before.own)) / result.duration,
  };
}

/** Warms up all servers, then measures them in turns. */
export async function alternate(
  targets: Record<Side, Target>,
  plan: { rounds: number; seconds: number; warmUpSeconds: number },
): Promise<Turn[]> {
  const sides = Object.keys(targets) as Side[];
  for (const side of sides) await measure(targets[side], plan.warmUpSeconds);
  const turns: Turn[] = [];
  for (let turn = 1; turn <= plan.rounds; turn += 1) {
    const rounds = {} as Turn;
    for (const side of sides) {
      const round = await measure(targets[side], plan.seconds);
      rounds[side] = round;
      const figures = `${Math.round(round.perSecond)}/s, ${Math.round(round.cpuMicrosPerRequest)} µs CPU`;
      console.log(
        `round ${turn}: ${targets[side].name}: ${figures}, foreign load ${round.foreignCores.toFixed(2)} cores`,
      );
    }
    turns.push(rounds);
  }
  return turns;
}

/** The median. */
export function median(values: number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Requests per second of a side relative to the bare Express: the ratio of the medians. */
export function ratioOf(turns: Turn[], side: Side): number {
  const rate = (of: Side) => median(turns.map((turn) => turn[of].perSecond));
  return rate(side) / rate('bare');
}
