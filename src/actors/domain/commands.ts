import type { AgentView, QrView } from './agent-view.ts';
import type { ChatMode, ChatView } from './chats.ts';
import type { Jid } from './identity.ts';
import type { ContentKind } from './message-content.ts';
import type { ChatPage, MessagePage } from './phone-chats.ts';
import type { AiRequest } from './ports/ai.ts';
import type { EpochMs } from './ports/clock.ts';
import type { StoredFile } from './ports/files.ts';
import type { OutgoingMessage, StoredMessage } from './ports/stores.ts';
import type { Contact, WebAuthnJson } from './ports/whatsapp.ts';
import type { AgentSettings } from './settings.ts';

// Commands to an agent, and their replies. The table of `gateway/command-routes.ts` says where each command goes and in
// which state it is accepted. Every command may also be refused with `SESSION_NOT_FOUND`.

/** A command of the agent's own API. It is refused when the agent belongs to another user by now. */
interface UserCommand {
  userId: number;
}

/** Creates the agent or updates its record, and starts its session unless that is connected. */
interface CreateSession {
  type: 'session.create';
  userId: number;
  agentName: string;
  /** Used only when the database has no active key of the user. */
  apiKey?: string;
  traceId: string;
}

/** Logs out, starts again, and waits for the new QR. */
interface ReconnectSession {
  type: 'session.reconnect';
  traceId: string;
}

/** Logs out, and deletes the credentials and the record. */
interface RemoveSession {
  type: 'session.remove';
  traceId: string;
}

/** Passes the passkey's assertion to the page. */
interface AnswerPasskey {
  type: 'passkey.answer';
  assertion: WebAuthnJson;
}

/** Requests a code that links the phone of this number in place of a scan. */
interface RequestPairingCode {
  type: 'pairing_code.request';
  number: Jid;
}

/** Checks whether a send would be refused now, before its image is stored. */
interface CheckMessage extends UserCommand {
  type: 'message.check';
  traceId: string;
}

/** Stores, queues and sends a message; replies after `SEND_WAIT_MS` at the latest. */
interface SendMessage extends UserCommand, SendOptions {
  type: 'message.send';
  message: OutgoingMessage;
}

/** Asks the AI for an answer, and sends that to the chat. */
interface RunTurn extends UserCommand, RunOptions {
  type: 'turn.run';
  request: AiRequest;
}

/** Reads the outcome of a turn whose first message was stored under this id. */
interface ReadTurn extends UserCommand {
  type: 'turn.outcome';
  id: string;
  sessionId: Jid;
}

/** Finds a stored message. */
interface FindMessage extends UserCommand {
  type: 'message.find';
  id: string;
}

/** Takes a message out of the mailbox that still waits there: it fails with `WITHDRAWN`. */
interface WithdrawMessage extends UserCommand {
  type: 'message.withdraw';
  id: string;
}

/** Reads the outcome of a stored message. */
interface ReadOutcome extends UserCommand {
  type: 'message.outcome';
  id: string;
}

/** Lists the chats that have a mode. */
interface ListChats extends UserCommand {
  type: 'chats.list';
  mode: Exclude<ChatMode, 'bot'>;
}

/** Reads a page of the phone's chats. */
interface ReadChats extends UserCommand, PageRequest {
  type: 'chats.read';
}

/** Reads a page of a chat's messages. */
interface ReadMessages extends UserCommand, PageRequest {
  type: 'chat.read_messages';
  chatId: Jid;
}

/** Fetches the file of a message into the store, unless it is there. */
interface FetchFile extends UserCommand {
  type: 'chat.fetch_file';
  chatId: Jid;
  messageId: string;
}

/** Looks a person up. */
interface FindContact extends UserCommand {
  type: 'contact.find';
  jid: Jid;
}

/** Reads who answers a chat. */
interface FindChat extends UserCommand {
  type: 'chat.find';
  chatId: Jid;
}

/** Sets who answers a chat, for some minutes or until it is changed again. */
interface SetChatMode extends UserCommand {
  type: 'chat.set_mode';
  chatId: Jid;
  mode: ChatMode;
  minutes?: number;
  traceId: string;
}

/** Marks a chat read. */
interface MarkChatRead extends UserCommand {
  type: 'chat.mark_read';
  chatId: Jid;
}

/** Shows that the agent is typing, until WhatsApp drops it after about 25 s, or no longer. */
interface SetTyping extends UserCommand {
  type: 'chat.set_typing';
  chatId: Jid;
  typing: boolean;
}

/** Reads the agent's settings as they are stored. */
interface ReadSettings extends UserCommand {
  type: 'settings.read';
}

/** Changes the settings that are named. */
interface ChangeSettings extends UserCommand {
  type: 'settings.change';
  changes: Partial<AgentSettings>;
  traceId: string;
}

/** Starts a look-up of the user's newest key in the background, at most one at a time per agent. */
interface RefreshApiKey {
  type: 'api_key.refresh';
}

/** All commands to an agent. */
export type Command =
  | CreateSession
  | ReconnectSession
  | RemoveSession
  | AnswerPasskey
  | RequestPairingCode
  | CheckMessage
  | SendMessage
  | RunTurn
  | ReadTurn
  | FindMessage
  | WithdrawMessage
  | ReadOutcome
  | ListChats
  | ReadChats
  | ReadMessages
  | FetchFile
  | FindContact
  | FindChat
  | SetChatMode
  | MarkChatRead
  | SetTyping
  | ReadSettings
  | ChangeSettings
  | RefreshApiKey;

