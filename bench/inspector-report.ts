import { head, spread } from './machine.ts';
import { median } from './rounds.ts';

/** CPU microseconds per event: nobody watches, hook and ring, a page open as well. */
export interface InspectorRound {
  bare: number;
  kept: number;
  open: number;
}

/** The results as the text of INSPECTOR.md. */
export function inspectorReport(rounds: InspectorRound[], events: number): string {
  const row = (name: string, field: keyof InspectorRound) => {
    const costs = rounds.map((round) => round[field]);
    const ratios = rounds.map((round) => round[field] / round.bare);
    const seconds = (median(costs) * 100_000) / 1e6;
    return `| ${name} | ${spread(costs, 2)} | ${seconds.toFixed(2)} | ${spread(ratios, 2)} |`;
  };
  return `# What watching costs

${head('bench:inspector')}

${events.toLocaleString('en')} events through the two machines of one agent, each a transition;
the rounds of the three are measured in turns, in one process.

| | CPU µs per event | CPU s per 100,000 | ratio to nobody watching |
|---|---|---|---|
${row('no inspection hook', 'bare')}
${row('inspection hook and ring of 200 records', 'kept')}
${row('and an inspector page open on the agent', 'open')}

Median (min … max) of ${rounds.length} rounds. CPU is that of the whole process, user and system. The page's two event streams are read
by a process of its own, which is not counted. However fast the events come, a page is sent at most ten frames a
second, so its cost does not grow with them. Messages don't pass the machines one by one: a busy agent takes a few
transitions a second, not thousands.
`;
}
