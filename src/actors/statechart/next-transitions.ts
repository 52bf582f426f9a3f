import { type AnyMachineSnapshot, getNextTransitions } from 'xstate';
import type { NextTransition } from '../domain/chart-graph.ts';
import { edgeOf, transitionLabel } from './labels.ts';

/** What may happen next in a machine: nothing once it has ended, or where there is none. */
export function nextTransitions(snapshot: AnyMachineSnapshot | undefined): NextTransition[] {
  if (snapshot?.status !== 'active') return [];
  return getNextTransitions(snapshot).map((transition) => ({
    event: transition.eventType,
    label: transitionLabel(transition),
    edge: edgeOf(transition),
  }));
}
