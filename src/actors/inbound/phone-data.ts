import type { PageRequest } from '../domain/commands.ts';
import { TEXTS } from '../domain/error-texts.ts';
import { GatewayError } from '../domain/errors.ts';
import type { AgentRef, Jid } from '../domain/identity.ts';
import type { ChatEntry, ChatPage, MessageEntry, MessagePage } from '../domain/phone-chats.ts';
import type { Scheduler } from '../domain/ports/clock.ts';
import type { FileStore, StoredFile } from '../domain/ports/files.ts';
import type { MessageLog } from '../domain/ports/stores.ts';
import type {
  ChatMessage,
  ChatSummary,
  PageEnd,
  PageQuery,
  WhatsAppClient,
} from '../domain/ports/whatsapp.ts';
import type { ActorSettings } from '../domain/settings.ts';
import { withTimeout } from '../domain/timeout.ts';
import type { OwnStanzas } from '../outbound/own-stanzas.ts';
import type { ChatModes } from './chat-modes.ts';
import { contentTypeOf } from './content-types.ts';
import { downloadFile } from './downloads.ts';

/** What the reads of all agents share. */
export interface PhoneDataDeps {
  settings: Pick<ActorSettings, 'limits'>;
  clock: Scheduler;
  messages: Pick<MessageLog, 'isOurs'>;
  ownStanzas: OwnStanzas;
  files: Pick<FileStore, 'add' | 'find'>;
}

/** One agent's part. */
export interface PhoneDataParts {
  agent: AgentRef;
  client(): WhatsAppClient | null;
  modes: Pick<ChatModes, 'modeOf'>;
}

/** Calls at once per agent: they share the page's one thread with the messages. */
const CALLS_AT_ONCE = 4;
/** Each may be 64 MB, which the page holds whole. */
const DOWNLOADS_AT_ONCE = 2;
/** Files whose place in the store is remembered. */
const REMEMBERED_FILES = 1_000;

const STATUSES = ['sending', 'sent', 'delivered', 'read', 'read'] as const;

/** The phone's data of one agent, as callers ask for it: a few calls at once, each within a deadline. */
export class PhoneData {
  readonly #deps: PhoneDataDeps;
  readonly #parts: PhoneDataParts;
  #calls = 0;
  /** Downloads in progress, by message. */
  readonly #downloads = new Map<string, Promise<StoredFile>>();
  /** Ids in the store of files that were downloaded, by message. */
  readonly #stored = new Map<string, string>();

  constructor(deps: PhoneDataDeps, parts: PhoneDataParts) {
    this.#deps = deps;
    this.#parts = parts;
  }

