import type { ChartEdge, ChartGraph, ChartState } from '../../actors/domain/chart-graph.ts';

/** A path as an id that mermaid takes. */
const idOf = (path: string) => path.replaceAll('.', '__');

/** True for a state that lies inside another, or is it. */
const isWithin = (path: string, outer: string) => path === outer || path.startsWith(`${outer}.`);

/** A state's own name. */
const nameOf = (path: string) => path.split('.').at(-1)!;

/** The id of the node that stands for "wherever inside": mermaid draws no line from a state to its own inside. */
const anywhereOf = (path: string) => `${idOf(path)}__anywhere`;

/** True for an edge of an outer state that stays inside it. */
function staysInside({ source, targets }: ChartEdge, states: Map<string, ChartState>): boolean {
  const kind = states.get(source)?.kind;
  return (kind === 'compound' || kind === 'parallel') && targets.every((target) => isWithin(target, source));
}

/** The lines of one state and of what lies inside it. */
function stateLines(state: ChartState, graph: ChartGraph, outers: Set<string>, indent: string): string[] {
  const { path, kind } = state;
  const name = kind === 'parallel' ? `${nameOf(path)} (all at once)` : nameOf(path);
  const declared = `${indent}state "${name}" as ${idOf(path)}`;
  const children = graph.states.filter(({ parent }) => parent === path);
  if (children.length === 0) return [declared];
  const inner = `${indent}  `;
  return [
    `${declared} {`,
    ...(state.initial ? [`${inner}[*] --> ${idOf(state.initial)}`] : []),
    ...(outers.has(path) ? [`${inner}state "anywhere in ${nameOf(path)}" as ${anywhereOf(path)}`] : []),
    ...children.flatMap((child) => stateLines(child, graph, outers, inner)),
    `${indent}}`,
  ];
}

/** Event and guard of every transition of an edge, one below the other. */
function labels({ transitions }: ChartEdge): string {
  return transitions
    .map(({ label, guard }) => (guard === null ? label : `${label} [${guard}]`))
    .join('<br/>');
}

/**
 * A chart as mermaid `stateDiagram-v2`: every state, every transition. `live` states, by path, stand out.
 *
 * @example mermaidOf(graph, ['connected.healthy'])
 */
export function mermaidOf(graph: ChartGraph, live: string[] = []): string {
  const states = new Map(graph.states.map((state) => [state.path, state]));
  const outers = new Set(graph.edges.filter((edge) => staysInside(edge, states)).map(({ source }) => source));
  const lines = graph.edges.flatMap((edge) => {
    const isInside = outers.has(edge.source) && staysInside(edge, states);
    const from = isInside ? anywhereOf(edge.source) : idOf(edge.source || graph.machine);
    return edge.targets.map((target) => {
      const to = isInside && target === edge.source ? from : idOf(target);
      return `  ${from} --> ${to} : ${labels(edge)}`;
    });
  });
  const top = graph.states.filter(({ parent }) => parent === '');
  return [
    'stateDiagram-v2',
    `  [*] --> ${idOf(graph.initial)}`,
    ...top.flatMap((state) => stateLines(state, graph, outers, '  ')),
    ...lines,
    ...(live.length > 0
      ? ['  classDef live font-weight:bold,stroke-width:4px', `  class ${live.map(idOf).join(',')} live`]
      : []),
    '',
  ].join('\n');
}
