import { setTimeout as delay } from 'node:timers/promises';
import { EventEmitter } from 'eventemitter3';
import type { Page } from 'puppeteer';
import { z } from 'zod';
import type { ChatAddress } from '../../../actors/domain/chats.ts';
import { TEXTS } from '../../../actors/domain/error-texts.ts';
import { GatewayError } from '../../../actors/domain/errors.ts';
import type { Jid } from '../../../actors/domain/identity.ts';
import type { MessageContent } from '../../../actors/domain/message-content.ts';
import type { EpochMs } from '../../../actors/domain/ports/clock.ts';
import type {
  ChatMessage,
  ChatSummary,
  Contact,
  DownloadOptions,
  Handover,
  HandoverOptions,
  InboundMessage,
  PageEnd,
  PageQuery,
  SentQuery,
  WebAuthnJson,
  WhatsAppClient,
  WhatsAppClientEvents,
} from '../../../actors/domain/ports/whatsapp.ts';
import { query, textOf, within } from './calls.ts';
import { type Emit, SessionEvents } from './client-events.ts';
import { download } from './download.ts';
import { holdPipe, type Library, type LibraryEvents } from './library.ts';
import { PageFailure, runInPage } from './page/page-layer.ts';
import { pageScript, REPORTER } from './page/script.ts';
import { chatMessage, chatPage, contact, fetchMissed, findSent, messagePage } from './page-queries.ts';
import type { Profile } from './profile.ts';
import { Recipients } from './recipients.ts';
import { send } from './send.ts';
import { tearDown } from './tear-down.ts';

/** Deadlines of the calls into the library, in ms: without them a frozen page holds a call for minutes. */
export interface ClientDeadlines {
  startMs: number;
  sendMs: number;
  queryMs: number;
  /** Reading chats back, which may ask the phone. */
  historyMs: number;
  logoutMs: number;
  /** A clean close of the browser, before its process group is killed. */
  closeMs: number;
}

/** The parts of a client, and its callbacks. */
export interface ClientParts {
  profile: Profile;
  deadlines: ClientDeadlines;
  /** The build that is pinned; undefined: none. */
  pinned?: string;
  /** Prepares the page before it loads WhatsApp Web. */
  preparePage(page: Page): Promise<void>;
  /** Creates the library's client for the profile; rejects when there is no Chromium. */
  open(events: LibraryEvents): Promise<Library>;
  onFault(where: string, error: unknown): void;
  /** The client is destroyed, and nothing of it is left. */
  onEnd(): void;
}

const AGAIN_MS = 200;

/** Texts for a page that is not being linked. */
const NOT_NOW: Record<string, string> = {
  NO_PASSKEY: TEXTS.SESSION_NOT_READY.noPasskey,
  NOT_LINKING: TEXTS.SESSION_NOT_READY.noQrToReplace,
};

/**
 * One session on the unmodified whatsapp-web.js. docs/hazards.md lists the library's faults and where they are handled.
 */
export class WwebjsClient implements WhatsAppClient {
  readonly events = new EventEmitter<WhatsAppClientEvents>();
  readonly #parts: ClientParts;
  readonly #recipients = new Recipients((jid) => this.#askRecipient(jid));
  #library: Library | null = null;
  #session: SessionEvents | null = null;
  /** Settles, without a value, with the library's `initialize`. */
  #initialized: Promise<void> = Promise.resolve();
  #starting = false;
  #watched = false;
  #failStart: (cause: string) => void = () => undefined;
  /** Nothing more is emitted: it disconnected, crashed, was logged out or is being destroyed. */
  #ended = false;
  #destroyed: Promise<void> | null = null;

  constructor(parts: ClientParts) {
    this.#parts = parts;
  }

