import type { ChartGraph } from '../../src/actors/domain/chart-graph.ts';
import { mermaidOf } from '../../src/http/pages/chart-mermaid.ts';
import { reasonTable } from './reasons.ts';

/** Events on a line of the compact chart before the rest is only counted. */
const SHOWN = 3;

/** A block of mermaid in markdown. */
const fenced = (mermaid: string) => `\`\`\`mermaid\n${mermaid.trimEnd()}\n\`\`\``;

/** The page of both charts as text; GitHub draws it. */
export function chartPage([agent, supervisor]: [ChartGraph, ChartGraph]): string {
  return `# State charts

Written by \`npm run chart\` from the machines in \`src/actors\`; a test compares. The same as a picture, with the
live states of an agent lit: \`GET /sessions/{agentId}/statechart\`. Live, with what led there: \`/inspector\`.

A line's label lists each event with its guard in brackets. \`after …\` names a limit of
[settings.ts](../src/actors/domain/settings.ts), \`… done\` and \`… failed\` the end of what the state runs, \`always\` a
transition that needs no event.

## The agent

${states(agent)}

${fenced(mermaidOf(agent))}

## Its supervisor

${states(supervisor)}

${fenced(mermaidOf(supervisor))}

## Why a session ended, and what follows

The reasons of \`agent.down\`, from [restart-policy.ts](../src/actors/domain/restart-policy.ts); \`shouldRestart\` decides by
them. An unknown reason restarts automatically.

${reasonTable()}
`;
}

/** A table of what the states do: what runs in them, what is done on the way in and out. */
function states({ states: all }: ChartGraph): string {
  const cell = (names: string[]) => names.map((name) => `\`${name}\``).join(', ');
  const rows = all
    .filter(({ entry, exit, invokes }) => entry.length + exit.length + invokes.length > 0)
    .map(
      (state) => `| \`${state.path}\` | ${[state.entry, state.invokes, state.exit].map(cell).join(' | ')} |`,
    );
  return ['| state | on entry | runs | on exit |', '|---|---|---|---|', ...rows].join('\n');
}

/** The top-level states alone, for the README. */
export function compactChart(graph: ChartGraph): string {
  const topOf = (path: string) => path.split('.')[0]!;
  const lines = new Map<string, Set<string>>();
  for (const { source, targets, transitions } of graph.edges) {
    for (const target of targets) {
      if (topOf(source) === topOf(target)) continue;
      const line = `${topOf(source)} --> ${topOf(target)}`;
      const events = lines.get(line) ?? new Set();
      for (const { label } of transitions) events.add(label);
      lines.set(line, events);
    }
  }
  const label = (events: string[]) => {
    const shown = events.length > SHOWN + 1 ? events.slice(0, SHOWN) : events;
    const more = events.length - shown.length;
    return [...shown, ...(more > 0 ? [`${more} more`] : [])].join('<br/>');
  };
  return fenced(
    [
      'stateDiagram-v2',
      `  [*] --> ${graph.initial}`,
      ...[...lines].map(([line, events]) => `  ${line} : ${label([...events])}`),
    ].join('\n'),
  );
}
