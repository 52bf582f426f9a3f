import { AckBook } from './ack-book.ts';
import { Attempts, expiry, hasExpired } from './attempts.ts';
import { pause } from './deadline.ts';
import { DebouncedMode, type OutboxMode } from './debounced-mode.ts';
import { Mailbox, type Reservation } from './mailbox.ts';
import type { Ack, Scheduler, Timer, WhatsAppClient } from './ports.ts';
import type { MessageError, MessageLog, MessageStatus, StoredMessage } from './ports-stores.ts';
import type { MailboxView } from './protocol.ts';
import type { ActorSettings } from './settings.ts';
import { Settlements } from './settlements.ts';

/** What an outbox tells its agent. */
export interface OutboxReports {
  mode(mode: OutboxMode): void;
  changed(): void;
  /** How a message stands now; the message itself may be as it was stored. */
  status(message: StoredMessage, status: MessageStatus): void;
  /** A send ended in doubt: is the client still alive? */
  suspect(): void;
  fault(where: string, error: unknown): void;
}

/** What sends in one session. */
interface Sending {
  attempts: Attempts;
  acks: AckBook;
  /** Aborted when the session is over. */
  over: AbortController;
}

/**
 * The sending half of an agent: takes the head of the mailbox while the session is open, one message at a
 * time, and settles it. Outlives clients and restarts of the machine; only a delete or a stop ends it.
 */
export class Outbox {
  readonly #mailbox: Mailbox;
  readonly #settings: ActorSettings;
  readonly #clock: Scheduler;
  readonly #log: MessageLog;
  readonly #reports: OutboxReports;
  /** What only a message needs is made for the first one: of a thousand agents most are idle. */
  #settlements: Settlements | null = null;
  #mode: DebouncedMode | null = null;
  #sending: Sending | null = null;
  /** There while the session is open and new messages are taken. */
  #client: WhatsAppClient | null = null;
  #running: Promise<void> | null = null;
  #inFlight: string | null = null;
  #timer: Timer | null = null;

  constructor(deps: { settings: ActorSettings; clock: Scheduler; log: MessageLog; reports: OutboxReports }) {
    const { settings, clock, log, reports } = deps;
    this.#settings = settings;
    this.#clock = clock;
    this.#log = log;
    this.#reports = reports;
    this.#mailbox = new Mailbox(settings, clock);
  }

  /** How this agent's messages ended. */
  get settlements(): Settlements {
    this.#settlements ??= new Settlements({ clock: this.#clock, log: this.#log, reports: this.#reports });
    return this.#settlements;
  }

  /** Holds a place while the message is being stored. @throws GatewayError `RATE_LIMITED` */
  reserve(): Reservation {
    return this.#mailbox.reserve();
  }

  /** @throws GatewayError `RATE_LIMITED` when there is no place now. */
  assertRoom(): void {
    this.#mailbox.assertRoom();
  }

  /** True when a message with a place would be handed over at once: it may be stored as `sending` already. */
  takesAtOnce(): boolean {
    return this.#client !== null && this.#running === null && this.#mailbox.isNextInLine();
  }

  /** Nothing is being sent, waits, or is about to be stored. */
  get isIdle(): boolean {
    return this.#running === null && this.#mailbox.length === 0 && this.#mailbox.depth === 0;
  }

  /** Queues a message that was stored just now: how many are before it, and how it ends; null when a stop keeps it. */
  put(message: StoredMessage): { before: number; settled: Promise<StoredMessage | null> } {
    let before = 0;
    const settled = new Promise<StoredMessage | null>((waiter) => {
      before = this.#mailbox.put({ message, doubtful: false, waiter });
    });
    this.#wake();
    return { before, settled };
  }

  /** Queues a message of an earlier process. One that was `sending` is looked for first: it may have left. */
  resume(message: StoredMessage): void {
    this.#mailbox.put({ message, doubtful: message.status === 'sending' });
    this.#wake();
  }

  /** True while the message is being handed over or waits for its acknowledgement. */
  isInFlight(id: string): boolean {
    return this.#inFlight === id;
  }

  /** How many messages are before this one. */
  positionOf(id: string): number {
    return this.#mailbox.positionOf(id);
  }

  /** The session is ready: sending begins. */
  open(client: WhatsAppClient): void {
    this.#client = client;
    this.#sending = null;
    this.#mailbox.open();
    this.#wake();
  }

  /** Takes nothing new; what is in flight may end. */
  stopTaking(): void {
    this.#client = null;
    this.#mailbox.close();
    this.#arm();
  }

  /** The session is over: the queue waits where it is, and what is in flight for the next session. */
  close(): void {
    this.#sending?.over.abort();
    this.#sending?.acks.abandon();
    this.stopTaking();
  }

