import { type BackoffPolicy, backoffMs } from '../../actors/domain/backoff.ts';
import { isDatabaseAway } from '../../actors/domain/errors.ts';
import type { Scheduler } from '../../actors/domain/ports/clock.ts';
import type { StoredWebhook, TakenDelivery, WebhookStore } from '../../actors/domain/ports/webhooks.ts';
import type { Semaphore } from '../../actors/domain/semaphore.ts';
import { pause, retry } from '../../actors/domain/timeout.ts';
import type { Attempt } from './webhook-request.ts';

/** Deliveries that one turn takes, and the time after which it yields its slot to others. */
const BATCH = 10;
const TURN_MS = 1_000;
/** Between attempts at the database while that is away. */
const DATABASE_AGAIN_MS = 1_000;

/** What became of deliveries, for log and metrics. */
export type DeliveryReport =
  | { outcome: 'delivered'; webhook: StoredWebhook; afterFailures: number }
  | { outcome: 'failed'; webhook: StoredWebhook; error: string; failures: number; type: string }
  | { outcome: 'dead'; webhook: StoredWebhook; count: number };

/** What the loops of all webhooks share. */
export interface DeliveryLoopDeps {
  store: Pick<WebhookStore, 'take' | 'delivered' | 'failed' | 'giveUp'>;
  clock: Scheduler;
  /** Slots for requests of webhooks that work, and of those whose last attempt failed. */
  slots: Record<'working' | 'failing', Semaphore>;
  backoff: BackoffPolicy;
  /** An event of that age is given up, in milliseconds. */
  giveUpMs: number;
  random(): number;
  /** The webhook as it is now; undefined once it is deleted. */
  find(id: string): StoredWebhook | undefined;
  attempt(webhook: StoredWebhook, delivery: TakenDelivery): Promise<Attempt>;
  onReport(report: DeliveryReport): void;
  onFault(error: unknown): void;
}

/**
 * Delivers what waits for one webhook, in order, one request at a time. It runs while there are events and ends when
 * there are none; a failure makes it wait, and its later events with it.
 */
export class DeliveryLoop {
  readonly #deps: DeliveryLoopDeps;
  readonly #id: string;
  readonly #signal: AbortSignal;
  #isWoken = true;
  #failures = 0;
  /** Ends the present wait. */
  #hurry = new AbortController();

  /** `signal` ends the loop after the request in progress. */
  constructor(deps: DeliveryLoopDeps, id: string, signal: AbortSignal) {
    this.#deps = deps;
    this.#id = id;
    this.#signal = signal;
  }

  /** Events were written since the last look. */
  get isWoken(): boolean {
    return this.#isWoken;
  }

  /** Looks for events once more before it ends. */
  wake(): void {
    this.#isWoken = true;
  }

  /** Tries again at once: the webhook was changed, or a delivery is to be retried. */
  hurry(): void {
    this.#isWoken = true;
    this.#failures = 0;
    this.#hurry.abort();
  }

  /** Resolves when nothing waits any more, or the signal is aborted. Never rejects. */
  async run(): Promise<void> {
    while (this.#isWoken && !this.#signal.aborted) {
      this.#isWoken = false;
      this.#hurry = new AbortController();
      const waitMs = await this.#turn().catch((error: unknown) => {
        if (!isDatabaseAway(error)) this.#deps.onFault(error);
        return DATABASE_AGAIN_MS;
      });
      if (waitMs === null) continue;
      this.#isWoken = true;
      await this.#wait(waitMs);
    }
  }

  /**
   * Delivers a few events in a slot. Returns the time until the next turn in milliseconds; null when nothing is left
   * unless the loop was woken.
   */
  async #turn(): Promise<number | null> {
    const { slots, store, clock } = this.#deps;
    const pool = this.#failures > 0 ? slots.failing : slots.working;
    const release = await pool.acquire(this.#signal).catch(() => null);
    if (!release) return null;
    try {
      const startedAt = clock.monotonic();
      const taken = await store.take(this.#id, BATCH);
      for (const delivery of taken) {
        const webhook = this.#deps.find(this.#id);
        if (!webhook || this.#signal.aborted) return null;
        if (!(await this.#deliver(webhook, delivery)))
          return this.#failures === 0 ? 0 : backoffMs(this.#failures, this.#deps.backoff, this.#deps.random);
        if (clock.monotonic() - startedAt > TURN_MS) return 0;
      }
      return taken.length < BATCH ? null : 0;
    } finally {
      release();
    }
  }

  /** One attempt; false when it failed, which is recorded, and when the loop ended meanwhile, which is not. */
  async #deliver(webhook: StoredWebhook, delivery: TakenDelivery): Promise<boolean> {
    const { store, onReport } = this.#deps;
    const { signal: hurried } = this.#hurry;
    const attempt = await this.#deps.attempt(webhook, delivery);
    if (attempt.isDelivered) {
      const afterFailures = this.#failures;
      this.#failures = 0;
      await this.#patiently(() => store.delivered(delivery.id));
      onReport({ outcome: 'delivered', webhook, afterFailures });
      return true;
    }
    const { error } = attempt;
    if (error === 'CANCELLED') return false;
    await this.#patiently(() => store.failed(delivery.id, error));
    // After a restart the waits go on where they were.
    this.#failures = hurried.aborted ? 0 : Math.max(this.#failures, delivery.attempts) + 1;
    onReport({ outcome: 'failed', webhook, error, failures: this.#failures, type: delivery.type });
    await this.#giveUp(webhook, delivery);
    return false;
  }

  /** Gives the event up when it is too old, and with it all that have waited as long behind it. */
  async #giveUp(webhook: StoredWebhook, delivery: TakenDelivery): Promise<void> {
    const { store, clock, giveUpMs, onReport } = this.#deps;
    const until = new Date(clock.now() - giveUpMs);
    if (delivery.since > until) return;
    const count = await this.#patiently(() => store.giveUp(this.#id, until));
    if (count > 0) onReport({ outcome: 'dead', webhook, count });
  }

  /** Waits, unless the loop ends or is hurried. */
  async #wait(ms: number): Promise<void> {
    if (ms > 0) await pause(this.#deps.clock, ms, AbortSignal.any([this.#signal, this.#hurry.signal]));
  }

  /** Calls again while the database is away. */
  #patiently<T>(call: () => Promise<T>): Promise<T> {
    const { clock } = this.#deps;
    const options = { clock, everyMs: DATABASE_AGAIN_MS, signal: this.#signal };
    return retry(call, { ...options, shouldRetry: isDatabaseAway });
  }
}
