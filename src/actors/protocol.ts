import type { EventEmitter } from 'eventemitter3';
import type { RestrictionView } from './account-restriction.ts';
import type { AgentRef, AiRequest, Compatibility, EpochMs, Jid, WebAuthnJson } from './ports.ts';
import type {
  MessageKind,
  MessageStatus,
  OutgoingMessage,
  SessionState,
  StoredMessage,
} from './ports-stores.ts';
import type { ChartGraph, MachineName, NextTransition } from './protocol-chart.ts';

export { RESTART_REASONS } from './down-reasons.ts';

// What the outside may ask of the actors, and what it gets back. HTTP knows this file and `errors.ts` only.

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

/** How full an agent's mailbox is, and how many tokens it has. */
export interface MailboxView {
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

/** Everything to be told of one agent at one moment; never its key. */
export interface AgentView {
  userId: number;
  agentId: string;
  agentName: string;
  /** The AI endpoint of the record, or null for the configured one. */
  endpointUrlRun: string | null;
  status: SessionState;
  /** Path of the live machine states, e.g. `connected.link.healthy`. */
  states: string[];
  /** The same of the supervisor: `alive.running.steady`. */
  supervisorStates: string[];
  /** Since when the status holds. */
  since: EpochMs;
  /** Why it is in this status: a reason of the table in `down-reasons.ts`, or null. */
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

/** A code to type into the phone instead of a scan. */
export interface PairingCode {
  code: string;
  expiresAt: EpochMs;
}

/** What a create request gives of an agent. */
export interface SessionSpec {
  userId: number;
  agentId: string;
  agentName: string;
  /** Used only when the database has no active key of the user. */
  apiKey?: string;
}

/** How a start request ended: `pending` when neither QR nor readiness came within `QR_WAIT_MS`. */
export interface StartOutcome {
  agent: AgentView;
  qr: QrView | null;
  created: boolean;
  outcome: 'connected' | 'qr' | 'pending';
  /** Of a reconnect: false when the log-out has left the former device linked at the phone. */
  isUnlinked?: boolean;
}

/** How a removal ended. */
export interface RemovalOutcome {
  /** False when the device is still linked at the phone. */
  isUnlinked: boolean;
}

/** How a send ended within the time that the caller was held. */
export type SendOutcome =
  | { status: 'sent'; id: string; messageId: string; to: Jid; at: Date }
  | { status: 'queued'; id: string; to: Jid; position: number };

/** How a send is answered. */
export interface SendOptions {
  /** Answer `queued` as soon as it is stored. */
  respondAsync: boolean;
}

/** What goes with a `/run` request. */
export interface RunOptions {
  traceId: string;
  /** The id to store the reply under. */
  id?: string;
}

/** The answer of `/run` (SPEC §3): `reply` is null when the AI has none. */
export interface RunOutcome {
  reply: string | null;
  replySent: boolean;
  sessionId: Jid;
  id?: string;
  messageId?: string;
}

/** One taken transition or ignored event, as the ring buffer keeps it (UX §1). */
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

/** What the actors publish; metrics, log, database projection and inspector listen, nothing answers. */
export interface GatewayEvents {
  transition: (agentId: string, record: TransitionRecord) => void;
  state: (change: {
    agentId: string;
    from: SessionState | null;
    to: SessionState;
    reason: string | null;
    at: EpochMs;
    heldMs: number;
    /** Of the request that caused it; none for what happens by itself. */
    traceId?: string;
  }) => void;
  qr: (change: { agentId: string; qr: QrView | null; traceId?: string }) => void;
  /** A passkey is asked for, its challenge has come, or it is over. */
  passkey: (change: { agentId: string; passkey: PasskeyView | null }) => void;
  /** A self-check has another result than the one before; null: no page is known any more. */
  compatibility: (change: { agentId: string; report: Compatibility | null }) => void;
  restriction: (change: { agentId: string; restriction: RestrictionView | null }) => void;
  /** Messages reached the agent's page and were not reported by its driver. */
  unreported: (loss: { agentId: string; count: number }) => void;
  mailbox: (change: { agentId: string; mailbox: MailboxView }) => void;
  message: (change: {
    agentId: string;
    id: string;
    kind: MessageKind;
    origin: OutgoingMessage['origin'];
    status: MessageStatus;
    error?: string;
    traceId: string;
    /** From acceptance to this moment, when it is handed over and when it is settled. */
    waitedMs?: number;
    /** The stored image of a settled message: nobody needs it any more. */
    file?: string;
  }) => void;
  /** A message was refused before it was stored: once for each, where it is refused. */
  rejected: (rejection: {
    agentId: string;
    reason: 'full' | 'not_ready' | 'draining';
    traceId: string;
  }) => void;
  inbound: (message: {
    agentId: string;
    type: string;
    handled: 'answered' | 'ignored' | 'duplicate' | 'looping' | 'failed';
    why: string;
    traceId: string;
  }) => void;
  ai: (call: {
    agentId: string;
    outcome: 'reply' | 'silence' | 'timeout' | 'error';
    durationMs: number;
    traceId: string;
  }) => void;
  operation: (call: {
    agentId: string;
    operation: string;
    outcome: 'ok' | 'error' | 'timeout';
    durationMs: number;
  }) => void;
  restart: (restart: { agentId: string; reason: string; attempt: number; delayMs: number }) => void;
  /** Many agents end alike, and one at a time is tried; or that is over. */
  fleet: (change: { state: 'fault' | 'recovered'; reason: string; agents?: number }) => void;
  /** An actor, a listener or a store failed where nobody waited for the answer. */
  fault: (fault: { agentId: string | null; where: string; error: unknown }) => void;
  added: (agentId: string, traceId?: string) => void;
  removed: (agentId: string, traceId?: string) => void;
}

/**
 * The registry of all agents, and the only door to them. Methods reject with `GatewayError` alone.
 */
export interface GatewaySystem {
  readonly events: EventEmitter<GatewayEvents>;
  /** The charts of the machines that are running. */
  readonly charts: Record<MachineName, ChartGraph>;

