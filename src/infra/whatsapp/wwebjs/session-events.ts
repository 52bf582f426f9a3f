import type { Client, Message } from 'whatsapp-web.js';
import type { Jid, Me, WhatsAppClientEvents } from '../../../actors/ports.ts';
import { query } from './calls.ts';
import { chatNameScript, ownLidScript } from './page-scripts.ts';
import { parseMessage, withoutDevice } from './parse-message.ts';
import type { Profile } from './profile.ts';

/** Emits one of the port's events, unless nothing is to be told any more. */
export type Tell = <Name extends keyof WhatsAppClientEvents>(
  name: Name,
  ...args: Parameters<WhatsAppClientEvents[Name]>
) => void;

interface Parts {
  client: Client;
  profile: Profile;
  queryMs: number;
  tell: Tell;
  /** The page is not to be taken over again. */
  letGo(): void;
  onFault(where: string, error: unknown): void;
}

const MAX_NAMES = 1_000;

/** Turns what the library tells into the port's events. None of its listeners throws (hazard 10). */
export class SessionEvents {
  readonly #parts: Parts;
  readonly #chatNames = new Map<Jid, string>();
  #ready = false;
  /** What is told one after the other: who we are, then the messages in the order in which they came. */
  #line: Promise<void> = Promise.resolve();

  constructor(parts: Parts) {
    this.#parts = parts;
    const { client, tell } = parts;
    client.on('qr', (code) => tell('qr', code));
    client.on('authenticated', () => tell('authenticated'));
    client.on('loading_screen', (percent) => tell('loading', Number(percent)));
    client.on('ready', () => this.#onReady());
    client.on('auth_failure', (reason) => tell('auth_failure', reason));
    client.on('disconnected', (reason) => this.#onDisconnected(String(reason)));
    client.on('change_state', (state) => tell('state', String(state)));
    client.on('message', (message) => this.#inLine('message', () => this.#tellMessage(message)));
    client.on('message_ack', (message, ack) =>
      tell('ack', { messageId: message.id._serialized, ack: Number(ack) }),
    );
  }

  /** The page is new: it becomes ready once more. */
  pageChanged(): void {
    this.#ready = false;
  }

  /** Does something after all that is in line; a failure is told and harms nothing that follows. */
  #inLine(where: string, act: () => Promise<void>): void {
    this.#line = this.#line.then(act).catch((error: unknown) => this.#parts.onFault(where, error));
  }

  /** `ready` may repeat, and may come before the library knows who it is (hazard 12). */
  #onReady(): void {
    if (this.#ready || !this.#parts.client.info?.wid) return;
    this.#ready = true;
    this.#inLine('ready', async () => {
      // The marker on disk is there before anybody hears of it; without it the session is no worse.
      await this.#parts.profile
        .markLinked()
        .catch((error: unknown) => this.#parts.onFault('mark-linked', error));
      this.#parts.tell('ready', await this.#me());
    });
  }

  /** Who is linked. The LID only helps to see mentions: a page that can't tell it is ready all the same. */
  async #me(): Promise<Me> {
    const { wid, pushname } = this.#parts.client.info;
    const lid = await this.#ask('own-lid', ownLidScript());
    return { pn: withoutDevice(wid._serialized), lid: lid && withoutDevice(lid), name: pushname };
  }

  /** After a LOGOUT there are no credentials any more, whatever is left on disk. */
  #onDisconnected(reason: string): void {
    if (reason !== 'LOGOUT') {
      this.#parts.tell('disconnected', reason);
      return;
    }
    // At once: the library goes on to inject into the page (hazard 1).
    this.#parts.letGo();
    this.#inLine('unmark', () =>
      this.#parts.profile.unmarkLinked().finally(() => this.#parts.tell('disconnected', reason)),
    );
  }

  /** Parses a message and tells of it, with the name of its chat. */
  async #tellMessage(message: Message): Promise<void> {
    this.#parts.tell('message', parseMessage(message.rawData, await this.#chatName(message.from)));
  }

  /** The chat's name, asked for once; a message without it is answered all the same. */
  async #chatName(chatId: Jid): Promise<string | undefined> {
    const known = this.#chatNames.get(chatId);
    if (known !== undefined) return known;
    const name = await this.#ask('chat-name', chatNameScript(chatId));
    if (name !== undefined && this.#chatNames.size < MAX_NAMES) this.#chatNames.set(chatId, name);
    return name;
  }

  /** A text that the page can tell; undefined when it is empty or the page can't. */
  async #ask(what: string, script: string): Promise<string | undefined> {
    const { client, queryMs, onFault } = this.#parts;
    try {
      const text = await query(what, queryMs, client.pupPage?.evaluate(script) ?? Promise.resolve(''));
      return typeof text === 'string' && text !== '' ? text : undefined;
    } catch (error) {
      onFault(what, error);
      return undefined;
    }
  }
}
