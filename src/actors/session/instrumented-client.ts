import { GatewayError } from '../domain/errors.ts';
import type { GatewayEvents } from '../domain/gateway-events.ts';
import type { Jid } from '../domain/identity.ts';
import type { MessageContent } from '../domain/message-content.ts';
import type { Clock, EpochMs } from '../domain/ports/clock.ts';
import type {
  DownloadOptions,
  HandoverOptions,
  PageQuery,
  SentQuery,
  WebAuthnJson,
  WhatsAppClient,
} from '../domain/ports/whatsapp.ts';

type Operation = Omit<Parameters<GatewayEvents['operation']>[0], 'agentId'>;

/** Measures each call of a client and its outcome: `wa_client_operation_duration_seconds`. */
export class InstrumentedClient implements WhatsAppClient {
  readonly #client: WhatsAppClient;
  readonly #clock: Clock;
  readonly #onCall: (operation: Operation) => void;

  constructor(client: WhatsAppClient, clock: Clock, onCall: (operation: Operation) => void) {
    this.#client = client;
    this.#clock = clock;
    this.#onCall = onCall;
  }

  get events() {
    return this.#client.events;
  }

  start() {
    return this.#time('start', () => this.#client.start());
  }

  logout() {
    return this.#time('logout', () => this.#client.logout());
  }

  destroy() {
    return this.#time('destroy', () => this.#client.destroy());
  }

  reload() {
    return this.#time('reload', () => this.#client.reload());
  }

  send(to: Jid, content: MessageContent, options?: HandoverOptions) {
    return this.#time(`send_${content.kind}`, () => this.#client.send(to, content, options));
  }

  setTyping(chatId: Jid, typing: boolean) {
    return this.#time('set_typing', () => this.#client.setTyping(chatId, typing));
  }

  markRead(chatId: Jid) {
    return this.#time('mark_read', () => this.#client.markRead(chatId));
  }

  watchTyping(chatId: Jid) {
    return this.#time('watch_typing', () => this.#client.watchTyping(chatId));
  }

  resolveRecipient(jid: Jid) {
    return this.#time('resolve_recipient', () => this.#client.resolveRecipient(jid));
  }

  identify(jid: Jid) {
    return this.#time('identify', () => this.#client.identify(jid));
  }

  probe() {
    return this.#time('probe', () => this.#client.probe());
  }

  requestPairingCode(phoneNumber: string) {
    return this.#time('request_pairing_code', () => this.#client.requestPairingCode(phoneNumber));
  }

  answerPasskey(assertion: WebAuthnJson) {
    return this.#time('answer_passkey', () => this.#client.answerPasskey(assertion));
  }

  findSent(query: SentQuery) {
    return this.#time('find_sent', () => this.#client.findSent(query));
  }

  fetchMissed(query: { since: EpochMs; perChat: number }) {
    return this.#time('fetch_missed', () => this.#client.fetchMissed(query));
  }

  listChats(query: PageQuery) {
    return this.#time('list_chats', () => this.#client.listChats(query));
  }

  listMessages(chatId: Jid, query: PageQuery) {
    return this.#time('list_messages', () => this.#client.listMessages(chatId, query));
  }

  findMessage(chatId: Jid, messageId: string) {
    return this.#time('find_message', () => this.#client.findMessage(chatId, messageId));
  }

  findContact(jid: Jid) {
    return this.#time('find_contact', () => this.#client.findContact(jid));
  }

  async *downloadMedia(messageId: string, options: DownloadOptions) {
    const ended = this.#begin('download_media');
    let outcome: Operation['outcome'] = 'error';
    try {
      yield* this.#client.downloadMedia(messageId, options);
      outcome = 'ok';
    } finally {
      ended(outcome);
    }
  }

  /** Starts measuring a call; the returned function reports its outcome and duration. */
  #begin(operation: string): (outcome: Operation['outcome']) => void {
    const startedAt = this.#clock.monotonic();
    return (outcome) => this.#onCall({ operation, outcome, durationMs: this.#clock.monotonic() - startedAt });
  }

  /** Runs a call and reports its outcome and duration. */
  async #time<T>(operation: string, call: () => Promise<T>): Promise<T> {
    const ended = this.#begin(operation);
    try {
      const result = await call();
      ended('ok');
      return result;
    } catch (error) {
      // A call whose outcome is unknown has timed out or lost its page.
      const unknown = error instanceof GatewayError && error.details?.outcome === 'unknown';
      ended(unknown ? 'timeout' : 'error');
      throw error;
    }
  }
}
