import type { Clock, EpochMs } from '../domain/ports/clock.ts';

/** So long after the connection is back what comes in may have waited for it. */
const BACKLOG_MS = 30_000;

/**
 * The time of the messages that come in: WhatsApp's, which stamps them. It is the host's until a message says
 * otherwise that has just been written, and goes on by the monotonic clock, so that a step of the host's clock does not
 * count.
 */
export class MessageTime {
  readonly #clock: Clock;
  /** WhatsApp's time less the monotonic clock; null while only the host's is known. */
  #offset: number | null = null;
  #connectedAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The connection is away: what comes in before it is back has waited. */
  away(): void {
    this.#connectedAt = Number.POSITIVE_INFINITY;
  }

  /** The connection is new, or was away: messages may be late for a while. */
  connected(): void {
    this.#connectedAt = this.#clock.monotonic();
  }

  /** A message came in with this timestamp. */
  seen(timestamp: EpochMs): void {
    const offset = timestamp - this.#clock.monotonic();
    const isFresh = this.#clock.monotonic() - this.#connectedAt > BACKLOG_MS;
    // Late ones don't turn the clock back, and none is of the future.
    if (timestamp > this.now() || (isFresh && this.#offset === null)) this.#offset = offset;
  }

  now(): EpochMs {
    return this.at(this.#clock.monotonic());
  }

  /** WhatsApp's time at a moment of the monotonic clock. */
  at(monotonic: number): EpochMs {
    return monotonic + (this.#offset ?? this.#clock.now() - this.#clock.monotonic());
  }
}
