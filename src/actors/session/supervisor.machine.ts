import { assign, sendTo, setup } from 'xstate';
import { backoffMs, RESTART_BACKOFF } from '../domain/backoff.ts';
import { restartRule } from '../domain/restart-policy.ts';
import { sessionMachine } from './session.machine.ts';
import type { SessionPort } from './session.setup.ts';

/** What the supervisor needs of its agent beside the agent's own port. */
export interface SupervisedAgent extends SessionPort {
  readonly givesWay: boolean;
  random(): number;
  now(): number;
  monotonic(): number;
  /** The agent's machine died of a bug: whatever it held is let go. */
  abandon(error: unknown): void;
  announceRestart(restart: { reason: string; attempt: number; delayMs: number }): void;
}

/** Commands come from the gateway, `agent.*` from the session. */
export type SupervisorEvent =
  | { type: 'session.start'; traceId?: string }
  | { type: 'session.restore' }
  | { type: 'session.reconnect'; traceId?: string }
  | { type: 'session.remove'; traceId?: string }
  | { type: 'session.recycle' }
  | { type: 'supervisor.stop' }
  | { type: 'agent.faltered'; reason: string }
  | { type: 'agent.down'; reason: string }
  | { type: 'agent.connected' };

/** What the supervisor's chart remembers beside its state. */
export interface SupervisorContext {
  agent: SupervisedAgent;
  /** Restarts in a row without a steady connection between them, and in all. */
  attempts: number;
  /** The page of this client was reloaded already. */
  isReloaded: boolean;
  /** Restarts that are counted against a rule's `atMost`, by monotonic ms. */
  counted: { reason: string; at: number }[];
  restarts: number;
  delayMs: number;
  nextStartAt: number | null;
}

/** The wait before the next start, by the table and the number of tries. */
function plan(context: SupervisorContext, reason: string): Partial<SupervisorContext> {
  const attempts = context.attempts + 1;
  const waited = backoffMs(attempts, RESTART_BACKOFF, () => context.agent.random());
  const delayMs = Math.max(waited, restartRule(reason).minDelayMs ?? 0);
  return {
    attempts,
    delayMs,
    restarts: context.restarts + 1,
    counted: counted(context, reason),
    nextStartAt: context.agent.now() + delayMs,
  };
}

/** The counted restarts with this one; only those of bounded reasons are kept, and only as long as they count. */
function counted(context: SupervisorContext, reason: string): SupervisorContext['counted'] {
  const at = context.agent.monotonic();
  const alive = context.counted.filter(
    (each) => at - each.at < (restartRule(each.reason).atMost?.withinMs ?? 0),
  );
  return restartRule(reason).atMost ? [...alive, { reason, at }] : alive;
}

/** True when the table brings the agent back, and has not done so too often. */
function comesBack(context: SupervisorContext, reason: string): boolean {
  const { verdict, atMost } = restartRule(reason);
  if (verdict !== 'restart' && !(verdict === 'restart_linked' && context.agent.isLinked)) return false;
  if (!atMost) return true;
  const since = context.agent.monotonic() - atMost.withinMs;
  return context.counted.filter((each) => each.reason === reason && each.at > since).length < atMost.times;
}

/**
 * The supervisor of one agent, the root of its own actor system: the only place where a session is restarted
 * (DESIGN §1). The agent's machine lives as long as the supervisor; when it dies of a bug, it is made anew.
 */
