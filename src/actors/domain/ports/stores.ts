import type { ChatMode, HistoryEntry } from '../chats.ts';
import type { AgentRef, Jid } from '../identity.ts';
import type { MessageContent } from '../message-content.ts';
import type { AgentSettings } from '../settings.ts';

// Storage of the actors; `infra/postgres` implements it.

/** The stored statuses: the top-level states of the session chart. */
export const SESSION_STATES = ['awaiting_qr', 'connected', 'disconnected', 'auth_failed'] as const;

export type SessionState = (typeof SESSION_STATES)[number];

/** A row of `whatsapp_user`. */
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

/** A change of the stored status. */
export interface StateChange {
  from: SessionState;
  to: SessionState;
  /** Why, as the API says it; null when there is nothing to say. */
  reason: string | null;
  at: Date;
}

/** All methods reject with `DATABASE_UNAVAILABLE` when Postgres can't be reached. */
export interface AgentStore {
  /**
   * Inserts the record or replaces the one of the same user and agent. A replacement keeps `endpointUrlRun`,
   * `createdAt` and the status, which only `setStatus` writes. Null when another user has the agentId.
   */
  save(agent: {
    userId: number;
    agentId: string;
    agentName: string;
    apiKey: string;
    status: SessionState;
  }): Promise<AgentRecord | null>;
  /**
   * All usable records, newest first; unusable rows are reported and skipped. Two users may have the same agentId.
   */
  list(): Promise<AgentRecord[]>;
  find(agent: AgentRef): Promise<AgentRecord | null>;
  /** True when there is a row, usable or not. */
  has(agent: AgentRef): Promise<boolean>;
  /** A cheap text that changes with any row that is added, removed, or changed in its name, key or AI endpoint. */
  version(): Promise<string>;
  /** Writes a status; `connected` sets `last_connected_at`, the end of a connection `last_disconnected_at`. */
  setStatus(agent: AgentRef, change: StateChange): Promise<void>;
  setApiKey(agent: AgentRef, apiKey: string): Promise<void>;
  /** Deletes the record and everything stored for it. */
  remove(agent: AgentRef): Promise<void>;
  /** Deletes what is stored for a record that is gone; a newer record of that agent stays. */
  forget(agent: AgentRef): Promise<void>;
}

/** The keys of users; another system writes them. */
export interface ApiKeyStore {
  /** The user's active keys, newest first, at most a hundred. */
  active(userId: number): Promise<string[]>;
}

/** Status of a message; `unknown` when it may have been sent. */
export const MESSAGE_STATUSES = [
  'queued',
  'sending',
  'sent',
  'delivered',
  'read',
  'failed',
  'unknown',
] as const;

export type MessageStatus = (typeof MESSAGE_STATUSES)[number];

/** Why a message was not sent: an error code, and a line for people. */
export interface MessageError {
  code: string;
  message: string;
  /** Bindings that WhatsApp Web's page lacks. */
  missing?: string[];
}

/** A message to send. */
export interface OutgoingMessage {
  /** The id to store it under, an unused UUID; by default a new one. */
  id?: string;
  to: Jid;
  content: MessageContent;
  quoteId?: string;
  /** The linked account that may send it; by default that of the newest session. */
  account?: Jid | null;
  /** The caller's own text, returned in reports on the message. */
  callbackData?: string;
  /** A REST caller, an AI reply, or an alert to the developer. */
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
  /** The chat it was handed over to; null before that, and in a row that was stored as `sending`. */
  chatId: Jid | null;
  createdAt: Date;
  /** By WhatsApp's clock; null before the hand-over, and while that clock is unknown. */
  handedOverAt: Date | null;
  sentAt: Date | null;
  /** When its receipts came, by the host's clock; in a group, when the last member's did. */
  deliveredAt?: Date;
  readAt?: Date;
  /** Of a voice message. */
  playedAt?: Date;
}

/** What WhatsApp reports of a message after its hand-over: it has it (1), it was delivered (2), read (3), played (4). */
export interface Receipt {
  messageId: string;
  ack: number;
  at: Date;
}

/** What is known of a message when it is accepted. */
export interface Acceptance {
  /** By the host's wall clock; now by default. */
  at?: Date;
  status?: 'queued' | 'sending';
  stanzaId?: string;
  /** For a message that is stored as `sending`. */
  handedOverAt?: Date | null;
  /**
   * Keys of the incoming messages that it answers; messages of one answer share the array. Their claims are settled in
   * the transaction that stores it.
   */
  answers?: readonly string[];
}

/** Outcome of a message; `unknown` when it may have been sent. */
export type MessageOutcome =
  /** `ack`: how far it had got already, when that is more than sent. */
  | { status: 'sent'; messageId: string; at: Date; ack?: number }
  | { status: 'failed'; error: MessageError }
  | { status: 'unknown'; messageId: string | null; error: MessageError };

