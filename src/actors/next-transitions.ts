import { type AnyMachineSnapshot, getNextTransitions } from 'xstate';
import { edgeOf, transitionLabel } from './chart-words.ts';
import type { NextTransition } from './protocol-chart.ts';

/** What may happen next in a machine: nothing once it has ended, or where there is none. */
export function nextTransitions(snapshot: AnyMachineSnapshot | undefined): NextTransition[] {
  if (snapshot?.status !== 'active') return [];
  return getNextTransitions(snapshot).map((transition) => ({
    event: transition.eventType,
    label: transitionLabel(transition),
    edge: edgeOf(transition),
  }));
}
