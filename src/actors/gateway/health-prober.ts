import type { Agent } from '../agent/agent.ts';
import type { Scheduler } from '../domain/ports/clock.ts';
import { repeat } from '../domain/timeout.ts';

/** What the prober works with. */
export interface HealthProberDeps {
  clock: Scheduler;
  /** Between two probes of an agent. */
  everyMs: number;
  agents(): Pick<Agent, 'probe'>[];
  /** Ends the probes. */
  signal: AbortSignal;
}

const SLICES = 15;

/** Probes each agent once per interval, a slice of all agents at a time so that probes don't delay other work. */
export function startHealthProber({ clock, everyMs, agents, signal }: HealthProberDeps): void {
  let slice = 0;
  void repeat(clock, everyMs / SLICES, signal, () => {
    agents().forEach((agent, index) => {
      if (index % SLICES === slice) agent.probe();
    });
    slice = (slice + 1) % SLICES;
  });
}
