import type { AnyTransitionDefinition } from 'xstate';

// The machine's own names in the words of the chart.

/** A state's path without the machine's name: `connected.healthy`; empty for the machine itself. */
export function pathOf(id: string): string {
  return id.split('.').slice(1).join('.');
}

/** The paths that a transition leads to; one without target stays where it is. */
export function targetsOf(transition: AnyTransitionDefinition): string[] {
  return transition.target?.map((node) => pathOf(node.id)) ?? [pathOf(transition.source.id)];
}

const edges = new WeakMap<AnyTransitionDefinition, string>();

/** A transition as an edge of the chart: `source → target`, by state path. Asked for at every event, so kept. */
export function edgeOf(transition: AnyTransitionDefinition): string {
  const known = edges.get(transition);
  if (known !== undefined) return known;
  const edge = `${pathOf(transition.source.id)} → ${targetsOf(transition).join(', ')}`;
  edges.set(transition, edge);
  return edge;
}

/** An event in human words: `after startLimit`, `slot done`; `always` for a transition without one. */
export function eventLabel({ eventType, source }: AnyTransitionDefinition): string {
  if (eventType === '') return 'always';
  if (eventType === '*') return 'any other event';
  const [, kind, rest = ''] =
    /^xstate\.(after|done\.actor|error\.actor|done\.state)\.(.*)$/.exec(eventType) ?? [];
  if (kind === 'after') return `after ${rest.slice(0, -source.id.length - 1)}`;
  if (kind === 'done.state') return 'done';
  if (!kind) return eventType;
  const invoke = source.invoke.find(({ id }) => id === rest);
  return `${invoke ? invokeLabel(invoke) : rest} ${kind === 'done.actor' ? 'done' : 'failed'}`;
}

/** What is invoked, by its source; by its id where the source has no name. */
export function invokeLabel({ src, id }: { src: unknown; id: string }): string {
  return typeof src === 'string' ? src : id;
}

/** Event and guard as the chart writes them: `client.qr [hasRefreshesLeft]`. */
export function transitionLabel(transition: AnyTransitionDefinition): string {
  const guard = guardLabel(transition.guard);
  return guard === null ? eventLabel(transition) : `${eventLabel(transition)} [${guard}]`;
}

/** The name of a guard, `condition` for one without, null when there is none. */
export function guardLabel(guard: unknown): string | null {
  if (guard === undefined) return null;
  if (typeof guard === 'string') return guard;
  const { type } = guard as { type?: unknown };
  return typeof type === 'string' ? type : 'condition';
}

/** The name of an action with its parameter, `start client` for a child; null for XState's own timers. */
export function actionLabel(action: unknown): string | null {
  if (typeof action === 'string') return action;
  const { type, params, src, actorRef } = action as Record<string, unknown>;
  if (type === 'xstate.spawnChild') return `start ${String(src)}`;
  if (type === 'xstate.stopChild') return `stop ${String(actorRef)}`;
  if (type === 'xstate.raise' || type === 'xstate.cancel') return null;
  const name = typeof type === 'string' ? type.replace(/^xstate\./, '') : 'action';
  return typeof params === 'string' ? `${name}(${params})` : name;
}

/** Leaf paths of a state value: `{connected: 'healthy'}` → `['connected.healthy']`. */
export function pathsOf(value: unknown, prefix = ''): string[] {
  if (typeof value === 'string') return [`${prefix}${value}`];
  return Object.entries(value as Record<string, unknown>).flatMap(([key, inner]) =>
    pathsOf(inner, `${prefix}${key}.`),
  );
}
