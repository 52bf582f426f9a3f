import type { EventEmitter } from 'eventemitter3';
import type { ChatAddress } from '../chats.ts';
import type { AgentRef, Jid } from '../identity.ts';
import type { ContactCard, ContentOf, MessageContent } from '../message-content.ts';
import type { EpochMs } from './clock.ts';

/** The linked account: its phone-number JID, and its LID once WhatsApp has sent it. */
export interface Me {
  pn: Jid;
  lid?: Jid;
  name?: string;
}

/** The file of a message as WhatsApp describes it; `downloadMedia` has the bytes. */
export interface InboundFile {
  mimeType: string;
  fileName?: string;
  sizeBytes: number;
  /** In hex. */
  sha256: string;
  /** Of a recording or film. */
  seconds?: number;
  /** In pixels. */
  width?: number;
  height?: number;
}

/** What a message carries of the one that it quotes. */
interface QuotedMessage {
  messageId: string;
  /** The text or the caption; '' when there is none. */
  text: string;
  /** WhatsApp's type. */
  type: string;
  fromMe: boolean;
}

/** A message that came in, or that another device of the account wrote; parsed by the driver and not filtered. */
export interface InboundMessage {
  /** WhatsApp's id, unique per account: `false_<chat>_<stanza>[_<participant>]`. */
  id: string;
  /**
   * The chat to answer (`…@c.us`, `…@g.us`, `status@broadcast`, `…@newsletter`). A person is named by number where the
   * driver knows it, else by `…@lid`.
   */
  chatId: Jid;
  /** The author, by the same rule; equals `chatId` in a direct chat. */
  senderId: Jid;
  /** The sender's LID, when WhatsApp has sent one. */
  lid?: Jid;
  /** The LID of a direct chat, when it is known: of an own message, the other person's. */
  chatLid?: Jid;
  fromMe: boolean;
  /** WhatsApp's type: `chat` is text, `ptt` a voice note. */
  type: string;
  /** The text, or the caption of a file; '' for all else. */
  body: string;
  /** Of a message with a file, unless WhatsApp has none for it. */
  file?: InboundFile;
  location?: Omit<ContentOf<'location'>, 'kind'>;
  contacts?: ContactCard[];
  quoted?: QuotedMessage;
  mentionedIds: Jid[];
  /** WhatsApp's clock, not the host's. */
  timestamp: EpochMs;
  senderName?: string;
  chatName?: string;
}

/** The text that a message has after its author edited it. */
export interface MessageEdit {
  messageId: string;
  chatId: Jid;
  body: string;
}

/** A message that its author deleted for everyone. */
export interface MessageRevocation {
  messageId: string;
  chatId: Jid;
}

/** A reaction to a message: that of a person, or of the account itself, by whichever device. */
interface MessageReaction {
  messageId: string;
  chatId: Jid;
  /** Who reacted: by number where the driver knows it. */
  senderId: Jid;
  lid?: Jid;
  fromMe: boolean;
  /** '' takes the earlier one back. */
  emoji: string;
  timestamp: EpochMs;
}

/** A call that rings at the account; it can't be answered here. */
interface IncomingCall {
  id: string;
  /** Who calls: by number where the driver knows it. */
  from: Jid;
  lid?: Jid;
  isVideo: boolean;
  isGroup: boolean;
  timestamp: EpochMs;
}

/** The customer of a direct chat began to write, or stopped. */
export interface CustomerTyping {
  /** As it was given to `watchTyping`. */
  chatId: Jid;
  typing: boolean;
}

/** -1 refused, 0 pending, 1 WhatsApp's server has it, 2 delivered, 3 read, 4 played. */
export interface Ack {
  messageId: string;
  ack: number;
  /** WhatsApp's code of a refusal, when it gave one: 463 a reach-out timelock, 475 a cap on new chats. */
  errorCode?: number;
}

/** An accepted hand-over: the page took the message; only an ack ≥ 1 means that it was sent. */
export interface Handover extends Ack {
  /** By WhatsApp's clock. */
  timestamp: EpochMs;
  /** The chat it went to, as the page addresses it; may differ from the requested recipient. */
  chatId?: Jid;
}

/** Options of a hand-over. */
export interface HandoverOptions {
  quoteId?: string;
  /** WhatsApp's id of the message, chosen in advance so that it can be looked up after a crash. */
  stanzaId?: string;
}