  /** Calls the client. @throws GatewayError `SESSION_NOT_READY`, `RATE_LIMITED`, `BAD_GATEWAY`, and those of the call */
  async call<T>(run: (client: WhatsAppClient) => Promise<T>): Promise<T> {
    const client = this.#client();
    if (this.#calls >= CALLS_AT_ONCE) throw new GatewayError('RATE_LIMITED', TEXTS.RATE_LIMITED.phoneReads);
    const { clock, settings } = this.#deps;
    const late = () => new GatewayError('BAD_GATEWAY', TEXTS.BAD_GATEWAY.noAnswer);
    this.#calls += 1;
    try {
      return await withTimeout(clock, run(client), settings.limits.phoneMs, late);
    } finally {
      this.#calls -= 1;
    }
  }

  /** A page of the chats. @throws GatewayError as `call`; `INVALID_PAYLOAD` */
  async chats(request: PageRequest): Promise<ChatPage> {
    const query = queryOf(request);
    const { chats, next } = await this.call((client) => client.listChats(query));
    return { chats: chats.map((chat) => this.#entryOf(chat)), next: next && textOf(next) };
  }

  /** A page of a chat's messages. @throws GatewayError as `call`; `INVALID_PAYLOAD`, `DATABASE_UNAVAILABLE` */
  async messages(chatId: Jid, request: PageRequest): Promise<MessagePage> {
    const query = queryOf(request);
    const { messages, next } = await this.call((client) => client.listMessages(chatId, query));
    const entries = messages.map(async (message) => entryOf(message, await this.#writerOf(message)));
    return { messages: await Promise.all(entries), next: next && textOf(next) };
  }

  /** The file of a message, downloaded unless the store has it. @throws GatewayError as `call` and `downloadFile` */
  async file(chatId: Jid, messageId: string, signal: AbortSignal): Promise<StoredFile> {
    const message = await this.call((client) => client.findMessage(chatId, messageId));
    if (!message) throw new GatewayError('NOT_FOUND', TEXTS.NOT_FOUND.target);
    if (!message.file) throw new GatewayError('NOT_FOUND', TEXTS.NOT_FOUND.file);
    const storedId = this.#stored.get(message.id);
    const stored = storedId && (await this.#deps.files.find(this.#parts.agent, storedId));
    return stored || this.#download(message, signal);
  }

  /** Downloads a file, once for all who wait for it. */
  #download(message: ChatMessage, signal: AbortSignal): Promise<StoredFile> {
    const running = this.#downloads.get(message.id);
    if (running !== undefined) return running;
    if (this.#downloads.size >= DOWNLOADS_AT_ONCE)
      return Promise.reject(new GatewayError('RATE_LIMITED', TEXTS.RATE_LIMITED.downloads));
    const { agent } = this.#parts;
    const download = downloadFile(this.#deps, message, { agent, client: this.#client(), signal })
      .then((file) => this.#remember(message.id, file))
      .finally(() => this.#downloads.delete(message.id));
    this.#downloads.set(message.id, download);
    return download;
  }

  /** Remembers where a file is. */
  #remember(messageId: string, file: StoredFile): StoredFile {
    this.#stored.set(messageId, file.id);
    if (this.#stored.size > REMEMBERED_FILES) this.#stored.delete(this.#stored.keys().next().value!);
    return file;
  }

  /** A chat with who answers it. */
  #entryOf({ lastMessage, ...chat }: ChatSummary): ChatEntry {
    const mode = this.#parts.modes.modeOf(chat);
    if (!lastMessage) return { ...chat, mode };
    const { id, fromMe, type, body, timestamp: at } = lastMessage;
    return {
      ...chat,
      lastMessage: { id, fromMe, type: contentTypeOf(type), text: body || undefined, at },
      mode,
    };
  }

  /** Who wrote a message: this service knows its own by their stanza ids. */
  async #writerOf({ id, fromMe }: ChatMessage): Promise<MessageEntry['by']> {
    if (!fromMe) return 'customer';
    const stanzaId = id.split('_')[2] ?? '';
    const { ownStanzas, messages } = this.#deps;
    return ownStanzas.has(stanzaId) || (await messages.isOurs(stanzaId)) ? 'bot' : 'human';
  }

  /** The client. @throws GatewayError `SESSION_NOT_READY` */
  #client(): WhatsAppClient {
    const client = this.#parts.client();
    if (client) return client;
    throw new GatewayError('SESSION_NOT_READY', TEXTS.SESSION_NOT_READY.noClient);
  }
}

/** A message as callers see it. */
function entryOf(message: ChatMessage, by: MessageEntry['by']): MessageEntry {
  const { id, senderId: from, fromMe, type, body, file, location, contacts, quoted, timestamp: at } = message;
  return {
    ...{ id, from, fromMe, by, type: contentTypeOf(type), text: body || undefined },
    file: file && { ...file, ...(type === 'ptt' && { voice: true as const }) },
    ...{ location, contacts, quoted: quoted && { ...quoted, type: contentTypeOf(quoted.type) }, at },
    status: message.ack === undefined ? undefined : (STATUSES[message.ack] ?? 'failed'),
  };
}

/** The end of a page as text, for callers who don't look into it. */
function textOf({ at, id, list }: PageEnd): string {
  return Buffer.from(JSON.stringify([at, id, list])).toString('base64url');
}

/** What the driver is asked for. @throws GatewayError `INVALID_PAYLOAD` for a `before` that no page gave */
function queryOf({ limit, before }: PageRequest): PageQuery {
  if (before === undefined) return { limit };
  try {
    const [at, id, list] = JSON.parse(Buffer.from(before, 'base64url').toString());
    if (typeof at === 'number' && typeof id === 'string' && ['string', 'object'].includes(typeof list))
      return { limit, before: { at, id, list: list ?? undefined } };
  } catch {
    // As any other text.
  }
  const issues = [{ path: 'before', message: TEXTS.INVALID_PAYLOAD.pageEnd }];
  throw new GatewayError('INVALID_PAYLOAD', TEXTS.INVALID_PAYLOAD.seeDetails, { details: { issues } });
}
