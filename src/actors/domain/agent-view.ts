import type { MachineName } from './chart-graph.ts';
import type { ChatMode } from './chats.ts';
import type { Jid } from './identity.ts';
import type { EpochMs } from './ports/clock.ts';
import type { SessionState } from './ports/stores.ts';
import type { Compatibility, Restriction, WebAuthnJson } from './ports/whatsapp.ts';
import type { EffectiveSettings } from './settings.ts';

/** The connection of an agent, beside its stored row. */
export interface LiveView {
  isConnected: boolean;
  /** The socket's state (`CONNECTED`, `OPENING`, …), or null without a client. */
  sessionState: string | null;
  isReady: boolean;
  hasClient: boolean;
  /** The last self-check of its page; null before the first and after a log-out. */
  whatsapp: Compatibility | null;
}

/** What an agent's dispatcher does: nothing without a session, waits for a message, sends, or waits for a token. */
export type DispatcherMode = 'closed' | 'idle' | 'sending' | 'throttled';

/** How full an agent's mailbox is, and how many tokens it has. */
export interface MailboxView {
  mode: DispatcherMode;
  /** Messages waiting for a token or for the connection. */
  depth: number;
  capacity: number;
  /** Whole tokens in the bucket at this moment. */
  tokens: number;
  /** Seconds until the next whole token; 0 when there is one. */
  nextTokenSeconds: number;
  /** When the oldest message in it was accepted; absent when it is empty. */
  oldestAt?: EpochMs;
}

/** What a turn of a chat waits for: more messages, its turn, the AI, or that its answer is written and stored. */
export type TurnPhase = 'collecting' | 'waiting' | 'asking' | 'answering';

/** Messages of a chat that the AI is asked about together. */
export interface TurnView {
  chatId: Jid;
  /** How many. */
  messages: number;
  phase: TurnPhase;
  since: EpochMs;
  /** When it stops collecting, unless more comes. */
  until?: EpochMs;
}

interface SupervisorView {
  restarts: number;
  lastError?: string;
  /** When a supervisor that backs off starts the session again. */
  nextStartAt?: EpochMs;
}

/** Everything about an agent at one moment, except its key. */
export interface AgentView {
  userId: number;
  agentId: string;
  agentName: string;
  /** The AI endpoint of the record, or null for the configured one. */
  endpointUrlRun: string | null;
  status: SessionState;
  /** Active states of the session, e.g. `connected.healthy`. */
  states: string[];
  /** Active states of the supervisor, e.g. `alive.running.steady`. */
  supervisorStates: string[];
  /** Since when it has this status. */
  since: EpochMs;
  /** Why it has this status: a reason of `restart-policy.ts`, or null. */
  reason: string | null;
  lastConnectedAt: Date | null;
  lastDisconnectedAt: Date | null;
  createdAt: Date;
  updatedAt: Date;
  live: LiveView;
  /** The linked number, also while the connection is lost; null before the first connection. */
  account: Jid | null;
  /** The QR that can be scanned now, or null. */
  qr: QrView | null;
  /** What linking awaits, or null. */
  passkey: PasskeyView | null;
  /** The current restriction of the account by WhatsApp, or null. */
  restriction: RestrictionView | null;
  settings: EffectiveSettings;
  /** How many chats have each mode in which the bot does not answer. */
  chats: Record<Exclude<ChatMode, 'bot'>, number>;
  mailbox: MailboxView;
  /** The chats whose messages are being answered: how many turns, and the oldest of them. */
  turns: { count: number; first: TurnView[] };
  supervisor: SupervisorView;
}

/** A QR that can be scanned. */
export interface QrView {
  code: string;
  issuedAt: EpochMs;
  /** When it is replaced or withdrawn at the latest. */
  expiresAt?: EpochMs;
}

/** An awaited passkey; the challenge is null until the page has one. */
export interface PasskeyView {
  challenge: WebAuthnJson | null;
  /** Since when it is awaited. */
  since: EpochMs;
}

/** A transition, or an ignored event, as the history keeps it. */
export interface TransitionRecord {
  seq: number;
  at: EpochMs;
  machine: MachineName;
  event: string;
  /** Fields of the event that guards use: reasons, flags, results; no secrets, numbers or texts. */
  data?: Record<string, string | number | boolean>;
  /** An eventless transition, taken right after the record before it. */
  eventless?: true;
  /** `source → target` of each transition, by state path; empty when the event was ignored. */
  edges: string[];
  ignored: boolean;
  from: string[];
  to: string[];
  /** How long the machine had been in the states it left. */
  dwellMs: number;
  traceId?: string;
}

/** A restriction of the account, and since when it is known. */
export interface RestrictionView extends Restriction {
  since: EpochMs;
}
