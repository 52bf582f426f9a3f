import { assign, fromPromise, setup } from 'xstate';
import type { SessionState } from '../domain/ports/stores.ts';
import type { Me, WebAuthnJson } from '../domain/ports/whatsapp.ts';
import { restartRule } from '../domain/restart-policy.ts';
import type { ActorLimits } from '../domain/settings.ts';
import { type ClientEvent, type ClientOwner, clientActor } from './client.actor.ts';

/** What the chart does to the world; `session-effects.ts` provides it. None of it throws. */
export interface SessionPort extends ClientOwner {
  readonly limits: ActorLimits;
  readonly qrMaxRefreshes: number;
  /** It was linked and nobody logged it out. */
  readonly isLinked: boolean;
  /** Waits for a place among the clients that may start at once; one that nobody asked for also for the fleet. */
  takeSlot(signal: AbortSignal, isAsked: boolean): Promise<void>;
  freeSlot(): void;
  showQr(code: string | null): void;
  /** It is about to be linked: the phone knows the device from here on. */
  linking(): void;
  /** Linking waits for a passkey; the challenge is null as long as the page has none. */
  askPasskey(challenge: WebAuthnJson | null): void;
  endPasskey(): void;
  /** The page lacks something, and the session ends for it. */
  noteIncompatibility(): void;
  linked(): void;
  /** WhatsApp knows the device no more. */
  unlinked(): void;
  openSession(me: Me): void;
  closeSession(): void;
  logOut(): Promise<void>;
  closeClient(): Promise<void>;
  forgetCredentials(): Promise<void>;
  probe(): Promise<string>;
  reload(signal: AbortSignal): Promise<void>;
  /** Tells the supervisor that the session is lost although its client is whole. */
  reportFaltering(reason: string): void;
  /** Tells the supervisor that there is no client any more, and why. */
  reportDown(reason: string): void;
  reportConnected(): void;
  noteError(error: unknown): void;
}

/** Commands come from the supervisor, `client.*` from the client, `outbox.*` and `probe.due` from the agent. */
export type SessionEvent =
  | { type: 'session.start'; fresh: boolean; traceId?: string }
  | { type: 'session.stop'; reason: string; traceId?: string }
  | { type: 'session.logout'; reason: string; traceId?: string }
  | { type: 'session.reload' }
  | { type: 'probe.due' }
  | { type: 'outbox.idle' }
  | { type: 'outbox.sending' }
  | { type: 'outbox.throttled' }
  | ClientEvent;

/** What the session's states say to the outside: their top-level state, and whether a QR or a passkey is awaited. */
export type SessionTag = SessionState | 'qr' | 'passkey';

/** What the agent's chart remembers beside its state. */
export interface SessionContext {
  agent: SessionPort;
  /** Why it is not connected; null before the first end. */
  reason: string | null;
  qrs: number;
  /** The last self-check of this client's page found something missing. */
  isBroken: boolean;
  /** How far the client's loading has come since it was linked. */
  percent: number;
  /** Probes in a row that were not answered, and that told of no connection. */
  mutes: number;
  offlines: number;
}

