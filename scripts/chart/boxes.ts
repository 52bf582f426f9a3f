import type {
  ChartEdge,
  ChartGraph,
  ChartState,
  ChartTransition,
} from '../../src/actors/domain/chart-graph.ts';

// Sizes: text is monospace, so its width is known without a browser.

/** Width of one character of the usual monospace fonts, in em; none is wider. */
const ADVANCE = 0.603;
/** Font sizes and line heights in px, the same as in `chart.css`. */
export const TITLE = { size: 13, line: 20 };
export const LABEL = { size: 11, line: 14 };
export const ROW = { size: 10, line: 13 };
export const PAD = 10;
/** Characters in a row before it is wrapped. */
const ROW_LENGTH = 56;
/** A transition with at least this many sources is written into each of them instead of drawn. */
const SHARED_BY = 4;

/** One line of text, with the event of each part. */
export interface Row {
  parts: { text: string; event?: string; isTarget?: true }[];
  indent: number;
}

/** The text rows of one edge inside its source's box. */
interface EdgeRows {
  edge: string;
  tooltip: string;
  rows: Row[];
}

/** A state's box before it is laid out. */
export interface Box {
  state: ChartState;
  /** A region of a parallel state. */
  isRegion: boolean;
  title: string;
  runs: string[];
  edges: EdgeRows[];
  width: number;
  /** Height of title and rows, without inner states. */
  head: number;
}

/** Width of a text in px. */
export function textWidth(text: string, size: number): number {
  return Math.ceil(text.length * ADVANCE * size);
}

/** Event and guard of a transition as text. */
export function labelOf({ label, guard }: ChartTransition): string {
  return guard === null ? label : `${label} [${guard}]`;
}

/** The tooltip of an edge: the actions of each transition. */
export function edgeTooltip({ edge, transitions }: ChartEdge): string {
  const lines = transitions.map((made) => [labelOf(made), ...made.actions].join('\n    '));
  return [edge, ...lines].join('\n');
}

/** The edges written as rows: those that can't be drawn, and those that many states share. */
export function writtenEdges(graph: ChartGraph): Set<string> {
  const isTop = new Set(graph.states.filter(({ parent }) => parent === '').map(({ path }) => path));
  const sources = new Map<string, number>();
  const key = (edge: ChartEdge, made: ChartTransition) => `${labelOf(made)} → ${edge.targets.join()}`;
  for (const edge of graph.edges) {
    for (const made of edge.transitions)
      sources.set(key(edge, made), (sources.get(key(edge, made)) ?? 0) + 1);
  }
  const isWritten = (edge: ChartEdge) => {
    const [target = ''] = edge.targets;
    if (edge.source === '' || edge.targets.length !== 1 || target === edge.source) return true;
    // Edges to a top-level state matter most and stay lines.
    if (isTop.has(target)) return false;
    return edge.transitions.some((made) => sources.get(key(edge, made))! >= SHARED_BY);
  };
  return new Set(graph.edges.filter(isWritten).map(({ edge }) => edge));
}

/** An edge as rows: its target, then its events, in as few rows as possible. */
function targetRows({ targets, transitions }: ChartEdge): Row[] {
  const head = `→ ${targets.join(', ')}`;
  const rows: Row[] = [{ parts: [{ text: head, isTarget: true }], indent: 0 }];
  let length = head.length;
  for (const [index, made] of transitions.entries()) {
    const comma = index < transitions.length - 1 ? ',' : '';
    const text = labelOf(made);
    if (length + 1 + text.length + comma.length > ROW_LENGTH) {
      rows.push({ parts: [], indent: 2 });
      length = 2;
    } else {
      rows.at(-1)!.parts.push({ text: ' ' });
    }
    rows.at(-1)!.parts.push({ text, event: made.event }, { text: comma });
    length += 1 + text.length + comma.length;
  }
  return rows;
}

/** An edge as rows: by its target, or by its sign if it targets its own state. */
function edgeRows(edge: ChartEdge): EdgeRows {
  const isSelf = edge.targets.length === 1 && edge.targets[0] === edge.source;
  const base = { edge: edge.edge, tooltip: edgeTooltip(edge) };
  if (!isSelf) return { ...base, rows: targetRows(edge) };
  const rows = edge.transitions.map((made) => ({
    parts: [
      { text: `${selfSign(made)} `, isTarget: true as const },
      { text: labelOf(made), event: made.event },
    ],
    indent: 0,
  }));
  return { ...base, rows };
}

/** The sign of a self-transition: it re-enters, acts without leaving, or blocks an outer transition. */
function selfSign({ reenters, actions }: ChartTransition): string {
  if (reenters) return '↻';
  return actions.length > 0 ? '·' : '⊘';
}

/** The box of the root's transitions; null without any. */
export function anywhereBox(graph: ChartGraph, written: Set<string>): Box | null {
  if (!graph.edges.some(({ source }) => source === '')) return null;
  const nowhere = { path: '', parent: '', initial: null, entry: [], exit: [], invokes: [] };
  return { ...boxOf({ ...nowhere, kind: 'atomic' }, graph, written), title: 'anywhere' };
}

/** The box of a state with its rows. */
export function boxOf(state: ChartState, graph: ChartGraph, written: Set<string>): Box {
  const name = state.path.split('.').at(-1)!;
  const title = state.kind === 'parallel' ? `${name} ∥` : name;
  const own = graph.edges.filter(({ edge, source }) => source === state.path && written.has(edge));
  const edges = own.map(edgeRows);
  const runs = state.invokes.map((invoke) => `▸ ${invoke}`);
  const rows = edges.flatMap((each) => each.rows);
  const widths = [
    textWidth(title, TITLE.size),
    ...runs.map((text) => textWidth(text, ROW.size)),
    ...rows.map((row) => textWidth(rowText(row), ROW.size)),
  ];
  const lines = runs.length + rows.length;
  return {
    state,
    isRegion: graph.states.some(({ path, kind }) => path === state.parent && kind === 'parallel'),
    title,
    runs,
    edges,
    width: Math.max(56, ...widths) + 2 * PAD,
    head: 6 + TITLE.line + (lines > 0 ? lines * ROW.line + 8 : 2),
  };
}

/** A row's text with its indent. */
function rowText({ parts, indent }: Row): string {
  return ' '.repeat(indent) + parts.map(({ text }) => text).join('');
}
