import type { EventEmitter } from 'eventemitter3';
import type { SendOptions, SendOutcome } from '../domain/commands.ts';
import { TEXTS } from '../domain/error-texts.ts';
import { GatewayError } from '../domain/errors.ts';
import type { GatewayEvents } from '../domain/gateway-events.ts';
import type { AgentRef } from '../domain/identity.ts';
import type { Scheduler } from '../domain/ports/clock.ts';
import type { ImageFiles } from '../domain/ports/files.ts';
import type { MessageLog, MessageStatus, OutgoingMessage, StoredMessage } from '../domain/ports/stores.ts';
import type { Restriction } from '../domain/ports/whatsapp.ts';
import type { ActorSettings } from '../domain/settings.ts';
import { withTimeout } from '../domain/timeout.ts';
import type { ActorSystem } from '../session/actor-system.ts';
import type { DispatcherMode } from './debounced-mode.ts';
import { Dispatcher, type DispatcherReports } from './dispatcher.ts';
import type { Reservation } from './outbound-queue.ts';
import { splitText } from './split-text.ts';

/** What the senders of all agents share. */
export interface SenderDeps {
  settings: ActorSettings;
  clock: Scheduler;
  messages: MessageLog;
  files: ImageFiles;
  /** An id for a message to come, of WhatsApp's own shape. */
  newStanzaId(agentId: string): string;
  events: EventEmitter<GatewayEvents>;
}

/** The agent that a sender belongs to. */
interface SenderOwner {
  readonly agentId: string;
  readonly record: AgentRef;
  readonly actorSystem: Pick<ActorSystem, 'sendToSession'>;
  /** WhatsApp refused a send for such a restriction of the account. */
  refused(kind: Restriction['kind']): void;
}

/** A message that was stored and queued: how many are before it, and its outcome; null when a stop keeps it. */
interface Accepted {
  stored: StoredMessage;
  position: number;
  settled: Promise<StoredMessage | null>;
}

/** The restriction that a message's error shows. */
const RESTRICTIONS = new Map<string | undefined, Restriction['kind']>([
  ['REACHOUT_TIMELOCKED', 'reachout_timelock'],
  ['MESSAGE_CAPPED', 'message_cap'],
]);

class Waited extends Error {}

/**
 * Accepts messages for one agent: a place in the mailbox, then the row on disk, then the queue, so that nothing
 * accepted is ever lost (SPEC §3).
 */
export class Sender implements DispatcherReports {
  readonly dispatcher: Dispatcher;
  readonly #deps: SenderDeps;
  readonly #owner: SenderOwner;

  constructor(deps: SenderDeps, owner: SenderOwner) {
    this.#deps = deps;
    this.#owner = owner;
    this.dispatcher = new Dispatcher({
      settings: deps.settings,
      clock: deps.clock,
      log: deps.messages,
      reports: this,
    });
  }

  /** Queues what an earlier process left: in the order of acceptance, before anything new. */
  async restore(): Promise<void> {
    for (const message of await this.#deps.messages.pending(this.#owner.record))
      this.dispatcher.resume(message);
  }

  /** Holds a place. @throws GatewayError `RATE_LIMITED`, counted. */
  reserve(traceId: string): Reservation {
    return this.#counted(traceId, () => this.dispatcher.reserve());
  }

  /** @throws GatewayError `RATE_LIMITED` when there is no place now, counted. */
  assertRoom(traceId: string): void {
    this.#counted(traceId, () => this.dispatcher.assertRoom());
  }

  /** Reports a refusal of the full mailbox, and throws it on. */
  #counted<T>(traceId: string, ask: () => T): T {
    try {
      return ask();
    } catch (error) {
      this.#deps.events.emit('rejected', { agentId: this.#owner.agentId, reason: 'full', traceId });
      throw error;
    }
  }

  /** Stores and queues a message; the place is the caller's or a new one. `DATABASE_UNAVAILABLE`, `RATE_LIMITED`. */
  async accept(
    message: OutgoingMessage,
    place: Reservation = this.reserve(message.traceId),
  ): Promise<Accepted> {
    try {
      const { clock, messages, newStanzaId } = this.#deps;
      const status = this.dispatcher.takesAtOnce() ? 'sending' : 'queued';
      const owned = { ...message, account: message.account ?? this.dispatcher.account };
      const stored = await messages.append(this.#owner.record, owned, {
        at: new Date(clock.now()),
        status,
        stanzaId: newStanzaId(this.#owner.agentId),
        handedOverAt: status === 'sending' ? this.dispatcher.whatsAppNow : null,
      });
      place.release();
      // Stored as `sending` or not: it is told as such when it is handed over.
      this.status(stored, 'queued');
      const { before: position, settled } = this.dispatcher.put(stored);
      this.changed();
      return { stored, position, settled };
    } finally {
      place.release();
    }
  }

