import type { ChartEdge, ChartGraph, ChartState, ChartTransition } from '../../src/actors/protocol-chart.ts';

// How big things are: text is monospace, so its width is known without a browser.

/** Width of one character of the usual monospace fonts, in em; none is wider. */
const ADVANCE = 0.603;
/** Font sizes and line heights in px; `chart.css` says the same sizes. */
export const TITLE = { size: 13, line: 20 };
export const ROW = { size: 11, line: 15 };
export const PAD = 10;
/** Characters in a row before it is wrapped. */
const ROW_LENGTH = 42;
/** From how many sources on the same transition is written into each instead of drawn. */
const SHARED_BY = 4;

/** One line of text: what it says, and which event each part stands for. */
export interface Row {
  parts: { text: string; event?: string }[];
  indent: number;
}

/** The text rows of one edge inside its source's box. */
interface EdgeRows {
  edge: string;
  rows: Row[];
}

/** A state's box before it is laid out. */
export interface Box {
  state: ChartState;
  title: string;
  runs: string[];
  edges: EdgeRows[];
  width: number;
  /** Height of title and rows, without what lies inside. */
  head: number;
}

/** Width of a text in px. */
export function textWidth(text: string, size: number): number {
  return Math.ceil(text.length * ADVANCE * size);
}

/** Event and guard of a transition as they are written. */
export function labelOf({ label, guard }: ChartTransition): string {
  return guard === null ? label : `${label} [${guard}]`;
}

/** The edges to be written as rows: those that no line can show, and those that many states share. */
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
    // The way into a top-level state is what people look for first: it stays a line.
    if (isTop.has(target)) return false;
    return edge.transitions.some((made) => sources.get(key(edge, made))! >= SHARED_BY);
  };
  return new Set(graph.edges.filter(isWritten).map(({ edge }) => edge));
}

/** Labels in as few rows as they fit into, told apart by commas. */
function wrap(transitions: ChartTransition[], indent: number): Row[] {
  const rows: Row[] = [];
  let length = Number.POSITIVE_INFINITY;
  for (const [index, made] of transitions.entries()) {
    const comma = index < transitions.length - 1 ? ',' : '';
    const text = `${labelOf(made)}${comma}`;
    if (indent + length + 1 + text.length > ROW_LENGTH) {
      rows.push({ parts: [], indent });
      length = -1;
    } else {
      rows.at(-1)!.parts.push({ text: ' ' });
    }
    length += 1 + text.length;
    rows.at(-1)!.parts.push({ text: labelOf(made), event: made.event });
    if (comma) rows.at(-1)!.parts.push({ text: comma });
  }
  return rows;
}

/** An edge as rows: where it leads, then what leads there; one that leads back, sign first. */
function edgeRows({ edge, source, targets, transitions }: ChartEdge): EdgeRows {
  const isSelf = targets.length === 1 && targets[0] === source;
  if (!isSelf) {
    return {
      edge,
      rows: [{ parts: [{ text: `→ ${targets.join(', ')}` }], indent: 0 }, ...wrap(transitions, 2)],
    };
  }
  const rows = transitions.map((made) => ({
    parts: [{ text: `${selfSign(made)} ` }, { text: labelOf(made), event: made.event }],
    indent: 0,
  }));
  return { edge, rows };
}

/** What a transition to itself does: enter anew, act without leaving, or keep an outer state from reacting. */
function selfSign({ reenters, actions }: ChartTransition): string {
  if (reenters) return '↻';
  return actions.length > 0 ? '·' : '⊘';
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
    title,
    runs,
    edges,
    width: Math.max(56, ...widths) + 2 * PAD,
    head: 6 + TITLE.line + (lines > 0 ? lines * ROW.line + 8 : 2),
  };
}

/** A row's text as it stands there. */
function rowText({ parts, indent }: Row): string {
  return ' '.repeat(indent) + parts.map(({ text }) => text).join('');
}
