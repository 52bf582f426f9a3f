import {
  type AnyActorLogic,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type AnyStateNode,
  initialTransition,
  transition,
} from 'xstate';
import type { TransitionRecord } from '../../src/actors/domain/agent-view.ts';
import type { MachineName } from '../../src/actors/domain/chart-graph.ts';
import { restartRule } from '../../src/actors/domain/restart-policy.ts';
import { type ActorLimits, DEFAULT_LIMITS } from '../../src/actors/domain/settings.ts';
import { sessionMachine } from '../../src/actors/session/session.machine.ts';
import { type SupervisorInput, supervisorMachine } from '../../src/actors/session/supervisor.machine.ts';
import { pathsOf } from '../../src/actors/statechart/labels.ts';
import { silentEffects } from './silent-effects.ts';

/** A history as the inspector copies it, or as `GET /inspector/api/agents/{agentId}` gives it in `history`. */
export interface Recording {
  agentId: string;
  records: TransitionRecord[];
}

/** What the service was configured with, where it was not the default. */
export interface ReplayOptions {
  limits?: Partial<ActorLimits>;
  qrMaxRefreshes?: number;
}

/** Where the machines are after the replay. */
export interface Replayed {
  agent: string[];
  supervisor: string[];
  /** The first record after which the machine was somewhere else than recorded; null when there is none. */
  divergence: { record: TransitionRecord; expected: string[]; found: string[] } | null;
}

/** The effects of a replayed agent: remember what the machines did, and do nothing. */
class ReplayInput {
  isLinked = false;
  isReplaceable = false;
  at = 0;
  readonly input: SupervisorInput;

  constructor({ limits, qrMaxRefreshes = 15 }: ReplayOptions) {
    const effects = Object.defineProperties(
      silentEffects({
        limits: { ...DEFAULT_LIMITS, ...limits },
        qrMaxRefreshes,
        linked: () => {
          this.isLinked = true;
        },
        showQr: (code) => {
          this.isReplaceable = code !== null;
        },
        showPasskey: () => {
          this.isReplaceable = true;
        },
        hidePasskey: () => {
          this.isReplaceable = false;
        },
        releaseCrashed: () => {
          this.isReplaceable = false;
        },
      }),
      {
        isLinked: { get: () => this.isLinked },
        isReplaceable: { get: () => this.isReplaceable },
      },
    );
    this.input = { effects, clock: { now: () => this.at, monotonic: () => this.at }, random: () => 0.5 };
  }
}

/** The session machine without a supervisor: its reports are in the supervisor's records. */
const session = sessionMachine.provide({
  actions: { reportConnected: () => {}, reportLost: () => {}, reportDown: () => {} },
});

/** An action as XState hands it over when it does not run it. */
interface DoneAction {
  type: string;
  info: unknown;
  params: unknown;
  exec?: (info: unknown, params: unknown) => void;
}

interface Nested {
  [key: string]: string | Nested;
}

/** A state value from its live leaves: the inverse of `pathsOf`. */
function stateValue(paths: string[]): string | Nested {
  const [first = ''] = paths;
  if (paths.length === 1 && !first.includes('.')) return first;
  const keys = [...new Set(paths.map((path) => path.split('.')[0]!))];
  const below = (key: string) =>
    paths.filter((path) => path.startsWith(`${key}.`)).map((path) => path.slice(key.length + 1));
  return Object.fromEntries(keys.map((key) => [key, stateValue(below(key))]));
}

/** True when the machine has a state of this path. */
function hasState(machine: AnyStateMachine, path: string): boolean {
  let node: AnyStateNode | undefined = machine.root;
  for (const key of path.split('.')) node = node?.states[key];
  return node !== undefined;
}

/** One machine of a replay, moved by its records alone: nothing runs, no timer is set. */
class ReplayedMachine {
  readonly #machine: AnyStateMachine;
  readonly #replayed: ReplayInput;
  #snapshot: AnyMachineSnapshot | null = null;

