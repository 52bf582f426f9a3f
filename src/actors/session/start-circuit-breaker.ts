import type { Scheduler, Timer } from '../domain/ports/clock.ts';
import { restartRule } from '../domain/restart-policy.ts';

/** Reports of a fleet to its gateway. */
export interface CircuitBreakerReports {
  /** Many agents end alike: only one at a time is started to see whether it is over. Reported once. */
  fault(reason: string, agents: number): void;
  /** One of them is connected again: the others follow. */
  recovered(reason: string): void;
}

/** A fault is common when so many agents, and so large a share of all, ended alike within the window. */
const MIN_AGENTS = 3;
const MIN_SHARE = 0.2;
const WINDOW_MS = 600_000;
/** Between one canary that failed and the next. */
const CANARY_EVERY_MS = 60_000;

/**
 * Sees when many agents end alike, and then lets one canary start at a time: a storm of new browsers would not help.
 * Starts that a person asked for are not held.
 */
export class StartCircuitBreaker {
  readonly #clock: Scheduler;
  readonly #size: () => number;
  readonly #reports: CircuitBreakerReports;
  /** The newest common end of each agent, by what caused it. */
  readonly #ends = new Map<string, { causes: string[]; at: number }>();
  readonly #waiting: { agentId: string; admit: () => boolean }[] = [];
  #fault: string | null = null;
  #canary: string | null = null;
  #timer: Timer | null = null;

  /** `size` tells how many agents there are. */
  constructor(clock: Scheduler, size: () => number, reports: CircuitBreakerReports) {
    this.#clock = clock;
    this.#size = size;
    this.#reports = reports;
  }

  /** Resolves when the agent may start by itself; rejects with the signal's reason when that is aborted first. */
  admit(agentId: string, signal: AbortSignal): Promise<void> {
    if (this.#fault === null) return Promise.resolve();
    // A canary that is back without a word of its end: its machine died under it.
    if (this.#canary === agentId) this.#canary = null;
    return new Promise((resolve, reject) => {
      const abort = () => reject(signal.reason);
      if (signal.aborted) return abort();
      signal.addEventListener('abort', abort, { once: true });
      const admit = () => {
        signal.removeEventListener('abort', abort);
        if (!signal.aborted) resolve();
        return !signal.aborted;
      };
      this.#waiting.push({ agentId, admit });
      if (this.#canary === null && this.#timer === null) this.#sendCanary();
    });
  }

  /** An agent is connected: whatever was common is over. */
  connected(agentId: string): void {
    this.#ends.delete(agentId);
    if (this.#fault === null) return;
    const reason = this.#fault;
    this.#end();
    this.#reports.recovered(reason);
  }

  /** An agent has ended, by itself or on a command; `missing` tells ends of one reason apart. */
  down(agentId: string, reason: string, missing: string[] = []): void {
    const causes = missing.length > 0 ? missing.map((name) => `${reason}: ${name}`) : [reason];
    if (restartRule(reason).common) this.#ends.set(agentId, { causes, at: this.#clock.monotonic() });
    else this.#ends.delete(agentId);
    if (this.#canary === agentId) {
      this.#canary = null;
      this.#sendLater();
    }
    if (this.#fault === null) this.#judge(causes);
  }

  /** The gateway stops: those who wait are not let go, or each would make a client to be ended at once. */
  close(): void {
    if (this.#timer) this.#clock.clearTimeout(this.#timer);
    this.#timer = null;
    this.#canary = null;
  }

  /** Sees whether so many have ended for one of these causes that it is no agent's own. */
  #judge(causes: string[]): void {
    const since = this.#clock.monotonic() - WINDOW_MS;
    for (const [agentId, { at }] of this.#ends) if (at < since) this.#ends.delete(agentId);
    const ends = [...this.#ends.values()];
    for (const cause of causes) {
      const alike = ends.filter((end) => end.causes.includes(cause)).length;
      if (alike < Math.max(MIN_AGENTS, MIN_SHARE * this.#size())) continue;
      this.#fault = cause;
      this.#reports.fault(cause, alike);
      return;
    }
  }

  /** Lets the first of those who still wait start. */
  #sendCanary(): void {
    while (this.#canary === null && this.#waiting.length > 0) {
      const next = this.#waiting.shift();
      if (next?.admit()) this.#canary = next.agentId;
    }
  }

  /** The next canary goes a while after the one that failed. */
  #sendLater(): void {
    this.#timer = this.#clock.setTimeout(() => {
      this.#timer = null;
      this.#sendCanary();
    }, CANARY_EVERY_MS);
  }

  /** The fault is over: everybody may start, in the order of `START_CONCURRENCY`. */
  #end(): void {
    this.#fault = null;
    this.#canary = null;
    this.#ends.clear();
    if (this.#timer) this.#clock.clearTimeout(this.#timer);
    this.#timer = null;
    while (this.#waiting.length > 0) this.#waiting.shift()?.admit();
  }
}
