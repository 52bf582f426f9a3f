import type { EpochMs, Scheduler } from '../../actors/domain/ports/clock.ts';
import { HOST_CLOCK } from '../../infra/host-clock.ts';

interface Task {
  due: number;
  fire: () => void;
  owner: object | null;
}

// The longest timeout of Node.
const LONGEST_WAIT_MS = 2_147_483_647;

/** Resolves after promises and one turn of the event loop have run. */
function effects(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * The clock of a sandbox: runs as the host's does, and can be advanced. Timers fire in the order of their due time, then
 * of their creation, all on one timer of the host.
 */
export class AdvanceableClock implements Scheduler {
  readonly #host: Scheduler;
  /** By due time. Most are distant deadlines, added and cleared at the end. */
  #tasks: Task[] = [];
  #armed: { due: number; timer: object } | null = null;
  #skipped = 0;
  /** Resolves after the newest `advance`: they run one after the other. */
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

  /** How far this clock is ahead of the host's, ms. */
  get advancedMs(): number {
    return this.#skipped;
  }

  setTimeout(fire: () => void, ms: number): Task {
    return this.at(this.monotonic() + Math.max(0, ms), fire);
  }

  clearTimeout(task: object): void {
    const { due } = task as Task;
    let index = this.#position(due) - 1;
    while (this.#tasks[index] !== task && this.#tasks[index]?.due === due) index -= 1;
    if (this.#tasks[index] !== task) return;
    this.#tasks.splice(index, 1);
    this.#arm();
  }

  /** Fires at a moment of `monotonic()`; timers of the same moment fire in the order of their creation. */
  at(due: number, fire: () => void, owner: object | null = null): Task {
    const task = { due, fire, owner };
    this.#tasks.splice(this.#position(due), 0, task);
    this.#arm();
    return task;
  }

  /** Clears all timers of an owner. */
  forget(owner: object): void {
    this.#tasks = this.#tasks.filter((task) => task.owner !== owner);
    this.#arm();
  }

  /**
   * Advances by `ms` at once: each timer that falls due fires at its own moment, and its effects run before the next
   * one. Does not wait for I/O, such as a database or an HTTP answer.
   */
  advance(ms: number): Promise<void> {
    const advanced = this.#advancing.then(() => this.#advance(ms));
    this.#advancing = advanced.catch(() => undefined);
    return advanced;
  }

  async #advance(ms: number): Promise<void> {
    const until = this.monotonic() + ms;
    this.#isAdvancing = true;
    this.#arm();
    try {
      await effects();
      for (let next = this.#tasks[0]; next && next.due <= until; next = this.#tasks[0]) {
        this.#skipTo(next.due);
        this.#tasks.shift();
        next.fire();
        await effects();
      }
      this.#skipTo(until);
    } finally {
      this.#isAdvancing = false;
      this.#arm();
    }
  }

  /** Advances to a moment, unless it is past. */
  #skipTo(moment: number): void {
    this.#skipped += Math.max(0, moment - this.monotonic());
  }

  /** The index after all tasks that are due at this time or sooner. */
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

  /** Sets the host's timer to the next task. */
  #arm(): void {
    const next = this.#isAdvancing ? undefined : this.#tasks[0];
    if (next?.due === this.#armed?.due) return;
    if (this.#armed) this.#host.clearTimeout(this.#armed.timer);
    this.#armed = null;
    if (!next) return;
    const wait = Math.min(Math.max(0, Math.ceil(next.due - this.monotonic())), LONGEST_WAIT_MS);
    this.#armed = { due: next.due, timer: this.#host.setTimeout(() => this.#fireDue(), wait) };
  }

  #fireDue(): void {
    this.#armed = null;
    const now = this.monotonic();
    try {
      for (let next = this.#tasks[0]; next && next.due <= now; next = this.#tasks[0]) {
        this.#tasks.shift();
        next.fire();
      }
    } finally {
      this.#arm();
    }
  }
}
