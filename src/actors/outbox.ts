import { pause } from './deadline.ts';
import {
  AckBook,
  type DeliveryContext,
  type DeliveryResult,
  deliver,
  isSettlement,
  lookUp,
} from './delivery.ts';
import { type GatewayError, toGatewayError } from './errors.ts';
import { type Entry, Mailbox, type Reservation } from './mailbox.ts';
import type {
  Ack,
  MessageLog,
  Scheduler,
  Settlement,
  StoredMessage,
  Timer,
  WhatsAppClient,
} from './ports.ts';
import type { MailboxView } from './protocol.ts';
import type { ActorSettings } from './settings.ts';

/** What the outbox is doing: drawn as `connected.mailbox` on the chart. */
export type OutboxMode = 'idle' | 'sending' | 'throttled';

/** What an outbox tells its agent. */
export interface OutboxReports {
  mode(mode: OutboxMode): void;
  changed(): void;
  status(message: StoredMessage): void;
  /** A send ended in doubt: is the client still alive? */
  suspect(): void;
  fault(where: string, error: unknown): void;
}

const REMEMBERED_IDS = 1_000;
/** How long a mode has to last to be shown. */
const MODE_LASTS_MS = 200;
/** Attempts within one session of a message that does not get as far as the hand-over. */
const MAX_ATTEMPTS = 3;

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
  readonly #acks = new AckBook();
  /** Newest own WhatsApp ids: told apart by `lookUp`. */
  readonly #claimed = new Set<string>();
  /** Messages told as unknown, by WhatsApp id: a late ack still makes them sent. */
  readonly #unsettled = new Map<string, StoredMessage>();
  readonly #waiters = new Map<string, (message: StoredMessage | null) => void>();
  #client: WhatsAppClient | null = null;
  #closed = new AbortController();
  #running: Promise<void> | null = null;
  #inFlight: string | null = null;
  #mode: OutboxMode = 'idle';
  #reportedMode: OutboxMode = 'idle';
  #modeTimer: Timer | null = null;
  #timer: Timer | null = null;

  constructor(deps: { settings: ActorSettings; clock: Scheduler; log: MessageLog; reports: OutboxReports }) {
    this.#settings = deps.settings;
    this.#clock = deps.clock;
    this.#log = deps.log;
    this.#reports = deps.reports;
    this.#mailbox = new Mailbox(deps.settings, deps.clock);
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

  /** Queues a message that was stored just now; returns how many are before it. */
  put(message: StoredMessage): number {
    const before = this.#mailbox.put({ message, doubtful: false });
    this.#wake();
    return before;
  }

  /** Queues a message of an earlier process. One that was `sending` is looked for first: it may have left. */
  resume(message: StoredMessage): void {
    this.#mailbox.put({ message, doubtful: message.status === 'sending' });
    this.#wake();
  }

  /** Resolves with the message once it is settled, or with null when it is kept over a stop. */
  settled(message: StoredMessage): Promise<StoredMessage | null> {
    return new Promise((resolve) => this.#waiters.set(message.id, resolve));
  }

  /** Nobody waits for the message any more. */
  forget(id: string): void {
    this.#waiters.delete(id);
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
    this.#closed = new AbortController();
    this.#mailbox.open();
    this.#wake();
  }

  /** The session is over: the queue waits where it is. */
  close(): void {
    this.#client = null;
    this.#closed.abort();
    this.#mailbox.close();
    this.#arm();
  }

  /** An ack of the current client; one that comes late settles what was unknown. */
  acked(ack: Ack): void {
    this.#acks.note(ack);
    const late = this.#unsettled.get(ack.messageId);
    if (!late || ack.ack < 1) return;
    this.#unsettled.delete(ack.messageId);
    this.#record(late, { status: 'sent', messageId: ack.messageId, at: new Date(this.#clock.now()) });
  }

  view(): MailboxView {
    const oldestAt = this.oldestAt()?.getTime();
    return { ...this.#mailbox.view(), ...(oldestAt !== undefined && { oldestAt }) };
  }

  /** When the oldest message was accepted, or null. */
  oldestAt(): Date | null {
    return this.#mailbox.oldest()?.message.createdAt ?? null;
  }

  /** Resolves when the message in flight has ended; nothing new is taken once `close` was called. */
  async drained(): Promise<void> {
    await this.#running;
  }

  /** Tells those who still wait that their message is kept: the service is stopping. */
  releaseWaiters(): void {
    for (const [, resolve] of this.#waiters) resolve(null);
    this.#waiters.clear();
  }

  /** Ends every queued message with an error and tells whoever waits; the rows are the caller's. */
  failAll(error: GatewayError): void {
    this.close();
    for (let entry = this.#mailbox.dropOldest(); entry; entry = this.#mailbox.dropOldest()) {
      this.#told({ ...entry.message, status: 'failed', error: { code: error.code, message: error.message } });
    }
    this.#arm();
  }

  /** Starts the loop unless it runs. */
  #wake(): void {
    this.#arm();
    if (this.#running !== null || !this.#client) return;
    this.#running = this.#run()
      .catch((error: unknown) => this.#reports.fault('outbox', error))
      .finally(() => {
        this.#running = null;
        // A message may have come, or the session have opened, while the loop was ending.
        if (this.#client && this.#mailbox.next()) this.#wake();
        // Only now: while the loop runs there is nothing to wait for, and no timer is set.
        else this.#arm();
      });
  }

  /** Hands messages over until there is no token, no message or no session. */
  async #run(): Promise<void> {
    for (let entry = this.#mailbox.next(); entry && this.#client; entry = this.#mailbox.next()) {
      this.#setMode('sending');
      this.#inFlight = entry.message.id;
      const settled = await this.#attempt(entry, this.#client);
      this.#inFlight = null;
      if (!settled) break;
      // A delete may have emptied the mailbox meanwhile.
      if (this.#mailbox.oldest() === entry) this.#mailbox.dropOldest();
      this.#reports.changed();
    }
    this.#setMode(this.#client && this.#mailbox.length > 0 ? 'throttled' : 'idle');
  }

  /** One message; false when it has to stay because its session went away. */
  async #attempt(entry: Entry, client: WhatsAppClient): Promise<boolean> {
    const context = this.#context(client);
    for (let attempts = 0; ; ) {
      if (this.#expired(entry)) return this.#expire(entry);
      const result = await this.#try(entry, context);
      if (isSettlement(result)) {
        this.#record(entry.message, result);
        return true;
      }
      if (result.status === 'doubtful') this.#doubt(entry);
      if (!(await this.#recovers(client, result.error))) return false;
      // A database that is away is no fault of the message: it waits, as long as it may.
      if (result.error.code !== 'DATABASE_UNAVAILABLE') attempts += 1;
      if (result.status === 'stuck' && attempts < MAX_ATTEMPTS) continue;
      this.#record(entry.message, await this.#giveUp(entry, context, result.error));
      return true;
    }
  }

  /** Looks for a doubtful message in the chat, then delivers what isn't there. */
  async #try(entry: Entry, context: DeliveryContext): Promise<DeliveryResult> {
    if (!entry.doubtful) return deliver(entry.message, context);
    try {
      return (await lookUp(entry.message, context)) ?? (await deliver(entry.message, context));
    } catch (thrown) {
      return { status: 'doubtful', error: toGatewayError(thrown, 'BAD_GATEWAY') };
    }
  }

  /** From now on the message may have left. */
  #doubt(entry: Entry): void {
    entry.doubtful = true;
    entry.message = { ...entry.message, status: 'sending' };
  }

  /** The page answers, the message did not get through: found in the chat after all, unknown, or failed. */
  async #giveUp(entry: Entry, context: DeliveryContext, cause: GatewayError): Promise<Settlement> {
    const error = { code: cause.code, message: cause.message };
    if (!entry.doubtful) return { status: 'failed', error };
    const found = await lookUp(entry.message, context).catch(() => null);
    if (found && isSettlement(found)) return found;
    return { status: 'unknown', messageId: null, error };
  }

  /** Waits out what may be dying: true when it is worth another try, false when the session ends. */
  async #recovers(client: WhatsAppClient, error: GatewayError): Promise<boolean> {
    if (error.code === 'DATABASE_UNAVAILABLE') return this.#pause();
    this.#reports.suspect();
    for (;;) {
      const state = await client.probe().catch(() => null);
      if (this.#closed.signal.aborted) return false;
      if (state === 'CONNECTED') return true;
      if (!(await this.#pause())) return false;
    }
  }

  /** Waits a little; false when the session ended meanwhile. */
  async #pause(): Promise<boolean> {
    const { signal } = this.#closed;
    await pause(this.#clock, this.#settings.limits.probeAgainMs, signal);
    return !signal.aborted;
  }

  /** Writes a settlement, remembers what later events may refer to, and tells whoever waits. */
  #record(message: StoredMessage, settlement: Settlement): void {
    const settled = settle(message, settlement);
    if (settled.messageId) this.#claim(settled.messageId);
    if (settlement.status === 'unknown' && settlement.messageId)
      this.#unsettled.set(settlement.messageId, settled);
    // Nobody waits for the write: after a crash the row still says `sending`, and the chat is asked.
    this.#log
      .settle(message.id, settlement)
      .catch((error: unknown) => this.#reports.fault('outbox.settle', error));
    this.#told(settled);
  }

  /** Tells the world and the waiter. */
  #told(message: StoredMessage): void {
    this.#reports.status(message);
    this.#waiters.get(message.id)?.(message);
    this.#waiters.delete(message.id);
  }

  /** Remembers a WhatsApp id as ours, the newest thousand. */
  #claim(messageId: string): void {
    this.#claimed.add(messageId);
    if (this.#claimed.size > REMEMBERED_IDS) {
      for (const oldest of this.#claimed) {
        this.#claimed.delete(oldest);
        this.#unsettled.delete(oldest);
        break;
      }
    }
  }

  /** What a delivery needs of this outbox. */
  #context(client: WhatsAppClient): DeliveryContext {
    return {
      client,
      log: this.#log,
      acks: this.#acks,
      clock: this.#clock,
      sendTimeoutMs: this.#settings.sendTimeoutMs,
      claimed: this.#claimed,
    };
  }

  /** True when the message has waited longer than it may. */
  #expired(entry: Entry): boolean {
    return this.#clock.now() - entry.message.createdAt.getTime() >= this.#settings.messageTtlMs;
  }

  /** Settles an expired message: one in doubt stays in doubt. */
  #expire(entry: Entry): true {
    const error = { code: 'EXPIRED', message: 'The message could not be sent in time.' };
    this.#record(
      entry.message,
      entry.doubtful ? { status: 'unknown', messageId: null, error } : { status: 'failed', error },
    );
    return true;
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
    if (!oldest || !this.#expired(oldest)) {
      this.#arm();
      return;
    }
    this.#mailbox.dropOldest();
    this.#expire(oldest);
    this.#arm();
  }

  /** Reports a mode that lasts: two transitions of the chart for each quick send would cost more than the send. */
  #setMode(mode: OutboxMode): void {
    this.#mode = mode;
    this.#modeTimer ??= this.#clock.setTimeout(() => {
      this.#modeTimer = null;
      if (this.#mode === this.#reportedMode) return;
      this.#reportedMode = this.#mode;
      this.#reports.mode(this.#mode);
    }, MODE_LASTS_MS);
  }
}

/** The stored message after its settlement. Pure. */
function settle(message: StoredMessage, settlement: Settlement): StoredMessage {
  if (settlement.status === 'sent') {
    return {
      ...message,
      status: 'sent',
      messageId: settlement.messageId,
      sentAt: settlement.at,
      error: null,
    };
  }
  const messageId = settlement.status === 'unknown' ? settlement.messageId : null;
  return { ...message, status: settlement.status, messageId, error: settlement.error };
}
