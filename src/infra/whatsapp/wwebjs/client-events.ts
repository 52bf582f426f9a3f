import type { Client } from 'whatsapp-web.js';
import { z } from 'zod';
import type {
  Compatibility,
  Me,
  Restriction,
  WebAuthnJson,
  WhatsAppClientEvents,
} from '../../../actors/domain/ports/whatsapp.ts';
import { query } from './calls.ts';
import { PageFailure, runInPage } from './page/page-layer.ts';
import { parseMessage, withoutDevice } from './parse-message.ts';
import type { Profile } from './profile.ts';

/** Emits one of the port's events, unless the session has ended. */
export type Emit = <Name extends keyof WhatsAppClientEvents>(
  name: Name,
  ...args: Parameters<WhatsAppClientEvents[Name]>
) => void;

interface Parts {
  client: Client;
  profile: Profile;
  queryMs: number;
  /** The build that is pinned; undefined: none. */
  pinned: string | undefined;
  emit: Emit;
  /** The page is not injected again. */
  detach(): void;
  onFault(where: string, error: unknown): void;
}

const ackReport = z.object({ messageId: z.string(), ack: z.number(), errorCode: z.number().nullish() });
const editReport = z.object({ messageId: z.string(), chatId: z.string(), body: z.string() });
const typingReport = z.object({ chatId: z.string(), typing: z.boolean() });
const revokeReport = editReport.omit({ body: true });
const reactionReport = z.object({
  messageId: z.string().min(1),
  chatId: z.string().min(1),
  senderId: z.string().min(1),
  lid: z.string().nullable(),
  fromMe: z.boolean(),
  emoji: z.string(),
  timestamp: z.number(),
});
const callReport = z.object({
  id: z.string().min(1),
  from: z.string().min(1),
  lid: z.string().nullable(),
  isVideo: z.boolean(),
  isGroup: z.boolean(),
  timestamp: z.number(),
});
const checkReport = z.object({
  webVersion: z.string().nullable(),
  repaired: z.array(z.string()),
  missing: z.array(z.string()),
});
const restrictionReport = z
  .object({ kind: z.enum(['reachout_timelock', 'message_cap']), until: z.number().nullish() })
  .nullable();
const probeReport = z.object({ state: z.string(), unreported: z.number() });

/** States of a socket whose session goes on. */
const PASSING_STATES = new Set(['CONNECTED', 'OPENING', 'PAIRING', 'TIMEOUT']);

/** WhatsApp's refusal codes of a restricted account. */
const RESTRICTION_CODES = [463, 475];

/** Turns what the library and the page layer report into the port's events. No listener throws (hazard 10). */
export class SessionEvents {
  readonly #parts: Parts;
  #isReady = false;
  #isLibraryReady = false;
  #unreported = 0;
  #isPinIgnored = false;
  #restriction: string | null = null;
  /** Orders the events: `ready` first, then the messages as they arrived. */
  #line: Promise<void> = Promise.resolve();

  constructor(parts: Parts) {
    this.#parts = parts;
    const { client, emit } = parts;
    client.on('qr', (code) => emit('qr', code));
    client.on('authenticated', () => this.#onAuthenticated());
    client.on('loading_screen', (percent) => emit('loading', Number(percent)));
    client.on('ready', () => this.#onReady());
    client.on('auth_failure', (reason) => emit('auth_failure', reason));
    client.on('disconnected', (reason) => this.#onDisconnected(String(reason)));
  }

  /** The page was reloaded: it has to become ready again. */
  pageChanged(): void {
    this.#isReady = false;
    this.#isLibraryReady = false;
  }

  /**
   * Takes a report of the page layer.
   * @throws ZodError, or the error of a listener: the page keeps a message that was not taken
   */
  async take(name: string, payload: unknown): Promise<void> {
    const { emit, onFault } = this.#parts;
    switch (name) {
      case 'message': {
        const message = parseMessage(payload);
        return this.#inLine(() => emit('message', message));
      }
      case 'state':
        return this.#onState(z.string().parse(payload));
      case 'ack':
        return this.#onAck(ackReport.parse(payload));
      case 'edited':
        return this.#inLine(() => emit('edited', editReport.parse(payload)));
      case 'revoked':
        return this.#inLine(() => emit('revoked', revokeReport.parse(payload)));
      case 'reaction': {
        const { lid, ...reaction } = reactionReport.parse(payload);
        return this.#inLine(() => emit('reaction', { ...reaction, lid: lid ?? undefined }));
      }
      case 'call': {
        const { lid, ...call } = callReport.parse(payload);
        return this.#inLine(() => emit('call', { ...call, lid: lid ?? undefined }));
      }
      case 'typing':
        return this.#inLine(() => emit('typing', typingReport.parse(payload)));
      case 'passkey':
        return emit('passkey', payload as WebAuthnJson | null);
      case 'check':
        return this.#onCheck(checkReport.parse(payload));
      case 'failed':
        return onFault('page', new Error(JSON.stringify(payload)));
      case 'dialog':
        return onFault('dialog', new Error('The dialog after the link was answered.'));
    }
  }

  /** The socket's state; also emits `unreported` when the page has messages that were never reported. */
  async probe(): Promise<string> {
    const { state, unreported } = await this.#run('probe', probeReport);
    if (unreported > this.#unreported) this.#parts.emit('unreported', unreported - this.#unreported);
    this.#unreported = unreported;
    if (this.#restriction !== null) await this.#checkRestriction();
    return state;
  }

  /** Checks the page; returns what is missing, or undefined when the page does not answer. */
  async check(): Promise<string[] | undefined> {
    try {
      const result = await this.#run('check', checkReport);
      this.#onCheck(result);
      return result.missing;
    } catch (error) {
      this.#parts.onFault('check', error);
      return undefined;
    }
  }

  /** Runs `act` after everything before it. */
  #inLine(act: () => unknown): Promise<void> {
    const done = this.#line.then(async () => {
      await act();
    });
    this.#line = done.catch(() => undefined);
    return done;
  }

  /** The same without a caller: a failure is reported and does not stop what follows. */
  #later(where: string, act: () => unknown): void {
    this.#inLine(act).catch((error: unknown) => this.#parts.onFault(where, error));
  }

  /** Linked: this evaluation runs before the library's own, so that the repairs are applied first. */
  #onAuthenticated(): void {
    void this.check();
    this.#parts.emit('authenticated');
  }

