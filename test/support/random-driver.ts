import { EventEmitter } from 'eventemitter3';
import { GatewayError } from '../../src/actors/domain/errors.ts';
import type {
  Handover,
  WhatsAppClient,
  WhatsAppClientEvents,
  WhatsAppDriver,
} from '../../src/actors/domain/ports/whatsapp.ts';

/** Draws from [0, 1). */
export type Chance = () => number;

/** Keeps its listeners: a destroyed client may still emit events, as a library may. */
class StubbornEvents extends EventEmitter<WhatsAppClientEvents> {
  override removeAllListeners(): this {
    return this;
  }
}

/** A client with random outcomes of calls; the test emits its events. */
export class RandomClient implements WhatsAppClient {
  readonly events = new StubbornEvents();
  readonly #chance: Chance;
  readonly #onSend: (client: RandomClient) => void;
  #messages = 0;

  constructor(chance: Chance, onSend: (client: RandomClient) => void) {
    this.#chance = chance;
    this.#onSend = onSend;
  }

  start = (): Promise<void> => this.#outcome(undefined, 'SESSION_START_FAILED');
  logout = (): Promise<void> => this.#outcome(undefined);
  reload = (): Promise<void> => this.#outcome(undefined);
  destroy = (): Promise<void> => (this.#chance() < 0.9 ? Promise.resolve() : new Promise(() => undefined));
  setTyping = (): Promise<void> => this.#outcome(undefined);
  markRead = (): Promise<void> => this.#outcome(undefined);
  watchTyping = (): Promise<void> => this.#outcome(undefined);
  resolveRecipient = (to: string): Promise<string> => this.#outcome(to);
  identify = (chatId: string): Promise<{ chatId: string }> => this.#outcome({ chatId });
  probe = (): Promise<string> => this.#outcome(this.#chance() < 0.7 ? 'CONNECTED' : 'OPENING');
  requestPairingCode = (): Promise<string> => this.#outcome('ABCD1234');
  answerPasskey = (): Promise<void> => this.#outcome(undefined);
  findSent = (): Promise<Handover[]> => this.#outcome([]);
  fetchMissed = (): Promise<[]> => this.#outcome([]);
  listChats = (): Promise<{ chats: [] }> => this.#outcome({ chats: [] });
  listMessages = (): Promise<{ messages: [] }> => this.#outcome({ messages: [] });
  findMessage = (): Promise<null> => this.#outcome(null);
  findContact = (jid: string): Promise<{ jid: string }> => this.#outcome({ jid });
  downloadMedia = async function* () {};

  /** A send that is acknowledged at once or never. */
  send = (): Promise<Handover> => {
    this.#onSend(this);
    this.#messages += 1;
    const ack = this.#chance() < 0.8 ? 1 : 0;
    return this.#outcome({ messageId: `wa-${this.#messages}`, timestamp: 0, ack });
  };

  /** Resolves in most cases; else rejects with an unknown outcome. */
  #outcome<T>(value: T, code: 'BAD_GATEWAY' | 'SESSION_START_FAILED' = 'BAD_GATEWAY'): Promise<T> {
    if (this.#chance() < 0.85) return Promise.resolve(value);
    return Promise.reject(new GatewayError(code, 'By chance.', { details: { outcome: 'unknown' } }));
  }
}

/** Creates random clients and keeps them all. */
export class RandomDriver implements WhatsAppDriver {
  readonly name = 'sandbox';
  readonly clients: RandomClient[] = [];
  readonly #chance: Chance;
  readonly #onSend: (client: RandomClient) => void;

  constructor(chance: Chance, onSend: (client: RandomClient) => void) {
    this.#chance = chance;
    this.#onSend = onSend;
  }

  create(): WhatsAppClient {
    const client = new RandomClient(this.#chance, this.#onSend);
    this.clients.push(client);
    return client;
  }

  prepare = (): Promise<void> => Promise.resolve();
  adopt = (): Promise<void> => Promise.resolve();
  hasCredentials = (): Promise<boolean> => Promise.resolve(this.#chance() < 0.5);
  removeCredentials = (): Promise<void> => Promise.resolve();
  memory = (): Promise<ReadonlyMap<string, number>> => Promise.resolve(new Map());
  close = (): Promise<void> => Promise.resolve();
}
