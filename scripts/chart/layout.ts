import elkModule from 'elkjs/lib/elk.bundled.js';
import type { ELK as Elk, ElkExtendedEdge, ElkLabel, ElkNode, ElkPoint } from 'elkjs/lib/elk-api.js';
import type { ChartEdge, ChartGraph } from '../../src/actors/domain/chart-graph.ts';
import { anywhereBox, type Box, boxOf, LABEL, labelOf, PAD, textWidth, writtenEdges } from './boxes.ts';

const ROOT = 'chart';
const ANYWHERE = 'anywhere/';
const DOT = 9;

/** Found by experiment to be readable for nested and parallel charts. */
const OPTIONS = {
  'elk.algorithm': 'layered',
  'elk.direction': 'DOWN',
  'elk.hierarchyHandling': 'INCLUDE_CHILDREN',
  'elk.json.shapeCoords': 'ROOT',
  'elk.json.edgeCoords': 'ROOT',
  'elk.edgeRouting': 'ORTHOGONAL',
  'elk.layered.considerModelOrder.strategy': 'NODES_AND_EDGES',
  'elk.layered.cycleBreaking.strategy': 'GREEDY',
  'elk.layered.nodePlacement.strategy': 'NETWORK_SIMPLEX',
  'elk.layered.spacing.nodeNodeBetweenLayers': '22',
  'elk.layered.spacing.edgeNodeBetweenLayers': '12',
  'elk.layered.spacing.edgeEdgeBetweenLayers': '10',
  'elk.spacing.nodeNode': '22',
  'elk.spacing.edgeNode': '14',
  'elk.spacing.edgeEdge': '10',
  'elk.spacing.edgeLabel': '4',
  'elk.padding': '[top=16,left=16,bottom=16,right=16]',
};

export interface Frame {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** A state with its position. */
export interface PlacedBox extends Box, Frame {}

/** A line with its points and its label's frame. */
export interface PlacedLine {
  edge: ChartEdge;
  points: ElkPoint[];
  label: Frame;
}

/** A chart after layout. */
export interface Layout {
  width: number;
  height: number;
  /** Outer states before inner ones. */
  boxes: PlacedBox[];
  lines: PlacedLine[];
  /** The root's transitions. */
  anywhere: PlacedBox | null;
  /** The dots of initial states, with the path from there. */
  beginnings: { dot: Frame; points: ElkPoint[] }[];
}

/** The box as an ELK node; one with children is at least as large as its own text. */
function shape(box: Box, children: ElkNode[]): ElkNode {
  const { path, kind } = box.state;
  if (children.length === 0) return { id: path, width: box.width, height: box.head };
  const inner = kind === 'parallel' ? 14 : 10;
  return {
    id: path,
    children,
    layoutOptions: {
      'elk.padding': `[top=${box.head + inner},left=${PAD + 4},bottom=${PAD + 4},right=${PAD + 4}]`,
      'elk.nodeSize.constraints': 'MINIMUM_SIZE',
      'elk.nodeSize.minimum': `(${box.width},${box.head + 20})`,
    },
  };
}

/** The dot that leads to the initial state of a compound state. */
const dotOf = (path: string): ElkNode => ({ id: `${path}/begin`, width: DOT, height: DOT });

/** The nested boxes below a path, the initial state first. */
function nest(parent: string, initial: string | null, boxes: Box[]): ElkNode[] {
  const own = boxes
    .filter(({ state }) => state.parent === parent)
    .sort((a, b) => Number(b.state.path === initial) - Number(a.state.path === initial));
  const nodes = own.map((box) => shape(box, nest(box.state.path, box.state.initial, boxes)));
  return initial ? [dotOf(parent), ...nodes] : nodes;
}

/** A line's label: one row per transition. */
function labelFrame({ transitions }: ChartEdge): ElkLabel {
  const widths = transitions.map((made) => textWidth(labelOf(made), LABEL.size));
  return {
    text: ' ',
    width: Math.max(...widths) + 6,
    height: transitions.length * LABEL.line,
    layoutOptions: { 'elk.edgeLabels.inline': 'true' },
  };
}

/** The points of a routed edge. */
function pointsOf({ sections = [] }: ElkExtendedEdge): ElkPoint[] {
  return sections.flatMap(({ startPoint, bendPoints = [], endPoint }) => [
    startPoint,
    ...bendPoints,
    endPoint,
  ]);
}

/** All nodes of a laid-out graph by id. */
function frames(node: ElkNode): Map<string, Frame> {
  const { x = 0, y = 0, width = 0, height = 0 } = node;
  const found = new Map([[node.id, { x, y, width, height }]]);
  for (const child of node.children ?? []) for (const [id, frame] of frames(child)) found.set(id, frame);
  return found;
}

/** Lays out a chart; deterministic. */
export async function layOut(graph: ChartGraph): Promise<Layout> {
  const written = writtenEdges(graph);
  const boxes = graph.states.map((state) => boxOf(state, graph, written));
  const anywhere = anywhereBox(graph, written);
  const drawn = graph.edges.filter(({ edge }) => !written.has(edge));
  const compounds = [{ path: '', initial: graph.initial }, ...graph.states].filter(({ initial }) => initial);
  const edges: ElkExtendedEdge[] = [
    ...compounds.map(({ path, initial }) => ({
      id: `${path}/begin`,
      sources: [`${path}/begin`],
      targets: [initial!],
    })),
    ...drawn.map((edge) => ({
      id: edge.edge,
      sources: [edge.source],
      targets: edge.targets,
      labels: [labelFrame(edge)],
    })),
  ];
  const elk: Elk = new elkModule.default();
  const placed: ElkNode = await elk.layout<ElkNode>({
    id: ROOT,
    layoutOptions: OPTIONS,
    children: [
      ...(anywhere ? [{ id: ANYWHERE, width: anywhere.width, height: anywhere.head }] : []),
      ...nest('', graph.initial, boxes),
    ],
    edges,
  });
  const frameOf = frames(placed);
  const edgeById = new Map(placed.edges?.map((edge) => [edge.id, edge]));
  return {
    width: placed.width ?? 0,
    height: placed.height ?? 0,
    anywhere: anywhere && { ...anywhere, ...frameOf.get(ANYWHERE)! },
    boxes: boxes.map((box) => ({ ...box, ...frameOf.get(box.state.path)! })),
    lines: drawn.map((edge) => {
      const laid = edgeById.get(edge.edge)!;
      return { edge, points: pointsOf(laid), label: laid.labels![0] as Frame };
    }),
    beginnings: compounds.map(({ path }) => ({
      dot: frameOf.get(`${path}/begin`)!,
      points: pointsOf(edgeById.get(`${path}/begin`)!),
    })),
  };
}