  /** A result of the self-check; after it the page may be ready. */
  #onCheck({ webVersion, repaired, missing }: z.infer<typeof checkReport>): void {
    const state = repaired.length > 0 ? 'repaired' : 'ok';
    const compatibility: Compatibility['compatibility'] = missing.length > 0 ? 'broken' : state;
    this.#comparePin(webVersion);
    this.#parts.emit('compatibility', { webVersion, compatibility, repaired, missing });
    if (this.#isLibraryReady && !this.#isReady) this.#onReady();
  }

  /** Reports once when another build runs than the pinned one. */
  #comparePin(webVersion: string | null): void {
    const { pinned, onFault } = this.#parts;
    if (!pinned || webVersion === pinned || this.#isPinIgnored) return;
    this.#isPinIgnored = true;
    onFault('pin', new Error(`WhatsApp Web ${webVersion} runs, although ${pinned} is pinned.`));
  }

  /** `ready` may repeat, and may come before the library knows who it is (hazard 12). */
  #onReady(): void {
    if (!this.#parts.client.info?.wid) return;
    this.#isLibraryReady = true;
    if (this.#isReady) return;
    this.#isReady = true;
    this.#later('ready', () => this.#open());
  }

  /** Listens for messages, then emits `ready`. A page that can't be listened to is not ready. */
  async #open(): Promise<void> {
    const { profile, emit, onFault } = this.#parts;
    try {
      await this.#run('listen', z.null());
    } catch (error) {
      this.#isReady = false;
      throw error;
    }
    // The marker is written before the event; the session works without it.
    await profile.markLinked().catch((error: unknown) => onFault('mark-linked', error));
    emit('ready', await this.#me());
    void this.#checkRestriction();
  }

  /** The linked account. The LID only serves mentions: a page without it is ready all the same. */
  async #me(): Promise<Me> {
    const { wid, pushname } = this.#parts.client.info;
    const lid = await this.#run('ownLid', z.string().nullable()).catch((error: unknown) => {
      this.#parts.onFault('own-lid', error);
      return null;
    });
    return { pn: withoutDevice(wid._serialized), lid: lid ? withoutDevice(lid) : undefined, name: pushname };
  }

  /** An acknowledgement; a refusal for a restriction asks the page how long that lasts. */
  #onAck({ errorCode, ...ack }: z.infer<typeof ackReport>): void {
    this.#parts.emit('ack', { ...ack, errorCode: errorCode ?? undefined });
    if (errorCode && RESTRICTION_CODES.includes(errorCode)) void this.#checkRestriction();
  }

  /** Asks the page for a restriction of the account and emits what has changed. */
  async #checkRestriction(): Promise<void> {
    try {
      const found = await this.#run('restriction', restrictionReport);
      const restriction: Restriction | null = found && { kind: found.kind, until: found.until ?? undefined };
      const text = restriction && JSON.stringify(restriction);
      if (text === this.#restriction) return;
      this.#restriction = text;
      this.#parts.emit('restriction', restriction);
    } catch (error) {
      this.#parts.onFault('restriction', error);
    }
  }

  /** The socket's state has changed: one that is not in `PASSING_STATES` ends the session. */
  #onState(state: string): void {
    if (PASSING_STATES.has(state)) this.#parts.emit('state', state);
    else this.#onDisconnected(state);
  }

  /** After a LOGOUT the credentials are invalid, whatever is left on disk. */
  #onDisconnected(reason: string): void {
    const { detach, profile, emit } = this.#parts;
    if (reason !== 'LOGOUT') {
      emit('disconnected', reason);
      return;
    }
    // At once: the library would inject into the page again (hazard 1).
    detach();
    this.#later('unmark', () => profile.unmarkLinked().finally(() => emit('disconnected', reason)));
  }

  /** Runs an action of the page layer within a deadline. @throws GatewayError `BAD_GATEWAY` */
  #run<T>(action: string, shape: z.ZodType<T>): Promise<T> {
    const { client, queryMs } = this.#parts;
    const page = client.pupPage;
    if (!page)
      return Promise.reject(new PageFailure({ name: 'Error', message: 'there is no page', own: {} }));
    return query(action, queryMs, runInPage(page, action, shape));
  }
}
