import type { MailboxView } from '../domain/agent-view.ts';
import { isAccountOf, type Jid } from '../domain/identity.ts';
import type { Scheduler, Timer } from '../domain/ports/clock.ts';
import type { MessageError, MessageLog, MessageStatus, StoredMessage } from '../domain/ports/stores.ts';
import type { Ack, Me, WhatsAppClient } from '../domain/ports/whatsapp.ts';
import type { ActorSettings } from '../domain/settings.ts';
import { pause } from '../domain/timeout.ts';
import { DebouncedMode, type DispatcherMode } from './debounced-mode.ts';
import { type Entry, OutboundQueue, type Reservation } from './outbound-queue.ts';
import { Outcomes } from './outcomes.ts';
import { expiry, hasExpired } from './retries.ts';
import { SessionSends } from './session-sends.ts';
import { WhatsAppClock } from './whatsapp-clock.ts';

const ACCOUNT_CHANGED: MessageError = {
  code: 'ACCOUNT_CHANGED',
  message: 'Another account was linked after the message had been accepted.',
};

/** What an outbox tells its agent. */
export interface DispatcherReports {
  mode(mode: DispatcherMode): void;
  changed(): void;
  /** How a message stands now; the message itself may be as it was stored. */
  status(message: StoredMessage, status: MessageStatus): void;
  /** A send ended in doubt: is the client still alive? */
  suspect(): void;
  fault(where: string, error: unknown): void;
}

/**
 * The sending half of an agent: takes the head of the mailbox while the session is open, one message at a
 * time, and settles it. Outlives clients and restarts of the machine; only a delete or a stop ends it.
 */
export class Dispatcher {
  readonly #queue: OutboundQueue;
  readonly #settings: ActorSettings;
  readonly #clock: Scheduler;
  readonly #log: MessageLog;
  readonly #reports: DispatcherReports;
  /** What only a message needs is made for the first one: of a thousand agents most are idle. */
  #outcomes: Outcomes | null = null;
  #mode: DebouncedMode | null = null;
  #sending: SessionSends | null = null;
  readonly #whatsAppClock: WhatsAppClock;
  /** There while messages are taken. */
  #client: WhatsAppClient | null = null;
  /** The account of the newest session. */
  #me: Me | null = null;
  #running: Promise<void> | null = null;
  /** The message that was handed over, until its attempt has ended: it may outlast the session. */
  #inFlight: string | null = null;
  /** Why nothing is sent any more: the agent was deleted. */
  #gone: MessageError | null = null;
  #released = false;
  #timer: Timer | null = null;

  constructor(deps: {
    settings: ActorSettings;
    clock: Scheduler;
    log: MessageLog;
    reports: DispatcherReports;
  }) {
    this.#settings = deps.settings;
    this.#clock = deps.clock;
    this.#log = deps.log;
    this.#reports = deps.reports;
    this.#queue = new OutboundQueue(deps.settings, deps.clock);
    this.#whatsAppClock = new WhatsAppClock(deps.clock);
  }

  /** How this agent's messages ended. */
  get outcomes(): Outcomes {
    this.#outcomes ??= new Outcomes({ clock: this.#clock, log: this.#log, reports: this.#reports });
    return this.#outcomes;
  }

  /** Holds a place while the message is being stored. @throws GatewayError `RATE_LIMITED` */
  reserve(): Reservation {
    return this.#queue.reserve();
  }

  /** @throws GatewayError `RATE_LIMITED` when there is no place now. */
  assertRoom(): void {
    this.#queue.assertRoom();
  }

  /** True when a message with a place would be handed over at once: it may be stored as `sending` already. */
  takesAtOnce(): boolean {
    return this.#client !== null && this.#running === null && this.#queue.isNextInLine();
  }

  /** Nothing is being sent, waits, or is about to be stored. */
  get isIdle(): boolean {
    return this.#running === null && this.#queue.length === 0 && this.#queue.depth === 0;
  }

  /** The account that a message accepted now belongs to; null before the first session. */
  get account(): Jid | null {
    return this.#me?.pn ?? null;
  }

  /** WhatsApp's time, as far as it is known. */
  get whatsAppNow(): Date | null {
    return this.#whatsAppClock.now();
  }