  /** An ack of the current client; one that comes late settles what was unknown. */
  acked(ack: Ack): void {
    this.#sending?.acks.note(ack);
    this.#settlements?.acked(ack);
  }

  /** How full the mailbox is, and how old its oldest message. */
  view(): MailboxView {
    const oldestAt = this.oldestAt()?.getTime();
    return { ...this.#mailbox.view(), ...(oldestAt !== undefined && { oldestAt }) };
  }

  /** When the oldest message was accepted, or null. */
  oldestAt(): Date | null {
    return this.#mailbox.oldest()?.message.createdAt ?? null;
  }

  /** Resolves when the message in flight has ended, or is kept for the next session. */
  async drained(): Promise<void> {
    await this.#running;
  }

  /** Tells those who still wait that their message is kept. */
  releaseWaiters(): void {
    for (const { waiter } of this.#mailbox.entries()) waiter?.(null);
  }

  /** Ends every queued message with an error and tells whoever waits; the rows are the caller's. */
  failAll(error: MessageError): void {
    this.close();
    for (let entry = this.#mailbox.dropOldest(); entry; entry = this.#mailbox.dropOldest()) {
      this.settlements.tell({ ...entry.message, status: 'failed', error }, entry.waiter);
    }
    this.#arm();
  }

  /** Starts the loop unless it runs; without a session there is only an expiry to wait for. */
  #wake(): void {
    if (this.#running !== null) return;
    if (!this.#client) {
      this.#arm();
      return;
    }
    this.#running = this.#run()
      .catch((error: unknown) => this.#stumble(error))
      .finally(() => {
        this.#running = null;
        // A message may have come, or the session have opened, while the loop was ending.
        if (this.#client && this.#mailbox.next()) this.#wake();
        // Only now: while the loop runs there is nothing to wait for, and no timer is set.
        else this.#arm();
      });
  }

  /** The loop died of a bug: told, and not begun anew at once, or it would die for ever without a rest. */
  async #stumble(error: unknown): Promise<void> {
    this.#reports.fault('outbox', error);
    // Without a session that ends there is nothing that could end the rest.
    const over = this.#sending?.over ?? new AbortController();
    await pause(this.#clock, this.#settings.limits.probeAgainMs, over.signal);
  }

  /** Hands messages over until there is no token, no message or no session. */
  async #run(): Promise<void> {
    for (let entry = this.#mailbox.next(); entry && this.#client; entry = this.#mailbox.next()) {
      this.#mode ??= new DebouncedMode(this.#clock, (mode) => this.#reports.mode(mode));
      this.#mode.set('sending');
      this.#inFlight = entry.message.id;
      this.#sending ??= this.#makeSending(this.#client);
      const settlement = await this.#sending.attempts.settle(entry);
      this.#inFlight = null;
      if (!settlement) break;
      this.settlements.record(entry.message, settlement, entry.waiter);
      // A delete may have emptied the mailbox meanwhile.
      if (this.#mailbox.oldest() === entry) this.#mailbox.dropOldest();
      this.#reports.changed();
    }
    this.#mode?.set(this.#client && this.#mailbox.length > 0 ? 'throttled' : 'idle');
  }

  /** What sends with this client. */
  #makeSending(client: WhatsAppClient): Sending {
    const { sendTimeoutMs, messageTtlMs, limits } = this.#settings;
    const acks = new AckBook();
    const over = new AbortController();
    const attempts = new Attempts({
      client,
      log: this.#log,
      acks,
      clock: this.#clock,
      claimed: this.settlements,
      sendTimeoutMs,
      messageTtlMs,
      againMs: limits.probeAgainMs,
      closed: over.signal,
      suspect: () => this.#reports.suspect(),
      handing: (message) => this.#reports.status(message, 'sending'),
    });
    return { attempts, acks, over };
  }

  /** Sets the one timer of the agent: the next token, or the expiry of the oldest message. */
  #arm(): void {
    if (this.#timer) this.#clock.clearTimeout(this.#timer);
    this.#timer = null;
    const oldest = this.#mailbox.oldest();
    if (oldest === undefined || this.#running !== null) return;
    const expiresIn = oldest.message.createdAt.getTime() + this.#settings.messageTtlMs - this.#clock.now();
    const token = this.#mailbox.msUntilToken();
    const wait = Math.max(0, Math.min(expiresIn, token ?? expiresIn));
    this.#timer = this.#clock.setTimeout(() => this.#due(), wait);
  }

  /** The timer rang: go on sending, or expire what has waited too long while there is no session. */
  #due(): void {
    if (this.#client) {
      this.#wake();
      return;
    }
    const oldest = this.#mailbox.oldest();
    if (oldest && hasExpired(oldest, this.#clock.now(), this.#settings.messageTtlMs)) {
      this.#mailbox.dropOldest();
      this.settlements.record(oldest.message, expiry(oldest), oldest.waiter);
    }
    this.#arm();
  }
}