/** The command of a name. */
export type CommandOf<Type extends Command['type']> = Extract<Command, { type: Type }>;

/** What each command resolves with, and the error codes that are its own. */
interface CommandReplies {
  /** `AGENT_ID_TAKEN`, `INVALID_PAYLOAD` (no key), `SESSION_START_FAILED`, `SHUTTING_DOWN`, `DATABASE_UNAVAILABLE`. */
  'session.create': StartOutcome;
  /** `SESSION_START_FAILED`, `SHUTTING_DOWN`, `DATABASE_UNAVAILABLE`. */
  'session.reconnect': StartOutcome;
  /** `DATABASE_UNAVAILABLE`, `SHUTTING_DOWN`, or `INTERNAL` when the client does not stop in time. Safe to repeat. */
  'session.remove': RemovalOutcome;
  /** `SESSION_NOT_READY` when no passkey is awaited, `BAD_GATEWAY`. */
  'passkey.answer': undefined;
  /** `SESSION_NOT_READY` when agent or number is linked already or no QR is shown, `BAD_GATEWAY`. */
  'pairing_code.request': PairingCode;
  /** `SESSION_NOT_READY`, `RATE_LIMITED`, `SHUTTING_DOWN`; each refusal is counted. */
  'message.check': undefined;
  /** The same, `DATABASE_UNAVAILABLE`, and the code that the message failed with. */
  'message.send': SendOutcome;
  /** The same, `AI_TIMEOUT`, `AI_DOWNSTREAM_ERROR`. */
  'turn.run': RunOutcome;
  /** `NOT_FOUND`, `DATABASE_UNAVAILABLE`, and the code that the only message failed with. */
  'turn.outcome': RunOutcome;
  /** `NOT_FOUND`, `DATABASE_UNAVAILABLE`. */
  'message.find': StoredMessage;
  /** `NOT_FOUND`, `DATABASE_UNAVAILABLE`. Safe to repeat. */
  'message.withdraw': Withdrawal;
  /** `NOT_FOUND`, `DATABASE_UNAVAILABLE`, and the code that the message failed with. */
  'message.outcome': SendOutcome;
  /** `DATABASE_UNAVAILABLE`; so do the next two, and the settings. */
  'chats.list': ChatView[];
  'chat.find': ChatView;
  'chat.set_mode': ChatView;
  /** `INVALID_PAYLOAD` (`before`), `SESSION_NOT_READY`, `RATE_LIMITED`, `BAD_GATEWAY`. */
  'chats.read': ChatPage;
  /** As `chats.read`; `NOT_FOUND`, `DATABASE_UNAVAILABLE`. */
  'chat.read_messages': MessagePage;
  /** As `chat.mark_read`; `MEDIA_FETCH_FAILED`, `MEDIA_TOO_LARGE`, and those of `FileStore.add`. */
  'chat.fetch_file': StoredFile;
  /** `SESSION_NOT_READY`, `RATE_LIMITED`, `BAD_GATEWAY`; null for a number without an account. */
  'contact.find': Contact | null;
  /** `NOT_FOUND`, `SESSION_NOT_READY`, `RATE_LIMITED`, `BAD_GATEWAY`. */
  'chat.mark_read': undefined;
  /** `SESSION_NOT_READY`, `RATE_LIMITED`, `BAD_GATEWAY`. */
  'chat.set_typing': undefined;
  'settings.read': AgentSettings;
  'settings.change': AgentSettings;
  'api_key.refresh': undefined;
}

/** Which page of a list: the first, or that which `next` of another leads to. */
export interface PageRequest {
  /** 1 to 100. */
  limit: number;
  before?: string | undefined;
}

/** What a command resolves with. */
export type Reply<C extends Command> = CommandReplies[C['type']];

/** Result of a start request: `pending` when neither QR nor readiness came within `QR_WAIT_MS`. */
export interface StartOutcome {
  agent: AgentView;
  qr: QrView | null;
  created: boolean;
  outcome: 'connected' | 'qr' | 'pending';
  /** Of a reconnect: false when the former device is still linked at the phone. */
  isUnlinked?: boolean;
}

/** Result of a removal. */
export interface RemovalOutcome {
  /** False when the device is still linked at the phone. */
  isUnlinked: boolean;
}

/** A code to type into the phone. */
export interface PairingCode {
  code: string;
  expiresAt: EpochMs;
}

/** How a send is answered. */
export interface SendOptions {
  /** Reply `queued` as soon as the message is stored. */
  respondAsync: boolean;
}

/** State of a message by the end of the caller's wait. */
export type SendOutcome =
  | { status: 'sent'; id: string; messageId: string; to: Jid; at: Date }
  | { status: 'queued'; id: string; to: Jid; position: number };

/** Result of a withdrawal. */
interface Withdrawal {
  message: StoredMessage;
  /** False when the message has been handed over, or has another outcome. */
  isWithdrawn: boolean;
}

/** What goes with a `/run` request. */
export interface RunOptions {
  traceId: string;
  /** The id to store the first message of the answer under. */
  id?: string;
}

/** A message of the AI's answer; without `id` where it could not be stored. */
export interface RunMessage {
  id?: string;
  messageId?: string;
  type: ContentKind;
  /** Why it was not sent. */
  error?: { code: string; message: string };
}

/** Answer of `/run`; `reply` is null when the AI has none. */
export interface RunOutcome {
  reply: string | null;
  replySent: boolean;
  sessionId: Jid;
  /** Of the reply, as the next. */
  id?: string;
  messageId?: string;
  /** What the AI answered besides the reply, in order; absent when that was nothing. */
  messages?: RunMessage[];
}
