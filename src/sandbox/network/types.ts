import type { EventEmitter } from 'eventemitter3';
import type { z } from 'zod';
import type { Jid } from '../../actors/domain/identity.ts';
import type { EpochMs } from '../../actors/domain/ports/clock.ts';
import type { Me, Restriction, WebAuthnJson } from '../../actors/domain/ports/whatsapp.ts';
import type { AdvanceableClock } from './advanceable-clock.ts';
import type * as schemas from './schemas.ts';

// The vocabulary of the simulated WhatsApp, shared by the in-process driver, the virtual phone, and the stand-in web
// page of the tests.

/** A person or a bot. */
export type Account = z.infer<typeof schemas.account>;
export type Group = z.infer<typeof schemas.group>;
/** A message as one account sees it. */
export type ChatMessage = z.infer<typeof schemas.message>;
/** A file of a message; `SandboxNetwork.mediaFile(sha256)` has its bytes. */
export type Media = NonNullable<ChatMessage['media']>;
export type MediaType = (typeof schemas.MEDIA_TYPES)[number];
export type MessageType = ChatMessage['type'];
/** A chat as one account sees it. */
export type ChatView = z.infer<typeof schemas.chat>;
/** The faults of an account's connection. */
export type LineView = z.infer<typeof schemas.line>;
/** A call, as one account sees it. */
export type CallView = z.infer<typeof schemas.call>;
/** One line of the wire log. */
export type WireEntry = z.infer<typeof schemas.wireEntry>;
/** What holds for all accounts. */
export type NetworkSettings = z.infer<typeof schemas.settings>;

/** A file to be sent. */
export interface DraftFile extends Omit<Media, 'size' | 'sha256'> {
  type: MediaType;
  data: Uint8Array;
}

/** What a device or a phone asks to be sent. */
export interface Draft extends Pick<ChatMessage, 'location' | 'contacts' | 'previewUrl'> {
  /** `…@c.us`, `…@lid` or `…@g.us`. */
  to: Jid;
  /** Of a file, its caption. */
  text: string;
  file?: DraftFile;
  poll?: Omit<NonNullable<ChatMessage['poll']>, 'votes'>;
  /** `id` or `stanzaId` of a message in the chat; the send fails with `UNKNOWN_QUOTE` when it isn't there. */
  quoteId?: string;
  mentionedIds?: Jid[];
  /** The stanza id that the sender chose; one of the network's own by default. */
  stanzaId?: string;
}

/** Why the network refused. */
export type RefusalReason =
  | 'EXPIRED_REF'
  | 'UNKNOWN_REF'
  | 'ALREADY_SCANNED'
  | 'NOT_OPEN'
  | 'UNKNOWN_CHAT'
  | 'UNKNOWN_QUOTE'
  | 'UNKNOWN_MESSAGE'
  | 'NOT_OWN_MESSAGE'
  | 'NOT_EDITABLE'
  | 'UNKNOWN_OPTION'
  | 'TOO_LATE'
  | 'WRONG_CODE'
  | 'WRONG_PASSKEY'
  | 'DUPLICATE_ID'
  | 'CLOSED';

/** A refusal of the simulated WhatsApp; adapters translate it to their own errors. */
export class SandboxRefusal extends Error {
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason, message: string) {
    super(message);
    this.name = 'SandboxRefusal';
    this.reason = reason;
  }
}

/** The four public parts of a pairing QR beside the ref. */
export interface DeviceKeys {
  static: string;
  identity: string;
  adv: string;
  platform: string;
}

/** How far an own message got. */
export interface AckView {
  messageId: string;
  ack: number;
  chatId: Jid;
  /** WhatsApp's reason for a refusal, when it gives one. */
  errorCode?: number;
}

/** A reaction to a message of an account's chats; an empty emoji takes it back. */
export interface ReactionView {
  id: string;
  messageId: string;
  chatId: Jid;
  senderId: Jid;
  fromMe: boolean;
  emoji: string;
  timestamp: EpochMs;
}

