import type { Agent } from '../agent/agent.ts';
import type { Scheduler, Timer } from '../domain/ports/clock.ts';
import type { WhatsAppDriver } from '../domain/ports/whatsapp.ts';

/** What the recycler works with. */
export interface MemoryRecyclerDeps {
  driver: Pick<WhatsAppDriver, 'memory'>;
  clock: Scheduler;
  limitBytes: number;
  find(agentId: string): Agent | undefined;
  fault(error: unknown): void;
}

const SWEEP_EVERY_MS = 60_000;
const QUIET_MS = 60_000;
const RECONNECT_MS = 600_000;

/**
 * Restarts clients whose browsers exceed a memory limit, one at a time and after a minute without traffic: WhatsApp's
 * page keeps every message it has seen.
 */
export class MemoryRecycler {
  readonly #deps: MemoryRecyclerDeps;
  #timer: Timer | null = null;
  /** The last recycled agent, and until when the others wait for it to reconnect. */
  #last: { agentId: string; until: number } | null = null;
  #stopped = false;

  constructor(deps: MemoryRecyclerDeps) {
    this.#deps = deps;
  }

  /** Sweeps every minute. */
  start(): void {
    if (this.#stopped) return;
    this.#timer = this.#deps.clock.setTimeout(() => {
      this.#sweep()
        .catch((error: unknown) => this.#deps.fault(error))
        .finally(() => this.start());
    }, SWEEP_EVERY_MS);
  }

  /** Sweeps no more. */
  stop(): void {
    this.#stopped = true;
    if (this.#timer) this.#deps.clock.clearTimeout(this.#timer);
  }

  /** Recycles the largest idle client over the limit, unless the last one has yet to reconnect. */
  async #sweep(): Promise<void> {
    const sizes = [...(await this.#deps.driver.memory())].sort(([, one], [, other]) => other - one);
    const now = this.#deps.clock.monotonic();
    const last = this.#last;
    if (last && now < last.until && this.#deps.find(last.agentId)?.isConnected === false) return;
    for (const [agentId, bytes] of sizes) {
      if (bytes <= this.#deps.limitBytes) return;
      const agent = this.#deps.find(agentId);
      if (!agent?.isQuiet(QUIET_MS)) continue;
      this.#last = { agentId, until: now + RECONNECT_MS };
      agent.command({ type: 'session.recycle' });
      return;
    }
  }
}
