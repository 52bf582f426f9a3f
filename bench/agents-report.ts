import type { Look } from './fleet.ts';
import { head, spread, verdict } from './machine.ts';
import type { Goal } from './publish.ts';
import { median } from './rounds.ts';

/** A fleet of some size at rest. */
export interface Rest extends Look {
  agents: number;
  cpuPercent: number;
}

/** Agents that all send as fast as they may. */
export interface Drain {
  agents: number;
  perSecond: number;
  cpuPercent: number;
}

/** p99 of some agents' sends, ms: while others send at their limit, and while those rest. */
export interface Neighbours {
  senders: number;
  sends: number;
  busyP50: number;
  busyP99: number;
  quietP50: number;
  quietP99: number;
}

/** All that was measured. */
export interface AgentsResults {
  rests: Rest[];
  /** From the start of the process until 1,000 agents were connected, ms. */
  restores: number[];
  drain: Drain;
  neighbours: Neighbours;
}

/** How long the fleets had been up, and how long their CPU was watched, s. */
export interface AgentsPlan {
  steadySeconds: number;
  restSeconds: number;
}

export const megabytes = (bytes: number) => bytes / 1e6;

/** Each goal of the many agents. */
export function agentsGoals({ rests, restores, drain, neighbours }: AgentsResults): Goal[] {
  const [one, most] = [rests[0]!, rests.at(-1)!];
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
    goal('resident, of an idle agent', `${each('rss').toFixed(1)} kB`, '20 kB', each('rss') <= 20),
    goal(`${all} agents in all`, `${megabytes(most.rss).toFixed(0)} MB`, '300 MB', most.rss <= 300e6),
    goal(`CPU of ${all} at rest`, `${most.cpuPercent.toFixed(2)} %`, '1 %', most.cpuPercent < 1),
    goal(`timers of ${all} at rest`, String(most.tasks), 'none per agent', most.tasks < 100),
    goal('1,000 agents connected after', `${spread(restores)} ms`, '2,000 ms', median(restores) <= 2_000),
    goal(
      `${drain.agents.toLocaleString('en')} agents sending, ${drain.perSecond.toFixed(0)} messages/s`,
      `${drain.cpuPercent.toFixed(0)} %`,
      '10 % of a core',
      drain.cpuPercent <= 10,
    ),
    goal('p99 of a send beside them, of that beside idle ones', slowdown.toFixed(2), '1.2', slowdown <= 1.2),
  ];
}

/** The results as the text of AGENTS.md. */
export function agentsReport(results: AgentsResults, plan: AgentsPlan): string {
  const { rests, neighbours } = results;
  const rows = rests.map(
    ({ agents, heapUsed, rss, cpuPercent: cpu, timers, tasks }) =>
      `| ${agents.toLocaleString('en')} | ${megabytes(heapUsed).toFixed(0)} | ${megabytes(rss).toFixed(0)} | ${cpu.toFixed(2)} | ${timers} + ${tasks} |`,
  );
  const goals = agentsGoals(results).map(
    ({ what, measured, wanted, isReached }) =>
      `| ${what} | ${measured} | ${wanted} | ${verdict(isReached)} |`,
  );
  const ms = (value: number) => value.toFixed(1);
  return `# What many agents cost

${head('bench:agents')}

The service as an operator starts it, on the sandbox driver and a Postgres beside it; the simulated WhatsApp is in the
same process, and its devices count against the agents.

## At rest

| agents | heap MB | resident MB | CPU % of a core | timers |
|---|---|---|---|---|
${rows.join('\n')}

After a full collection, ${plan.steadySeconds} s after the start; the CPU of ${plan.restSeconds} s. Timers are the host's, and those of actors and sandbox.

![Memory and CPU over the number of agents](agents.svg)

## Beside others at their limit

${neighbours.senders} agents of the same process send in turn, one message at a time, ${neighbours.sends} in all; over HTTP, to the acknowledgement.

| the 1,000 others | p50 ms | p99 ms |
|---|---|---|
| send at their limit | ${ms(neighbours.busyP50)} | ${ms(neighbours.busyP99)} |
| rest | ${ms(neighbours.quietP50)} | ${ms(neighbours.quietP99)} |

## Goals

| | measured | goal | |
|---|---|---|---|
${goals.join('\n')}
`;
}
