import { createActor } from 'xstate';
import type { TransitionRecord } from '../domain/agent-view.ts';
import type { MachineName, NextTransition } from '../domain/chart-graph.ts';
import type { Scheduler } from '../domain/ports/clock.ts';
import { pathsOf } from '../statechart/labels.ts';
import { nextTransitions } from '../statechart/next-transitions.ts';
import { type Observer, recordTransitions } from '../statechart/transition-recorder.ts';
import type { SessionTag } from './session.setup.ts';
import { type SupervisedAgent, type SupervisorEvent, supervisorMachine } from './supervisor.machine.ts';

/** Callbacks from the machines of a supervision, once their snapshots have moved. */
export type ActorSystemReports = Omit<Observer, 'now'>;

/** Where both machines are at this moment. */
export interface ActorSystemView {
  /** The live leaf states of the agent's chart, `connected.link.healthy`; none before the supervisor started. */
  states: string[];
  supervisorStates: string[];
  /** Why the agent is not connected; null before its first end. */
  reason: string | null;
  restarts: number;
  nextStartAt: number | null;
}

const HISTORY_LENGTH = 200;

/** One agent's actor system: the supervisor is its root, the session chart its child; one hook watches both. */
export class ActorSystem {
  /** The newest transitions of both machines, oldest first. */
  readonly history: TransitionRecord[] = [];
  readonly #root: ReturnType<typeof this.makeRoot>;

  constructor(agent: SupervisedAgent, clock: Scheduler, reports: ActorSystemReports) {
    this.#root = this.makeRoot(agent, clock, reports);
  }

  /** Begins: commands count from now on. */
  start(): void {
    this.#root.start();
  }

  /** Gives the supervisor a command, or tells it of its agent; one that has ended does nothing more. */
  command(event: SupervisorEvent): void {
    if (!this.isOver) this.#root.send(event);
  }

  /** True when a command would change something now. */
  accepts(event: SupervisorEvent): boolean {
    return !this.isOver && this.#root.getSnapshot().can(event);
  }

  /** Sends the agent's chart an event of its own, if it lives. */
  sendToSession(event: { type: 'probe.due' | 'outbox.idle' | 'outbox.sending' | 'outbox.throttled' }): void {
    const { agent } = this.#root.getSnapshot().children;
    if (agent?.getSnapshot().status === 'active') agent.send(event);
  }

  /** Resolves when the supervisor has ended, by a removal or a stop. */
  ended(): Promise<void> {
    return new Promise((resolve) => {
      if (this.isOver) return resolve();
      this.#root.subscribe({ complete: resolve, error: () => resolve() });
    });
  }

  /** True while the session is in a state with this tag; false before the start. */
  is(tag: SessionTag): boolean {
    return this.#root.getSnapshot().children.agent?.getSnapshot().hasTag(tag) ?? false;
  }

  /** Its agent has no client, and none will come at once: it rests, or backs off. */
  get isAtRest(): boolean {
    const snapshot = this.#root.getSnapshot();
    return snapshot.matches({ alive: 'resting' }) || snapshot.matches({ alive: 'backing_off' });
  }

  /** It has ended, by a removal or a stop: commands lead to nothing. */
  get isOver(): boolean {
    return this.#root.getSnapshot().status !== 'active';
  }

  /** Ends both machines at once. */
  kill(): void {
    this.#root.stop();
  }

  /** Where both machines are. */
  view(): ActorSystemView {
    const { children, context, value } = this.#root.getSnapshot();
    const agent = children.agent?.getSnapshot();
    const { restarts, nextStartAt } = context;
    return {
      states: agent ? pathsOf(agent.value) : [],
      supervisorStates: pathsOf(value),
      reason: agent?.context.reason ?? null,
      restarts,
      nextStartAt,
    };
  }

  /** What may happen next in each machine. */
  next(): Record<MachineName, NextTransition[]> {
    const snapshot = this.#root.getSnapshot();
    return {
      supervisor: nextTransitions(snapshot),
      agent: nextTransitions(snapshot.children.agent?.getSnapshot()),
    };
  }

  /** Makes the root, with the hook that keeps the history. */
  private makeRoot(agent: SupervisedAgent, clock: Scheduler, reports: ActorSystemReports) {
    const onTransition = (record: TransitionRecord) => {
      this.history.push(record);
      if (this.history.length > HISTORY_LENGTH) this.history.shift();
      reports.onTransition(record);
    };
    return createActor(supervisorMachine, {
      input: { agent },
      clock,
      inspect: recordTransitions({ ...reports, now: () => clock.now(), onTransition }),
    });
  }
}
