import type { AnyMachineSnapshot, InspectionEvent } from 'xstate';
import { edgeOf } from './chart-words.ts';
import { masked } from './masked.ts';
import type { TransitionRecord } from './protocol.ts';
import { pathsOf } from './state-paths.ts';

/** Who is told what an actor system does. */
export interface Observer {
  now(): number;
  /** `reason` is the agent's, as the transition left it. */
  onTransition(record: TransitionRecord, reason: string | null): void;
  /** An actor of the system died (the only sign of it that reaches the outside, XSTATE.md), or an observer failed. */
  onError(error: unknown): void;
}

const lists = new Map<string, string[]>();

/** The one copy of a list of the chart's words: there are few of them, and two in each record of each history. */
function shared(list: string[]): string[] {
  const key = list.join('|');
  const known = lists.get(key);
  if (known) return known;
  const kept = Object.freeze([...list]) as string[];
  lists.set(key, kept);
  return kept;
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

  /** A machine is new, or was made anew: it is where it begins. */
  function begin(snapshot: AnyMachineSnapshot): void {
    const machine = machineOf(snapshot);
    if (machine) last[machine] = { to: shared(pathsOf(snapshot.value)), at: observer.now() };
  }

  /** A microstep as a record; `_transitions` is empty when the event was ignored. */
  function record(event: Extract<InspectionEvent, { type: '@xstate.microstep' }>): TransitionRecord | null {
    const machine = event.actorRef === undefined ? null : machineOf(event.snapshot as AnyMachineSnapshot);
    // The end of an actor is no event of its machine.
    if (!machine || event.event.type === 'xstate.stop') return null;
    const before = last[machine];
    const at = observer.now();
    const to = shared(pathsOf((event.snapshot as AnyMachineSnapshot).value));
    const edges = shared(event._transitions.map(edgeOf));
    const traceId = 'traceId' in event.event ? String(event.event.traceId) : undefined;
    const isEventless = edges.length > 0 && event._transitions.every(({ eventType }) => eventType === '');
    seq += 1;
    const dwellMs = at - before.at;
    if (edges.length > 0 || event.event.type === 'xstate.init') last[machine] = { to, at };
    return {
      seq,
      at,
      machine,
      event: event.event.type,
      data: dataOf(event.event),
      ...(isEventless && { eventless: true }),
      edges,
      ignored: edges.length === 0 && event.event.type !== 'xstate.init',
      from: before.to,
      to,
      dwellMs,
      traceId,
    };
  }

  /** Tells of an error of whoever observes; when that fails, too, nobody is left to be told. */
  function tellError(error: unknown): void {
    try {
      observer.onError(error);
    } catch {
      console.error(error);
    }
  }

  return (event) => {
    try {
      if (event.type === '@xstate.microstep') {
        const made = record(event);
        if (made) observer.onTransition(made, reasonOf(event.snapshot as AnyMachineSnapshot));
      } else if (event.type === '@xstate.snapshot' && event.event.type === 'xstate.init') {
        begin(event.snapshot as AnyMachineSnapshot);
      } else if (event.type === '@xstate.event' && isActorError(event.event)) {
        observer.onError(event.event.error);
      }
    } catch (error) {
      tellError(error);
    }
  };
}

/** The parts of an event that guards decide by; whatever else it carries stays out of the history. */
const TOLD = ['reason', 'state', 'fresh', 'output', 'percent'] as const;

/** What of an event may be kept and shown, or undefined when there is nothing. */
function dataOf(event: object): TransitionRecord['data'] {
  const fields = event as Record<string, unknown>;
  let data: TransitionRecord['data'];
  for (const name of TOLD) {
    const value = fields[name];
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') continue;
    data ??= {};
    data[name] = typeof value === 'string' ? masked(value) : value;
  }
  return data;
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
