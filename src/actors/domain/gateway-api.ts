import type { EventEmitter } from 'eventemitter3';
import type { AgentView, MailboxView, QrView, TransitionRecord } from './agent-view.ts';
import type { ChartGraph, MachineName, NextTransition } from './chart-graph.ts';
import type { GatewayEvents } from './gateway-events.ts';
import type { AgentRef, Jid } from './identity.ts';
import type { AiRequest } from './ports/ai.ts';
import type { EpochMs } from './ports/clock.ts';
import type { OutgoingMessage, StoredMessage } from './ports/stores.ts';
import type { WebAuthnJson } from './ports/whatsapp.ts';

// What the outside may ask of the actors, and what it gets back.

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

/**
 * The registry of all agents, and the only door to them. Methods reject with `GatewayError` alone.
 */
export interface GatewayApi {
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
