import type { EpochMs } from '../../actors/domain/ports/clock.ts';
import type { AdvanceableClock } from './advanceable-clock.ts';

/** What one life of the network has planned, on a clock that it shares with others. */
export class Schedule {
  readonly #clock: AdvanceableClock;
  readonly #skewMs: () => number;

  constructor(clock: AdvanceableClock, skewMs: () => number) {
    this.#clock = clock;
    this.#skewMs = skewMs;
  }

  /** The network's monotonic time, ms. */
  now(): number {
    return this.#clock.monotonic();
  }

  /** WhatsApp's clock: whole seconds, as its timestamps are, in ms. */
  timestamp(): EpochMs {
    return Math.floor((this.#clock.now() + this.#skewMs()) / 1000) * 1000;
  }

  /** How long until WhatsApp's clock shows a time, ms; its fractions of a second count. */
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

  /** Forgets all that was planned. */
  clear(): void {
    this.#clock.forget(this);
  }
}
