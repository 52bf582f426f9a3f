import type { DispatcherMode, MailboxView } from '../domain/agent-view.ts';
import { TEXTS } from '../domain/error-texts.ts';
import { type AgentRef, isAccountOf, type Jid } from '../domain/identity.ts';
import type { Scheduler, Timer } from '../domain/ports/clock.ts';
import type { MessageError, MessageLog, MessageStatus, StoredMessage } from '../domain/ports/stores.ts';
import type { Ack, Me, WhatsAppClient } from '../domain/ports/whatsapp.ts';
import type { ActorSettings } from '../domain/settings.ts';
import { pause } from '../domain/timeout.ts';
import { type Entry, OutboundQueue, type Reservation } from './outbound-queue.ts';
import { Outcomes } from './outcomes.ts';
import { Receipts } from './receipts.ts';
import { expiry, hasExpired, SessionSends } from './session-sends.ts';
import { WhatsAppClock } from './whatsapp-clock.ts';

const WITHDRAWN: MessageError = { code: 'WITHDRAWN', message: TEXTS.WITHDRAWN.whileQueued };
const ACCOUNT_CHANGED: MessageError = { code: 'ACCOUNT_CHANGED', message: TEXTS.ACCOUNT_CHANGED.meanwhile };

/** A session that is ready to send. */
export interface ReadySession {
  client: WhatsAppClient;
  me: Me;
  /** Called when a send leaves it open whether the client still works. */
  suspect(): void;
}

/** Callbacks from a dispatcher. */
export interface DispatcherReports {
  /** A message has left the mailbox. */
  changed(): void;
  /** A message has another status; the message itself may be as it was stored. */
  status(message: StoredMessage, status: MessageStatus): void;
  /** A sent message was delivered (2), read (3) or played (4), or an unknown one was sent (1). */
  receipt(message: StoredMessage, ack: number): void;
  fault(where: string, error: unknown): void;
}

// The modes of a dispatcher:
//
// - closed: there is no session. Messages wait in the queue and expire after `messageTtlMs`, by one timer for the
//   oldest. `open` leads to idle or, with messages in the queue, to sending.
// - idle: there is a session, and the queue is empty. `put` leads to sending, `close` to closed.
// - sending: the loop takes the head of the queue, one message at a time, and records its outcome, until there is no
//   message (idle), no token (throttled) or no session (closed). A message whose session ends under it stays at the
//   head for the next session. After a crash of the loop there is a pause before it goes on.
// - throttled: messages wait for a token, with one timer for the next. The timer leads to sending, `close` to closed.
//
// `stopTaking` closes, too, but lets the message in flight use the session to its end. `failAll` closes permanently:
// it empties the queue, and whatever is put in later fails.

/**
 * Sends the messages of one agent, in order. The session chart opens it with each connection and closes it at the end
 * of that; the queue outlives sessions and restarts.
 */
export class Dispatcher {
  readonly #queue: OutboundQueue;
  readonly #settings: ActorSettings;
  readonly #clock: Scheduler;
  readonly #agent: AgentRef;
  readonly #log: MessageLog;
  readonly #permits: (message: StoredMessage) => Promise<boolean>;
  readonly #reports: DispatcherReports;
  readonly #whatsAppClock: WhatsAppClock;
  /** These three are created for the first message: of a thousand agents most are idle. */
  #outcomes: Outcomes | null = null;
  #sends: SessionSends | null = null;
  #receipts: Receipts | null = null;
  /** Present while messages are taken. */
  #session: ReadySession | null = null;
  /** The account of the newest session. */
  #me: Me | null = null;
  /** The loop, while it runs. */
  #running: Promise<void> | null = null;
  /** The message that was handed over, until its attempt has ended: that may be after its session. */
  #inFlight: string | null = null;
  /** Why nothing is sent any more: the agent was deleted. */
  #gone: MessageError | null = null;
  #released = false;
  #timer: Timer | null = null;

  constructor(deps: {
    settings: ActorSettings;
    clock: Scheduler;
    agent: AgentRef;
    log: MessageLog;
    permits(message: StoredMessage): Promise<boolean>;
    reports: DispatcherReports;
  }) {
    this.#agent = deps.agent;
    this.#settings = deps.settings;
    this.#clock = deps.clock;
    this.#log = deps.log;
    this.#permits = deps.permits;
    this.#reports = deps.reports;
    this.#queue = new OutboundQueue(deps.settings, deps.clock);
    this.#whatsAppClock = new WhatsAppClock(deps.clock);
  }

