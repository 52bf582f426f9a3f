import { createHash } from 'node:crypto';
import type { AnyStateMachine, AnyStateNode, AnyTransitionDefinition } from 'xstate';
import type {
  ChartEdge,
  ChartGraph,
  ChartState,
  ChartTransition,
  MachineName,
} from '../domain/chart-graph.ts';
import { actionLabel, edgeOf, eventLabel, guardLabel, invokeLabel, pathOf, targetsOf } from './labels.ts';

/** Every state below a node, in the machine's order. */
function statesBelow(node: AnyStateNode): AnyStateNode[] {
  return Object.values(node.states).flatMap((child) => [child, ...statesBelow(child)]);
}

/** What XState does with a list of actions, in words. */
function actionLabels(actions: readonly unknown[]): string[] {
  return actions.map(actionLabel).filter((label) => label !== null);
}

/** Where a state is entered first; nothing to choose in one without children or with regions. */
function initialOf(node: AnyStateNode): string | null {
  const first = node.type === 'compound' ? node.initial.target?.[0] : undefined;
  return first ? pathOf(first.id) : null;
}

/** A state as the chart draws it. */
function chartState(node: AnyStateNode): ChartState {
  return {
    path: pathOf(node.id),
    parent: node.parent ? pathOf(node.parent.id) : '',
    kind: node.type,
    initial: initialOf(node),
    entry: actionLabels(node.entry),
    exit: actionLabels(node.exit),
    invokes: node.invoke.map(invokeLabel),
  };
}

/** A transition as the chart writes it. */
function chartTransition(transition: AnyTransitionDefinition): ChartTransition {
  return {
    event: transition.eventType,
    label: eventLabel(transition),
    guard: guardLabel(transition.guard),
    actions: actionLabels(transition.actions),
    reenters: transition.reenter,
  };
}

/** Everything that may lead out of a state by itself, timed and eventless transitions included. */
function transitionsOf(node: AnyStateNode): AnyTransitionDefinition[] {
  return [...node.transitions.values(), node.always ?? []].flat();
}

/** The edges of the machine, the transitions of each (source, target) pair together. */
function chartEdges(nodes: AnyStateNode[]): ChartEdge[] {
  const edges = new Map<string, ChartEdge>();
  for (const transition of nodes.flatMap(transitionsOf)) {
    const edge = edgeOf(transition);
    const known = edges.get(edge);
    const made = chartTransition(transition);
    if (known) known.transitions.push(made);
    else {
      const source = pathOf(transition.source.id);
      edges.set(edge, { edge, source, targets: targetsOf(transition), transitions: [made] });
    }
  }
  return [...edges.values()];
}

/**
 * The chart of a machine, derived from the machine itself: every state, every transition. Pure; the same machine
 * has the same hash in every process.
 *
 * @param machine one whose id is `agent` or `supervisor`
 */
export function chartGraph(machine: AnyStateMachine): ChartGraph {
  const { root } = machine;
  const nodes = statesBelow(root);
  const graph = {
    machine: machine.id as MachineName,
    initial: initialOf(root) ?? '',
    states: nodes.map(chartState),
    edges: chartEdges([root, ...nodes]),
  };
  const hash = createHash('sha256').update(JSON.stringify(graph)).digest('hex').slice(0, 16);
  return { ...graph, hash };
}
