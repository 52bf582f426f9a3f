import type { Scheduler, Timer } from '../domain/ports/clock.ts';

/** What the outbox is doing: drawn as `connected.mailbox` on the chart. */
export type DispatcherMode = 'idle' | 'sending' | 'throttled';

/** How long a mode has to last to be reported. */
const STEADY_MS = 100;

/** Reports a mode once it lasts: two transitions of the chart for each quick send would cost more than the send. */
export class DebouncedMode {
  readonly #clock: Scheduler;
  readonly #report: (mode: DispatcherMode) => void;
  #mode: DispatcherMode = 'idle';
  #since = 0;
  #reported: DispatcherMode = 'idle';
  #timer: Timer | null = null;

  constructor(clock: Scheduler, report: (mode: DispatcherMode) => void) {
    this.#clock = clock;
    this.#report = report;
  }

  /** The mode of this moment. */
  set(mode: DispatcherMode): void {
    if (mode === this.#mode) return;
    this.#mode = mode;
    this.#since = this.#clock.monotonic();
    this.#timer ??= this.#clock.setTimeout(() => this.#look(), STEADY_MS);
  }

  /** Reports the mode if it has lasted, or looks again when it will have. */
  #look(): void {
    this.#timer = null;
    const left = this.#since + STEADY_MS - this.#clock.monotonic();
    if (left > 0) {
      this.#timer = this.#clock.setTimeout(() => this.#look(), left);
      return;
    }
    if (this.#mode === this.#reported) return;
    this.#reported = this.#mode;
    this.#report(this.#mode);
  }
}
