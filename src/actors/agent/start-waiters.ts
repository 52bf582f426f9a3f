import type { Scheduler } from '../domain/ports/clock.ts';

/** The moments that a start request waits for. */
export type StartProgress = { kind: 'qr' } | { kind: 'connected' } | { kind: 'down'; reason: string };

/** Where an agent's milestones are told to the requests that wait for one. */
export class StartWaiters {
  readonly #clock: Scheduler;
  /** None while nobody waits, as with most agents. */
  #waiting: Set<(progress: StartProgress | null) => void> | null = null;
  #closed = false;

  constructor(clock: Scheduler) {
    this.#clock = clock;
  }

  /** Resolves with the next milestone, or null after `ms` or at the end. Register before the command is given. */
  next(ms: number): Promise<StartProgress | null> {
    if (this.#closed) return Promise.resolve(null);
    return new Promise((resolve) => {
      const settle = (progress: StartProgress | null) => {
        this.#clock.clearTimeout(timer);
        this.#waiting?.delete(settle);
        resolve(progress);
      };
      const timer = this.#clock.setTimeout(() => settle(null), ms);
      this.#waiting ??= new Set();
      this.#waiting.add(settle);
    });
  }

  /** Tells whoever waits. */
  reach(progress: StartProgress): void {
    this.#tell(progress);
  }

  /** There will be none any more. */
  close(): void {
    this.#closed = true;
    this.#tell(null);
  }

  /** Ends every wait. */
  #tell(progress: StartProgress | null): void {
    for (const settle of [...(this.#waiting ?? [])]) settle(progress);
  }
}