/** What is known of a person; null: unknown. */
export interface ContactView {
  pn: Jid | null;
  lid: Jid | null;
  name: string | null;
}

/**
 * Events of a device, in these orders:
 * no token or a revoked one: `ref`, `state UNPAIRED`, then `ref` again at each refresh;
 * scanned: `paired`, `state OPENING`, `state PAIRING`, `state CONNECTED`, `opened`;
 * scanned while WhatsApp wants a passkey: `passkey true`, and once it is answered as above;
 * with a good token: `state OPENING`, `state PAIRING`, `state CONNECTED`, `opened`.
 * Nothing is emitted before `openDevice` has returned, nor after `close()`.
 */
export interface DeviceEvents {
  /** A new pairing ref; `qr` is `ref,static,identity,adv,platform`. The former ref is expired. */
  ref: (ref: string, qr: string) => void;
  /** The phone scanned the QR; the next start needs the token. */
  paired: (token: string) => void;
  opened: (me: Me) => void;
  state: (state: string) => void;
  /** The person declined on the phone; the device stays open and unpaired. */
  refused: () => void;
  /** The phone unlinked this device; `closed LOGOUT` follows. */
  loggedOut: () => void;
  /** The network ended the device: `LOGOUT`, `CRASH`, `RESET`. The last event. */
  closed: (reason: string) => void;
  /** A new message of this account, from others or from its own phone; not this device's own sends. */
  message: (message: ChatMessage) => void;
  ack: (ack: AckView) => void;
  /** Its author edited or revoked a message of this account's chats. */
  edited: (message: ChatMessage) => void;
  reaction: (reaction: ReactionView) => void;
  call: (call: CallView) => void;
  /** Linking waits for a passkey of the account, or no longer does. */
  passkey: (waiting: boolean) => void;
  /** A notice covers the page, or no longer does. */
  notice: (shown: boolean) => void;
  /** WhatsApp limits what the account may send, or no longer does. */
  restriction: (restriction: Restriction | null) => void;
  typing: (change: { chatId: Jid; typing: boolean }) => void;
}

/**
 * A device that is, or can be, linked. While it is frozen, its methods hang and its events are held, until it is thawed
 * or closed; what needs the server waits while the line is down.
 */
export interface Device {
  readonly events: EventEmitter<DeviceEvents>;
  readonly keys: DeviceKeys;
  /** UNLAUNCHED, OPENING, PAIRING, UNPAIRED, UNPAIRED_IDLE, CONNECTED, TIMEOUT, CONFLICT, … */
  readonly state: string;
  /** The ref that can be scanned now, or null. */
  readonly ref: string | null;
  /** `ref,static,identity,adv,platform`, or null. */
  readonly qr: string | null;
  readonly token: string | null;
  /** Null until opened. */
  readonly me: Me | null;
  readonly closed: boolean;
  /**
   * Hands a message over: resolves with it at ack 0 (or higher); its outcome follows by `ack` events. Marks the chat
   * read. While the account is offline, messages wait and leave in order on reconnection.
   * @throws SandboxRefusal NOT_OPEN, UNKNOWN_CHAT, UNKNOWN_QUOTE, CLOSED
   */
  send(draft: Draft): Promise<ChatMessage>;
  /** Reacts to a message; an empty emoji takes the reaction back. @throws SandboxRefusal UNKNOWN_MESSAGE */
  react(messageId: string, emoji: string): Promise<void>;
  /** Changes an own text or caption. @throws SandboxRefusal UNKNOWN_MESSAGE, NOT_OWN_MESSAGE, NOT_EDITABLE, TOO_LATE */
  edit(messageId: string, text: string): Promise<void>;
  /** Takes an own message back for everyone. @throws SandboxRefusal UNKNOWN_MESSAGE, NOT_OWN_MESSAGE, TOO_LATE */
  revoke(messageId: string): Promise<void>;
  setTyping(chatId: Jid, typing: boolean): Promise<void>;
  /** The JID under which the number is reached (its LID when addressed so), or null when not on WhatsApp. */
  queryExists(jid: Jid): Promise<Jid | null>;
  /** Marks a chat read and sends read receipts. */
  markSeen(chatId: Jid): Promise<void>;
  chats(): Promise<ChatView[]>;
  /** Oldest first. */
  messages(chatId: Jid, limit?: number): Promise<ChatMessage[]>;
  findMessage(id: string): Promise<ChatMessage | null>;
  /** Shows refs again after they were used up (UNPAIRED_IDLE). */
  refresh(): Promise<void>;
  /**
   * A code that links this device when it is typed into the phone of the number. As with WhatsApp, asking logs out
   * what the number is linked to. @throws SandboxRefusal NOT_OPEN when this device is linked already
   */
  requestPairingCode(number: string): Promise<string>;
  /** The passkey's request options, with a new challenge. @throws SandboxRefusal NOT_OPEN when none is waited for */
  passkeyChallenge(): Promise<WebAuthnJson>;
  /** Continues linking. @throws SandboxRefusal NOT_OPEN, WRONG_PASSKEY */
  answerPasskey(assertion: unknown): Promise<void>;
  /** Abandons the link; refs are shown again. */
  cancelPasskey(): Promise<void>;
  answerNotice(): Promise<void>;
  /** `Socket.state`. */
  probe(): Promise<string>;
  /** Unlinks this device at the network, then closes it. */
  logout(): Promise<void>;
  /** Ends the connection without events; the token stays linked. Idempotent. */
  close(): void;
}

