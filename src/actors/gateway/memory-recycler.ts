import type { Agent } from '../agent/agent.ts';
import type { Scheduler, Timer } from '../domain/ports/clock.ts';
import type { WhatsAppDriver } from '../domain/ports/whatsapp.ts';

/** What a recycler needs of its gateway. */
export interface MemoryRecyclerDeps {
  driver: Pick<WhatsAppDriver, 'memory'>;
  clock: Scheduler;
  limitBytes: number;
  find(agentId: string): Agent | undefined;
  fault(error: unknown): void;
}

const SWEEP_EVERY_MS = 60_000;
const QUIET_MS = 60_000;
const RETURN_MS = 600_000;

/**
 * Replaces clients whose browsers have grown over a soft limit, in a quiet minute and one at a time: pages keep
 * every message they have seen (FAULTS F20).
 */
export class MemoryRecycler {
  readonly #deps: MemoryRecyclerDeps;
  #timer: Timer | null = null;
  /** Who was recycled last, and until when the others wait for its return. */
  #last: { agentId: string; until: number } | null = null;
  #stopped = false;

  constructor(deps: MemoryRecyclerDeps) {
    this.#deps = deps;
  }

  /** Looks around every minute from now on. */
  start(): void {
    if (this.#stopped) return;
    this.#timer = this.#deps.clock.setTimeout(() => {
      this.#sweep()
        .catch((error: unknown) => this.#deps.fault(error))
        .finally(() => this.start());
    }, SWEEP_EVERY_MS);
  }

  /** Looks no more. */
  stop(): void {
    this.#stopped = true;
    if (this.#timer) this.#deps.clock.clearTimeout(this.#timer);
  }

  /** Recycles the largest that is too large and has nothing to do, unless the one before is not back yet. */
  async #sweep(): Promise<void> {
    const sizes = [...(await this.#deps.driver.memory())].sort(([, one], [, other]) => other - one);
    const now = this.#deps.clock.monotonic();
    const last = this.#last;
    if (last && now < last.until && this.#deps.find(last.agentId)?.isConnected === false) return;
    for (const [agentId, bytes] of sizes) {
      if (bytes <= this.#deps.limitBytes) return;
      const agent = this.#deps.find(agentId);
      if (!agent?.isQuiet(QUIET_MS)) continue;
      this.#last = { agentId, until: now + RETURN_MS };
      agent.command({ type: 'session.recycle' });
      return;
    }
  }
}
