import type { EventEmitter } from 'eventemitter3';
import type { RestrictionView } from '../domain/agent-view.ts';
import { TEXTS } from '../domain/error-texts.ts';
import { GatewayError, isDatabaseAway, toGatewayError } from '../domain/errors.ts';
import type { GatewayEvents } from '../domain/gateway-events.ts';
import type { Jid } from '../domain/identity.ts';
import type { FileLinks } from '../domain/ports/files.ts';
import type { MessageLog } from '../domain/ports/stores.ts';
import type { WebhookEvent, WebhookEventType, WebhookOutbox } from '../domain/ports/webhooks.ts';
import type {
  InboundMessage,
  MessageEdit,
  MessageRevocation,
  WhatsAppClient,
  WhatsAppClientEvents,
} from '../domain/ports/whatsapp.ts';
import { Semaphore } from '../domain/semaphore.ts';
import { abortable, pause, retry } from '../domain/timeout.ts';
import type { OwnStanzas } from '../outbound/own-stanzas.ts';
import type { LiveAgent } from './ai-reply.ts';
import { contentTypeOf, hasContent } from './content-types.ts';
import { type DownloadDeps, type Downloads, hasAttachment } from './downloads.ts';
import { isAnswerable } from './inbound-filter.ts';
import { messageKey } from './message-changes.ts';

/** What the recorders of all agents share. */
export interface EventRecorderDeps extends DownloadDeps {
  webhooks: WebhookOutbox;
  messages: Pick<MessageLog, 'isOurs'>;
  ownStanzas: OwnStanzas;
  fileLinks: Pick<FileLinks, 'url'>;
  events: EventEmitter<GatewayEvents>;
}

type Reaction = Parameters<WhatsAppClientEvents['reaction']>[0];
type Call = Parameters<WhatsAppClientEvents['call']>[0];

/** Events that wait for a download or the database; beyond it they are dropped. */
const MAX_WAITING = 5_000;
const DOWNLOADS_AT_ONCE = 4;

/**
 * Records for an agent's webhooks what happens in its chats, in the order of each chat: a message waits for the file of
 * the one before it. What no webhook wants costs nothing. While the database is away it is retried.
 */
export class EventRecorder {
  readonly #deps: EventRecorderDeps;
  readonly #agent: LiveAgent;
  readonly #downloads: Downloads;
  readonly #slots = new Semaphore(DOWNLOADS_AT_ONCE);
  /** The newest event of each chat with any under way. */
  readonly #lines = new Map<Jid, Promise<void>>();
  #waiting = 0;
  #isStopped = false;
  readonly #abort = new AbortController();

  constructor(deps: EventRecorderDeps, agent: LiveAgent, downloads: Downloads) {
    this.#deps = deps;
    this.#agent = agent;
    this.#downloads = downloads;
  }

