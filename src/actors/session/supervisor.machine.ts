import { assign, emit, sendTo, setup } from 'xstate';
import { backoffMs, RESTART_BACKOFF } from '../domain/backoff.ts';
import type { Clock } from '../domain/ports/clock.ts';
import { restartRule } from '../domain/restart-policy.ts';
import { sessionMachine } from './session.machine.ts';
import type { SessionReport } from './session.setup.ts';
import type { Effects } from './session-effects.ts';

/** Commands of the gateway, and reports of the session. */
export type SupervisorEvent =
  | { type: 'session.start'; traceId?: string }
  | { type: 'session.restore' }
  | { type: 'session.reconnect'; traceId?: string }
  | { type: 'session.remove'; traceId?: string }
  | { type: 'session.recycle' }
  | { type: 'supervisor.stop' }
  | SessionReport;

/**
 * `down`: no client runs and none will start at once; `up`: one runs or will, and a start joins it; `stopping`: the
 * supervisor stops with the service.
 */
export type SupervisorTag = 'down' | 'up' | 'stopping';

/** What the supervisor emits to its agent: `down` when no client runs and none will start at once. */
export type SupervisorReport =
  | { type: 'connected' }
  | { type: 'down'; reason: string }
  | { type: 'restart'; reason: string; attempt: number; delayMs: number };

/** What a supervisor works with. */
export interface SupervisorInput {
  effects: Effects;
  clock: Clock;
  /** In [0, 1), for the jitter of the waits. */
  random(): number;
}

/** What the supervisor's chart remembers beside its state. */
export interface SupervisorContext extends SupervisorInput {
  /** Restarts since the last steady connection, and in all. */
  attempts: number;
  restarts: number;
  /** The page of this client was reloaded already. */
  isReloaded: boolean;
  /** Restarts that are counted against a rule's `atMost`, by monotonic ms. */
  counted: { reason: string; at: number }[];
  delayMs: number;
  nextStartAt: number | null;
}

/** The wait before the next start, by the restart policy and the number of attempts. */
function plan(context: SupervisorContext, reason: string): Partial<SupervisorContext> {
  const attempts = context.attempts + 1;
  const waited = backoffMs(attempts, RESTART_BACKOFF, context.random);
  const delayMs = Math.max(waited, restartRule(reason).minDelayMs ?? 0);
  return {
    attempts,
    delayMs,
    restarts: context.restarts + 1,
    counted: counted(context, reason),
    nextStartAt: context.clock.now() + delayMs,
  };
}

/** The counted restarts with this one; only those of bounded reasons are kept, and only within their window. */
function counted(context: SupervisorContext, reason: string): SupervisorContext['counted'] {
  const at = context.clock.monotonic();
  const recent = context.counted.filter(
    (each) => at - each.at < (restartRule(each.reason).atMost?.withinMs ?? 0),
  );
  return restartRule(reason).atMost ? [...recent, { reason, at }] : recent;
}

/** True when the policy restarts the session, and has not done so too often. */
function shouldRestart(context: SupervisorContext, reason: string): boolean {
  const { decision, atMost } = restartRule(reason);
  if (decision !== 'restart' && !(decision === 'restart_linked' && context.effects.isLinked)) return false;
  if (!atMost) return true;
  const since = context.clock.monotonic() - atMost.withinMs;
  return context.counted.filter((each) => each.reason === reason && each.at > since).length < atMost.times;
}

/** Why the session ended, by the event that reported it. */
const reasonOf = (event: SupervisorEvent): string =>
  event.type === 'agent.down' ? event.reason : 'ACTOR_CRASH';

/**
 * The supervisor of one agent, the root of its own actor system: the only place that restarts a session. The session's
 * actor lives as long as the supervisor; after a crash it is recreated.
 */
