import type { EpochMs } from '../../actors/domain/ports/clock.ts';
import type { AdvanceableClock } from './advanceable-clock.ts';

/** The timers of one life of the network, on a clock that is shared with others. */
export class Schedule {
  readonly #clock: AdvanceableClock;
  readonly #skewMs: () => number;

  constructor(clock: AdvanceableClock, skewMs: () => number) {
    this.#clock = clock;
    this.#skewMs = skewMs;
  }

  /** Monotonic time, ms. */
  now(): number {
    return this.#clock.monotonic();
  }

  /** The time of WhatsApp's clock in whole seconds, as ms. */
  timestamp(): EpochMs {
    return Math.floor((this.#clock.now() + this.#skewMs()) / 1000) * 1000;
  }

  /** Time until WhatsApp's clock shows a time, ms. */
  msUntil(time: EpochMs): number {
    return time - (this.#clock.now() + this.#skewMs());
  }

  /** Runs a task after `ms`; returns what cancels it. */
  after(ms: number, run: () => void): () => void {
    return this.at(this.now() + ms, run);
  }

  /** Runs a task at a moment of `now()`; returns what cancels it. */
  at(due: number, run: () => void): () => void {
    const task = this.#clock.at(due, run, this);
    return () => this.#clock.clearTimeout(task);
  }

  /** Cancels all tasks. */
  clear(): void {
    this.#clock.forget(this);
  }
}
