import type { Clock, EpochMs } from '../domain/ports/clock.ts';

/**
 * WhatsApp's time. It is learned from the timestamps of our own messages and counted on by the monotonic clock, so
 * that neither a wrong host clock nor a step of it counts. Late by at most a second and the time of a hand-over.
 */
export class WhatsAppClock {
  readonly #clock: Pick<Clock, 'monotonic'>;
  #offset: number | null = null;

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  /** A message was handed over just now, and has this timestamp. */
  learn(timestamp: EpochMs): void {
    this.#offset = timestamp - this.#clock.monotonic();
  }

  /** Null before the first hand-over. */
  now(): Date | null {
    return this.#offset === null ? null : new Date(this.#clock.monotonic() + this.#offset);
  }
}