  async start(): Promise<void> {
    try {
      await within('start', this.#parts.deadlines.startMs, this.#start());
    } catch (error) {
      // A failed initialize leaves its Chromium running (hazard 6).
      void this.destroy();
      if (error instanceof GatewayError && error.code === 'SESSION_START_FAILED') throw error;
      throw new GatewayError('SESSION_START_FAILED', TEXTS.SESSION_START_FAILED.client(textOf(error)), {
        cause: error,
      });
    }
  }

  async logout(): Promise<void> {
    const { detach } = this.#live();
    const page = this.#page();
    const isLinked = !(await this.probe()).startsWith('UNPAIRED');
    this.#ended = true;
    detach();
    if (isLinked) {
      const loggedOut = runInPage(page, 'logOut', z.null());
      await query('logout', this.#parts.deadlines.logoutMs, loggedOut).catch(async (error: unknown) => {
        // The page may close because it is logged out: then the next one is unpaired.
        if (!(await this.#isUnpaired(page))) throw error;
      });
    }
    await this.#parts.profile.unmarkLinked();
    await this.destroy();
  }

  destroy(): Promise<void> {
    this.#ended = true;
    this.#failStart('the start was cancelled');
    this.#destroyed ??= this.#tearDown()
      .catch((error: unknown) => this.#parts.onFault('destroy', error))
      .finally(() => this.#parts.onEnd());
    return this.#destroyed;
  }

  /** The browser's process, which leads a group of its own; undefined while there is none. */
  get browserPid(): number | undefined {
    return this.#library?.client.pupBrowser?.process()?.pid;
  }

  async reload(): Promise<void> {
    await query('reload', this.#parts.deadlines.queryMs, this.#page().reload());
  }

  async send(to: Jid, content: MessageContent, options: HandoverOptions = {}): Promise<Handover> {
    return send(this.#page(), { to, content, ...options }, this.#parts.deadlines.sendMs);
  }

  async setTyping(chatId: Jid, typing: boolean): Promise<void> {
    await this.#ask('typing', z.null(), chatId, typing);
  }

  async markRead(chatId: Jid): Promise<void> {
    await this.#askOfChat('markRead', z.null(), chatId);
  }

  async watchTyping(chatId: Jid): Promise<void> {
    await this.#ask('watchTyping', z.null(), chatId);
  }

  async resolveRecipient(jid: Jid): Promise<Jid | null> {
    this.#live();
    return jid.endsWith('@c.us') ? this.#recipients.resolve(jid) : jid;
  }

  async identify(jid: Jid): Promise<ChatAddress> {
    const shape = z.object({ chatId: z.string().min(1), lid: z.string().nullable() });
    const { chatId, lid } = await this.#ask('identify', shape, jid);
    return { chatId, lid: lid ?? undefined };
  }

  requestPairingCode(phoneNumber: string): Promise<string> {
    return this.#askWhileLinking('pairingCode', z.string().min(1), phoneNumber);
  }

  async answerPasskey(assertion: WebAuthnJson): Promise<void> {
    await this.#askWhileLinking('answerPasskey', z.null(), assertion);
  }

  async probe(): Promise<string> {
    this.#page();
    return this.#session!.probe();
  }

  async findSent(wanted: SentQuery): Promise<Handover[]> {
    return query('find-sent', this.#parts.deadlines.historyMs, findSent(this.#page(), wanted));
  }

  async fetchMissed(wanted: { since: EpochMs; perChat: number }): Promise<InboundMessage[]> {
    const onFault = (error: unknown) => this.#parts.onFault('fetch-missed', error);
    const fetched = fetchMissed(this.#page(), wanted, onFault);
    return query('fetch-missed', this.#parts.deadlines.historyMs, fetched);
  }

  listChats(query: PageQuery): Promise<{ chats: ChatSummary[]; next?: PageEnd }> {
    return this.#ask('listChats', chatPage, query);
  }

  listMessages(chatId: Jid, query: PageQuery): Promise<{ messages: ChatMessage[]; next?: PageEnd }> {
    return this.#askOfChat('listMessages', messagePage, chatId, query);
  }

  findMessage(chatId: Jid, messageId: string): Promise<ChatMessage | null> {
    return this.#ask('readMessage', chatMessage.nullable(), chatId, messageId);
  }

  async findContact(jid: Jid): Promise<Contact | null> {
    const address = await this.resolveRecipient(jid);
    return address === null ? null : this.#ask('contact', contact, address);
  }

  async *downloadMedia(messageId: string, options: DownloadOptions): AsyncGenerator<Uint8Array> {
    yield* download(this.#page(), messageId, options);
  }

  /** Runs an action of the page layer that sends nothing, within the deadline of a query. */
  async #ask<T>(action: string, shape: z.ZodType<T>, ...args: unknown[]): Promise<T> {
    return query(action, this.#parts.deadlines.queryMs, runInPage(this.#page(), action, shape, ...args));
  }

  /** Runs an action that only a page which is being linked supports. @throws GatewayError also `SESSION_NOT_READY` */
  async #askWhileLinking<T>(action: string, shape: z.ZodType<T>, argument: unknown): Promise<T> {
    try {
      return await this.#ask(action, shape, argument);
    } catch (error) {
      const cause = error instanceof GatewayError ? error.cause : undefined;
      const message = NOT_NOW[(cause instanceof PageFailure && cause.code) || ''];
      throw message ? new GatewayError('SESSION_NOT_READY', message, { cause }) : error;
    }
  }

  /** Runs an action on a chat of the account. @throws GatewayError also `NOT_FOUND` when there is none */
  async #askOfChat<T>(action: string, shape: z.ZodType<T>, ...args: unknown[]): Promise<T> {
    try {
      return await this.#ask(action, shape, ...args);
    } catch (error) {
      const cause = error instanceof GatewayError ? error.cause : undefined;
      if (!(cause instanceof PageFailure && cause.code === 'NO_CHAT')) throw error;
      throw new GatewayError('NOT_FOUND', TEXTS.NOT_FOUND.chat, { cause });
    }
  }

  /** Looks up the address of a number; null for one without an account. */
  #askRecipient(jid: Jid): Promise<Jid | null> {
    return this.#ask('recipient', z.string().nullable(), jid);
  }

  /** Waits for a page that shows no account, as long as a query may take. */
  async #isUnpaired(page: Page): Promise<boolean> {
    const until = performance.now() + this.#parts.deadlines.queryMs;
    do {
      const state = await runInPage(page, 'socketState', z.string()).catch(() => 'UNLAUNCHED');
      if (state.startsWith('UNPAIRED')) return true;
      await delay(AGAIN_MS);
    } while (performance.now() < until);
    return false;
  }

  /** Launches Chromium and injects the library into the page. */
  async #start(): Promise<void> {
    const cancelled = () => new GatewayError('SESSION_START_FAILED', TEXTS.SESSION_START_FAILED.cancelled);
    if (this.#starting || this.#destroyed !== null) throw cancelled();
    this.#starting = true;
    await this.#parts.profile.prepare();
    const library = await this.#parts.open({
      opened: (page) => this.#onOpened(page),
      injecting: () => this.#onInjecting(library),
      lost: (cause) => this.#crash(cause),
      fault: (error) => this.#parts.onFault('library', error),
    });
    if (this.#destroyed !== null) throw cancelled();
    this.#library = library;
    const { client, detach } = library;
    const { profile, pinned, onFault } = this.#parts;
    const { queryMs } = this.#parts.deadlines;
    this.#session = new SessionEvents({
      client,
      profile,
      pinned,
      queryMs,
      detach,
      emit: this.#emit,
      onFault,
    });
    const initialized = client.initialize();
    this.#initialized = initialized.catch(() => undefined);
    const failed = new Promise<never>((_resolve, reject) => {
      this.#failStart = (cause) =>
        reject(new GatewayError('SESSION_START_FAILED', TEXTS.SESSION_START_FAILED.ended(cause)));
    });
    await Promise.race([initialized, failed]).catch(async (error: unknown) => {
      throw await this.#explained(error);
    });
  }

  /** The error of a failed start; names what the page lacks, if that is the cause. */
  async #explained(error: unknown): Promise<unknown> {
    if (this.#ended || error instanceof GatewayError) return error;
    const missing = await this.#session?.check();
    if (!missing?.length) return error;
    const message = TEXTS.SESSION_START_FAILED.pageChanged(missing);
    return new GatewayError('SESSION_START_FAILED', message, { cause: error, details: { missing } });
  }

  /** The page has loaded nothing yet: the page layer runs first, in this and in each later document. */
  async #onOpened(page: Page): Promise<void> {
    await this.#parts.preparePage(page);
    await page.exposeFunction(REPORTER, (name: string, payload: unknown) =>
      this.#ended ? undefined : this.#session?.take(name, payload),
    );
    await page.evaluateOnNewDocument(await pageScript());
  }

  /** Browser and page exist, at the start or after a reload. */
  #onInjecting(library: Library): void {
    if (this.#watched) this.#session?.pageChanged();
    else this.#watch(library);
  }

  /** Watches browser and page, whose death the library does not report (hazard 9). */
  #watch({ client }: Library): void {
    this.#watched = true;
    holdPipe(client);
    client.pupBrowser?.once('disconnected', () => this.#crash('the browser is gone'));
    client.pupPage?.once('error', () => this.#crash('the page crashed'));
    client.pupPage?.once('close', () => this.#crash('the page was closed'));
  }

  /** Reports a crash, once. */
  #crash(cause: string): void {
    this.#failStart(cause);
    this.#emit('crash', cause);
  }

  /** Emits, unless the session has ended; the event that ends it is the last. */
  readonly #emit: Emit = (name, ...args) => {
    if (this.#ended) return;
    if (name === 'crash' || name === 'disconnected') {
      this.#ended = true;
      this.#library?.detach();
    }
    // The emitter's own types can't follow a generic name.
    (this.events.emit as (name: string, ...args: unknown[]) => boolean).call(this.events, name, ...args);
  };

  /** Closes the browser and leaves no process; waits for a launch under way. */
  #tearDown(): Promise<void> {
    const { deadlines, profile } = this.#parts;
    return tearDown({
      userDataDir: profile.userDataDir,
      closeMs: deadlines.closeMs,
      initialized: this.#initialized,
      library: () => this.#library,
      browserPid: () => this.browserPid,
    });
  }

  /** The library, while the session lives. @throws GatewayError `BAD_GATEWAY` */
  #live(): Library {
    if (this.#library && !this.#ended) return this.#library;
    throw new GatewayError('BAD_GATEWAY', TEXTS.BAD_GATEWAY.noClient, { details: { outcome: 'failed' } });
  }

  /** The page. @throws GatewayError `BAD_GATEWAY` when there is none */
  #page(): Page {
    const page = this.#live().client.pupPage;
    if (page) return page;
    throw new GatewayError('BAD_GATEWAY', TEXTS.BAD_GATEWAY.noPage, { details: { outcome: 'failed' } });
  }
}
