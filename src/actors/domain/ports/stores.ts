import type { AgentRef, Jid } from '../identity.ts';
import type { ImageFile } from './whatsapp.ts';

// What the actors want of storage; `infra/postgres` implements it.

/** The stored states, which are those of the agent's chart (SPEC §5). */
export const SESSION_STATES = ['awaiting_qr', 'connected', 'disconnected', 'auth_failed'] as const;

export type SessionState = (typeof SESSION_STATES)[number];

/** A row of `whatsapp_user` (PRD §3.2). */
export interface AgentRecord {
  userId: number;
  agentId: string;
  agentName: string;
  apiKey: string;
  endpointUrlRun: string | null;
  status: SessionState;
  lastConnectedAt: Date | null;
  lastDisconnectedAt: Date | null;
  createdAt: Date;
  updatedAt: Date;
}

/** A change of the stored state. */
export interface StateChange {
  from: SessionState;
  to: SessionState;
  at: Date;
}

/** All methods reject with `DATABASE_UNAVAILABLE` when Postgres can't be reached. */
export interface AgentStore {
  /**
   * Inserts the record or replaces the one of the same user and agent. `endpointUrlRun`, `createdAt` and the state
   * survive a replacement: states are written by `setStatus`, in their order. Null when another user has the agentId.
   */
  save(agent: {
    userId: number;
    agentId: string;
    agentName: string;
    apiKey: string;
    status: SessionState;
  }): Promise<AgentRecord | null>;
  /**
   * All records that an agent can be made of, the newest first; other rows are reported and skipped. Two users may
   * have one agentId in it.
   */
  list(): Promise<AgentRecord[]>;
  find(agent: AgentRef): Promise<AgentRecord | null>;
  /** True when there is a row, whether or not an agent can be made of it. */
  has(agent: AgentRef): Promise<boolean>;
  /** Another text whenever a row has come, gone, or changed in its name, key or AI endpoint; cheap to ask. */
  version(): Promise<string>;
  /** Writes a state; `connected` stamps `last_connected_at`, the end of a connection `last_disconnected_at`. */
  setStatus(agent: AgentRef, change: StateChange): Promise<void>;
  setApiKey(agent: AgentRef, apiKey: string): Promise<void>;
  /** Deletes the record and everything that was kept for it. */
  remove(agent: AgentRef): Promise<void>;
  /** Deletes what was kept for a record that is gone; one that has come in its place stays. */
  forget(agent: AgentRef): Promise<void>;
}

/** The keys of users, which another system writes. */
export interface ApiKeyStore {
  /** The active keys of the user, the newest first; no more than a hundred. */
  active(userId: number): Promise<string[]>;
}

/** How a message stands; `unknown` when it may have left. */
export const MESSAGE_STATUSES = ['queued', 'sending', 'sent', 'failed', 'unknown'] as const;

export type MessageStatus = (typeof MESSAGE_STATUSES)[number];

/** What can be sent (SPEC §9). */
export type MessageKind = 'text' | 'image';

/** Why a message was not sent: a code of the contract, and words for people. */
export interface MessageError {
  code: string;
  message: string;
  /** What of WhatsApp Web's page was missing. */
  missing?: string[];
}

/** What is asked to be sent. `text` is the caption of an image. */
export interface OutgoingMessage {
  /** The id to store it under, a UUID nobody used before; by default a new one. */
  id?: string;
  to: Jid;
  kind: MessageKind;
  text: string;
  quoteId?: string;
  image?: ImageFile;
  /** The linked account that it may leave from; by default the one of the newest session. */
  account?: Jid | null;
  /** Who asked: a REST caller, an AI reply, or the failure report. */
  origin: 'api' | 'reply' | 'report';
  traceId: string;
}

/** A stored message. `seq` grows in the order of acceptance: the order of sending. */
export interface StoredMessage extends OutgoingMessage, AgentRef {
  id: string;
  seq: number;
  status: MessageStatus;
  messageId: string | null;
  error: MessageError | null;
  /** The linked account that it was accepted for. This and the next two are null in rows of earlier versions. */
  account: Jid | null;
  /** The part of WhatsApp's id that we choose, known before the message can have left. */
  stanzaId: string | null;
  /** The chat that it was handed over to; null before that, and in the row of one that is stored as `sending`. */
  chatId: Jid | null;
  createdAt: Date;
  /** By WhatsApp's clock; null before the hand-over, and while that clock is not known. */
  handedOverAt: Date | null;
  sentAt: Date | null;
}

/** What is known of a message as it is accepted. */
export interface Acceptance {
  /** The host's time of display; now by default. */
  at?: Date;
  status?: 'queued' | 'sending';
  stanzaId?: string;
  /** Of a message that is stored as `sending`. */
  handedOverAt?: Date | null;
}

/** How a message ended, or for `unknown`, has not been seen to end. */
export type MessageOutcome =
  | { status: 'sent'; messageId: string; at: Date }
  | { status: 'failed'; error: MessageError }
  | { status: 'unknown'; messageId: string | null; error: MessageError };

/** The durable side of every mailbox. Writes of one tick travel in one statement; their order is kept. */
export interface MessageLog {
  /**
   * Stores a message, accepted `at` this moment, in the order of the calls; resolves once it is on disk. One that is
   * handed over at once is stored as `sending` and needs no `markSending`.
   */
  append(agent: AgentRef, message: OutgoingMessage, acceptance?: Acceptance): Promise<StoredMessage>;
  /** `queued → sending`, before the client sees it. */
  markSending(id: string, handover: { chatId: Jid; handedOverAt: Date | null }): Promise<void>;
  settle(id: string, settlement: MessageOutcome): Promise<void>;
  find(agent: AgentRef, id: string): Promise<StoredMessage | null>;
  /** Those of these WhatsApp ids that are some message's of the agent. */
  claimed(agent: AgentRef, messageIds: string[]): Promise<string[]>;
  /** What a restart must go on with: `queued` and `sending`, by `seq`. */
  pending(agent: AgentRef): Promise<StoredMessage[]>;
  /** Fails all that is queued or sending: the agent is being deleted. A settlement after it may know more. */
  failPending(agent: AgentRef, error: MessageError): Promise<void>;
}

/** Remembers which WhatsApp messages were handled: `UNIQUE(user, agent, wa_message_id)`, also after a delete. */
export interface InboundLog {
  /** True for exactly one caller per message, given by its key. */
  claim(agent: AgentRef, messageKey: string): Promise<boolean>;
  /** Stores when the agent's account was linked, by WhatsApp's clock: what is older is not its to answer. */
  link(agent: AgentRef, at: Date): Promise<void>;
  /** When its account was linked; null when that is not known. */
  linkedAt(agent: AgentRef): Promise<Date | null>;
}
