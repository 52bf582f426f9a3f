import { type ActorRefFrom, createActor } from 'xstate';
import type { TransitionRecord } from '../domain/agent-view.ts';
import type { MachineName, NextTransition } from '../domain/chart-graph.ts';
import { TEXTS } from '../domain/error-texts.ts';
import { GatewayError } from '../domain/errors.ts';
import type { Scheduler } from '../domain/ports/clock.ts';
import { SESSION_STATES, type SessionState } from '../domain/ports/stores.ts';
import { pathsOf } from '../statechart/labels.ts';
import { nextTransitions } from '../statechart/next-transitions.ts';
import { type Observer, recordTransitions } from '../statechart/transition-recorder.ts';
import type { sessionMachine } from './session.machine.ts';
import type { SessionTag } from './session.setup.ts';
import {
  type SupervisorEvent,
  type SupervisorInput,
  type SupervisorReport,
  supervisorMachine,
} from './supervisor.machine.ts';

type Session = ActorRefFrom<typeof sessionMachine>;

/** Callbacks from an actor system, once its snapshots have moved. */
export interface ActorSystemReports extends Omit<Observer, 'now'> {
  /** The session's state after each of its events; `reason` is why it is not connected. */
  onStatus(status: SessionState, reason: string | null): void;
  onReport(report: SupervisorReport): void;
}

/** Where both machines are at this moment. */
export interface ActorSystemView {
  /** The active leaf states of the session chart, `connected.healthy`; none before the start. */
  states: string[];
  supervisorStates: string[];
  /** Why the agent is not connected; null before its first end. */
  reason: string | null;
  restarts: number;
  nextStartAt: number | null;
}

const HISTORY_LENGTH = 200;

/** One agent's actor system: the supervisor is its root, the session its child; one hook records both. */
export class ActorSystem {
  /** The newest transitions of both machines, oldest first. */
  readonly history: TransitionRecord[] = [];
  readonly #reports: ActorSystemReports;
  readonly #root: ReturnType<typeof this.createRoot>;
  #session: Session | null = null;
  #isKilled = false;

  constructor(input: Omit<SupervisorInput, 'clock'>, clock: Scheduler, reports: ActorSystemReports) {
    this.#reports = reports;
    this.#root = this.createRoot({ ...input, clock }, clock);
  }

  /** Starts both machines, unless they were killed before: commands count from now on. */
  start(): void {
    if (this.#isKilled) return;
    const { onReport, onError } = this.#reports;
    this.#root.on('*', onReport);
    this.#root.subscribe({ next: ({ children }) => this.#follow(children.agent), error: onError });
    this.#root.start();
  }

  /** Sends the supervisor an event; one that has stopped ignores it. */
  command(event: SupervisorEvent): void {
    if (!this.isStopped) this.#root.send(event);
  }

  /** True when the supervisor's state has a transition for the event. */
  can(event: SupervisorEvent): boolean {
    return !this.isStopped && this.#root.getSnapshot().can(event);
  }

  /** @throws GatewayError `SHUTTING_DOWN` or `SESSION_NOT_FOUND` when the supervisor's state refuses a command */
  assertAccepts(event: SupervisorEvent): void {
    this.assertOpen();
    const isJoining = event.type === 'session.start' && this.#root.getSnapshot().hasTag('up');
    if (this.can(event) || isJoining) return;
    throw new GatewayError('SESSION_NOT_FOUND', TEXTS.SESSION_NOT_FOUND.deleted);
  }

  /** @throws GatewayError `SHUTTING_DOWN` when the supervisor stops, or has stopped, with the service */
  assertOpen(): void {
    if (!this.#isKilled && !this.#root.getSnapshot().hasTag('stopping')) return;
    throw new GatewayError('SHUTTING_DOWN', TEXTS.SHUTTING_DOWN.agent);
  }

  /** Makes the session probe its client, when it is connected and not probing already. */
  requestProbe(): void {
    if (this.#session?.getSnapshot().status === 'active') this.#session.send({ type: 'probe.due' });
  }

  /** Closes the client and stops both machines; at once when they were never started. */
  async stop(): Promise<void> {
    if (!this.#session) return this.kill();
    const stopped = this.stopped();
    this.command({ type: 'supervisor.stop' });
    await stopped;
  }

  /** Resolves when the supervisor has stopped, for a removal or with the service. */
  stopped(): Promise<void> {
    return new Promise((resolve) => {
      if (this.isStopped) return resolve();
      this.#root.subscribe({ complete: resolve, error: () => resolve() });
    });
  }

  /** True while the session is in a state with this tag; false before the start. */
  is(tag: SessionTag): boolean {
    return this.#session?.getSnapshot().hasTag(tag) ?? false;
  }

  /** No client runs, and none will start at once. */
  get isDown(): boolean {
    return this.#root.getSnapshot().hasTag('down');
  }

  /** The supervisor has stopped, for a removal or with the service: commands are ignored. */
  get isStopped(): boolean {
    return this.#isKilled || this.#root.getSnapshot().status !== 'active';
  }

  /** Stops both machines at once, without a log-out or an awaited close. */
  kill(): void {
    this.#isKilled = true;
    this.#root.stop();
  }

  /** Where both machines are. */
  view(): ActorSystemView {
    const { context, value } = this.#root.getSnapshot();
    const session = this.#session?.getSnapshot();
    const { restarts, nextStartAt } = context;
    return {
      states: session ? pathsOf(session.value) : [],
      supervisorStates: pathsOf(value),
      reason: session?.context.reason ?? null,
      restarts,
      nextStartAt,
    };
  }

  /** The transitions that are possible next in each machine. */
  next(): Record<MachineName, NextTransition[]> {
    return {
      supervisor: nextTransitions(this.#root.getSnapshot()),
      agent: nextTransitions(this.#session?.getSnapshot()),
    };
  }

  /** Follows the session's status; that of one recreated after a crash from its beginning. */
  #follow(session: Session | undefined): void {
    if (!session || session === this.#session) return;
    const isRecreated = this.#session !== null;
    this.#session = session;
    const report = (snapshot: ReturnType<Session['getSnapshot']>, reason: string | null) => {
      const status = SESSION_STATES.find((state) => snapshot.hasTag(state));
      if (status) this.#reports.onStatus(status, reason);
    };
    // An error of the session is the supervisor's to handle.
    session.subscribe({
      next: (snapshot) => report(snapshot, snapshot.context.reason),
      error: () => undefined,
    });
    if (isRecreated) report(session.getSnapshot(), 'ACTOR_CRASH');
  }

  /** Creates the root with the inspection hook that records the history. */
  private createRoot(input: SupervisorInput, clock: Scheduler) {
    const onTransition = (record: TransitionRecord) => {
      this.history.push(record);
      if (this.history.length > HISTORY_LENGTH) this.history.shift();
      this.#reports.onTransition(record);
    };
    return createActor(supervisorMachine, {
      input,
      clock,
      inspect: recordTransitions({ ...this.#reports, now: () => clock.now(), onTransition }),
    });
  }
}
