import type { ElkPoint } from 'elkjs/lib/elk-api.js';
import type { ChartGraph, ChartState } from '../../src/actors/domain/chart-graph.ts';
import { edgeTooltip, LABEL, labelOf, PAD, ROW, type Row, TITLE } from './boxes.ts';
import type { Frame, Layout, PlacedBox, PlacedLine } from './layout.ts';

const MARK = { length: 8, half: 4 };

/** A number with at most one decimal. */
const n = (value: number) => String(Math.round(value * 10) / 10);

/** Text escaped for XML. */
function xml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
}

/** The tooltip of a state. */
function tooltip({ path, entry, exit, invokes }: ChartState): string {
  const lines = [
    entry.length > 0 && `entry: ${entry.join(', ')}`,
    exit.length > 0 && `exit: ${exit.join(', ')}`,
    invokes.length > 0 && `runs: ${invokes.join(', ')}`,
  ];
  return [path, ...lines.filter((line) => line !== false)].join('\n');
}

/** Text at a position. */
function text(className: string, x: number, y: number, content: string): string {
  return `<text class="${className}" x="${n(x)}" y="${n(y)}">${content}</text>`;
}

/** A row's parts; its target and each event have their own span. */
function spans({ parts }: Row): string {
  return parts
    .map(({ text: part, event, isTarget }) => {
      if (isTarget) return `<tspan class="target">${xml(part)}</tspan>`;
      if (event === undefined) return xml(part);
      return `<tspan class="event" data-event="${xml(event)}">${xml(part)}</tspan>`;
    })
    .join('');
}

/** The rows inside a box: invoked actors, then the written edges. */
function rows(box: PlacedBox): string[] {
  let y = box.y + 6 + TITLE.line + 4;
  const next = () => {
    y += ROW.line;
    return y - 3.5;
  };
  const runs = box.runs.map((run) => text('runs', box.x + PAD, next(), xml(run)));
  const edges = box.edges.map(({ edge, tooltip: title, rows: own }) => {
    const top = y;
    const lines = own.map((row) => text('row', box.x + PAD + row.indent * 6, next(), spans(row)));
    const plate = rect('plate', { x: box.x + 4, y: top, width: box.width - 8, height: y - top }, 3);
    return `<g class="edge written" data-edge="${xml(edge)}"><title>${xml(title)}</title>${plate}${lines.join('')}</g>`;
  });
  return [...runs, ...edges];
}

/** A rectangle with round corners. */
function rect(className: string, { x, y, width, height }: Frame, radius: number): string {
  return `<rect class="${className}" x="${n(x)}" y="${n(y)}" width="${n(width)}" height="${n(height)}" rx="${radius}"/>`;
}

/** The group of a state. */
function stateGroup(box: PlacedBox): string {
  const { kind, path } = box.state;
  const hasRows = box.runs.length + box.edges.length > 0;
  const rule = box.y + 6 + TITLE.line;
  return [
    `<g class="state ${kind}${box.isRegion ? ' region' : ''}" data-state="${xml(path)}"><title>${xml(tooltip(box.state))}</title>`,
    rect('box', box, 7),
    kind === 'final'
      ? rect('inner', { x: box.x + 3, y: box.y + 3, width: box.width - 6, height: box.height - 6 }, 5)
      : '',
    text('name', box.x + PAD, box.y + 5 + 15, xml(box.title)),
    hasRows ? `<path class="rule" d="M${n(box.x)} ${n(rule)}h${n(box.width)}"/>` : '',
    ...rows(box),
    '</g>',
  ].join('');
}

/** The group of the root's transitions, which is not a state. */
function anywhereGroup(box: PlacedBox): string {
  const name = text('name', box.x + PAD, box.y + 5 + 15, xml(box.title));
  return `<g class="anywhere">${rect('box', box, 7)}${name}${rows(box).join('')}</g>`;
}

/** Lines below the chart. */
function noteGroup(notes: string[], top: number): string {
  const lines = notes.map((note, index) => text('note', 16, top + (index + 1) * LABEL.line, xml(note)));
  return `<g class="notes">${lines.join('')}</g>`;
}