  /** Accepts a message whose outcome is not awaited; its first id. @throws GatewayError as `accept` */
  async acceptUnawaited(message: OutgoingMessage): Promise<string> {
    const [{ stored }] = await this.#acceptSplit(message);
    return stored.id;
  }

  /** Accepts a message, a long text as several in order: all of them or none. The ids of the others are new. */
  async #acceptSplit(message: OutgoingMessage, place?: Reservation): Promise<[Accepted, ...Accepted[]]> {
    const [text = message.text, ...others] = message.kind === 'text' ? splitText(message.text) : [];
    const rest = others.map((text) => ({ ...message, id: undefined, quoteId: undefined, text }));
    const places = [place ?? this.reserve(message.traceId)];
    try {
      for (const { traceId } of rest) places.push(this.reserve(traceId));
      // In one tick: they are stored together.
      const first = this.accept({ ...message, text }, places[0]);
      return await Promise.all([first, ...rest.map((part, index) => this.accept(part, places[index + 1]))]);
    } finally {
      for (const held of places) held.release();
    }
  }

  /** Accepts and waits for the outcome, `SEND_WAIT_MS` at most; of several messages, for that of each. */
  async send(message: OutgoingMessage, options: SendOptions, place?: Reservation): Promise<SendOutcome> {
    const accepted = await this.#acceptSplit(message, place);
    const outcomes = await Promise.all(accepted.map((each) => this.#outcomeOf(each, options)));
    return outcomes.find(({ status }) => status === 'queued') ?? outcomes[0]!;
  }

  /** The outcome of an accepted message; a send already under way is waited for. */
  async #outcomeOf({ stored, position, settled }: Accepted, options: SendOptions): Promise<SendOutcome> {
    const queued = { status: 'queued', id: stored.id, to: stored.to, position } as const;
    if (options.respondAsync) return queued;
    let ended: StoredMessage | null;
    try {
      const { clock, settings } = this.#deps;
      ended = await withTimeout(clock, settled, settings.sendWaitMs, () => new Waited());
    } catch {
      // Its session may end before it does: then it is kept for the next one, however long that takes.
      const kept = this.dispatcher.drained().then(() => null);
      ended = this.dispatcher.isInFlight(stored.id) ? await Promise.race([settled, kept]) : null;
    }
    if (ended) return outcomeOf(ended);
    return { ...queued, position: this.dispatcher.positionOf(stored.id) };
  }

  /** How a stored message of this agent stands. @throws GatewayError that it ended with */
  outcome(message: StoredMessage): SendOutcome {
    const { id, to, status } = message;
    if (status !== 'queued' && status !== 'sending') return outcomeOf(message);
    return { status: 'queued', id, to, position: this.dispatcher.positionOf(id) };
  }

  // ── OutboxReports ─────────────────────────────────────────────────────────────────────────────────────

  /** What the outbox is doing: for the chart. */
  mode(mode: DispatcherMode): void {
    this.#owner.actorSystem.sendToSession({ type: `outbox.${mode}` });
  }

  /** A send ended in doubt: is the client still alive? */
  suspect(): void {
    this.#owner.actorSystem.sendToSession({ type: 'probe.due' });
  }

  /** An error that nobody waits for. */
  fault(where: string, error: unknown): void {
    this.#deps.events.emit('fault', { agentId: this.#owner.agentId, where, error });
  }

  /** Tells the world how a message stands. */
  status(message: StoredMessage, status: MessageStatus): void {
    const { events, files } = this.#deps;
    const { agentId } = this.#owner;
    const isFinal = status !== 'queued' && status !== 'sending';
    const restriction = RESTRICTIONS.get(message.error?.code);
    if (restriction) this.#owner.refused(restriction);
    if (isFinal && message.image) void files.release(message.image.path);
    events.emit('message', {
      agentId,
      id: message.id,
      kind: message.kind,
      origin: message.origin,
      status,
      error: message.error?.code,
      traceId: message.traceId,
      waitedMs: status === 'queued' ? undefined : this.#deps.clock.now() - message.createdAt.getTime(),
    });
  }

  /** Tells the world how full the mailbox is. */
  changed(): void {
    const { events } = this.#deps;
    const { agentId } = this.#owner;
    if (events.listenerCount('mailbox') > 0)
      events.emit('mailbox', { agentId, mailbox: this.dispatcher.view() });
  }
}

/** A settled message as an answer, or the error that it ended with. */
function outcomeOf(message: StoredMessage): SendOutcome {
  const { id, to, status, messageId, sentAt } = message;
  if (status === 'sent' && messageId && sentAt) return { status, id, messageId, to, at: sentAt };
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