export const supervisorMachine = setup({
  types: {
    input: {} as { agent: SupervisedAgent },
    context: {} as SupervisorContext,
    events: {} as SupervisorEvent,
    children: {} as { agent: 'agent' },
  },
  actors: { agent: sessionMachine },
  delays: {
    backoff: ({ context }) => context.delayMs,
    steady: ({ context }) => context.agent.limits.steadyMs,
    patience: ({ context }) => context.agent.limits.logoutMs + 2 * context.agent.limits.closeMs,
  },
  guards: {
    comesBack: ({ context, event }) => event.type === 'agent.down' && comesBack(context, event.reason),
    mayReload: ({ context, event }) =>
      event.type === 'agent.faltered' && restartRule(event.reason).reload === true && !context.isReloaded,
    givesWay: ({ context }) => context.agent.givesWay,
    isLoggedOut: ({ event }) => event.type === 'agent.down' && event.reason === 'LOGGED_OUT',
  },
  actions: {
    startFresh: sendTo('agent', { type: 'session.start', fresh: true }),
    startSaved: sendTo('agent', { type: 'session.start', fresh: false }),
    stopAgent: sendTo('agent', { type: 'session.stop', reason: 'STOPPED' }),
    reloadAgent: sendTo('agent', { type: 'session.reload' }),
    giveUpAgent: sendTo('agent', ({ event }) => ({
      type: 'session.stop',
      reason: event.type === 'agent.faltered' ? event.reason : 'STOPPED',
    })),
    recycleAgent: sendTo('agent', { type: 'session.stop', reason: 'RECYCLED' }),
    noteReload: assign({ isReloaded: true }),
    forgetReload: assign({ isReloaded: false }),
    logOutAgent: sendTo('agent', { type: 'session.logout', reason: 'LOGGED_OUT' }),
    planRestart: assign(({ context, event }) =>
      plan(context, event.type === 'agent.down' ? event.reason : 'ACTOR_CRASH'),
    ),
    announceRestart: ({ context, event }) =>
      context.agent.announceRestart({
        reason: event.type === 'agent.down' ? event.reason : 'ACTOR_CRASH',
        attempt: context.attempts,
        delayMs: context.nextStartAt === null ? 0 : context.delayMs,
      }),
    abandonAgent: ({ context, event }) => context.agent.abandon('error' in event ? event.error : event),
    forgetAttempts: assign({ attempts: 0, isReloaded: false }),
    countRestart: assign({ restarts: ({ context }) => context.restarts + 1 }),
    forgetPlan: assign({ nextStartAt: null }),
  },
}).createMachine({
  id: 'supervisor',
  context: ({ input }) => ({
    agent: input.agent,
    attempts: 0,
    isReloaded: false,
    counted: [],
    restarts: 0,
    delayMs: 0,
    nextStartAt: null,
  }),
  initial: 'alive',
  states: {
    alive: {
      invoke: {
        id: 'agent',
        src: 'agent',
        input: ({ context }) => ({ agent: context.agent }),
        onError: {
          target: '#supervisor.alive.backing_off',
          reenter: true,
          actions: ['abandonAgent', 'planRestart', 'announceRestart'],
        },
      },
      on: {
        'session.reconnect': '.relinking',
        'session.remove': '.removing',
        'supervisor.stop': '.stopping',
      },
      initial: 'resting',
      states: {
        resting: {
          on: {
            'session.start': { target: 'running', actions: 'startFresh' },
            'session.restore': { target: 'running', actions: 'startSaved' },
          },
        },
        running: {
          on: {
            'agent.down': [
              { guard: 'comesBack', target: 'backing_off', actions: ['planRestart', 'announceRestart'] },
              { target: 'resting' },
            ],
            'agent.faltered': [
              { guard: 'mayReload', target: '.starting', actions: ['noteReload', 'reloadAgent'] },
              { actions: 'giveUpAgent' },
            ],
            'agent.connected': { target: '.settling' },
            'session.start': { guard: 'givesWay', target: 'replacing' },
          },
          exit: 'forgetReload',
          initial: 'starting',
          states: {
            starting: {},
            settling: { after: { steady: 'steady' } },
            steady: { entry: 'forgetAttempts', on: { 'session.recycle': '#supervisor.alive.recycling' } },
          },
        },
        // A browser that has grown too large is replaced in a quiet minute; it is no fault and waits for nothing.
        recycling: {
          entry: 'recycleAgent',
          on: {
            'agent.down': [
              {
                guard: 'comesBack',
                target: 'running',
                actions: ['countRestart', 'announceRestart', 'startSaved'],
              },
              { target: 'resting' },
            ],
          },
        },
        backing_off: {
          exit: 'forgetPlan',
          on: { 'session.start': { target: 'running', actions: 'startFresh' } },
          after: { backoff: { target: 'running', actions: 'startSaved' } },
        },
        replacing: {
          entry: 'stopAgent',
          on: { 'agent.down': { target: 'running', actions: 'startFresh' } },
        },
        relinking: {
          entry: 'logOutAgent',
          on: {
            'agent.down': [
              { guard: 'isLoggedOut', target: 'running', actions: 'startFresh' },
              // It was going down for another reason; the log-out is still owed.
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
          entry: 'stopAgent',
          on: { 'agent.down': '#supervisor.stopped', 'session.reconnect': {}, 'session.remove': {} },
          after: { patience: '#supervisor.stopped' },
        },
      },
    },
    removed: { type: 'final' },
    stopped: { type: 'final' },
  },
});