/** Whether WhatsApp's page has what a session relies on. */
export interface Compatibility {
  /** The page's build, e.g. `2.3000.1043220887`; null when unknown. */
  webVersion: string | null;
  /** `repaired`: something has moved and works through a repair; `broken`: something required is missing. */
  compatibility: 'ok' | 'repaired' | 'broken';
  /** Names of the active repairs. */
  repaired: string[];
  /** Names of the missing bindings, as `WAWebModule.export`. */
  missing: string[];
}

/** WhatsApp's limit on writing to people who never wrote to the account. */
export interface Restriction {
  kind: 'reachout_timelock' | 'message_cap';
  /** When WhatsApp lifts it, if announced. */
  until?: EpochMs;
}

/** WebAuthn request options (`PublicKeyCredentialRequestOptionsJSON`) or an assertion (`AuthenticationResponseJSON`). */
export type WebAuthnJson = Record<string, unknown>;

/** Events of one client. `disconnected` has the library's reason (`LOGOUT`, `CONFLICT`, …). */
export interface WhatsAppClientEvents {
  qr: (code: string) => void;
  authenticated: () => void;
  /** Linked, and loading its chats; large accounts take minutes. */
  loading: (percent: number) => void;
  ready: (me: Me) => void;
  auth_failure: (reason: string) => void;
  disconnected: (reason: string) => void;
  /** The socket's state changed within the session: `CONNECTED`, `OPENING`, `TIMEOUT`, … */
  state: (state: string) => void;
  message: (message: InboundMessage) => void;
  /** The author edited an incoming message, before or after it was answered. */
  edited: (edit: MessageEdit) => void;
  /** The author deleted an incoming message for everyone. */
  revoked: (revocation: MessageRevocation) => void;
  /** Someone reacted to a message of any age, or took the reaction back. One that was missed may follow within a day. */
  reaction: (reaction: MessageReaction) => void;
  call: (call: IncomingCall) => void;
  /** In a chat that is watched. */
  typing: (typing: CustomerTyping) => void;
  ack: (ack: Ack) => void;
  /** Result of a self-check: once linked, after each load of the page, and at each change. */
  compatibility: (report: Compatibility) => void;
  /** Linking waits for a passkey; the page's challenge may follow in a second event. */
  passkey: (challenge: WebAuthnJson | null) => void;
  /** WhatsApp restricts the account; null: no longer. */
  restriction: (restriction: Restriction | null) => void;
  /** Messages that reached the page and were not reported by this driver within a minute. */
  unreported: (count: number) => void;
  /** The browser or the page is gone: the client emits nothing more. */
  crash: (cause: string) => void;
}

/** What is known of an own message that is looked up. */
export interface SentQuery {
  /** The chat it went to if known, else the recipient. */
  to: Jid;
  stanzaId?: string;
  content: MessageContent;
  since: EpochMs;
}

/** Where a page of a list ends: the next one begins after it. */
export interface PageEnd {
  /** The order that a list of chats follows; chats that move meanwhile keep their place in it. */
  list?: string;
  at: number;
  id: string;
}

/** Which page of a list. */
export interface PageQuery {
  limit: number;
  before?: PageEnd | undefined;
}

/** A chat of the account. */
export interface ChatSummary extends ChatAddress {
  name?: string;
  isGroup: boolean;
  unreadCount: number;
  /** The newest message; of a text its beginning. */
  lastMessage?: Pick<InboundMessage, 'id' | 'fromMe' | 'type' | 'body' | 'timestamp'>;
}

/** A message of a chat; `revoked` is the type of one that was deleted for everyone. */
export interface ChatMessage extends InboundMessage {
  /** Of an own message, how far it got; see `Ack`. */
  ack?: number;
}

/** A person on WhatsApp. */
export interface Contact {
  jid: Jid;
  lid?: Jid;
  /** In the account's address book, else as the person calls themself. */
  name?: string;
}

/** Limits of a download. */
export interface DownloadOptions {
  maxBytes: number;
  signal: AbortSignal;
}

/**
 * One session's client, from start to destroy; never reused after a crash or a destroy. Every method settles within a
 * deadline and rejects with a `GatewayError`. `details.outcome` of a failed send is `unknown` when the message may have
 * been sent, `failed` when it certainly was not.
 */
