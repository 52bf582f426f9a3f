import type { AnyMachineSnapshot, InspectionEvent } from 'xstate';
import type { TransitionRecord } from '../domain/agent-view.ts';
import type { MachineName } from '../domain/chart-graph.ts';
import { redact } from '../domain/redact.ts';
import { edgeOf, pathsOf } from './labels.ts';

/** What an observer of an actor system implements. It is called once the machine's snapshot has moved. */
export interface Observer {
  now(): number;
  /** The trace id of transitions whose event has none. */
  traceId?(): string | undefined;
  onTransition(record: TransitionRecord): void;
  /** An actor of the system crashed (nothing else reports that to the outside), or an observer threw. */
  onError(error: unknown): void;
}

/** A transition record before it has its number. */
type UnnumberedRecord = Omit<TransitionRecord, 'seq'>;

const lists = new Map<string, string[]>();

/** The one copy of a list of state paths or edges: there are few, and each record of each history has three. */
function shared(list: string[]): string[] {
  const key = list.join('|');
  const known = lists.get(key);
  if (known) return known;
  const kept = Object.freeze([...list]) as string[];
  lists.set(key, kept);
  return kept;
}

/** True for the event of a failed child, which carries the error. */
function isActorError(event: { type: string }): event is { type: string; error: unknown } {
  return event.type.startsWith('xstate.error.actor.') && 'error' in event;
}

/**
 * The inspection hook of one supervisor's actor system: turns microsteps into transition records. Microsteps come
 * before the machine's snapshot moves, so their records are held back until it has: the machine is then where the
 * record says. An inspector that throws blocks its actor permanently, so nothing is thrown from here.
 */
export function recordTransitions(observer: Observer): (event: InspectionEvent) => void {
  const last = {
    supervisor: { to: [] as string[], at: observer.now() },
    agent: { to: [] as string[], at: observer.now() },
  };
  /** Records of the macrostep under way. */
  const waiting: Record<MachineName, UnnumberedRecord[]> = { supervisor: [], agent: [] };
  let seq = 0;

  /** Reports the transitions that led to a machine's new snapshot. */
  function flush(machine: MachineName, snapshot: AnyMachineSnapshot, isInitial: boolean): void {
    // A machine that crashed never completed its step.
    if (isInitial) waiting[machine] = waiting[machine].filter(({ event }) => event === 'xstate.init');
    for (const record of waiting[machine].splice(0)) {
      seq += 1;
      observer.onTransition({ seq, ...record });
    }
    if (isInitial) last[machine] = { to: shared(pathsOf(snapshot.value)), at: observer.now() };
  }

  /** Records a microstep; `_transitions` is empty when the event was ignored. */
  function note(event: Extract<InspectionEvent, { type: '@xstate.microstep' }>): void {
    const machine = event.actorRef === undefined ? null : machineOf(event.snapshot as AnyMachineSnapshot);
    // That an actor stops is no event of its machine.
    if (!machine || event.event.type === 'xstate.stop') return;
    const before = last[machine];
    const at = observer.now();
    const to = shared(pathsOf((event.snapshot as AnyMachineSnapshot).value));
    const edges = shared(event._transitions.map(edgeOf));
    const traceId = 'traceId' in event.event ? String(event.event.traceId) : observer.traceId?.();
    const isEventless = edges.length > 0 && event._transitions.every(({ eventType }) => eventType === '');
    const dwellMs = at - before.at;
    if (edges.length > 0 || event.event.type === 'xstate.init') last[machine] = { to, at };
    waiting[machine].push({
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
    });
  }

  /** Reports an error of the observer, on the console when even that throws. */
  function reportError(error: unknown): void {
    try {
      observer.onError(error);
    } catch {
      console.error(error);
    }
  }

  return (event) => {
    try {
      if (event.type === '@xstate.microstep') {
        note(event);
      } else if (event.type === '@xstate.snapshot') {
        const snapshot = event.snapshot as AnyMachineSnapshot;
        const machine = machineOf(snapshot);
        if (machine) flush(machine, snapshot, event.event.type === 'xstate.init');
      } else if (event.type === '@xstate.event' && isActorError(event.event)) {
        observer.onError(event.event.error);
      }
    } catch (error) {
      reportError(error);
    }
  };
}

/** The fields of events that guards decide by; the history keeps no others. */
const KEPT = ['reason', 'state', 'fresh', 'output', 'percent', 'compatibility'] as const;

/** The fields of an event that the history may keep, redacted; undefined without any. */
function dataOf(event: object): TransitionRecord['data'] {
  const fields = event as Record<string, unknown>;
  let data: TransitionRecord['data'];
  for (const name of KEPT) {
    const value = fields[name];
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') continue;
    data ??= {};
    data[name] = typeof value === 'string' ? redact(value) : value;
  }
  return data;
}

/** The machine of a snapshot, or null: promises and callbacks have none. */
function machineOf(snapshot: AnyMachineSnapshot): MachineName | null {
  const id = snapshot.machine?.id;
  return id === 'supervisor' || id === 'agent' ? id : null;
}
