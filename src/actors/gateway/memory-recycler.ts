import type { Agent } from '../agent/agent.ts';
import type { Scheduler } from '../domain/ports/clock.ts';
import type { WhatsAppDriver } from '../domain/ports/whatsapp.ts';
import { repeat } from '../domain/timeout.ts';

/** What the recycler works with. */
export interface MemoryRecyclerDeps {
  driver: Pick<WhatsAppDriver, 'memory'>;
  clock: Scheduler;
  limitBytes: number;
  find(agentId: string): Agent | undefined;
  fault(error: unknown): void;
  /** Ends the sweeps. */
  signal: AbortSignal;
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
  /** The last recycled agent, and until when the others wait for it to reconnect. */
  #last: { agentId: string; until: number } | null = null;

  constructor(deps: MemoryRecyclerDeps) {
    this.#deps = deps;
  }

  /** Sweeps every minute. */
  start(): void {
    const { clock, fault, signal } = this.#deps;
    void repeat(clock, SWEEP_EVERY_MS, signal, () => this.#sweep().catch(fault));
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
