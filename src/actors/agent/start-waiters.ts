import type { Scheduler } from '../domain/ports/clock.ts';

/** What a start request waits for. */
export type StartProgress = { kind: 'qr' } | { kind: 'connected' } | { kind: 'down'; reason: string };

/** The requests that wait for the progress of an agent's start. */
export class StartWaiters {
  readonly #clock: Scheduler;
  /** Created for the first one: most agents have none. */
  #waiting: Set<(progress: StartProgress | null) => void> | null = null;
  #closed = false;

  constructor(clock: Scheduler) {
    this.#clock = clock;
  }

  /** Resolves with the next progress, or null after `ms` or a shutdown. Call it before the command is sent. */
  next(ms: number): Promise<StartProgress | null> {
    if (this.#closed) return Promise.resolve(null);
    return new Promise((resolve) => {
      const resolveOnce = (progress: StartProgress | null) => {
        this.#clock.clearTimeout(timer);
        this.#waiting?.delete(resolveOnce);
        resolve(progress);
      };
      const timer = this.#clock.setTimeout(() => resolveOnce(null), ms);
      this.#waiting ??= new Set();
      this.#waiting.add(resolveOnce);
    });
  }

  /** Resolves all waits. */
  reach(progress: StartProgress | null): void {
    for (const resolve of [...(this.#waiting ?? [])]) resolve(progress);
  }

  /** Resolves all waits with null, now and in the future. */
  close(): void {
    this.#closed = true;
    this.reach(null);
  }
}
