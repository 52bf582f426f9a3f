import type { EpochMs, Scheduler } from '../../actors/domain/ports/clock.ts';
import { HOST_CLOCK } from '../../infra/host-clock.ts';

interface Task {
  due: number;
  ring: () => void;
  /** Whose plan it is part of, if any. */
  owner: object | null;
}

// The longest wait that a timer of the host knows.
const LONGEST_WAIT_MS = 2_147_483_647;

/** Lets everything follow that what just rang has set off: promises first, then a turn of the event loop. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * The clock of a sandbox: runs as the host's does, and can be moved on. Rings in the order of the due time, then of
 * the asking, all on one timer of the host.
 */
export class AdvanceableClock implements Scheduler {
  readonly #host: Scheduler;
  /** Next due first: most are deadlines, far away, and gone before they ring. They come and go at the end. */
  #tasks: Task[] = [];
  #armed: { due: number; timer: object } | null = null;
  #skipped = 0;
  /** The end of the newest `advance`: they take turns. */
  #advancing: Promise<void> = Promise.resolve();
  #isAdvancing = false;

  constructor(host: Scheduler = HOST_CLOCK) {
    this.#host = host;
  }

  now(): EpochMs {
    return this.#host.now() + this.#skipped;
  }

  monotonic(): number {
    return this.#host.monotonic() + this.#skipped;
  }

  /** How far it is before the host's clock, ms. */
  get advancedMs(): number {
    return this.#skipped;
  }

  setTimeout(ring: () => void, ms: number): Task {
    return this.at(this.monotonic() + Math.max(0, ms), ring);
  }

  clearTimeout(task: object): void {
    const { due } = task as Task;
    let index = this.#position(due) - 1;
    while (this.#tasks[index] !== task && this.#tasks[index]?.due === due) index -= 1;
    if (this.#tasks[index] !== task) return;
    this.#tasks.splice(index, 1);
    this.#arm();
  }

  /** Rings at a moment of `monotonic()`. Those of the same moment keep the order in which they were asked for. */
  at(due: number, ring: () => void, owner: object | null = null): Task {
    const task = { due, ring, owner };
    this.#tasks.splice(this.#position(due), 0, task);
    this.#arm();
    return task;
  }

  /** Forgets all that one owner has planned. */
  forget(owner: object): void {
    this.#tasks = this.#tasks.filter((task) => task.owner !== owner);
    this.#arm();
  }

  /**
   * Lets `ms` pass at once: all that falls due meanwhile rings, each at its own moment, and what follows from it
   * happens before the next. What waits for the outside (a database, an HTTP answer) isn't waited for.
   */
  advance(ms: number): Promise<void> {
    const advanced = this.#advancing.then(() => this.#advance(ms));
    this.#advancing = advanced.catch(() => undefined);
    return advanced;
  }

  /** One `advance`; the host's timer rests meanwhile. */
  async #advance(ms: number): Promise<void> {
    const until = this.monotonic() + ms;
    this.#isAdvancing = true;
    this.#arm();
    try {
      await settled();
      for (let next = this.#tasks[0]; next && next.due <= until; next = this.#tasks[0]) {
        this.#skipTo(next.due);
        this.#tasks.shift();
        next.ring();
        await settled();
      }
      this.#skipTo(until);
    } finally {
      this.#isAdvancing = false;
      this.#arm();
    }
  }

  /** Moves on to a moment, unless it is past. */
  #skipTo(moment: number): void {
    this.#skipped += Math.max(0, moment - this.monotonic());
  }

  /** Where a task of this due time belongs: behind all that are due at the same time or sooner. */
  #position(due: number): number {
    let low = 0;
    let high = this.#tasks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#tasks[middle]!.due <= due) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Keeps the one timer of the host on the next task. */
  #arm(): void {
    const next = this.#isAdvancing ? undefined : this.#tasks[0];
    if (next?.due === this.#armed?.due) return;
    if (this.#armed) this.#host.clearTimeout(this.#armed.timer);
    this.#armed = null;
    if (!next) return;
    const wait = Math.min(Math.max(0, Math.ceil(next.due - this.monotonic())), LONGEST_WAIT_MS);
    this.#armed = { due: next.due, timer: this.#host.setTimeout(() => this.#ringDue(), wait) };
  }

  /** Rings for what is due now. */
  #ringDue(): void {
    this.#armed = null;
    const now = this.monotonic();
    try {
      for (let next = this.#tasks[0]; next && next.due <= now; next = this.#tasks[0]) {
        this.#tasks.shift();
        next.ring();
      }
    } finally {
      this.#arm();
    }
  }
}
