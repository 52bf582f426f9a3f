import type { MachineName } from './chart-graph.ts';
import type { EpochMs } from './ports/clock.ts';
import type { SessionState } from './ports/stores.ts';
import type { Compatibility, Restriction, WebAuthnJson } from './ports/whatsapp.ts';

/** The live side of an agent, beside its stored row. */
export interface LiveView {
  isConnected: boolean;
  /** The socket's own word (`CONNECTED`, `OPENING`, …), or null when there is no client. */
  sessionState: string | null;
  isReady: boolean;
  hasClient: boolean;
  /** The last self-check of its page; null before the first one and after a log-out. */
  whatsapp: Compatibility | null;
}

/** What an agent's dispatcher does: nothing without a session, waits for a message, sends, or waits for a token. */
export type DispatcherMode = 'closed' | 'idle' | 'sending' | 'throttled';

/** How full an agent's mailbox is, and how many tokens it has. */
export interface MailboxView {
  mode: DispatcherMode;
  /** Messages that wait for a token or for the connection. */
  depth: number;
  capacity: number;
  /** Whole tokens in the bucket at this moment. */
  tokens: number;
  /** Seconds until the next whole token; 0 when there is one. */
  nextTokenSeconds: number;
  /** When the oldest message that is not yet handed over was accepted; absent when there is none. */
  oldestAt?: EpochMs;
}

interface SupervisorView {
  restarts: number;
  lastError?: string;
  /** When a backing-off supervisor will start again. */
  nextStartAt?: EpochMs;
}

/** Everything about one agent at one moment, except its key. */
export interface AgentView {
  userId: number;
  agentId: string;
  agentName: string;
  /** The AI endpoint of the record, or null for the configured one. */
  endpointUrlRun: string | null;
  status: SessionState;
  /** Path of the live machine states, e.g. `connected.healthy`. */
  states: string[];
  /** The same of the supervisor: `alive.running.steady`. */
  supervisorStates: string[];
  /** Since when the status holds. */
  since: EpochMs;
  /** Why it is in this status: a reason of the table in `restart-policy.ts`, or null. */
  reason: string | null;
  lastConnectedAt: Date | null;
  lastDisconnectedAt: Date | null;
  createdAt: Date;
  updatedAt: Date;
  live: LiveView;
  /** The QR that can be scanned now, or null. */
  qr: QrView | null;
  /** There while linking waits for a passkey. */
  passkey: PasskeyView | null;
  /** What WhatsApp does not let the account do for now, or null. */
  restriction: RestrictionView | null;
  mailbox: MailboxView;
  supervisor: SupervisorView;
}

/** A QR that can be scanned now. */
export interface QrView {
  code: string;
  issuedAt: EpochMs;
  /** By then it is replaced or withdrawn, at the latest. */
  expiresAt?: EpochMs;
}

/** What a passkey has to sign; the challenge is null as long as the page has none. */
export interface PasskeyView {
  challenge: WebAuthnJson | null;
  /** Since when it is asked for. */
  since: EpochMs;
}

/** One taken transition or ignored event, as the history keeps it. */
export interface TransitionRecord {
  seq: number;
  at: EpochMs;
  machine: MachineName;
  event: string;
  /** What of the event decides where it leads, without secrets, numbers and texts: reasons, flags, results. */
  data?: Record<string, string | number | boolean>;
  /** Taken without an event of its own, right after the record before it. */
  eventless?: true;
  /** `source → target` of each transition taken, by state path; empty when the event was ignored. */
  edges: string[];
  ignored: boolean;
  from: string[];
  to: string[];
  /** How long the states left had been held. */
  dwellMs: number;
  traceId?: string;
}

/** A limit that WhatsApp has put on the account, and since when it is known. */
export interface RestrictionView extends Restriction {
  since: EpochMs;
}
