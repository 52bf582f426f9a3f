import type { Scheduler, Timer } from '../domain/ports/clock.ts';
import { restartRule } from '../domain/restart-policy.ts';

/** Callbacks from a circuit breaker. */
export interface CircuitBreakerReports {
  /** Many agents fail for one reason: one trial start at a time from now on. Reported once. */
  fault(reason: string, agents: number): void;
  /** One of them is connected: all may start. */
  recovered(reason: string): void;
}

/** A fault is common when so many agents, and so large a share of all, failed for one cause within the window. */
const MIN_AGENTS = 3;
const MIN_SHARE = 0.2;
const WINDOW_MS = 600_000;
/** Between a trial start that failed and the next. */
const CANARY_EVERY_MS = 60_000;

/**
 * Circuit breaker: while many agents fail for one reason, one trial start at a time, since a storm of new browsers would
 * not help. Requested starts are not held.
 */
export class StartCircuitBreaker {
  readonly #clock: Scheduler;
  readonly #size: () => number;
  readonly #reports: CircuitBreakerReports;
  /** The newest failure of each agent that may have a common cause. */
  readonly #failures = new Map<string, { causes: string[]; at: number }>();
  readonly #waiting: { agentId: string; admit: () => boolean }[] = [];
  #fault: string | null = null;
  #canary: string | null = null;
  #timer: Timer | null = null;

  /** `size` returns the number of agents. */
  constructor(clock: Scheduler, size: () => number, reports: CircuitBreakerReports) {
    this.#clock = clock;
    this.#size = size;
    this.#reports = reports;
  }

  /** Resolves when the agent may start without a request; rejects with the signal's reason when aborted first. */
  admit(agentId: string, signal: AbortSignal): Promise<void> {
    if (this.#fault === null) return Promise.resolve();
    // A canary that asks again without having failed: its session crashed.
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

  /** An agent is connected: the common fault has ended. */
  connected(agentId: string): void {
    this.#failures.delete(agentId);
    if (this.#fault === null) return;
    const reason = this.#fault;
    this.#end();
    this.#reports.recovered(reason);
  }

  /** An agent has no client any more; `missing` distinguishes failures of one reason. */
  down(agentId: string, reason: string, missing: string[] = []): void {
    const causes = missing.length > 0 ? missing.map((name) => `${reason}: ${name}`) : [reason];
    if (restartRule(reason).common) this.#failures.set(agentId, { causes, at: this.#clock.monotonic() });
    else this.#failures.delete(agentId);
    if (this.#canary === agentId) {
      this.#canary = null;
      this.#sendLater();
    }
    if (this.#fault === null) this.#detect(causes);
  }

  /** The gateway stops: waiting starts are not admitted, or each would create a client to be closed at once. */
  close(): void {
    if (this.#timer) this.#clock.clearTimeout(this.#timer);
    this.#timer = null;
    this.#canary = null;
  }

  /** Detects a fault that is common to many agents. */
  #detect(causes: string[]): void {
    const since = this.#clock.monotonic() - WINDOW_MS;
    for (const [agentId, { at }] of this.#failures) if (at < since) this.#failures.delete(agentId);
    const failures = [...this.#failures.values()];
    for (const cause of causes) {
      const alike = failures.filter((failure) => failure.causes.includes(cause)).length;
      if (alike < Math.max(MIN_AGENTS, MIN_SHARE * this.#size())) continue;
      this.#fault = cause;
      this.#reports.fault(cause, alike);
      return;
    }
  }

  /** Admits the first waiting start that was not cancelled. */
  #sendCanary(): void {
    while (this.#canary === null && this.#waiting.length > 0) {
      const next = this.#waiting.shift();
      if (next?.admit()) this.#canary = next.agentId;
    }
  }

  /** Admits the next canary some time after the one that failed. */
  #sendLater(): void {
    this.#timer = this.#clock.setTimeout(() => {
      this.#timer = null;
      this.#sendCanary();
    }, CANARY_EVERY_MS);
  }

  /** The fault has ended: admits all starts; `START_CONCURRENCY` limits them. */
  #end(): void {
    this.#fault = null;
    this.#canary = null;
    this.#failures.clear();
    if (this.#timer) this.#clock.clearTimeout(this.#timer);
    this.#timer = null;
    while (this.#waiting.length > 0) this.#waiting.shift()?.admit();
  }
}
