import type { AnyMachineSnapshot, AnyTransitionDefinition, InspectionEvent } from 'xstate';
import type { TransitionRecord } from './protocol.ts';
import { pathsOf } from './state-paths.ts';

export interface Observer {
  now(): number;
  /** `reason` is the agent's, as the transition left it. */
  onTransition(record: TransitionRecord, reason: string | null): void;
  /** An actor of the system died: the only sign of it that reaches the outside (XSTATE.md). */
  onError(error: unknown): void;
}

/** One end of an edge, without the machine's own name: `connected.link.healthy`. */
function nodePath(id: string): string {
  return id.split('.').slice(1).join('.');
}

/** `source → target` of a transition; one without target stays where it is. */
function edgeOf(transition: AnyTransitionDefinition): string {
  const source = nodePath(transition.source.id);
  const targets = transition.target?.map((node) => nodePath(node.id)).join(', ');
  return `${source} → ${targets ?? source}`;
}

/** A failed child's event, which carries the error. */
function isActorError(event: { type: string }): event is { type: string; error: unknown } {
  return event.type.startsWith('xstate.error.actor.') && 'error' in event;
}

/**
 * The inspection hook of one supervisor's actor system: turns microsteps into transition records. An inspector
 * that throws wedges its actor for ever, so nothing gets out of here.
 */
export function observe(observer: Observer): (event: InspectionEvent) => void {
  const last = {
    supervisor: { to: [] as string[], at: observer.now() },
    agent: { to: [] as string[], at: observer.now() },
  };
  let seq = 0;

  /** A microstep as a record; `_transitions` is empty when the event was ignored. */
  function record(event: Extract<InspectionEvent, { type: '@xstate.microstep' }>): TransitionRecord | null {
    const machine = event.actorRef === undefined ? null : machineOf(event.snapshot as AnyMachineSnapshot);
    if (!machine) return null;
    const before = last[machine];
    const at = observer.now();
    const to = pathsOf((event.snapshot as AnyMachineSnapshot).value);
    const edges = event._transitions.map(edgeOf);
    const traceId = 'traceId' in event.event ? String(event.event.traceId) : undefined;
    seq += 1;
    const dwellMs = at - before.at;
    if (edges.length > 0 || event.event.type === 'xstate.init') last[machine] = { to, at };
    return {
      seq,
      at,
      machine,
      event: event.event.type,
      edges,
      ignored: edges.length === 0 && event.event.type !== 'xstate.init',
      from: before.to,
      to,
      dwellMs,
      traceId,
    };
  }

  return (event) => {
    try {
      if (event.type === '@xstate.microstep') {
        const made = record(event);
        if (made) observer.onTransition(made, reasonOf(event.snapshot as AnyMachineSnapshot));
      } else if (event.type === '@xstate.event' && isActorError(event.event)) {
        observer.onError(event.event.error);
      }
    } catch (error) {
      console.error(error);
    }
  };
}

/** Which of our two machines a snapshot is of; promises and callbacks have no machine. */
function machineOf(snapshot: AnyMachineSnapshot): 'supervisor' | 'agent' | null {
  const id = snapshot.machine?.id;
  return id === 'supervisor' || id === 'agent' ? id : null;
}

/** Why the agent is where it is; the supervisor has no reason of its own. */
function reasonOf(snapshot: AnyMachineSnapshot): string | null {
  const { reason } = snapshot.context as { reason?: string | null };
  return reason ?? null;
}
