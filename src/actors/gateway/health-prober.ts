import type { Agent } from '../agent/agent.ts';
import type { Scheduler, Timer } from '../domain/ports/clock.ts';

/** What the prober works with. */
export interface HealthProberDeps {
  clock: Scheduler;
  /** Between two probes of an agent. */
  everyMs: number;
  agents(): Pick<Agent, 'probe'>[];
}

const SLICES = 15;

/** Probes each agent once per interval, a slice of all agents at a time so that probes don't delay other work. */
export class HealthProber {
  readonly #deps: HealthProberDeps;
  #timer: Timer | null = null;

  constructor(deps: HealthProberDeps) {
    this.#deps = deps;
  }

  /** Probes the given slice after its share of the interval, then the next ones. */
  start(slice = 0): void {
    const { clock, everyMs, agents } = this.#deps;
    this.#timer = clock.setTimeout(() => {
      agents().forEach((agent, index) => {
        if (index % SLICES === slice) agent.probe();
      });
      this.start((slice + 1) % SLICES);
    }, everyMs / SLICES);
  }

  /** Probes no more. */
  stop(): void {
    if (this.#timer) this.#deps.clock.clearTimeout(this.#timer);
  }
}
