import type { EventEmitter } from 'eventemitter3';

/** A WhatsApp address: `628…@c.us`, `…@g.us`, `…@lid`. */
export type Jid = string;

/** Milliseconds since the epoch, by the clock that the field's text names. */
export type EpochMs = number;

// ── Time ────────────────────────────────────────────────────────────────────────────────────────────────

/** Both clocks of the service. Waits, deadlines and buckets use `monotonic`; `now` is for display and rows. */
export interface Clock {
  now(): EpochMs;
  monotonic(): number;
}

/** A running timer; only the scheduler that made it knows what it is. */
export type Timer = object;

/**
 * A clock that rings. All waits of the actors are its timers, XState's delays among them, so whoever moves this
 * clock moves the whole service. Its timers keep no process alive: what listens does.
 */
export interface Scheduler extends Clock {
  setTimeout(ring: () => void, ms: number): Timer;
  clearTimeout(timer: Timer): void;
}

// ── WhatsApp ────────────────────────────────────────────────────────────────────────────────────────────

/** The linked account: its phone-number JID, and its LID when WhatsApp has told it. */
export interface Me {
  pn: Jid;
  lid?: Jid;
  name?: string;
}

/** A message as it came in, parsed at the driver's edge. Everything WhatsApp sends comes, unfiltered. */
export interface InboundMessage {
  /** WhatsApp's id, unique per account. */
  id: string;
  /** Where it was written: the chat to answer (`…@c.us`, `…@lid`, `…@g.us`, `status@broadcast`, `…@newsletter`). */
  chatId: Jid;
  /** Who wrote it; equals `chatId` in a direct chat. */
  senderId: Jid;
  fromMe: boolean;
  /** WhatsApp's type: `chat` is text; anything else is not answered (SPEC §6). */
  type: string;
  body: string;
  mentionedIds: Jid[];
  /** WhatsApp's clock, not the host's. */
  timestamp: EpochMs;
  senderName?: string;
  chatName?: string;
}

/** -1 refused, 0 pending, 1 WhatsApp's server has it, 2 delivered, 3 read. */
export interface Ack {
  messageId: string;
  ack: number;
}

/** What an accepted hand-over tells: the page took the message; only an ack ≥ 1 means that it left. */
export interface Handover {
  messageId: string;
  timestamp: EpochMs;
  ack: number;
}

/** An image on disk; bytes never travel through the actors. */
export interface ImageFile {
  path: string;
  mimetype: string;
  size: number;
  filename?: string;
}

/** Events of one client. `disconnected` carries the library's own reason (`LOGOUT`, `CONFLICT`, …). */
export interface WhatsAppClientEvents {
  qr: (code: string) => void;
  authenticated: () => void;
  /** Linked, and loading its chats; large accounts take minutes. */
  loading: (percent: number) => void;
  ready: (me: Me) => void;
  auth_failure: (reason: string) => void;
  disconnected: (reason: string) => void;
  /** The socket's state changed without the session being over: `CONNECTED`, `OPENING`, `TIMEOUT`, … */
  state: (state: string) => void;
  message: (message: InboundMessage) => void;
  ack: (ack: Ack) => void;
  /** The browser or the page is gone: nothing else will ever come from this client. */
  crash: (cause: string) => void;
}

/**
 * One session's client, from start to destroy; never reused after either a crash or a destroy.
 * Every method settles within its own deadline and rejects with a `GatewayError`. A failed send says in
 * `details.outcome` whether the message may have left (`unknown`) or surely did not (`failed`).
 */
export interface WhatsAppClient {
  readonly events: EventEmitter<WhatsAppClientEvents>;
  /** Starts it; resolves when it either shows a QR or is on its way to ready. `SESSION_START_FAILED`. */
  start(): Promise<void>;
  /** Unlinks the device at WhatsApp and ends the client. Credentials on disk are not its to delete. */
  logout(): Promise<void>;
  /** Ends it: never rejects, idempotent; afterwards no event is emitted and no process is left. */
  destroy(): Promise<void>;
  /** Reloads the page under the session. */
  reload(): Promise<void>;
  sendText(to: Jid, text: string, options?: { quoteId?: string }): Promise<Handover>;
  sendImage(to: Jid, image: ImageFile, options?: { caption?: string; quoteId?: string }): Promise<Handover>;
  setTyping(chatId: Jid, typing: boolean): Promise<void>;
  /** The JID to send to, or null when the number has no account. Groups and LIDs resolve to themselves. */
  resolveRecipient(jid: Jid): Promise<Jid | null>;
  /** The socket's state (`CONNECTED`, …); rejects when the page doesn't answer in time. */
  probe(): Promise<string>;
  /** One of our own messages in the chat, newest first, written at or after `since`: was it handed over? */
  findSent(query: { to: Jid; kind: 'text' | 'image'; text: string; since: EpochMs }): Promise<Handover[]>;
  /** Unread messages of all chats that came while nobody listened, oldest first. */
  fetchUnread(query: { since: EpochMs; perChat: number }): Promise<InboundMessage[]>;
}

/** Makes clients and owns what they leave on disk. */
export interface WhatsAppDriver {
  readonly name: 'wwebjs' | 'sandbox';
  /** Before the first start: kills what a dead predecessor left running. */
  prepare(): Promise<void>;
  create(agentId: string): WhatsAppClient;
  /** True when the agent was linked and nobody logged it out: it may connect with no QR. */
  hasCredentials(agentId: string): Promise<boolean>;
  /** Deletes what is stored for the agent; safe to repeat, and in any state of it but a running client. */
  removeCredentials(agentId: string): Promise<void>;
  /** What runs for each agent, in bytes of memory; nothing where there is no process or none can be measured. */
  memory(): Promise<ReadonlyMap<string, number>>;
  close(): Promise<void>;
}

// ── AI ──────────────────────────────────────────────────────────────────────────────────────────────────

/** The body of `/run`, as the AI backend gets it; further fields of the caller pass through. */
export interface AiRequest {
  message: string;
  sessionId: Jid;
  metadata?: Record<string, unknown>;
  [field: string]: unknown;
}

/** Who is asked for replies (SPEC §7). */
export interface AiBackend {
  /**
   * Asks for a reply; `null` when the backend has none. One attempt, no retry (SPEC §7).
   * @throws GatewayError `AI_TIMEOUT` or `AI_DOWNSTREAM_ERROR`.
   */
  ask(
    agent: { agentId: string; apiKey: string; endpointUrl: string | null },
    request: AiRequest,
    options: { traceId: string; signal: AbortSignal },
  ): Promise<string | null>;
}