  /** Makes every agent of the database known; those with saved credentials come back, without being waited for. */
  restore(): Promise<void>;
  /** Creates or restarts a session (SPEC §3). `AGENT_ID_TAKEN`, `INVALID_PAYLOAD` (no key), `SESSION_START_FAILED`. */
  create(spec: SessionSpec, traceId: string): Promise<StartOutcome>;
  /** Logs out, starts again, waits for the new QR. `SESSION_NOT_FOUND`, `SESSION_START_FAILED`. */
  reconnect(agentId: string, traceId: string): Promise<StartOutcome>;
  /** Logs out and deletes credentials and record. `SESSION_NOT_FOUND`. */
  remove(agentId: string, traceId: string): Promise<RemovalOutcome>;

  list(): AgentView[];
  /** `SESSION_NOT_FOUND`. */
  describe(agentId: string): AgentView;
  /** The mailbox of an agent alone: for headers of every answer. `SESSION_NOT_FOUND`. */
  mailbox(agentId: string): MailboxView;
  /** `SESSION_NOT_FOUND`, or `SESSION_NOT_READY` when there is none to scan. */
  qr(agentId: string): QrView;
  /** What the passkey has to sign. `SESSION_NOT_FOUND`, or `SESSION_NOT_READY` when none is asked for, or not yet. */
  passkey(agentId: string): WebAuthnJson;
  /** Hands the page the assertion that it waits for. `SESSION_NOT_FOUND`, `SESSION_NOT_READY`, `BAD_GATEWAY`. */
  answerPasskey(agentId: string, assertion: WebAuthnJson): Promise<void>;
  /**
   * A code that links the phone of this number. `SESSION_NOT_READY` when the agent or the number is linked already, or
   * when no QR is shown; `BAD_GATEWAY`.
   */
  requestPairingCode(agentId: string, number: Jid): Promise<PairingCode>;
  /** The newest transitions of an agent, oldest first. `SESSION_NOT_FOUND`. */
  history(agentId: string): TransitionRecord[];
  /** What may happen next in each machine of an agent. `SESSION_NOT_FOUND`. */
  next(agentId: string): Record<MachineName, NextTransition[]>;

  /** The agent's user and key, for authentication alone; undefined when there is no such agent. */
  credentials(agentId: string): { userId: number; apiKey: string } | undefined;
  /** Sets the key to the user's latest active one, in the background; at most one look-up at a time per agent. */
  refreshApiKey(agentId: string): void;

  /** Throws what a send would be refused with now: `SESSION_NOT_FOUND`, `SESSION_NOT_READY`, `RATE_LIMITED`; counted. */
  assertCanSend(agent: AgentRef, traceId: string): void;
  /** Stores, queues and sends; waits `SEND_WAIT_MS` at most. */
  send(agent: AgentRef, message: OutgoingMessage, options: SendOptions): Promise<SendOutcome>;
  /** Asks the AI for a chat and sends what it answers. `AI_TIMEOUT`, `AI_DOWNSTREAM_ERROR` beside those of `send`. */
  run(agent: AgentRef, request: AiRequest, options: RunOptions): Promise<RunOutcome>;
  /** How a stored message stands, in the words of `send`: `queued`, `sent`, or the error that it ended with. */
  outcome(agent: AgentRef, id: string): Promise<SendOutcome>;
  /** `NOT_FOUND` when the agent has no such message. */
  message(agent: AgentRef, id: string): Promise<StoredMessage>;

  /** Refuses new work, lets what is in flight end or be kept, closes every client. Within `graceMs`. */
  stop(graceMs: number): Promise<void>;
}