export interface SandboxNetworkOptions {
  /** Its own clock by default. */
  clock?: AdvanceableClock;
  /** Of ids, refs and random failures: the same seed and script give the same wire log. */
  seed?: string;
  /** A pairing ref is replaced after this many milliseconds. */
  refLifetimeMs?: number;
  /** How long a connection takes from OPENING to CONNECTED. */
  connectMs?: number;
  /** A file that keeps accounts, links, chats and messages across restarts and kill -9; memory only by default. */
  journal?: string;
  /** Entries of the wire log that are kept. */
  wireLogSize?: number;
  /** Messages kept per chat. */
  chatSize?: number;
}

/** The network as it is by default. */
export const DEFAULT_SETTINGS: NetworkSettings = {
  lidForAll: false,
  webVersion: '2.3000.1999999999-sandbox',
  missing: [],
  clockSkewMs: 0,
  passkey: 'off',
  noticeMs: null,
  twoKeys: false,
  refsPerDevice: null,
  mediaRefusals: 'off',
};

/** Events of the whole network, for observers. */
export interface SandboxNetworkEvents {
  wire: (entry: WireEntry) => void;
  /** A new copy of a message in an account's chats; `sentBy` is the device that handed it over, if any. */
  message: (owner: Jid, message: ChatMessage, sentBy: Device | null) => void;
  ack: (owner: Jid, ack: AckView) => void;
  /** Its author edited or revoked a message of an account's chats. */
  edited: (owner: Jid, message: ChatMessage) => void;
  /** Someone, or the account itself, reacted to a message of the owner's chats. */
  reaction: (owner: Jid, reaction: ReactionView) => void;
  /** Someone calls an account. */
  call: (owner: Jid, call: CallView) => void;
  /** The reactions or votes of a message of an account's chats changed. */
  addon: (owner: Jid, message: ChatMessage) => void;
  /** A typing indicator changed, in the chat as its `reader` sees it. */
  typing: (change: { reader: Jid; chatId: Jid; typing: boolean }) => void;
  /** The reader has read a chat, as the reader sees it. */
  read: (reader: Jid, chatId: Jid) => void;
  configured: (settings: NetworkSettings) => void;
  /** Accounts, links or lines changed. */
  changed: () => void;
  /** Everything was deleted. */
  reset: () => void;
}