export const supervisorMachine = setup({
  types: {
    input: {} as SupervisorInput,
    context: {} as SupervisorContext,
    events: {} as SupervisorEvent,
    emitted: {} as SupervisorReport,
    tags: {} as SupervisorTag,
    children: {} as { agent: 'agent' },
  },
  actors: { agent: sessionMachine },
  delays: {
    backoff: ({ context }) => context.delayMs,
    steady: ({ context }) => context.effects.limits.steadyMs,
    stopLimit: ({ context: { effects } }) => effects.limits.logoutMs + 2 * effects.limits.closeMs,
  },
  guards: {
    shouldRestart: ({ context, event }) =>
      event.type === 'agent.down' && shouldRestart(context, event.reason),
    shouldReload: ({ context, event }) =>
      event.type === 'agent.lost' && restartRule(event.reason).reload === true && !context.isReloaded,
    isReplaceable: ({ context }) => context.effects.isReplaceable,
    isLoggedOut: ({ event }) => event.type === 'agent.down' && event.reason === 'LOGGED_OUT',
  },
  actions: {
    startFresh: sendTo('agent', { type: 'session.start', fresh: true }),
    startSaved: sendTo('agent', { type: 'session.start', fresh: false }),
    stopAgent: sendTo('agent', { type: 'session.stop', reason: 'STOPPED' }),
    stopLostAgent: sendTo('agent', ({ event }) => ({
      type: 'session.stop',
      reason: event.type === 'agent.lost' ? event.reason : 'STOPPED',
    })),
    recycleAgent: sendTo('agent', { type: 'session.stop', reason: 'RECYCLED' }),
    reloadAgent: sendTo('agent', { type: 'session.reload' }),
    logOutAgent: sendTo('agent', { type: 'session.logout', reason: 'LOGGED_OUT' }),
    releaseCrashedAgent: ({ context, event }) =>
      context.effects.releaseCrashed('error' in event ? event.error : event),
    setReloaded: assign({ isReloaded: true }),
    resetReloaded: assign({ isReloaded: false }),
    planRestart: assign(({ context, event }) => plan(context, reasonOf(event))),
    clearPlan: assign({ nextStartAt: null }),
    countRestart: assign({ restarts: ({ context }) => context.restarts + 1 }),
    resetAttempts: assign({ attempts: 0, isReloaded: false }),
    reportRestart: emit(({ context, event }) => ({
      type: 'restart' as const,
      reason: reasonOf(event),
      attempt: context.attempts,
      delayMs: context.nextStartAt === null ? 0 : context.delayMs,
    })),
    reportConnected: emit({ type: 'connected' }),
    reportDown: emit(({ event }) => ({ type: 'down' as const, reason: reasonOf(event) })),
  },
}).createMachine({
  id: 'supervisor',
  context: ({ input }) => ({
    ...input,
    attempts: 0,
    restarts: 0,
    isReloaded: false,
    counted: [],
    delayMs: 0,
    nextStartAt: null,
  }),
  initial: 'alive',
  states: {
    alive: {
      invoke: {
        id: 'agent',
        src: 'agent',
        input: ({ context: { effects } }) => ({ effects }),
        onError: {
          target: '#supervisor.alive.backing_off',
          reenter: true,
          actions: ['releaseCrashedAgent', 'planRestart', 'reportRestart'],
        },
      },
      on: {
        'session.reconnect': '.relinking',
        'session.remove': '.removing',
        'supervisor.stop': '.stopping',
      },
      initial: 'idle',
      states: {
        idle: {
          tags: 'down',
          on: {
            'session.start': { target: 'running', actions: 'startFresh' },
            'session.restore': { target: 'running', actions: 'startSaved' },
          },
        },
        running: {
          tags: 'up',
          on: {
            'agent.down': [
              {
                guard: 'shouldRestart',
                target: 'backing_off',
                actions: ['planRestart', 'reportRestart', 'reportDown'],
              },
              { target: 'idle', actions: 'reportDown' },
            ],
            'agent.lost': [
              { guard: 'shouldReload', target: '.starting', actions: ['setReloaded', 'reloadAgent'] },
              { actions: 'stopLostAgent' },
            ],
            'agent.connected': { target: '.settling', actions: 'reportConnected' },
            'session.start': { guard: 'isReplaceable', target: 'replacing' },
          },
          exit: 'resetReloaded',
          initial: 'starting',
          states: {
            starting: {},
            settling: { after: { steady: 'steady' } },
            steady: { entry: 'resetAttempts', on: { 'session.recycle': '#supervisor.alive.recycling' } },
          },
        },
        // A browser that has grown too large is replaced while the agent is idle: no fault, and no wait.
        recycling: {
          tags: 'up',
          entry: 'recycleAgent',
          on: {
            'agent.down': [
              {
                guard: 'shouldRestart',
                target: 'running',
                actions: ['countRestart', 'reportRestart', 'startSaved'],
              },
              { target: 'idle', actions: 'reportDown' },
            ],
          },
        },
        backing_off: {
          tags: 'down',
          exit: 'clearPlan',
          on: { 'session.start': { target: 'running', actions: 'startFresh' } },
          after: { backoff: { target: 'running', actions: 'startSaved' } },
        },
        replacing: {
          tags: 'up',
          entry: 'stopAgent',
          on: { 'agent.down': { target: 'running', actions: 'startFresh' } },
        },
        relinking: {
          tags: 'up',
          entry: 'logOutAgent',
          on: {
            'agent.down': [
              { guard: 'isLoggedOut', target: 'running', actions: 'startFresh' },
              // It was going down for another reason: log out again.
              { target: 'relinking', reenter: true },
            ],
          },
        },
        removing: {
          entry: 'logOutAgent',
          on: {
            'agent.down': [
              { guard: 'isLoggedOut', target: '#supervisor.removed' },
              { target: 'removing', reenter: true },
            ],
            'session.reconnect': {},
          },
        },
        stopping: {
          tags: 'stopping',
          entry: 'stopAgent',
          on: { 'agent.down': '#supervisor.stopped', 'session.reconnect': {}, 'session.remove': {} },
          after: { stopLimit: '#supervisor.stopped' },
        },
      },
    },
    removed: { type: 'final' },
    stopped: { type: 'final', tags: 'stopping' },
  },
});
