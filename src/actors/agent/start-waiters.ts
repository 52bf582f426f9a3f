import type { Scheduler } from '../domain/ports/clock.ts';

/** The moments that a start request waits for. */
export type Milestone = { kind: 'qr' } | { kind: 'connected' } | { kind: 'down'; reason: string };

/** Where an agent's milestones are told to the requests that wait for one. */
export class Milestones {
  readonly #clock: Scheduler;
  /** None while nobody waits, as with most agents. */
  #waiting: Set<(milestone: Milestone | null) => void> | null = null;
  #closed = false;

  constructor(clock: Scheduler) {
    this.#clock = clock;
  }

  /** Resolves with the next milestone, or null after `ms` or at the end. Register before the command is given. */
  next(ms: number): Promise<Milestone | null> {
    if (this.#closed) return Promise.resolve(null);
    return new Promise((resolve) => {
      const settle = (milestone: Milestone | null) => {
        this.#clock.clearTimeout(timer);
        this.#waiting?.delete(settle);
        resolve(milestone);
      };
      const timer = this.#clock.setTimeout(() => settle(null), ms);
      this.#waiting ??= new Set();
      this.#waiting.add(settle);
    });
  }

  /** Tells whoever waits. */
  reach(milestone: Milestone): void {
    this.#tell(milestone);
  }

  /** There will be none any more. */
  close(): void {
    this.#closed = true;
    this.#tell(null);
  }

  /** Ends every wait. */
  #tell(milestone: Milestone | null): void {
    for (const settle of [...(this.#waiting ?? [])]) settle(milestone);
  }
}
