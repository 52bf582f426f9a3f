import { head, spread } from './machine.ts';
import { median } from './rounds.ts';

/** CPU µs per event: without a watcher, with hook and ring, and with an open page. */
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
the three variants are measured in turns, in one process.

| | CPU µs per event | CPU s per 100,000 | ratio to no hook |
|---|---|---|---|
${row('no inspection hook', 'bare')}
${row('inspection hook and ring of 200 records', 'kept')}
${row('and an open inspector page of the agent', 'open')}

Median (min … max) of ${rounds.length} rounds. CPU is that of the whole process, user and system. The page's two event streams are read
by another process, which is not counted. A page is sent at most ten frames a second at any rate of events, so its cost
does not grow with them. Messages don't pass the machines one by one: a busy agent takes a few transitions a second,
not thousands.
`;
}