  constructor(machine: AnyStateMachine, replayed: ReplayInput) {
    this.#machine = machine;
    this.#replayed = replayed;
  }

  get paths(): string[] {
    return this.#snapshot ? pathsOf(this.#snapshot.value) : [];
  }

  /** Applies a record. */
  take(record: TransitionRecord): void {
    if (record.event === 'xstate.init') {
      this.#begin();
      return;
    }
    if (!this.#snapshot) this.#beginAt(record.from);
    const before = this.#snapshot as AnyMachineSnapshot;
    this.#beforeThat(record, before);
    const [after, actions] = transition(this.#machine as AnyActorLogic, before, {
      type: record.event,
      ...(record.event === 'client.qr' && { code: 'replayed' }),
      ...record.data,
    });
    this.#snapshot = after as AnyMachineSnapshot;
    this.#run(actions);
  }

  /** Starts a new machine. */
  #begin(): void {
    const [snapshot, actions] = initialTransition(this.#machine as AnyActorLogic, this.#replayed.input);
    this.#snapshot = snapshot as AnyMachineSnapshot;
    this.#run(actions);
  }

  /** Starts in the middle of a history: earlier counts are unknown. */
  #beginAt(paths: string[]): void {
    this.#begin();
    const { context, children } = this.#snapshot as AnyMachineSnapshot;
    // A history of a former chart may have states that the machine lacks.
    const known = paths.filter((path) => hasState(this.#machine, path));
    if (known.length === 0) return;
    const resolved = this.#machine.resolveState({ value: stateValue(known), context });
    resolved.children = children;
    this.#snapshot = resolved;
    if (paths.some((path) => /^(connected|alive\.running\.(settling|steady))/.test(path))) {
      this.#replayed.isLinked = true;
    }
  }

  /** What the actors of the machine had done by the time of the record. */
  #beforeThat({ event }: TransitionRecord, { context }: AnyMachineSnapshot): void {
    // Only what was linked is restored.
    if (event === 'session.restore') this.#replayed.isLinked = true;
    if (/^xstate\.done\.actor\..*\.closing$/.test(event)) {
      const { reason } = context as { reason: string | null };
      if (restartRule(reason ?? '').forgetCredentials) this.#replayed.isLinked = false;
    }
  }

  /** Runs the machine's own actions with the input; those of XState would start actors and timers. */
  #run(actions: unknown[]): void {
    for (const { type, exec, info, params } of actions as DoneAction[]) {
      if (!type.startsWith('xstate.')) exec?.(info, params);
    }
  }
}

/**
 * Plays a recorded history through the machines as they are now: a bug report becomes a test. Takes a history that
 * begins in the middle, too; counters that were not at zero then (QRs shown, probes missed) may make it diverge.
 *
 * @example expect(replay(JSON.parse(report)).divergence).to.equal(null);
 */
export function replay({ records }: Recording, options: ReplayOptions = {}): Replayed {
  const replayed = new ReplayInput(options);
  const machines: Record<MachineName, ReplayedMachine> = {
    agent: new ReplayedMachine(session, replayed),
    supervisor: new ReplayedMachine(supervisorMachine, replayed),
  };
  let divergence: Replayed['divergence'] = null;
  for (const [index, record] of records.entries()) {
    const machine = machines[record.machine];
    replayed.at = record.at;
    if (!record.eventless) machine.take(record);
    // The session crashed, and was recreated.
    if (record.event === 'xstate.error.actor.agent') machines.agent = new ReplayedMachine(session, replayed);
    // Eventless transitions belong to the event before them; in between the machine is on its way.
    const next = records.slice(index + 1).find((other) => other.machine === record.machine);
    if (next?.eventless || divergence) continue;
    const [expected, found] = [record.to, machine.paths];
    if (expected.join() !== found.join()) divergence = { record, expected, found };
  }
  return { agent: machines.agent.paths, supervisor: machines.supervisor.paths, divergence };
}
