import type { Clock, EpochMs } from '../domain/ports/clock.ts';

/** For so long after a connection is restored, incoming messages may have waited for it. */
const BACKLOG_MS = 30_000;

/**
 * WhatsApp's time, as the timestamps of incoming messages show it. Until a fresh message shows another, it is the
 * host's; it then advances by the monotonic clock, so that a step of the host's clock has no effect.
 */
export class MessageTime {
  readonly #clock: Clock;
  /** WhatsApp's time minus the monotonic clock; null while only the host's is known. */
  #offset: number | null = null;
  #connectedAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What arrives before the connection is restored has waited for it. */
  disconnected(): void {
    this.#connectedAt = Number.POSITIVE_INFINITY;
  }

  /** The connection is new or restored: messages may be late for a while. */
  connected(): void {
    this.#connectedAt = this.#clock.monotonic();
  }

  /** A message with this timestamp arrived. */
  seen(timestamp: EpochMs): void {
    const isFresh = this.#clock.monotonic() - this.#connectedAt > BACKLOG_MS;
    // Late messages don't turn the clock back, and none comes from the future.
    if (timestamp > this.now() || (isFresh && this.#offset === null))
      this.#offset = timestamp - this.#clock.monotonic();
  }

  now(): EpochMs {
    return this.at(this.#clock.monotonic());
  }

  /** WhatsApp's time at a moment of the monotonic clock. */
  at(monotonic: number): EpochMs {
    return monotonic + (this.#offset ?? this.#clock.now() - this.#clock.monotonic());
  }
}
