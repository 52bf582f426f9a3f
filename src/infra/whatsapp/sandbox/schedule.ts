import type { Clock, EpochMs } from '../../../actors/ports.ts';
import type { Timers } from './types.ts';

interface Task {
  due: number;
  run: () => void;
}

/** Both clocks of the host; read at each call, so that faked ones are seen. */
export const HOST_CLOCK: Clock = { now: () => Date.now(), monotonic: () => performance.now() };

/** The timers of the host; read at each call, so that faked ones are seen. */
export const HOST_TIMERS: Timers = {
  setTimeout: (callback, ms) => setTimeout(callback, ms),
  clearTimeout: (timer) => clearTimeout(timer),
};

/**
 * The network's time: all that happens later, in the order of its due time (then of its asking), on one timer.
 * `advance` lets time pass at once.
 */
export class Schedule {
  readonly #clock: Clock;
  readonly #timers: Timers;
  /** Latest due first: the next one is popped off the end. */
  #tasks: Task[] = [];
  #timer: NodeJS.Timeout | null = null;
  #skipped = 0;

  constructor(clock: Clock, timers: Timers) {
    this.#clock = clock;
    this.#timers = timers;
  }

  /** The network's monotonic time, ms. */
  now(): number {
    return this.#clock.monotonic() + this.#skipped;
  }

  /** WhatsApp's clock: whole seconds, as its timestamps are, in ms. */
  timestamp(): EpochMs {
    return Math.floor((this.#clock.now() + this.#skipped) / 1000) * 1000;
  }

  /** Runs a task after `ms`; returns what cancels it. */
  after(ms: number, run: () => void): () => void {
    return this.at(this.now() + ms, run);
  }

  /** Runs a task at a moment of `now()`; returns what cancels it. */
  at(due: number, run: () => void): () => void {
    const task = { due, run };
    this.#tasks.splice(this.#position(due), 0, task);
    this.#arm();
    return () => {
      const index = this.#tasks.indexOf(task);
      if (index < 0) return;
      this.#tasks.splice(index, 1);
      this.#arm();
    };
  }

  /** Lets `ms` pass at once: all that falls due meanwhile runs, each at its own moment. */
  advance(ms: number): void {
    const until = this.now() + ms;
    for (let next = this.#tasks.at(-1); next && next.due <= until; next = this.#tasks.at(-1)) {
      this.#skipped += Math.max(0, next.due - this.now());
      this.#tasks.pop();
      next.run();
    }
    this.#skipped += Math.max(0, until - this.now());
    this.#arm();
  }

  /** Forgets all tasks. */
  clear(): void {
    this.#tasks = [];
    this.#arm();
  }

  /** Where a task of this due time belongs: before all that are due at the same time or sooner. */
  #position(due: number): number {
    let low = 0;
    let high = this.#tasks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#tasks[middle]!.due > due) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Sets the one timer for the next task. */
  #arm(): void {
    if (this.#timer) this.#timers.clearTimeout(this.#timer);
    this.#timer = null;
    const next = this.#tasks.at(-1);
    if (!next) return;
    const wait = Math.min(Math.max(0, Math.ceil(next.due - this.now())), 2_147_483_647);
    this.#timer = this.#timers.setTimeout(() => this.#runDue(), wait);
  }

  /** Runs what is due now; what it adds waits for the next turn. */
  #runDue(): void {
    this.#timer = null;
    const now = this.now();
    try {
      for (let next = this.#tasks.at(-1); next && next.due <= now; next = this.#tasks.at(-1)) {
        this.#tasks.pop();
        next.run();
      }
    } finally {
      this.#arm();
    }
  }
}
