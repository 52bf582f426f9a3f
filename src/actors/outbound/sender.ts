import type { EventEmitter } from 'eventemitter3';
import type { SendOptions, SendOutcome } from '../domain/commands.ts';
import { TEXTS } from '../domain/error-texts.ts';
import { GatewayError } from '../domain/errors.ts';
import type { GatewayEvents } from '../domain/gateway-events.ts';
import type { AgentRef } from '../domain/identity.ts';
import { fileOf } from '../domain/message-content.ts';
import type { Scheduler } from '../domain/ports/clock.ts';
import type { MessageFiles } from '../domain/ports/files.ts';
import type { MessageLog, MessageStatus, OutgoingMessage, StoredMessage } from '../domain/ports/stores.ts';
import type { Restriction } from '../domain/ports/whatsapp.ts';
import type { ActorSettings } from '../domain/settings.ts';
import { withTimeout } from '../domain/timeout.ts';
import { Dispatcher } from './dispatcher.ts';
import type { Reservation } from './outbound-queue.ts';
import type { OwnStanzas } from './own-stanzas.ts';
import { splitText } from './split-text.ts';

/** What the senders of all agents share. */
export interface SenderDeps {
  settings: ActorSettings;
  clock: Scheduler;
  messages: MessageLog;
  files: MessageFiles;
  /** A WhatsApp id for the next message. */
  newStanzaId(agentId: string): string;
  ownStanzas: OwnStanzas;
  events: EventEmitter<GatewayEvents>;
}

/** What one agent's sender asks of its other parts. */
interface SenderParts {
  /** False for a reply whose chat is not the bot's any more. */
  permits(message: StoredMessage): Promise<boolean>;
  /** Called when WhatsApp refuses a send because of a restriction of the account. */
  onRefusal(kind: Restriction['kind']): void;
}

/** A message, or a part of a long text, that was stored and queued; the outcome is null when a stop keeps it queued. */
export interface Accepted {
  stored: StoredMessage;
  position: number;
  outcome: Promise<StoredMessage | null>;
}

/** The restriction of the account that a message's error means. */
const RESTRICTIONS = new Map<string | undefined, Restriction['kind']>([
  ['REACHOUT_TIMELOCKED', 'reachout_timelock'],
  ['MESSAGE_CAPPED', 'message_cap'],
]);

/** What the acknowledgements after that of the server mean. */
const RECEIPTS = new Map<number, 'delivered' | 'read' | 'played'>([
  [2, 'delivered'],
  [3, 'read'],
  [4, 'played'],
]);

class WaitTimeout extends Error {}

/**
 * Accepts messages for one agent: a place in the mailbox, then the row on disk, then the queue, so that no accepted
 * message is lost.
 */
export class Sender {
  readonly dispatcher: Dispatcher;
  readonly #deps: SenderDeps;
  readonly #agent: AgentRef;
  readonly #parts: SenderParts;

  constructor(deps: SenderDeps, agent: AgentRef, parts: SenderParts) {
    this.#deps = deps;
    this.#agent = agent;
    this.#parts = parts;
    this.dispatcher = new Dispatcher({
      settings: deps.settings,
      clock: deps.clock,
      agent,
      log: deps.messages,
      permits: (message) => parts.permits(message),
      reports: {
        changed: () => this.#publishMailbox(),
        status: (message, status) => this.#publish(message, status),
        receipt: (message, ack) => this.#publishReceipt(message, ack),
        fault: (where, error) => deps.events.emit('fault', { agentId: agent.agentId, where, error }),
      },
    });
  }

  /** Queues the messages of an earlier process, in the order of acceptance, before any new ones. */
  async restore(): Promise<void> {
    for (const message of await this.#deps.messages.pending(this.#agent)) {
      if (message.stanzaId) this.#deps.ownStanzas.add(message.stanzaId);
      this.dispatcher.resume(message);
    }
  }

  /** Holds a place. @throws GatewayError `RATE_LIMITED`, counted. */
  reserve(traceId: string): Reservation {
    return this.#counted(traceId, () => this.dispatcher.reserve());
  }

  /** @throws GatewayError `RATE_LIMITED` when there is no place now, counted. */
  assertRoom(traceId: string): void {
    this.#counted(traceId, () => this.dispatcher.assertRoom());
  }

