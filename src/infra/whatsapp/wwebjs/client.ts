import { EventEmitter } from 'eventemitter3';
import type { Page } from 'puppeteer';
import { GatewayError } from '../../../actors/errors.ts';
import type {
  EpochMs,
  Handover,
  ImageFile,
  InboundMessage,
  Jid,
  WebAuthnJson,
  WhatsAppClient,
  WhatsAppClientEvents,
} from '../../../actors/ports.ts';
import { query, textOf, within } from './calls.ts';
import { holdPipe, type Library, type LibraryEvents } from './library.ts';
import { fetchUnread, findSent } from './page-queries.ts';
import { stateScript, typingScript } from './page-scripts.ts';
import type { Profile } from './profile.ts';
import { Recipients } from './recipients.ts';
import { send } from './send.ts';
import { SessionEvents, type Tell } from './session-events.ts';
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

/** What a client is made of, and who hears of it. */
export interface ClientParts {
  profile: Profile;
  deadlines: ClientDeadlines;
  /** Makes the library's client for the profile; rejects when there is no Chromium. */
  open(events: LibraryEvents): Promise<Library>;
  onFault(where: string, error: unknown): void;
  /** The client is ended and has left nothing. */
  onEnd(): void;
}

/**
 * One session on the unmodified whatsapp-web.js. What the library does badly, and where it is answered here, is
 * listed in docs/hazards.md.
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
  /** Nothing else is to be told: it disconnected, crashed, was logged out or is being ended. */
  #over = false;
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
      const message = `The client could not be started: ${textOf(error)}`;
      throw new GatewayError('SESSION_START_FAILED', message, { cause: error });
    }
  }

  async logout(): Promise<void> {
    const { client, letGo } = this.#live();
    const isLinked = !(await this.probe()).startsWith('UNPAIRED');
    this.#over = true;
    letGo();
    if (isLinked) {
      await query('logout', this.#parts.deadlines.logoutMs, client.logout()).catch((error: GatewayError) => {
        // The page went away because it is logged out.
        if (!textOf(error.cause).includes('context was destroyed')) throw error;
      });
    }
    await this.#parts.profile.unmarkLinked();
    await this.destroy();
  }

  destroy(): Promise<void> {
    this.#over = true;
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

  async sendText(to: Jid, text: string, options: { quoteId?: string } = {}): Promise<Handover> {
    const draft = { to, content: text, quoteId: options.quoteId };
    return send(this.#live().client, draft, this.#parts.deadlines);
  }

  async sendImage(
    to: Jid,
    image: ImageFile,
    options: { caption?: string; quoteId?: string } = {},
  ): Promise<Handover> {
    const { media } = this.#live();
    const content = await query('image', this.#parts.deadlines.queryMs, media(image));
    return send(this.#live().client, { to, content, ...options }, this.#parts.deadlines);
  }

  async setTyping(chatId: Jid, typing: boolean): Promise<void> {
    const shown = this.#page().evaluate(typingScript(chatId, typing));
    await query('typing', this.#parts.deadlines.queryMs, shown);
  }

  async resolveRecipient(jid: Jid): Promise<Jid | null> {
    this.#live();
    return jid.endsWith('@c.us') ? this.#recipients.resolve(jid) : jid;
  }

  async probe(): Promise<string> {
    const asked = this.#page().evaluate(stateScript());
    return String(await query('probe', this.#parts.deadlines.queryMs, asked));
  }

  async findSent(wanted: {
    to: Jid;
    kind: 'text' | 'image';
    text: string;
    since: EpochMs;
  }): Promise<Handover[]> {
    return query('find-sent', this.#parts.deadlines.historyMs, findSent(this.#page(), wanted));
  }

  requestPairingCode(_phoneNumber: string): Promise<string> {
    return Promise.reject(new GatewayError('SESSION_NOT_READY', 'Pairing codes are not supported.'));
  }

  answerPasskey(_assertion: WebAuthnJson): Promise<void> {
    return Promise.reject(new GatewayError('SESSION_NOT_READY', 'No passkey is asked for.'));
  }

  async fetchMissed(wanted: { since: EpochMs; perChat: number }): Promise<InboundMessage[]> {
    const onFault = (error: unknown) => this.#parts.onFault('fetch-unread', error);
    const fetched = fetchUnread(this.#page(), wanted, onFault);
    return query('fetch-unread', this.#parts.deadlines.historyMs, fetched);
  }

  /** Asks WhatsApp where a number is reached; null for one without an account. */
  async #askRecipient(jid: Jid): Promise<Jid | null> {
    const asked = this.#live().client.getNumberId(jid);
    return (await query('recipient', this.#parts.deadlines.queryMs, asked))?._serialized ?? null;
  }

  /** Launches Chromium and takes the page over. */
  async #start(): Promise<void> {
    const cancelled = () => new GatewayError('SESSION_START_FAILED', 'The start was cancelled.');
    if (this.#starting || this.#destroyed !== null) throw cancelled();
    this.#starting = true;
    await this.#parts.profile.prepare();
    const library = await this.#parts.open({
      injecting: () => this.#onInjecting(library),
      lost: (cause) => this.#crash(cause),
      fault: (error) => this.#parts.onFault('library', error),
    });
    if (this.#destroyed !== null) throw cancelled();
    this.#library = library;
    const { client, letGo } = library;
    const { profile, onFault } = this.#parts;
    const { queryMs } = this.#parts.deadlines;
    this.#session = new SessionEvents({ client, profile, queryMs, letGo, tell: this.#tell, onFault });
    const initialized = client.initialize();
    this.#initialized = initialized.catch(() => undefined);
    const failed = new Promise<never>((_resolve, reject) => {
      this.#failStart = (cause) => reject(new GatewayError('SESSION_START_FAILED', `${cause}.`));
    });
    await Promise.race([initialized, failed]);
  }

  /** Browser and page are there, for the first time or anew. */
  #onInjecting(library: Library): void {
    if (this.#watched) this.#session?.pageChanged();
    else this.#watch(library);
  }

  /** The library tells nothing of a dead browser or page (hazard 9). */
  #watch({ client }: Library): void {
    this.#watched = true;
    holdPipe(client);
    client.pupBrowser?.once('disconnected', () => this.#crash('the browser is gone'));
    client.pupPage?.once('error', () => this.#crash('the page crashed'));
    client.pupPage?.once('close', () => this.#crash('the page was closed'));
  }

  /** Tells of a crash, once. */
  #crash(cause: string): void {
    this.#failStart(cause);
    this.#tell('crash', cause);
  }

  /** Emits, unless the session is over; what ends it is the last thing told. */
  readonly #tell: Tell = (name, ...args) => {
    if (this.#over) return;
    if (name === 'crash' || name === 'disconnected') {
      this.#over = true;
      this.#library?.letGo();
    }
    // The emitter's own types can't follow a generic name.
    (this.events.emit as (name: string, ...args: unknown[]) => boolean).call(this.events, name, ...args);
  };

  /** Leaves no process; a launch under way is waited for. */
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
    if (this.#library && !this.#over) return this.#library;
    throw new GatewayError('BAD_GATEWAY', 'The client is gone.', { details: { outcome: 'failed' } });
  }

  /** The page. @throws GatewayError `BAD_GATEWAY` when there is none */
  #page(): Page {
    const page = this.#live().client.pupPage;
    if (page) return page;
    throw new GatewayError('BAD_GATEWAY', 'The client has no page.', { details: { outcome: 'failed' } });
  }
}
