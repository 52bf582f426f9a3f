import type { Scheduler } from './ports.ts';

/** The moments that a start request waits for. */
export type Milestone = { kind: 'qr' } | { kind: 'connected' } | { kind: 'down'; reason: string };

/** Where an agent's milestones are told to the requests that wait for one. */
export class Milestones {
  readonly #clock: Scheduler;
  /** None while nobody waits, as with most agents. */
  #waiting: Set<(milestone: Milestone) => void> | null = null;

  constructor(clock: Scheduler) {
    this.#clock = clock;
  }

  /** Resolves with the next milestone that answers a start, or null after `ms`. Register before the command is given. */
  next(ms: number): Promise<Milestone | null> {
    return new Promise((resolve) => {
      const settle = (milestone: Milestone | null) => {
        if (milestone && !answersStart(milestone)) return;
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
    for (const settle of [...(this.#waiting ?? [])]) settle(milestone);
  }
}

/** True for what answers a start request: the end of the client that it replaces does not. */
function answersStart(milestone: Milestone): boolean {
  return milestone.kind !== 'down' || !['STOPPED', 'LOGGED_OUT'].includes(milestone.reason);
}