  /** Records what the client reports besides messages. */
  watch({ events }: WhatsAppClient): void {
    // A client may become ready more than once.
    events.off('edited', this.#onEdited).on('edited', this.#onEdited);
    events.off('revoked', this.#onRevoked).on('revoked', this.#onRevoked);
    events.off('reaction', this.#onReaction).on('reaction', this.#onReaction);
    events.off('call', this.#onCall).on('call', this.#onCall);
  }

  /** A message came in, or the account wrote it: recorded once, unless this service sent it. */
  message(message: InboundMessage): void {
    const { id, chatId, fromMe, timestamp } = message;
    if (!this.#wants('message.received') || !hasContent(message) || !this.#isRecorded(chatId)) return;
    const stanzaId = stanzaOf(id);
    if (fromMe && this.#deps.ownStanzas.has(stanzaId)) return;
    this.#inLine(chatId, async () => {
      if (fromMe && (await this.#patiently(() => this.#deps.messages.isOurs(stanzaId)))) return null;
      const data = {
        ...dataOf(message),
        ...(hasAttachment(message) && { file: await this.#fileOf(message) }),
      };
      return { type: 'message.received', at: new Date(timestamp), data, key: messageKey(id) };
    });
  }

  /** Messages that were fetched: those that need no record are left out at once, without a download. */
  async missed(messages: InboundMessage[]): Promise<void> {
    if (messages.length === 0 || !this.#wants('message.received')) return;
    const isKnown = await this.#patiently(() => this.#known(messages)).catch((error: unknown) => {
      if (!this.#abort.signal.aborted) this.#fault(error);
      return [];
    });
    for (const [index, message] of messages.entries()) if (!isKnown[index]) this.message(message);
  }

  /** Which messages were recorded before, or sent by this service: one look for all. */
  async #known(messages: InboundMessage[]): Promise<boolean[]> {
    const { webhooks, messages: log } = this.#deps;
    const keys = messages.map(({ id }) => messageKey(id));
    const [recorded, ours] = await Promise.all([
      webhooks.recorded(this.#agent.record(), 'message.received', keys),
      Promise.all(messages.map(({ id, fromMe }) => fromMe && log.isOurs(stanzaOf(id)))),
    ]);
    return keys.map((key, index) => recorded.has(key) || ours[index]!);
  }

  /** WhatsApp restricts the account, or (null) no longer. */
  restriction(restriction: RestrictionView | null): void {
    const data = restriction && {
      ...restriction,
      since: new Date(restriction.since),
      until: restriction.until === undefined ? undefined : new Date(restriction.until),
    };
    this.#record('', 'session.restriction', { restriction: data });
  }

  /** Takes no more events, gives those under way `patienceMs`, then drops them: messages are fetched after the next start. */
  async stop(patienceMs: number): Promise<void> {
    this.#isStopped = true;
    const late = pause(this.#deps.clock, patienceMs, this.#abort.signal);
    await Promise.race([Promise.all(this.#lines.values()), late]);
    this.#abort.abort(new GatewayError('SHUTTING_DOWN', TEXTS.SHUTTING_DOWN.agent));
    await Promise.all(this.#lines.values());
  }

  readonly #onEdited = ({ messageId: id, chatId, body: text }: MessageEdit) => {
    if (this.#isRecorded(chatId)) this.#record(chatId, 'message.edited', { id, chatId, text });
  };

  readonly #onRevoked = ({ messageId: id, chatId }: MessageRevocation) => {
    if (this.#isRecorded(chatId)) this.#record(chatId, 'message.revoked', { id, chatId });
  };

  readonly #onReaction = ({ messageId: id, senderId: from, timestamp, ...reaction }: Reaction) => {
    const { chatId, lid, fromMe, emoji } = reaction;
    if (!this.#isRecorded(chatId)) return;
    const data = { id, chatId, from, lid, fromMe, emoji, at: new Date(timestamp) };
    const key = [messageKey(id), from, timestamp, emoji].join(' ');
    this.#record(chatId, 'message.reaction', data, { at: timestamp, key });
  };

  readonly #onCall = ({ id, timestamp, ...call }: Call) =>
    this.#record(
      call.from,
      'call.received',
      { id, ...call, at: new Date(timestamp) },
      { at: timestamp, key: id },
    );

  /** Records an event of a chat; '' for those of none. */
  #record(
    chatId: Jid,
    type: WebhookEventType,
    data: object,
    { at = this.#deps.clock.now(), key }: { at?: number; key?: string } = {},
  ): void {
    if (!this.#wants(type)) return;
    const event = { type, at: new Date(at), data: { at: new Date(at), ...data }, ...(key && { key }) };
    this.#inLine(chatId, async () => event);
  }

  /** True for a chat of a person or a group: what happens to a status or in a channel is not recorded. */
  #isRecorded(chatId: Jid): boolean {
    const me = this.#agent.me();
    return me !== null && isAnswerable(chatId, me);
  }

  #wants(type: WebhookEventType): boolean {
    return !this.#isStopped && this.#deps.webhooks.wants(this.#agent.record(), type);
  }

  /** Completes and records an event after those before it of the chat; null is not recorded. */
  #inLine(chatId: Jid, complete: () => Promise<WebhookEvent | null>): void {
    if (this.#waiting >= MAX_WAITING) {
      this.#fault(new Error('Too many events wait to be recorded: one is dropped.'));
      return;
    }
    this.#waiting += 1;
    const line = (this.#lines.get(chatId) ?? Promise.resolve())
      .then(async () => {
        const event = await complete();
        if (event) await this.#patiently(() => this.#deps.webhooks.record(this.#agent.record(), event));
      })
      .catch((error: unknown) => {
        if (!this.#abort.signal.aborted) this.#fault(error);
      })
      .finally(() => {
        this.#waiting -= 1;
        if (this.#lines.get(chatId) === line) this.#lines.delete(chatId);
      });
    this.#lines.set(chatId, line);
  }

  /** The file of a message, in the store; with an error in place of its id and link when it can't be had. */
  async #fileOf(message: InboundMessage): Promise<object> {
    const { signal } = this.#abort;
    const known = { ...message.file, ...(message.type === 'ptt' && { voice: true }) };
    const source = { agent: this.#agent.record(), client: this.#agent.client() };
    const release = await this.#slots.acquire(signal);
    try {
      const file = await this.#patiently(() => this.#downloads.file(message, source, signal));
      const { id, mimetype: mimeType, size: sizeBytes, sha256 } = file;
      return { id, ...known, mimeType, sizeBytes, sha256, url: this.#deps.fileLinks.url(file) };
    } catch (cause) {
      signal.throwIfAborted();
      const { code, message: text } = toGatewayError(cause);
      return { ...known, error: { code, message: text } };
    } finally {
      release();
    }
  }

  /** Calls again while the database is away. @throws the signal's reason once the recorder is stopped */
  #patiently<T>(call: () => Promise<T>): Promise<T> {
    const { clock, settings } = this.#deps;
    const { signal } = this.#abort;
    const options = { clock, everyMs: settings.limits.probeAgainMs, signal, shouldRetry: isDatabaseAway };
    return abortable(retry(call, options), signal);
  }

  /** Publishes an error that no caller receives. */
  #fault(error: unknown): void {
    this.#deps.events.emit('fault', { agentId: this.#agent.record().agentId, where: 'webhooks', error });
  }
}

/** The part of WhatsApp's id that the sender chose. */
function stanzaOf(id: string): string {
  return id.split('_')[2] ?? '';
}

/** A message as webhooks are given it, but for its file. */
function dataOf(message: InboundMessage): object {
  const { id, chatId, senderId: from, lid, chatLid, fromMe, type, body, timestamp } = message;
  const { senderName: name, chatName, location, contacts, quoted } = message;
  return {
    ...{ id, chatId, from, lid: lid ?? chatLid, fromMe, by: fromMe ? 'human' : 'customer', name, chatName },
    ...{ type: contentTypeOf(type), text: body || undefined, location, contacts },
    quoted: quoted && { ...quoted, type: contentTypeOf(quoted.type) },
    at: new Date(timestamp),
  };
}