  /** What it is doing now, see above. */
  get mode(): DispatcherMode {
    if (this.#running !== null) return 'sending';
    if (!this.#session) return 'closed';
    return this.#queue.length > 0 ? 'throttled' : 'idle';
  }

  /** The outcomes of this agent's messages. */
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
    return this.mode === 'idle' && this.#queue.isNextInLine();
  }

  /** True when no message is being sent, waits, or is about to be stored. */
  get isEmpty(): boolean {
    return this.#running === null && this.#queue.length === 0 && this.#queue.depth === 0;
  }

  /** The account that a message accepted now belongs to; null before the first session. */
  get account(): Jid | null {
    return this.#me?.pn ?? null;
  }

  /** WhatsApp's time; null before the first hand-over. */
  get whatsAppNow(): Date | null {
    return this.#whatsAppClock.now();
  }

  /** Queues a message that was stored just now: its position, and its outcome; null when a stop keeps it queued. */
  put(message: StoredMessage): { position: number; outcome: Promise<StoredMessage | null> } {
    let position = 0;
    const outcome = new Promise<StoredMessage | null>((waiter) => {
      const error = this.#gone ?? (this.#isForeign(message) ? ACCOUNT_CHANGED : null);
      const acceptedAt = this.#clock.monotonic();
      if (error) this.outcomes.record(message, { status: 'failed', error }, waiter);
      else position = this.#queue.put({ message, acceptedAt, mayHaveLeft: false, waiter });
      if (this.#released) waiter(null);
    });
    this.#wake();
    return { position, outcome };
  }

  /** Queues a message of an earlier process. One that was `sending` is looked up first: it may have left. */
  resume(message: StoredMessage): void {
    // Over a restart there is only the wall clock.
    const age = Math.max(0, this.#clock.now() - message.createdAt.getTime());
    const acceptedAt = this.#clock.monotonic() - age;
    this.#queue.put({ message, acceptedAt, mayHaveLeft: message.status === 'sending' });
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

  /** Starts sending with a session. Messages accepted for another account fail. */
  open(session: ReadySession): void {
    this.#session = session;
    this.#sends = null;
    this.#me = session.me;
    this.#queue.close();
    for (const entry of this.#queue.removeWaiting(({ message }) => this.#isForeign(message)))
      this.#abandon(entry, ACCOUNT_CHANGED);
    this.#queue.open();
    this.#wake();
  }

  /** Takes no more messages; the one in flight goes on. */
  stopTaking(): void {
    this.#session = null;
    this.#queue.close();
    this.#arm();
  }

  /** The session has ended: what is in flight is kept for the next one. */
  close(): void {
    this.#sends?.end();
    this.stopTaking();
  }

  /** Takes an acknowledgement of the current client; a late one resolves an unknown outcome. */
  acked(ack: Ack): void {
    this.#sends?.acks.note(ack);
    this.#outcomes?.acked(ack);
    this.#receiptsOfAgent().add(ack);
    if (this.#inFlight === null) this.#receipts?.flush();
  }

  /** The receipts of this agent's messages. */
  #receiptsOfAgent(): Receipts {
    this.#receipts ??= new Receipts({
      agent: this.#agent,
      clock: this.#clock,
      log: this.#log,
      isKnown: (messageId) => this.#outcomes?.isClaimed(messageId) ?? false,
      onReceipt: (message, ack) => this.#reports.receipt(message, ack),
      onFault: (error) => this.#reports.fault('outbox.receipt', error),
    });
    return this.#receipts;
  }

  /** How full the mailbox is, how old its oldest message, and what the dispatcher does with them. */
  view(): MailboxView {
    const oldest = this.#queue.oldest();
    const view = { mode: this.mode, ...this.#queue.view() };
    if (!oldest) return view;
    const age = this.#clock.monotonic() - oldest.acceptedAt;
    return { ...view, oldestAt: this.#clock.now() - age };
  }

  /** Resolves when the message in flight has an outcome, or is kept for the next session. */
  async drained(): Promise<void> {
    await this.#running;
  }

  /** Resolves all waiting callers, present and future, with null: their messages stay queued. */
  releaseWaiters(): void {
    this.#released = true;
    for (const { waiter } of this.#queue.entries()) waiter?.(null);
  }

  /** The agent is deleted: every message fails, also those being stored. The caller updates the rows of the failed. */
  failAll(error: MessageError): void {
    this.#gone = error;
    this.close();
    for (let entry = this.#queue.dropOldest(); entry; entry = this.#queue.dropOldest()) {
      const { message, waiter } = entry;
      if (this.#mayHaveLeft(entry)) this.#abandon(entry, error);
      else this.outcomes.publish({ ...message, status: 'failed', error }, waiter);
    }
    this.#arm();
  }

  /**
   * Takes a message out that waits: resolves with true once that is on disk, with false when it may have left or is
   * about to. @throws GatewayError `DATABASE_UNAVAILABLE`; the message is not sent then either, unless a crash follows
   */
  async withdraw(id: string): Promise<boolean> {
    const entry = this.#queue.entries().find(({ message }) => message.id === id);
    const isUnderWay = this.#running !== null && this.#queue.oldest() === entry;
    if (!entry || isUnderWay || this.#mayHaveLeft(entry)) return false;
    this.#queue.remove(entry);
    this.#arm();
    const outcome = { status: 'failed', error: WITHDRAWN } as const;
    try {
      await this.#log.settle(id, outcome);
    } finally {
      this.outcomes.publish({ ...entry.message, ...outcome }, entry.waiter);
      this.#reports.changed();
    }
    return true;
  }

  /** True for a message of another account than that of the newest session. */
  #isForeign({ account }: StoredMessage): boolean {
    return this.#me !== null && !isAccountOf(this.#me, account);
  }

  /** True when the message was handed over and that has no known outcome. */
  #mayHaveLeft({ mayHaveLeft, message }: Entry): boolean {
    return mayHaveLeft || message.id === this.#inFlight;
  }

  /** Records the outcome of a message that is not sent any more: unknown when it may have left. */
  #abandon(entry: Entry, error: MessageError): void {
    const { message, waiter } = entry;
    if (this.#mayHaveLeft(entry))
      this.outcomes.record(message, { status: 'unknown', messageId: null, error }, waiter);
    else this.outcomes.record(message, { status: 'failed', error }, waiter);
  }

  /** Starts the loop unless it runs; without a session there is only an expiry to wait for. */
  #wake(): void {
    if (this.#running !== null) return;
    if (!this.#session) {
      this.#arm();
      return;
    }
    this.#running = this.#run()
      .catch((error: unknown) => this.#crashed(error))
      .finally(() => {
        this.#running = null;
        // A message may have been put in, or the session opened, while the loop was ending.
        if (this.#session && this.#queue.next()) this.#wake();
        else this.#arm();
      });
  }

  /** Sends until there is no token, no message or no session. */
  async #run(): Promise<void> {
    for (let entry = this.#queue.next(); entry && this.#session; entry = this.#queue.next()) {
      this.#sends ??= this.#sendsOf(this.#session);
      const outcome = await this.#sends.send(entry);
      this.#inFlight = null;
      // Meanwhile `failAll` may have emptied the queue, and published another outcome.
      if (!outcome || this.#queue.oldest() !== entry) return;
      this.outcomes.record(entry.message, outcome, entry.waiter);
      this.#queue.dropOldest();
      this.#reports.changed();
      if (outcome.status === 'sent' && outcome.ack)
        this.#receiptsOfAgent().add({ messageId: outcome.messageId, ack: outcome.ack });
      this.#receipts?.flush();
    }
  }

  /** The loop threw: a bug. It goes on after a pause, lest it spin. */
  async #crashed(error: unknown): Promise<void> {
    this.#reports.fault('outbox', error);
    // Without a session nothing could end the pause.
    const ended = this.#sends?.ended ?? new AbortController().signal;
    await pause(this.#clock, this.#settings.limits.probeAgainMs, ended);
  }

  /** What sends within this session. */
  #sendsOf({ client, suspect }: ReadySession): SessionSends {
    return new SessionSends({
      client,
      suspect,
      log: this.#log,
      clock: this.#clock,
      whatsAppClock: this.#whatsAppClock,
      settings: this.#settings,
      claimed: this.outcomes,
      permits: this.#permits,
      onHandover: (message) => {
        this.#inFlight = message.id;
        this.#reports.status(message, 'sending');
      },
    });
  }

  /** Sets the agent's one timer: for the next token, or for the expiry of the oldest message. */
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

  /** The timer fired: sends on, or expires the oldest message while there is no session. */
  #due(): void {
    if (this.#session) {
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