/** A path with round corners. */
function pathOf(points: ElkPoint[]): string {
  const [first, ...rest] = points;
  const corner = (at: ElkPoint, to: ElkPoint, by: number) => {
    const length = Math.hypot(to.x - at.x, to.y - at.y) || 1;
    const share = Math.min(by, length / 2) / length;
    return { x: at.x + (to.x - at.x) * share, y: at.y + (to.y - at.y) * share };
  };
  const parts = rest.map((at, index) => {
    const after = rest[index + 1];
    const before = index === 0 ? first! : rest[index - 1]!;
    if (!after) return `L${n(at.x)} ${n(at.y)}`;
    const from = corner(at, before, 6);
    const to = corner(at, after, 6);
    return `L${n(from.x)} ${n(from.y)}Q${n(at.x)} ${n(at.y)} ${n(to.x)} ${n(to.y)}`;
  });
  return `M${n(first!.x)} ${n(first!.y)}${parts.join('')}`;
}

/** The head of an arrow, a separate shape, so that a class can colour it. */
function arrow(points: ElkPoint[]): string {
  const [before, tip] = points.slice(-2) as [ElkPoint, ElkPoint];
  const length = Math.hypot(tip.x - before.x, tip.y - before.y) || 1;
  const [dx, dy] = [(tip.x - before.x) / length, (tip.y - before.y) / length];
  const base = { x: tip.x - dx * MARK.length, y: tip.y - dy * MARK.length };
  const side = (sign: number) => `${n(base.x - sign * dy * MARK.half)} ${n(base.y + sign * dx * MARK.half)}`;
  return `<path class="arrow" d="M${n(tip.x)} ${n(tip.y)}L${side(1)}L${side(-1)}Z"/>`;
}

/** The group of a line: the line, its head and its label. */
function lineGroup({ edge, points, label }: PlacedLine): string {
  const d = pathOf(points);
  const labels = edge.transitions.map((made, index) =>
    text(
      'label',
      label.x + label.width / 2,
      label.y + (index + 1) * LABEL.line - 3.5,
      `<tspan class="event" data-event="${xml(made.event)}">${xml(labelOf(made))}</tspan>`,
    ),
  );
  return [
    `<g class="edge drawn" data-edge="${xml(edge.edge)}"><title>${xml(edgeTooltip(edge))}</title>`,
    `<path class="line" d="${d}"/>${arrow(points)}`,
    rect('plate', label, 3),
    ...labels,
    '</g>',
  ].join('');
}

/** The dot and arrow of an initial state. */
function beginning({ dot, points }: Layout['beginnings'][number]): string {
  const r = dot.width / 2;
  return `<g class="begin"><circle cx="${n(dot.x + r)}" cy="${n(dot.y + r)}" r="${n(r)}"/><path class="line" d="${pathOf(points)}"/>${arrow(points)}</g>`;
}

/**
 * The chart as SVG with classes and data attributes only; the colours are in `web/inspector/chart.css`. Outer states
 * are drawn below the lines, states without children above them, notes at the bottom.
 */
export function svgOf(graph: ChartGraph, layout: Layout, notes: string[] = []): string {
  const height = layout.height + (notes.length > 0 ? notes.length * LABEL.line + 12 : 0);
  const isOuter = (box: PlacedBox) => box.state.kind === 'compound' || box.state.kind === 'parallel';
  const size = `width="${n(layout.width)}" height="${n(height)}" viewBox="0 0 ${n(layout.width)} ${n(height)}"`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" class="chart" ${size} role="img" aria-label="State chart of the ${graph.machine}" data-machine="${graph.machine}" data-hash="${graph.hash}">`,
    ...layout.boxes.filter(isOuter).map(stateGroup),
    ...layout.beginnings.map(beginning),
    ...layout.lines.map(lineGroup),
    ...layout.boxes.filter((box) => !isOuter(box)).map(stateGroup),
    ...(layout.anywhere ? [anywhereGroup(layout.anywhere)] : []),
    ...(notes.length > 0 ? [noteGroup(notes, layout.height)] : []),
    '</svg>',
    '',
  ].join('\n');
}
