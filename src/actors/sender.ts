import type { EventEmitter } from 'eventemitter3';
import { withDeadline } from './deadline.ts';
import type { OutboxMode } from './debounced-mode.ts';
import { GatewayError } from './errors.ts';
import type { Reservation } from './mailbox.ts';
import { Outbox } from './outbox.ts';
import type { Scheduler } from './ports.ts';
import type { MessageLog, MessageStatus, OutgoingMessage, StoredMessage } from './ports-stores.ts';
import type { GatewayEvents, SendOptions, SendOutcome } from './protocol.ts';
import type { ActorSettings } from './settings.ts';

/** What a sender needs of the world and of its agent. */
export interface SenderDeps {
  agentId: string;
  settings: ActorSettings;
  clock: Scheduler;
  log: MessageLog;
  events: EventEmitter<GatewayEvents>;
  onMode(mode: OutboxMode): void;
  onSuspect(): void;
}

class Waited extends Error {}

/**
 * Accepts messages for one agent: a place in the mailbox, then the row on disk, then the queue, so that nothing
 * accepted is ever lost (SPEC §3).
 */
export class Sender {
  readonly outbox: Outbox;
  readonly #deps: SenderDeps;

  constructor(deps: SenderDeps) {
    this.#deps = deps;
    const { agentId, events } = deps;
    this.outbox = new Outbox({
      settings: deps.settings,
      clock: deps.clock,
      log: deps.log,
      reports: {
        mode: (mode) => deps.onMode(mode),
        suspect: () => deps.onSuspect(),
        changed: () => this.#announceMailbox(),
        status: (message, status) => this.#announce(message, status),
        fault: (where, error) => events.emit('fault', { agentId, where, error }),
      },
    });
  }

  /** Queues what an earlier process left: in the order of acceptance, before anything new. */
  async restore(): Promise<void> {
    for (const message of await this.#deps.log.pending(this.#deps.agentId)) this.outbox.resume(message);
  }

  /** Holds a place. @throws GatewayError `RATE_LIMITED`, counted. */
  reserve(): Reservation {
    try {
      return this.outbox.reserve();
    } catch (error) {
      this.#deps.events.emit('rejected', { agentId: this.#deps.agentId, reason: 'full' });
      throw error;
    }
  }

  /** Stores and queues a message; the place is the caller's or a new one. `DATABASE_UNAVAILABLE`, `RATE_LIMITED`. */
  async accept(
    message: OutgoingMessage,
    place: Reservation = this.reserve(),
  ): Promise<{ stored: StoredMessage; position: number; settled: Promise<StoredMessage | null> }> {
    try {
      const { agentId, clock, log } = this.#deps;
      const status = this.outbox.takesAtOnce() ? 'sending' : 'queued';
      const stored = await log.append(agentId, message, { at: new Date(clock.now()), status });
      const settled = this.outbox.settlements.of(stored);
      place.release();
      const position = this.outbox.put(stored);
      // Stored as `sending` or not: it is told as such when it is handed over.
      this.#announce(stored, 'queued');
      this.#announceMailbox();
      return { stored, position, settled };
    } finally {
      place.release();
    }
  }

  /** Accepts a message whose outcome nobody waits for; its id. @throws GatewayError as `accept` */
  async acceptUnawaited(message: OutgoingMessage): Promise<string> {
    const { stored } = await this.accept(message);
    this.outbox.settlements.forget(stored.id);
    return stored.id;
  }

  /** Accepts and waits for the outcome, `SEND_WAIT_MS` at most; a send already under way is waited for. */
  async send(message: OutgoingMessage, options: SendOptions, place?: Reservation): Promise<SendOutcome> {
    const { stored, position, settled } = await this.accept(message, place);
    const queued = { status: 'queued', id: stored.id, to: stored.to, position } as const;
    if (options.respondAsync) {
      this.outbox.settlements.forget(stored.id);
      return queued;
    }
    let ended: StoredMessage | null;
    try {
      const { clock, settings } = this.#deps;
      ended = await withDeadline(clock, settled, settings.sendWaitMs, () => new Waited());
    } catch {
      ended = this.outbox.isInFlight(stored.id) ? await settled : null;
    }
    if (ended) return outcomeOf(ended);
    this.outbox.settlements.forget(stored.id);
    return { ...queued, position: this.outbox.positionOf(stored.id) };
  }

  /** How a stored message of this agent stands. @throws GatewayError that it ended with */
  outcome(message: StoredMessage): SendOutcome {
    const { id, to, status } = message;
    if (status !== 'queued' && status !== 'sending') return outcomeOf(message);
    return { status: 'queued', id, to, position: this.outbox.positionOf(id) };
  }

  /** Tells the world how a message stands. */
  #announce(message: StoredMessage, status: MessageStatus): void {
    const { agentId, events } = this.#deps;
    const isOver = status !== 'queued' && status !== 'sending';
    events.emit('message', {
      agentId,
      id: message.id,
      kind: message.kind,
      origin: message.origin,
      status,
      error: message.error?.code,
      traceId: message.traceId,
      waitedMs: status === 'queued' ? undefined : this.#deps.clock.now() - message.createdAt.getTime(),
      file: isOver ? message.image?.path : undefined,
    });
  }

  /** Tells the world how full the mailbox is. */
  #announceMailbox(): void {
    const { agentId, events } = this.#deps;
    if (events.listenerCount('mailbox') > 0) events.emit('mailbox', { agentId, mailbox: this.outbox.view() });
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
    message.error?.message ?? 'WhatsApp failed the send.',
    {
      details: { outcome, id },
    },
  );
}
