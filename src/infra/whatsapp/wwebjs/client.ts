import { EventEmitter } from 'eventemitter3';
import type { Client, Message, MessageMedia, MessageSendOptions } from 'whatsapp-web.js';
import { withDeadline } from '../../../actors/deadline.ts';
import { GatewayError, toGatewayError } from '../../../actors/errors.ts';
import type {
  EpochMs,
  Handover,
  ImageFile,
  InboundMessage,
  Jid,
  Me,
  WhatsAppClient,
  WhatsAppClientEvents,
} from '../../../actors/ports.ts';
import { fetchUnread, findSent, toHandover } from './page-queries.ts';
import { parseMessage } from './parse-message.ts';
import { killBrowsersOf } from './processes.ts';
import type { Profile } from './profile.ts';

/** Deadlines of the calls into the library, in ms: without them a frozen page holds a call for minutes. */
export interface ClientDeadlines {
  startMs: number;
  sendMs: number;
  queryMs: number;
  logoutMs: number;
  /** A clean close of the browser, before its process group is killed. */
  closeMs: number;
}

export interface ClientParts {
  profile: Profile;
  deadlines: ClientDeadlines;
  /** Makes the library's client for the profile; rejects when there is no Chromium. */
  makeClient(): Promise<{ client: Client; mediaFromFile(image: ImageFile): MessageMedia }>;
  onFault(where: string, error: unknown): void;
}

const MAX_NAMES = 1_000;

/**
 * One session on the unmodified whatsapp-web.js. What the library does badly, and where it is answered here, is
 * listed in docs/hazards.md.
 */
export class WwebjsClient implements WhatsAppClient {
  readonly events = new EventEmitter<WhatsAppClientEvents>();
  readonly #parts: ClientParts;
  readonly #chatNames = new Map<Jid, string>();
  #library: Awaited<ReturnType<ClientParts['makeClient']>> | null = null;
  #initialized: Promise<void> = Promise.resolve();
  #ready = false;
  #crashed = false;
  #destroyed: Promise<void> | null = null;

  constructor(parts: ClientParts) {
    this.#parts = parts;
  }

  async start(): Promise<void> {
    try {
      await this.#parts.profile.prepare();
      const library = await this.#parts.makeClient();
      this.#library = library;
      this.#listen(library.client);
      if (this.#destroyed !== null)
        throw new GatewayError('SESSION_START_FAILED', 'The start was cancelled.');
      const initialized = library.client.initialize();
      this.#initialized = initialized.catch(() => undefined);
      await this.#within('start', this.#parts.deadlines.startMs, initialized);
      this.#watchBrowser(library.client);
    } catch (error) {
      // A failed initialize leaves its Chromium running (hazard 6).
      void this.destroy();
      throw toGatewayError(
        error,
        'SESSION_START_FAILED',
        `The client could not be started: ${textOf(error)}`,
      );
    }
  }

  async logout(): Promise<void> {
    const { client } = this.#live();
    await this.#within('logout', this.#parts.deadlines.logoutMs, client.logout());
    await this.#parts.profile.unmarkLinked();
  }

  destroy(): Promise<void> {
    this.#destroyed ??= this.#tearDown().catch((error: unknown) => this.#parts.onFault('destroy', error));
    return this.#destroyed;
  }

  async reload(): Promise<void> {
    const reloaded: Promise<unknown> = this.#page().reload();
    await this.#within('reload', this.#parts.deadlines.queryMs, reloaded);
  }

  sendText(to: Jid, text: string, options: { quoteId?: string } = {}): Promise<Handover> {
    return this.#send(to, text, { quotedMessageId: options.quoteId });
  }

  sendImage(
    to: Jid,
    image: ImageFile,
    options: { caption?: string; quoteId?: string } = {},
  ): Promise<Handover> {
    const media = this.#live().mediaFromFile(image);
    return this.#send(to, media, { caption: options.caption || undefined, quotedMessageId: options.quoteId });
  }

  async setTyping(chatId: Jid, typing: boolean): Promise<void> {
    // The library's own Chat.sendStateTyping does just this, but wants a chat look-up before it.
    const send = this.#page().evaluate(
      `window.WWebJS.sendChatstate(${JSON.stringify(typing ? 'typing' : 'stop')}, ${JSON.stringify(chatId)})`,
    );
    await this.#within('typing', this.#parts.deadlines.queryMs, send);
  }

