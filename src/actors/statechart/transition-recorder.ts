import type { AnyMachineSnapshot, InspectionEvent } from 'xstate';
import type { TransitionRecord } from '../domain/agent-view.ts';
import type { MachineName } from '../domain/chart-graph.ts';
import { redact } from '../domain/redact.ts';
import { edgeOf, pathsOf } from './labels.ts';

/** What an observer of an actor system implements. All of it is called once the machine's snapshot has moved. */
export interface Observer {
  now(): number;
  /** The request that a transition belongs to whose event doesn't say so itself. */
  traceId?(): string | undefined;
  onTransition(record: TransitionRecord): void;
  /** The agent's machine is in this top-level state now, after one of its transitions; `reason` is its context's. */
  onState(state: string, reason: string | null): void;
  /** An actor of the system crashed (nothing else reports that to the outside), or an observer threw. */
  onError(error: unknown): void;
}

/** A transition record before it has its number. */
type UnnumberedRecord = Omit<TransitionRecord, 'seq'>;

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
 * The inspection hook of one supervisor's actor system: turns microsteps into transition records. Microsteps come
 * before the machine's snapshot moves, so they wait for it: who reads the machine at a record finds where it led.
 * An inspector that throws wedges its actor permanently, so nothing escapes from here.
 */
export function recordTransitions(observer: Observer): (event: InspectionEvent) => void {
  const last = {
    supervisor: { to: [] as string[], at: observer.now() },
    agent: { to: [] as string[], at: observer.now() },
  };
  /** Records of the macrostep under way. */
  const waiting: Record<MachineName, UnnumberedRecord[]> = { supervisor: [], agent: [] };
  let seq = 0;

  /** A machine's snapshot has moved: hands out what led there, and for the agent where that is. */
  function settle(machine: MachineName, snapshot: AnyMachineSnapshot, isInitial: boolean): void {
    // What a machine that crashed was about to do never happened.
    if (isInitial) waiting[machine] = waiting[machine].filter(({ event }) => event === 'xstate.init');
    const records = waiting[machine].splice(0);
    for (const record of records) {
      seq += 1;
      observer.onTransition({ seq, ...record });
    }
    const [state] = pathsOf(snapshot.value);
    if (isInitial) last[machine] = { to: shared(pathsOf(snapshot.value)), at: observer.now() };
    // The beginning is no change: what the row says holds until the machine moves.
    else if (machine === 'agent' && records.length > 0 && state !== undefined)
      observer.onState(state.split('.')[0]!, reasonOf(snapshot));
  }

  /** Notes a microstep; `_transitions` is empty when the event was ignored. */
  function note(event: Extract<InspectionEvent, { type: '@xstate.microstep' }>): void {
    const machine = event.actorRef === undefined ? null : machineOf(event.snapshot as AnyMachineSnapshot);
    // The end of an actor is no event of its machine.
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

  /** Reports an error of an observer; when that fails too, only the console is left. */
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
        if (machine) settle(machine, snapshot, event.event.type === 'xstate.init');
      } else if (event.type === '@xstate.event' && isActorError(event.event)) {
        observer.onError(event.event.error);
      }
    } catch (error) {
      reportError(error);
    }
  };
}

/** The parts of an event that guards decide by; whatever else it carries stays out of the history. */
const TOLD = ['reason', 'state', 'fresh', 'output', 'percent', 'compatibility'] as const;

/** What of an event may be kept and shown, or undefined when there is nothing. */
function dataOf(event: object): TransitionRecord['data'] {
  const fields = event as Record<string, unknown>;
  let data: TransitionRecord['data'];
  for (const name of TOLD) {
    const value = fields[name];
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') continue;
    data ??= {};
    data[name] = typeof value === 'string' ? redact(value) : value;
  }
  return data;
}

/** Which of our two machines a snapshot is of; promises and callbacks have no machine. */
function machineOf(snapshot: AnyMachineSnapshot): MachineName | null {
  const id = snapshot.machine?.id;
  return id === 'supervisor' || id === 'agent' ? id : null;
}

/** Why the agent is where it is; the supervisor has no reason of its own. */
function reasonOf(snapshot: AnyMachineSnapshot): string | null {
  const { reason } = snapshot.context as { reason?: string | null };
  return reason ?? null;
}
