import {
  assign,
  type EventObject,
  enqueueActions,
  fromCallback,
  fromPromise,
  sendParent,
  setup,
} from 'xstate';
import type { SessionState } from '../domain/ports/stores.ts';
import { restartRule } from '../domain/restart-policy.ts';
import { type ClientEvent, clientActor } from './client.actor.ts';
import type { Effects } from './session-effects.ts';

/** Commands come from the supervisor, `client.*` from the client, `probe.due` from the prober and the dispatcher. */
export type SessionEvent =
  | { type: 'session.start'; fresh: boolean; traceId?: string }
  | { type: 'session.stop'; reason: string; traceId?: string }
  | { type: 'session.logout'; reason: string; traceId?: string }
  | { type: 'session.reload' }
  | { type: 'probe.due' }
  | ClientEvent;

/** What the session's states mean to the outside: the stored status, and whether a QR or a passkey is awaited. */
export type SessionTag = SessionState | 'qr' | 'passkey';

/** Reports of a session to its supervisor: `lost` while its client still runs, `down` when there is none any more. */
export type SessionReport =
  | { type: 'agent.connected' }
  | { type: 'agent.lost'; reason: string }
  | { type: 'agent.down'; reason: string };

/** What the session chart remembers beside its state. */
export interface SessionContext {
  effects: Effects;
  /** Why it is not connected; null before the first end. */
  reason: string | null;
  /** QRs shown since the start was requested. */
  qrCount: number;
  /** The last self-check of this client's page found something missing. */
  isIncompatible: boolean;
  /** How far the client's loading has come since it was linked. */
  percent: number;
  /** Consecutive probes without an answer, and consecutive probes that found no connection. */
  probeTimeouts: number;
  offlineProbes: number;
}