  async resolveRecipient(jid: Jid): Promise<Jid | null> {
    if (!jid.endsWith('@c.us')) return jid;
    const found = await this.#query('recipient', this.#live().client.getNumberId(jid));
    return found?._serialized ?? null;
  }

  async probe(): Promise<string> {
    const state: string | null = await this.#query('probe', this.#live().client.getState());
    return state ?? 'UNLAUNCHED';
  }

  findSent(query: { to: Jid; kind: 'text' | 'image'; text: string; since: EpochMs }): Promise<Handover[]> {
    return this.#query('find-sent', findSent(this.#live().client, query));
  }

  fetchUnread(query: { since: EpochMs; perChat: number }): Promise<InboundMessage[]> {
    return this.#query('fetch-unread', fetchUnread(this.#live().client, query));
  }

  /** @throws GatewayError `NOT_FOUND`: the library would fail on it in its own words, or send without the quote. */
  async #assertQuotable(quoteId: string): Promise<void> {
    const quoted = await this.#query('quote', this.#live().client.getMessageById(quoteId)).catch(() => null);
    if (!quoted) throw new GatewayError('NOT_FOUND', 'The quoted message is not in the chat.');
  }

  /** Sends with the options that keep the library from failing or waiting for things nobody asked for. */
  async #send(to: Jid, content: string | MessageMedia, options: MessageSendOptions): Promise<Handover> {
    if (options.quotedMessageId) await this.#assertQuotable(options.quotedMessageId);
    const sent = this.#live().client.sendMessage(to, content, {
      ...options,
      sendSeen: false,
      linkPreview: false,
      ignoreQuoteErrors: false,
    });
    let message: Message | null | undefined;
    try {
      message = await this.#within('send', this.#parts.deadlines.sendMs, sent);
    } catch (error) {
      throw new GatewayError('BAD_GATEWAY', 'WhatsApp failed the send.', {
        cause: error,
        details: { outcome: 'unknown' },
      });
    }
    // It resolves with nothing when it found no chat (hazard of WhatsApp's own page): surely not sent.
    if (message) return toHandover(message);
    throw new GatewayError('BAD_GATEWAY', 'WhatsApp has no such chat.', { details: { outcome: 'failed' } });
  }

  /** Wires the library's events to the port's. */
  #listen(client: Client): void {
    client.on('qr', (code) => this.#tell('qr', code));
    client.on('authenticated', () => this.#tell('authenticated'));
    client.on('ready', () => this.#onReady(client));
    client.on('auth_failure', (reason) => this.#tell('auth_failure', reason));
    client.on('disconnected', (reason) => this.#onDisconnected(client, String(reason)));
    client.on('change_state', (state) => this.#tell('state', String(state)));
    client.on('message', (message) => this.#onMessage(message));
    client.on('message_ack', (message, ack) =>
      this.#tell('ack', { messageId: message.id._serialized, ack: Number(ack) }),
    );
  }

  /** `ready` may repeat, and may come before the library knows who it is (hazard 12). */
  #onReady(client: Client): void {
    if (this.#ready || !client.info?.wid) return;
    this.#ready = true;
    this.#identify(client).then(
      (me) => this.#tell('ready', me),
      (error: unknown) => {
        this.#parts.onFault('ready', error);
        this.#crash('the page did not tell who it is');
      },
    );
  }

  /** Who is linked; the marker on disk is there before anybody hears of it. */
  async #identify(client: Client): Promise<Me> {
    await this.#parts.profile.markLinked();
    const lid = await this.#query(
      'identity',
      this.#page().evaluate(
        `(window.require('WAWebUserPrefsMeUser').getMaybeMeLidUser() || {})._serialized || ''`,
      ),
    );
    return {
      pn: client.info.wid._serialized.replace(/:\d+@/, '@'),
      lid: typeof lid === 'string' && lid !== '' ? lid.replace(/:\d+@/, '@') : undefined,
      name: client.info.pushname,
    };
  }

  /** After a LOGOUT the library would inject into the page again and go on living: it is kept from that. */
  #onDisconnected(client: Client, reason: string): void {
    if (reason !== 'LOGOUT') {
      this.#tell('disconnected', reason);
      return;
    }
    stopInjecting(client);
    this.#parts.profile
      .unmarkLinked()
      .catch((error: unknown) => this.#parts.onFault('unmark', error))
      .finally(() => this.#tell('disconnected', reason));
  }

  /** Parses a message; one that doesn't fit is told, and harms no other. */
  #onMessage(message: Message): void {
    this.#chatName(message)
      .then((name) => this.#tell('message', parseMessage(message, name)))
      .catch((error: unknown) => this.#parts.onFault('message', error));
  }

  /** The chat's name, asked for once; without it the message is answered all the same. */
  async #chatName(message: Message): Promise<string | undefined> {
    const known = this.#chatNames.get(message.from);
    if (known !== undefined) return known;
    const name = await this.#query('chat-name', message.getChat()).then(
      (chat) => chat.name,
      () => undefined,
    );
    if (name !== undefined && this.#chatNames.size < MAX_NAMES) this.#chatNames.set(message.from, name);
    return name;
  }

  /** The library tells nothing of a dead browser or page (hazard 9). */
  #watchBrowser(client: Client): void {
    client.pupBrowser?.once('disconnected', () => this.#crash('the browser is gone'));
    client.pupPage?.once('error', () => this.#crash('the page crashed'));
    client.pupPage?.once('close', () => this.#crash('the page was closed'));
    if (client.pupBrowser && !client.pupBrowser.connected) this.#crash('the browser is gone');
  }

  /** Tells of a crash, once. */
  #crash(cause: string): void {
    if (this.#crashed) return;
    this.#crashed = true;
    this.#tell('crash', cause);
  }

  /** Emits, unless the client is being ended. */
  #tell<Name extends keyof WhatsAppClientEvents>(
    name: Name,
    ...args: Parameters<WhatsAppClientEvents[Name]>
  ): void {
    if (this.#destroyed !== null) return;
    // The emitter's own types can't follow a generic name.
    (this.events.emit as (name: Name, ...args: unknown[]) => boolean).call(this.events, name, ...args);
  }

  /** Closes cleanly if it can, else kills; waits until no process of the profile is left. */
  async #tearDown(): Promise<void> {
    const { deadlines, profile } = this.#parts;
    const client = this.#library?.client;
    if (client) stopInjecting(client);
    if (client && this.#ready && !this.#crashed) {
      await this.#within('close', deadlines.closeMs, client.destroy()).catch(() => undefined);
    }
    // Also ends a launch under way, which the library's own destroy would not see (hazard 7).
    await killBrowsersOf(profile.userDataDir, deadlines.closeMs);
    await this.#within('close', deadlines.closeMs, this.#initialized).catch(() => undefined);
    if (await killBrowsersOf(profile.userDataDir, deadlines.closeMs)) return;
    throw new Error('A browser survived its end.');
  }

  /** The library's client. @throws GatewayError when there is none (any more). */
  #live() {
    if (this.#library && this.#destroyed === null && !this.#crashed) return this.#library;
    throw new GatewayError('BAD_GATEWAY', 'The client is gone.', { details: { outcome: 'failed' } });
  }

  /** The page. @throws GatewayError when there is none. */
  #page() {
    const page = this.#live().client.pupPage;
    if (page) return page;
    throw new GatewayError('BAD_GATEWAY', 'The client has no page.', { details: { outcome: 'failed' } });
  }

  /** A call that sends nothing: its failure is a failure. */
  async #query<T>(what: string, call: Promise<T>): Promise<T> {
    try {
      return await this.#within(what, this.#parts.deadlines.queryMs, call);
    } catch (error) {
      throw toGatewayError(error, 'BAD_GATEWAY', `WhatsApp did not answer (${what}).`);
    }
  }

  /** A deadline of our own on every call into the library (hazard 8). */
  #within<T>(what: string, ms: number, call: Promise<T>): Promise<T> {
    return withDeadline(call, ms, () => new GatewayError('BAD_GATEWAY', `${what} took over ${ms} ms.`));
  }
}

/** Keeps the library from injecting into a page that is going away: a rejection that nobody holds (hazards 1, 2). */
function stopInjecting(client: Client): void {
  Object.assign(client, { inject: () => Promise.resolve() });
}

/** The text of anything thrown: the library throws strings too (hazard 20). */
function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
