import type { EventEmitter } from 'eventemitter3';
import type { AgentRef, Jid } from '../identity.ts';
import type { EpochMs } from './clock.ts';

/** The linked account: its phone-number JID, and its LID when WhatsApp has told it. */
export interface Me {
  pn: Jid;
  lid?: Jid;
  name?: string;
}

/** A message as it came in, parsed at the driver's edge. Everything WhatsApp sends comes, unfiltered. */
export interface InboundMessage {
  /** WhatsApp's id, unique per account: `false_<chat>_<stanza>[_<participant>]`. */
  id: string;
  /**
   * Where it was written: the chat to answer (`…@c.us`, `…@g.us`, `status@broadcast`, `…@newsletter`). A person has
   * the number whenever the driver knows it, `…@lid` only when it does not.
   */
  chatId: Jid;
  /** Who wrote it, by the same rule; equals `chatId` in a direct chat. */
  senderId: Jid;
  /** The sender's LID, when WhatsApp has given one. */
  lid?: Jid;
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

/** The text that a message has after its author edited it. */
export interface MessageEdit {
  messageId: string;
  chatId: Jid;
  body: string;
}

/** A message that its author took back. */
export interface MessageRevocation {
  messageId: string;
  chatId: Jid;
}

/** -1 refused, 0 pending, 1 WhatsApp's server has it, 2 delivered, 3 read, 4 played. */
export interface Ack {
  messageId: string;
  ack: number;
  /** WhatsApp's code of a refusal, when it gave one: 463 a reach-out timelock, 475 a cap on new chats. */
  errorCode?: number;
}

/** An accepted hand-over: the page took the message; only an ack ≥ 1 means that it left. */
export interface Handover extends Ack {
  /** By WhatsApp's clock. */
  timestamp: EpochMs;
  /** The chat that it went to, as the page addresses it; it may differ from the recipient that was asked for. */
  chatId?: Jid;
}

/** Options of one hand-over. */
export interface HandoverOptions {
  quoteId?: string;
  /** WhatsApp's id for the message, chosen beforehand so that it can be looked up after a crash. */
  stanzaId?: string;
}

/** What of WhatsApp's page a session relies on, and whether it is there. */
export interface Compatibility {
  /** The page's build, such as `2.3000.1043220887`; null when the page does not say. */
  webVersion: string | null;
  /** `repaired`: something has moved and works again through a repair; `broken`: something needed is missing. */
  compatibility: 'ok' | 'repaired' | 'broken';
  /** Names of the repairs that are in effect. */
  repaired: string[];
  /** Names of the missing bindings, as `WAWebModule.export`. */
  missing: string[];
}

/** A limit that WhatsApp has put on writing to people who never wrote. */
export interface Restriction {
  kind: 'reachout_timelock' | 'message_cap';
  /** When WhatsApp lifts it, if it says so. */
  until?: EpochMs;
}

/** WebAuthn request options (`PublicKeyCredentialRequestOptionsJSON`) or an assertion (`AuthenticationResponseJSON`). */
export type WebAuthnJson = Record<string, unknown>;

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
  /** A message that came in was changed by its author before or after it was answered. */
  edited: (edit: MessageEdit) => void;
  /** A message that came in was taken back by its author. */
  revoked: (revocation: MessageRevocation) => void;
  ack: (ack: Ack) => void;
  /** The result of a self-check: once linked, after each load of the page, and whenever it changes. */
  compatibility: (report: Compatibility) => void;
  /** Linking waits for a passkey; with the page's challenge once there is one, which may be in a second event. */
  passkey: (challenge: WebAuthnJson | null) => void;
  /** WhatsApp restricts the account, or no longer does. */
  restriction: (restriction: Restriction | null) => void;
  /** Messages reached the page and were not reported by this driver within a minute. */
  unreported: (count: number) => void;
  /** The browser or the page is gone: nothing else will ever come from this client. */
  crash: (cause: string) => void;
}

/** What a look-up of an own message knows of it. */
export interface SentQuery {
  /** The chat it went to, when that is known, else the recipient. */
  to: Jid;
  stanzaId?: string;
  kind: 'text' | 'image';
  text: string;
  since: EpochMs;
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
  sendText(to: Jid, text: string, options?: HandoverOptions): Promise<Handover>;
  sendImage(to: Jid, image: ImageFile, options?: HandoverOptions & { caption?: string }): Promise<Handover>;
  setTyping(chatId: Jid, typing: boolean): Promise<void>;
  /** The JID to send to, or null when the number has no account. Groups and LIDs resolve to themselves. */
  resolveRecipient(jid: Jid): Promise<Jid | null>;
  /** A code to type into the phone instead of a scan, while a QR is shown. */
  requestPairingCode(phoneNumber: string): Promise<string>;
  /** Gives the page the assertion that it waits for. `SESSION_NOT_READY` when it waits for none. */
  answerPasskey(assertion: WebAuthnJson): Promise<void>;
  /** The socket's state (`CONNECTED`, …); rejects when the page doesn't answer in time. */
  probe(): Promise<string>;
  /**
   * Our own messages in the chat that may be this one, newest first: the one with the stanza id alone when it is
   * there, else those with the same content written at or after `since` by WhatsApp's clock. Was it handed over?
   */
  findSent(query: SentQuery): Promise<Handover[]>;
  /** Messages of all chats that came at or after `since` by WhatsApp's clock, read or unread, oldest first. */
  fetchMissed(query: { since: EpochMs; perChat: number }): Promise<InboundMessage[]>;
}

/** Makes clients and owns what they leave on disk. */
export interface WhatsAppDriver {
  readonly name: 'wwebjs' | 'sandbox';
  /** Before the first start: kills what a dead predecessor left running. */
  prepare(): Promise<void>;
  /**
   * Before the first start: logins that were stored without their user become those of the given agents (of two with
   * one agentId, of the first), or nobody's. Without any agent nothing is decided.
   */
  adopt(agents: readonly AgentRef[]): Promise<void>;
  /** A client on the agent's own login. One of another user under that agentId is deleted by the start. */
  create(agent: AgentRef): WhatsAppClient;
  /** True when the agent was linked and nobody logged it out: it may connect with no QR. */
  hasCredentials(agent: AgentRef): Promise<boolean>;
  /** Deletes what is stored for the agent; safe to repeat, and in any state of it but a running client. */
  removeCredentials(agent: AgentRef): Promise<void>;
  /** What runs for each agent, in bytes of memory; nothing where there is no process or none can be measured. */
  memory(): Promise<ReadonlyMap<string, number>>;
  close(): Promise<void>;
}