export interface WhatsAppClient {
  readonly events: EventEmitter<WhatsAppClientEvents>;
  /** Resolves when it shows a QR or is about to be ready. `SESSION_START_FAILED`. */
  start(): Promise<void>;
  /** Unlinks the device at WhatsApp and closes the client. Credentials on disk are kept. */
  logout(): Promise<void>;
  /** Never rejects, idempotent; afterwards no event is emitted and no process is left. */
  destroy(): Promise<void>;
  /** Reloads the page under the session. */
  reload(): Promise<void>;
  /**
   * Hands a message over. A reaction, an edit and a revocation quote nothing, have no chosen id, and resolve once the
   * server has them. `NOT_FOUND` without the quoted or changed message, `NOT_OWN_MESSAGE`, `TOO_LATE`.
   */
  send(to: Jid, content: MessageContent, options?: HandoverOptions): Promise<Handover>;
  setTyping(chatId: Jid, typing: boolean): Promise<void>;
  /** Marks a chat read, which sends read receipts. `NOT_FOUND` for a chat that the account does not have. */
  markRead(chatId: Jid): Promise<void>;
  /**
   * From now on a direct chat's `typing` is emitted, as far as WhatsApp reports it, and at once when the customer types
   * already; a group's never is.
   */
  watchTyping(chatId: Jid): Promise<void>;
  /** The JID to send to, or null when the number has no account. Groups and LIDs resolve to themselves. */
  resolveRecipient(jid: Jid): Promise<Jid | null>;
  /** Both addresses of a person, as far as the page knows them; a group is itself. */
  identify(jid: Jid): Promise<ChatAddress>;
  /** A code to type into the phone instead of a scan, while a QR is shown. */
  requestPairingCode(phoneNumber: string): Promise<string>;
  /** Passes the passkey's assertion to the page. `SESSION_NOT_READY` when it awaits none. */
  answerPasskey(assertion: WebAuthnJson): Promise<void>;
  /** The socket's state (`CONNECTED`, …); rejects when the page does not answer in time. */
  probe(): Promise<string>;
  /**
   * Own messages of the chat that may be this one, newest first: only that with the stanza id if there is one, else
   * those with the same content since `since` (WhatsApp's clock). Empty when it was never handed over.
   * A reaction, an edit or a revocation is found once WhatsApp's server has it, whenever that was.
   */
  findSent(query: SentQuery): Promise<Handover[]>;
  /**
   * Messages of all chats since `since` (WhatsApp's clock), read or unread, oldest first: of each chat at most `perChat`
   * that came in, and as many that the account wrote.
   */
  fetchMissed(query: { since: EpochMs; perChat: number }): Promise<InboundMessage[]>;
  /** Chats with a message, the one with the newest first; `next` is absent on the last page. */
  listChats(query: PageQuery): Promise<{ chats: ChatSummary[]; next?: PageEnd }>;
  /**
   * Messages of a chat, the newest first, without notes of the system; what the page does not have is loaded.
   * `NOT_FOUND` for a chat that the account does not have.
   */
  listMessages(chatId: Jid, query: PageQuery): Promise<{ messages: ChatMessage[]; next?: PageEnd }>;
  /** A message of a chat; null when it is not there. */
  findMessage(chatId: Jid, messageId: string): Promise<ChatMessage | null>;
  /** The person with a number or a LID; null when there is no account. */
  findContact(jid: Jid): Promise<Contact | null>;
  /**
   * Downloads the file of a message, in pieces. It throws as soon as the signal is aborted; `MEDIA_TOO_LARGE`, or
   * `MEDIA_FETCH_FAILED` when WhatsApp does not give it (a second try may work).
   */
  downloadMedia(messageId: string, options: DownloadOptions): AsyncIterable<Uint8Array>;
}

/** Creates clients and owns what they store on disk. */
export interface WhatsAppDriver {
  readonly name: 'wwebjs' | 'sandbox';
  /** Before the first start: kills processes that a crashed predecessor left. */
  prepare(): Promise<void>;
  /**
   * Before the first start: assigns credentials that were stored without their user to the given agents (of two with the
   * same agentId, to the first). Those of no agent are never used; without any agent nothing is decided.
   */
  adopt(agents: readonly AgentRef[]): Promise<void>;
  /** A client with the agent's credentials. Its start deletes those of another user under that agentId. */
  create(agent: AgentRef): WhatsAppClient;
  /** True when the agent was linked and not logged out: it may connect without a QR. */
  hasCredentials(agent: AgentRef): Promise<boolean>;
  /** Deletes the agent's credentials; safe to repeat, but not while its client runs. */
  removeCredentials(agent: AgentRef): Promise<void>;
  /** Memory per agent in bytes; agents without a measurable process are absent. */
  memory(): Promise<ReadonlyMap<string, number>>;
  close(): Promise<void>;
}
