import type { Look } from './linked-service.ts';
import { goalText, head, spread } from './machine.ts';
import type { Goal } from './publish.ts';
import { median } from './rounds.ts';

/** A number of idle agents. */
export interface Idle extends Look {
  agents: number;
  cpuPercent: number;
}

/** Agents that send at their rate limit. */
export interface Drain {
  agents: number;
  perSecond: number;
  cpuPercent: number;
}

/** p50 and p99 of some agents' sends, ms, while others send at their limit and while those are idle. */
export interface Neighbours {
  senders: number;
  sends: number;
  busyP50: number;
  busyP99: number;
  quietP50: number;
  quietP99: number;
}

/** All measurements. */
export interface AgentsResults {
  idle: Idle[];
  /** From the start of the process until 1,000 agents were connected, ms. */
  restores: number[];
  drain: Drain;
  neighbours: Neighbours;
}

/** Time from the start to the measurement, and its duration, s. */
export interface AgentsPlan {
  steadySeconds: number;
  idleSeconds: number;
}

export const megabytes = (bytes: number) => bytes / 1e6;

/** The goals and what was measured of them. */
export function agentsGoals({ idle, restores, drain, neighbours }: AgentsResults): Goal[] {
  const [one, most] = [idle[0]!, idle.at(-1)!];
  const each = (field: 'heapUsed' | 'rss') => (most[field] - one[field]) / (most.agents - one.agents) / 1_000;
  const slowdown = neighbours.busyP99 / neighbours.quietP99;
  const all = most.agents.toLocaleString('en');
  const goal = (what: string, measured: string, wanted: string, isReached: boolean): Goal => ({
    what,
    measured,
    wanted,
    isReached,
  });
  return [
    goal('heap of an idle agent', `${each('heapUsed').toFixed(1)} kB`, '10 kB', each('heapUsed') <= 10),
    goal('resident memory of an idle agent', `${each('rss').toFixed(1)} kB`, '20 kB', each('rss') <= 20),
    goal(`${all} agents in total`, `${megabytes(most.rss).toFixed(0)} MB`, '300 MB', most.rss <= 300e6),
    goal(`CPU of ${all} idle agents`, `${most.cpuPercent.toFixed(2)} %`, '1 %', most.cpuPercent < 1),
    goal(`timers of ${all} idle agents`, String(most.tasks), 'none per agent', most.tasks < 100),
    goal('1,000 agents connected after', `${spread(restores)} ms`, '2,000 ms', median(restores) <= 2_000),
    goal(
      `${drain.agents.toLocaleString('en')} agents sending, ${drain.perSecond.toFixed(0)} messages/s`,
      `${drain.cpuPercent.toFixed(0)} %`,
      '10 % of a core',
      drain.cpuPercent <= 10,
    ),
    goal(
      'p99 of a send beside them, relative to beside idle ones',
      slowdown.toFixed(2),
      '1.2',
      slowdown <= 1.2,
    ),
  ];
}

/** The results as the text of AGENTS.md. */
export function agentsReport(results: AgentsResults, plan: AgentsPlan): string {
  const { idle, neighbours } = results;
  const rows = idle.map(
    ({ agents, heapUsed, rss, cpuPercent: cpu, timers, tasks }) =>
      `| ${agents.toLocaleString('en')} | ${megabytes(heapUsed).toFixed(0)} | ${megabytes(rss).toFixed(0)} | ${cpu.toFixed(2)} | ${timers} + ${tasks} |`,
  );
  const goals = agentsGoals(results).map(
    ({ what, measured, wanted, isReached }) =>
      `| ${what} | ${measured} | ${wanted} | ${goalText(isReached)} |`,
  );
  const ms = (value: number) => value.toFixed(1);
  return `# What many agents cost

${head('bench:agents')}

The service as an operator starts it, on the sandbox driver and an external Postgres. The simulated WhatsApp runs in the
same process, and its devices count as part of the agents.

## Idle

| agents | heap MB | resident MB | CPU % of a core | timers |
|---|---|---|---|---|
${rows.join('\n')}

After a full garbage collection, ${plan.steadySeconds} s after the start; CPU over ${plan.idleSeconds} s. Timers are the host's plus those of the actors and the sandbox.

![Memory and CPU over the number of agents](agents.svg)

## Beside agents at their limit

${neighbours.senders} agents of the same process send in turn, one message at a time, ${neighbours.sends} in total; over HTTP, up to the acknowledgement.

| the 1,000 others | p50 ms | p99 ms |
|---|---|---|
| send at their limit | ${ms(neighbours.busyP50)} | ${ms(neighbours.busyP99)} |
| are idle | ${ms(neighbours.quietP50)} | ${ms(neighbours.quietP99)} |

## Goals

| | measured | goal | |
|---|---|---|---|
${goals.join('\n')}
`;
}