/** The named actors, delays, guards and actions of the session chart. */
export const sessionSetup = setup({
  types: {
    input: {} as { effects: Effects },
    context: {} as SessionContext,
    events: {} as SessionEvent,
    tags: {} as SessionTag,
    children: {} as { client: 'client' },
  },
  actors: {
    client: clientActor,
    slot: fromPromise<void, { effects: Effects; isRequested: boolean }>(({ input, signal }) =>
      input.effects.acquireSlot(signal, input.isRequested),
    ),
    dispatcher: fromCallback<EventObject, Effects>(({ input, sendBack }) =>
      input.startDispatcher(() => sendBack({ type: 'probe.due' })),
    ),
    closing: fromPromise<void, { effects: Effects; reason: string | null }>(async ({ input }) => {
      await input.effects.closeClient();
      if (restartRule(input.reason ?? '').forgetCredentials) await input.effects.deleteCredentials();
    }),
    loggingOut: fromPromise<void, Effects>(({ input }) => input.logOut()),
    probe: fromPromise<string, Effects>(({ input }) => input.probe()),
    reloading: fromPromise<void, Effects>(({ input, signal }) => input.reload(signal)),
  },
  delays: {
    unlinkLimit: ({ context }) => context.effects.limits.unlinkMs,
    startLimit: ({ context }) => context.effects.limits.startMs,
    linkLimit: ({ context }) => context.effects.limits.linkMs,
    decisionLimit: ({ context }) => context.effects.limits.closeMs,
    incompatibleLimit: ({ context }) => context.effects.limits.incompatibleMs,
    passkeyLimit: ({ context }) => context.effects.limits.passkeyMs,
    qrStall: ({ context }) => context.effects.limits.qrStallMs,
    probeAgain: ({ context }) => context.effects.limits.probeAgainMs,
  },
  guards: {
    isBlocked: ({ event }) =>
      event.type === 'client.disconnected' && restartRule(event.reason).decision === 'blocked',
    isLinked: ({ context }) => context.effects.isLinked,
    isIncompatible: ({ context }) => context.isIncompatible,
    isCompatible: ({ context }) => !context.isIncompatible,
    isFresh: ({ event }) => event.type === 'session.start' && event.fresh,
    hasRefreshesLeft: ({ context }) => context.qrCount < context.effects.qrMaxRefreshes,
    isProgress: ({ context, event }) => event.type === 'client.loading' && event.percent > context.percent,
    isOffline: ({ event }) => event.type === 'client.state' && event.state !== 'CONNECTED',
    isOnline: ({ event }) => event.type === 'client.state' && event.state === 'CONNECTED',
    probedOnline: (_, state: string) => state === 'CONNECTED',
    isUnresponsive: ({ context }) => context.probeTimeouts >= context.effects.limits.maxProbeTimeouts,
    isOfflineTooLong: ({ context }) => context.offlineProbes >= context.effects.limits.maxOfflineProbes,
  },
  actions: {
    setReason: assign({ reason: (_, reason: string) => reason }),
    setReasonOfDisconnect: assign({
      reason: ({ context, event }) => (event.type === 'client.disconnected' ? event.reason : context.reason),
    }),
    setReasonOfFailure: assign({
      reason: ({ context }) => (context.isIncompatible ? 'INCOMPATIBLE' : 'START_FAILED'),
    }),
    setReasonOfCommand: assign({
      reason: ({ context, event }) =>
        event.type === 'session.stop' || event.type === 'session.logout' ? event.reason : context.reason,
    }),
    clearReason: assign({ reason: null, probeTimeouts: 0, offlineProbes: 0 }),
    recordError: ({ context, event }) => {
      if (event.type === 'client.failed') context.effects.recordError(event.error);
      // What is missing says more than the error that the library made of it.
      if (event.type === 'client.failed' && context.isIncompatible) context.effects.recordIncompatibility();
      if (event.type === 'client.crashed') context.effects.recordError(event.cause);
    },
    showQr: ({ context, event }) => context.effects.showQr(event.type === 'client.qr' ? event.code : null),
    hideQr: ({ context }) => context.effects.showQr(null),
    countQr: assign({ qrCount: ({ context }) => context.qrCount + 1 }),
    resetQrCount: assign({ qrCount: 0 }),
    showPasskey: ({ context, event }) =>
      context.effects.showPasskey(event.type === 'client.passkey' ? event.challenge : null),
    hidePasskey: ({ context }) => context.effects.hidePasskey(),
    setCompatibility: assign({
      isIncompatible: ({ context, event }) =>
        event.type === 'client.compatibility' ? event.compatibility === 'broken' : context.isIncompatible,
    }),
    resetCompatibility: assign({ isIncompatible: false }),
    recordIncompatibility: ({ context }) => context.effects.recordIncompatibility(),
    recordLinking: ({ context }) => context.effects.link.linking(),
    recordLinked: ({ context }) => context.effects.link.linked(),
    recordUnlinked: ({ context, event }) => {
      const isLogout = event.type === 'client.disconnected' && event.reason === 'LOGOUT';
      if (event.type === 'client.qr' || isLogout) context.effects.link.unlinked();
    },
    setPercent: assign({
      percent: ({ context, event }) => (event.type === 'client.loading' ? event.percent : context.percent),
    }),
    resetPercent: assign({ percent: 0 }),
    openSession: ({ context, event }) => {
      if (event.type === 'client.ready') context.effects.openSession(event.me);
    },
    closeSession: ({ context }) => context.effects.closeSession(),
    releaseSlot: ({ context }) => context.effects.releaseSlot(),
    countProbeTimeout: assign({ probeTimeouts: ({ context }) => context.probeTimeouts + 1 }),
    countOfflineProbe: assign({
      offlineProbes: ({ context }) => context.offlineProbes + 1,
      probeTimeouts: 0,
    }),
    resetProbes: assign({ probeTimeouts: 0, offlineProbes: 0 }),
    reportConnected: sendParent({ type: 'agent.connected' } satisfies SessionReport),
    reportLost: sendParent(
      ({ context }): SessionReport => ({ type: 'agent.lost', reason: context.reason ?? '' }),
    ),
    reportDown: enqueueActions(({ context: { effects, reason }, enqueue }) => {
      // A session that was only just created has nothing to report.
      if (reason === null) return;
      enqueue(() => effects.sessionDown(reason));
      enqueue(sendParent({ type: 'agent.down', reason } satisfies SessionReport));
    }),
  },
});