/** The named actors, delays, guards and actions of the agent's chart. */
export const sessionSetup = setup({
  types: {
    input: {} as { agent: SessionPort },
    context: {} as SessionContext,
    events: {} as SessionEvent,
    tags: {} as SessionTag,
    children: {} as { client: 'client' },
  },
  actors: {
    client: clientActor,
    slot: fromPromise<void, { agent: SessionPort; isAsked: boolean }>(({ input, signal }) =>
      input.agent.takeSlot(signal, input.isAsked),
    ),
    closing: fromPromise<void, { agent: SessionPort; reason: string | null }>(async ({ input }) => {
      await input.agent.closeClient();
      if (restartRule(input.reason ?? '').forgetCredentials) await input.agent.forgetCredentials();
    }),
    loggingOut: fromPromise<void, SessionPort>(({ input }) => input.logOut()),
    probe: fromPromise<string, SessionPort>(({ input }) => input.probe()),
    reloading: fromPromise<void, SessionPort>(({ input, signal }) => input.reload(signal)),
  },
  delays: {
    unlinkLimit: ({ context }) => context.agent.limits.unlinkMs,
    startLimit: ({ context }) => context.agent.limits.startMs,
    linkLimit: ({ context }) => context.agent.limits.linkMs,
    verdictLimit: ({ context }) => context.agent.limits.closeMs,
    incompatibleLimit: ({ context }) => context.agent.limits.incompatibleMs,
    passkeyLimit: ({ context }) => context.agent.limits.passkeyMs,
    qrStall: ({ context }) => context.agent.limits.qrStallMs,
    probeAgain: ({ context }) => context.agent.limits.probeAgainMs,
  },
  guards: {
    isBlocked: ({ event }) =>
      event.type === 'client.disconnected' && restartRule(event.reason).verdict === 'blocked',
    isLinked: ({ context }) => context.agent.isLinked,
    isBroken: ({ context }) => context.isBroken,
    isWhole: ({ context }) => !context.isBroken,
    isFresh: ({ event }) => event.type === 'session.start' && event.fresh,
    hasRefreshesLeft: ({ context }) => context.qrs < context.agent.qrMaxRefreshes,
    isMoving: ({ context, event }) => event.type === 'client.loading' && event.percent > context.percent,
    isOffline: ({ event }) => event.type === 'client.state' && event.state !== 'CONNECTED',
    isOnline: ({ event }) => event.type === 'client.state' && event.state === 'CONNECTED',
    probedOnline: (_, state: string) => state === 'CONNECTED',
    isMute: ({ context }) => context.mutes >= context.agent.limits.mutesAllowed,
    isLost: ({ context }) => context.offlines >= context.agent.limits.offlinesAllowed,
  },
  actions: {
    because: assign({ reason: (_, reason: string) => reason }),
    becauseItDisconnected: assign({
      reason: ({ context, event }) => (event.type === 'client.disconnected' ? event.reason : context.reason),
    }),
    becauseItFailed: assign({
      reason: ({ context }) => (context.isBroken ? 'INCOMPATIBLE' : 'START_FAILED'),
    }),
    becauseAsked: assign({
      reason: ({ context, event }) =>
        event.type === 'session.stop' || event.type === 'session.logout' ? event.reason : context.reason,
    }),
    noteError: ({ context, event }) => {
      if (event.type === 'client.failed') context.agent.noteError(event.error);
      // What is missing says more than what the library stumbled over.
      if (event.type === 'client.failed' && context.isBroken) context.agent.noteIncompatibility();
      if (event.type === 'client.crashed') context.agent.noteError(event.cause);
    },
    showQr: ({ context, event }) => context.agent.showQr(event.type === 'client.qr' ? event.code : null),
    hideQr: ({ context }) => context.agent.showQr(null),
    noteCompatibility: assign({
      isBroken: ({ context, event }) =>
        event.type === 'client.compatibility' ? event.compatibility === 'broken' : context.isBroken,
    }),
    forgetCompatibility: assign({ isBroken: false }),
    noteIncompatibility: ({ context }) => context.agent.noteIncompatibility(),
    askPasskey: ({ context, event }) =>
      context.agent.askPasskey(event.type === 'client.passkey' ? event.challenge : null),
    endPasskey: ({ context }) => context.agent.endPasskey(),
    countQr: assign({ qrs: ({ context }) => context.qrs + 1 }),
    forgetQrs: assign({ qrs: 0 }),
    noteLinking: ({ context }) => context.agent.linking(),
    noteLinked: ({ context }) => context.agent.linked(),
    noteUnlinked: ({ context, event }) => {
      const isPhones = event.type === 'client.disconnected' && event.reason === 'LOGOUT';
      if (event.type === 'client.qr' || isPhones) context.agent.unlinked();
    },
    openSession: ({ context, event }) => {
      if (event.type === 'client.ready') context.agent.openSession(event.me);
    },
    closeSession: ({ context }) => context.agent.closeSession(),
    forgetReason: assign({ reason: null, mutes: 0, offlines: 0 }),
    notePercent: assign({
      percent: ({ context, event }) => (event.type === 'client.loading' ? event.percent : context.percent),
    }),
    forgetPercent: assign({ percent: 0 }),
    reportFaltering: ({ context }) => context.agent.reportFaltering(context.reason ?? ''),
    freeSlot: ({ context }) => context.agent.freeSlot(),
    reportDown: ({ context }) => {
      // A machine that has only just begun has nothing to report.
      if (context.reason !== null) context.agent.reportDown(context.reason);
    },
    reportConnected: ({ context }) => context.agent.reportConnected(),
    countMute: assign({ mutes: ({ context }) => context.mutes + 1 }),
    countOffline: assign({ offlines: ({ context }) => context.offlines + 1, mutes: 0 }),
    forgetMisses: assign({ mutes: 0, offlines: 0 }),
  },
});