/** The messages of every mailbox. Writes of one tick are one statement; their order is kept. */
export interface MessageLog {
  /**
   * Stores a message, in the order of the calls; resolves once it is on disk. A message that is handed over at once is
   * stored as `sending` and needs no `markSending`. An answer of whose claims this process has lost one is not stored:
   * `INTERNAL`.
   */
  append(agent: AgentRef, message: OutgoingMessage, acceptance?: Acceptance): Promise<StoredMessage>;
  /** `queued → sending`, before it is handed to the client. */
  markSending(id: string, handover: { chatId: Jid; handedOverAt: Date | null }): Promise<void>;
  settle(id: string, outcome: MessageOutcome): Promise<void>;
  /**
   * Records a receipt of a message that was sent, or of which that is unknown; resolves with the message as it is
   * then, null when no message of the agent moved forward by it.
   */
  receive(agent: AgentRef, receipt: Receipt): Promise<StoredMessage | null>;
  find(agent: AgentRef, id: string): Promise<StoredMessage | null>;
  /** Those of the WhatsApp ids that belong to messages of the agent. */
  claimed(agent: AgentRef, messageIds: string[]): Promise<string[]>;
  /** True when an agent of this service sent the message with this stanza id. */
  isOurs(stanzaId: string): Promise<boolean>;
  /** Messages to resume after a restart: `queued` and `sending`, by `seq`. */
  pending(agent: AgentRef): Promise<StoredMessage[]>;
  /** Fails all messages that are queued or sending, for a removal. A later `settle` may still correct one. */
  failPending(agent: AgentRef, error: MessageError): Promise<void>;
}

/** Which WhatsApp messages were handled: `UNIQUE(user, agent, wa_message_id)`, kept after a removal. */
export interface InboundLog {
  /** Claims a message that needs no answer: true for exactly one caller per key. */
  claim(agent: AgentRef, messageKey: string): Promise<boolean>;
  /**
   * Claims the messages of a turn, all at once, until they are settled; returns those that the caller has to ask about.
   * An open claim of this process is returned again, to a call that is repeated because its result was lost; that of
   * another process is taken over once: it died.
   */
  claimTurn(agent: AgentRef, messageKeys: string[]): Promise<string[]>;
  /** Makes claims of this process final; those of an answer are settled with its rows (`MessageLog.append`). */
  settle(agent: AgentRef, messageKeys: string[]): Promise<void>;
  /** Stores when the account was linked, by WhatsApp's clock: older messages are not answered. */
  link(agent: AgentRef, at: Date): Promise<void>;
  /** When its account was linked; null when unknown. */
  linkedAt(agent: AgentRef): Promise<Date | null>;
}

/** A chat that the bot does not answer, or of which the AI is yet to be given what passed. */
export interface StoredChat {
  chatId: Jid;
  lid: Jid | null;
  mode: ChatMode;
  since: Date;
  until: Date | null;
  /** The AI handed it over then: its replies that were accepted until then still leave. */
  repliesUntil: Date | null;
}

/** A change of a chat's mode, as webhooks are given it; without `until` it holds until it is changed. */
export interface ChatModeChange {
  chatId: Jid;
  from: ChatMode;
  mode: ChatMode;
  since: Date;
  until?: Date;
  cause: 'person' | 'ai' | 'api' | 'expired';
  at: Date;
}

/** A message for the AI, with what identifies and orders it. */
export interface RecordedMessage extends HistoryEntry {
  /** The same for all ids of the message. */
  key: string;
  /** By the host's clock: the order within a second of WhatsApp's. */
  arrivedAt: Date;
}

/** Who answers which chat, and what passed meanwhile. All methods reject with `DATABASE_UNAVAILABLE`. */
export interface ChatStore {
  /** The agent's chats; `hasHistory` when something is recorded of one. */
  load(agent: AgentRef): Promise<(StoredChat & { hasHistory: boolean })[]>;
  /** Writes the chat, unless the agent is deleted, and with it the changes that webhooks are given. */
  save(agent: AgentRef, chat: StoredChat, changes?: ChatModeChange[]): Promise<void>;
  remove(agent: AgentRef, chatId: Jid, changes?: ChatModeChange[]): Promise<void>;
  /** Two addresses are one person's: what is recorded under one moves to the other, and its row is deleted. */
  merge(agent: AgentRef, from: Jid, into: Jid): Promise<void>;
  /** Records a message, once; the oldest beyond the newest fifty of the chat are dropped. */
  record(agent: AgentRef, chatId: Jid, message: RecordedMessage): Promise<void>;
  /** What is recorded of the chat, oldest first, and the id of its last row for `forget`. */
  history(agent: AgentRef, chatId: Jid): Promise<{ entries: HistoryEntry[]; lastId: string }>;
  /** Deletes what is recorded up to that row. */
  forget(agent: AgentRef, chatId: Jid, lastId: string): Promise<void>;
}

/** The settings of each agent. */
export interface SettingsStore {
  load(agent: AgentRef): Promise<AgentSettings>;
  /** Writes the settings, unless the agent is deleted. */
  save(agent: AgentRef, settings: AgentSettings): Promise<void>;
}