  /** Queues a message that was stored just now: how many are before it, and how it ends; null when a stop keeps it. */
  put(message: StoredMessage): { before: number; settled: Promise<StoredMessage | null> } {
    let before = 0;
    const settled = new Promise<StoredMessage | null>((waiter) => {
      const error = this.#gone ?? (this.#isForeign(message) ? ACCOUNT_CHANGED : null);
      if (error) this.outcomes.record(message, { status: 'failed', error }, waiter);
      else
        before = this.#queue.put({ message, acceptedAt: this.#clock.monotonic(), doubtful: false, waiter });
      if (this.#released) waiter(null);
    });
    this.#wake();
    return { before, settled };
  }

  /** Queues a message of an earlier process. One that was `sending` is looked for first: it may have left. */
  resume(message: StoredMessage): void {
    // Over a restart the time of display is all there is.
    const age = Math.max(0, this.#clock.now() - message.createdAt.getTime());
    const acceptedAt = this.#clock.monotonic() - age;
    this.#queue.put({ message, acceptedAt, doubtful: message.status === 'sending' });
    this.#wake();
  }

  /** True from the hand-over of a message to the end of that attempt. */
  isInFlight(id: string): boolean {
    return this.#inFlight === id;
  }

  /** How many messages are before this one. */
  positionOf(id: string): number {
    return this.#queue.positionOf(id);
  }

  /** The session is ready: sending begins. What was accepted for another account ends. */
  open(client: WhatsAppClient, me: Me): void {
    this.#client = client;
    this.#sending = null;
    this.#me = me;
    this.#queue.close();
    for (const entry of this.#queue.removeWaiting(({ message }) => this.#isForeign(message)))
      this.#abandon(entry, ACCOUNT_CHANGED);
    this.#queue.open();
    this.#wake();
  }

  /** Takes nothing new; what is in flight may end. */
  stopTaking(): void {
    this.#client = null;
    this.#queue.close();
    this.#arm();
  }

  /** The session is over: the queue waits where it is, and what is in flight for the next session. */
  close(): void {
    this.#sending?.end();
    this.stopTaking();
  }

  /** An ack of the current client; one that comes late settles what was unknown. */
  acked(ack: Ack): void {
    this.#sending?.acked(ack);
    this.#outcomes?.acked(ack);
  }

  /** How full the mailbox is, and how old its oldest message. */
  view(): MailboxView {
    const oldest = this.#queue.oldest();
    if (!oldest) return this.#queue.view();
    const age = this.#clock.monotonic() - oldest.acceptedAt;
    return { ...this.#queue.view(), oldestAt: this.#clock.now() - age };
  }

  /** Resolves when the message in flight has ended, or is kept for the next session. */
  async drained(): Promise<void> {
    await this.#running;
  }

  /** Tells those who wait, and will, that their message is kept. */
  releaseWaiters(): void {
    this.#released = true;
    for (const { waiter } of this.#queue.entries()) waiter?.(null);
  }

  /** The agent is deleted: every message ends so, those being stored, too. The rows of what is `failed` are the caller's. */
  failAll(error: MessageError): void {
    this.#gone = error;
    this.close();
    for (let entry = this.#queue.dropOldest(); entry; entry = this.#queue.dropOldest()) {
      const { message, waiter } = entry;
      if (this.#mayHaveLeft(entry)) this.#abandon(entry, error);
      else this.outcomes.tell({ ...message, status: 'failed', error }, waiter);
    }
    this.#arm();
  }

  /** True for a message of an account that is not the one of the newest session. */
  #isForeign({ account }: StoredMessage): boolean {
    return this.#me !== null && !isAccountOf(this.#me, account);
  }

  /** True when the message was handed over and nobody has said how that ended. */
  #mayHaveLeft({ doubtful, message }: Entry): boolean {
    return doubtful || message.id === this.#inFlight;
  }

  /** Ends a message that is not sent any more: unknown when it may have left. */
  #abandon(entry: Entry, error: MessageError): void {
    const { message, waiter } = entry;
    if (this.#mayHaveLeft(entry))
      this.outcomes.record(message, { status: 'unknown', messageId: null, error }, waiter);
    else this.outcomes.record(message, { status: 'failed', error }, waiter);
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
        if (this.#client && this.#queue.next()) this.#wake();
        // Only now: while the loop runs there is nothing to wait for, and no timer is set.
        else this.#arm();
      });
  }

  /** The loop died of a bug: told, and not begun anew at once, or it would die for ever without a rest. */
  async #stumble(error: unknown): Promise<void> {
    this.#reports.fault('outbox', error);
    // Without a session nothing could end the rest.
    const over = this.#sending?.over ?? new AbortController().signal;
    await pause(this.#clock, this.#settings.limits.probeAgainMs, over);
  }

  /** Hands messages over until there is no token, no message or no session. */
  async #run(): Promise<void> {
    for (let entry = this.#queue.next(); entry && this.#client; entry = this.#queue.next()) {
      this.#mode ??= new DebouncedMode(this.#clock, (mode) => this.#reports.mode(mode));
      this.#mode.set('sending');
      this.#sending ??= this.#makeSending(this.#client);
      const settlement = await this.#sending.settle(entry);
      this.#inFlight = null;
      // A delete may have emptied the mailbox meanwhile, and told how this one ended.
      if (!settlement || this.#queue.oldest() !== entry) break;
      this.outcomes.record(entry.message, settlement, entry.waiter);
      this.#queue.dropOldest();
      this.#reports.changed();
    }
    this.#mode?.set(this.#client && this.#queue.length > 0 ? 'throttled' : 'idle');
  }

  /** What sends with this client. */
  #makeSending(client: WhatsAppClient): SessionSends {
    return new SessionSends({
      client,
      log: this.#log,
      clock: this.#clock,
      whatsAppClock: this.#whatsAppClock,
      settings: this.#settings,
      claimed: this.outcomes,
      suspect: () => this.#reports.suspect(),
      handing: (message) => {
        this.#inFlight = message.id;
        this.#reports.status(message, 'sending');
      },
    });
  }

  /** Sets the one timer of the agent: the next token, or the expiry of the oldest message. */
  #arm(): void {
    if (this.#timer) this.#clock.clearTimeout(this.#timer);
    this.#timer = null;
    const oldest = this.#queue.oldest();
    if (oldest === undefined || this.#running !== null) return;
    const expiresIn = oldest.acceptedAt + this.#settings.messageTtlMs - this.#clock.monotonic();
    const token = this.#queue.msUntilToken();
    const wait = Math.max(0, Math.min(expiresIn, token ?? expiresIn));
    this.#timer = this.#clock.setTimeout(() => this.#due(), wait);
  }

  /** The timer rang: go on sending, or expire what has waited too long while there is no session. */
  #due(): void {
    if (this.#client) {
      this.#wake();
      return;
    }
    const oldest = this.#queue.oldest();
    if (oldest && hasExpired(oldest, this.#clock.monotonic(), this.#settings.messageTtlMs)) {
      this.#queue.dropOldest();
      this.outcomes.record(oldest.message, expiry(oldest), oldest.waiter);
    }
    this.#arm();
  }
}