  /** Counts a refusal by the full mailbox, and rethrows it. */
  #counted<T>(traceId: string, ask: () => T): T {
    try {
      return ask();
    } catch (error) {
      this.#deps.events.emit('rejected', { agentId: this.#agent.agentId, reason: 'full', traceId });
      throw error;
    }
  }

  /** Stores and queues a message. @throws GatewayError `DATABASE_UNAVAILABLE`, `RATE_LIMITED`, `INTERNAL` */
  async accept(
    message: OutgoingMessage,
    place: Reservation = this.reserve(message.traceId),
    answers?: readonly string[],
  ): Promise<Accepted> {
    try {
      const { clock, messages, newStanzaId, ownStanzas } = this.#deps;
      const stanzaId = newStanzaId(this.#agent.agentId);
      ownStanzas.add(stanzaId);
      const status = this.dispatcher.takesAtOnce() ? 'sending' : 'queued';
      const owned = { ...message, account: message.account ?? this.dispatcher.account };
      const stored = await messages.append(this.#agent, owned, {
        at: new Date(clock.now()),
        status,
        stanzaId,
        handedOverAt: status === 'sending' ? this.dispatcher.whatsAppNow : null,
        answers,
      });
      place.release();
      // One stored as `sending` is published as such when it is handed over.
      this.#publish(stored, 'queued');
      const queued = this.dispatcher.put(stored);
      this.#publishMailbox();
      return { stored, ...queued };
    } finally {
      place.release();
    }
  }

  /** Accepts a message whose outcome is not awaited; its first id. @throws GatewayError as `accept` */
  async acceptUnawaited(message: OutgoingMessage): Promise<string> {
    const [parts] = await this.acceptAll([message]);
    return parts![0]!.stored.id;
  }

  /**
   * Accepts messages in order, a long text as several parts: all of them or none. Of the parts only the first keeps the
   * given id. `place` is that of the first; `answers` are the keys of the incoming messages that they answer.
   */
  async acceptAll(
    messages: OutgoingMessage[],
    { place, answers }: { place?: Reservation; answers?: readonly string[] } = {},
  ): Promise<Accepted[][]> {
    const split = messages.map(partsOf);
    const places = place ? [place] : [];
    try {
      for (const { traceId } of split.flat().slice(places.length)) places.push(this.reserve(traceId));
      const free = places.values();
      // In one tick, so that they are stored together.
      const accepted = split.map((parts) =>
        parts.map((part) => this.accept(part, free.next().value, answers)),
      );
      return await Promise.all(accepted.map((parts) => Promise.all(parts)));
    } finally {
      for (const held of places) held.release();
    }
  }

  /** Accepts and waits for the outcome, `SEND_WAIT_MS` at most. */
  async send(message: OutgoingMessage, options: SendOptions): Promise<SendOutcome> {
    const [parts] = await this.acceptAll([message]);
    return this.outcomeOfParts(parts!, options);
  }

  /** Waits for the outcome of an accepted message, `SEND_WAIT_MS` at most; of several parts, for that of each. */
  async outcomeOfParts(parts: Accepted[], options: SendOptions): Promise<SendOutcome> {
    const outcomes = await Promise.all(parts.map((part) => this.#outcomeOf(part, options)));
    return outcomes.find(({ status }) => status === 'queued') ?? outcomes[0]!;
  }

  /** The outcome of an accepted message within `SEND_WAIT_MS`, or of a send under way by then. */
  async #outcomeOf({ stored, position, outcome }: Accepted, options: SendOptions): Promise<SendOutcome> {
    const queued = { status: 'queued', id: stored.id, to: stored.to, position } as const;
    if (options.respondAsync) return queued;
    let sent: StoredMessage | null;
    try {
      const { clock, settings } = this.#deps;
      sent = await withTimeout(clock, outcome, settings.sendWaitMs, () => new WaitTimeout());
    } catch {
      // When its session ends first, it is kept for the next one, however long that takes.
      const kept = this.dispatcher.drained().then(() => null);
      sent = this.dispatcher.isInFlight(stored.id) ? await Promise.race([outcome, kept]) : null;
    }
    if (sent) return outcomeOf(sent);
    return { ...queued, position: this.dispatcher.positionOf(stored.id) };
  }

  /** The outcome of a stored message of this agent so far. @throws GatewayError when it was not sent */
  outcome(message: StoredMessage): SendOutcome {
    const { id, to, status } = message;
    if (status !== 'queued' && status !== 'sending') return outcomeOf(message);
    return { status: 'queued', id, to, position: this.dispatcher.positionOf(id) };
  }

  /** Publishes the status of a message. */
  #publish(message: StoredMessage, status: MessageStatus): void {
    const isFinal = status !== 'queued' && status !== 'sending';
    const restriction = RESTRICTIONS.get(message.error?.code);
    if (restriction) this.#parts.onRefusal(restriction);
    const file = fileOf(message.content);
    if (isFinal && file) void this.#deps.files.release(this.#agent, file);
    this.#deps.events.emit('message', {
      agentId: this.#agent.agentId,
      id: message.id,
      kind: message.content.kind,
      origin: message.origin,
      status,
      error: message.error?.code,
      traceId: message.traceId,
      waitedMs: status === 'queued' ? undefined : this.#deps.clock.now() - message.createdAt.getTime(),
    });
  }

  /** Publishes how far a sent message got. */
  #publishReceipt(message: StoredMessage, ack: number): void {
    const { agentId } = this.#agent;
    const step = RECEIPTS.get(ack);
    if (step) this.#deps.events.emit('receipt', { agentId, ack: step, message });
    else this.#publish(message, 'sent');
  }

  /** Publishes how full the mailbox is. */
  #publishMailbox(): void {
    const { events } = this.#deps;
    if (events.listenerCount('mailbox') > 0)
      events.emit('mailbox', { agentId: this.#agent.agentId, mailbox: this.dispatcher.view() });
  }
}

/** A message with a long text as several, in order; any other message alone. */
function partsOf(message: OutgoingMessage): OutgoingMessage[] {
  const { content } = message;
  if (content.kind !== 'text') return [message];
  return splitText(content.text).map((text, index) => ({
    ...message,
    content: { ...content, text },
    ...(index > 0 && { id: undefined, quoteId: undefined }),
  }));
}

/** A message with its outcome as a response. @throws GatewayError when it was not sent */
function outcomeOf(message: StoredMessage): SendOutcome {
  const { id, to, status, messageId, sentAt } = message;
  if (messageId && sentAt) return { status: 'sent', id, messageId, to, at: sentAt };
  const outcome = status === 'unknown' ? 'unknown' : 'failed';
  const code = message.error?.code ?? 'BAD_GATEWAY';
  throw new GatewayError(
    code as GatewayError['code'],
    message.error?.message ?? TEXTS.BAD_GATEWAY.sendFailed,
    {
      details: { outcome, id, missing: message.error?.missing },
    },
  );
}
