import type { AgentRef } from '../domain/identity.ts';
import type { AgentStore, StateChange } from '../domain/ports/stores.ts';

const RETRY_MS = 1_000;

/** Writes each agent's statuses to `whatsapp_user`, in order; retries while the database is unavailable. */
export class StatusProjection {
  readonly #store: Pick<AgentStore, 'setStatus'>;
  readonly #fault: (agentId: string, error: unknown) => void;
  readonly #queues = new Map<string, { agent: AgentRef; change: StateChange }[]>();
  #writing = new Set<string>();
  #retry: NodeJS.Timeout | null = null;
  #idle: (() => void)[] = [];

  constructor(store: Pick<AgentStore, 'setStatus'>, fault: (agentId: string, error: unknown) => void) {
    this.#store = store;
    this.#fault = fault;
  }

  /** Queues a change behind the agent's earlier ones. */
  write({ userId, agentId }: AgentRef, change: StateChange): void {
    const queue = this.#queues.get(agentId) ?? [];
    queue.push({ agent: { userId, agentId }, change });
    this.#queues.set(agentId, queue);
    void this.#drain(agentId);
  }

  /** Drops the unwritten changes of a removed agent. */
  forget(agentId: string): void {
    this.#queues.delete(agentId);
  }

  /** Resolves when all changes are written, or after `ms`. */
  flushed(ms: number): Promise<void> {
    if (this.#queues.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#idle.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** Stops retrying. */
  close(): void {
    if (this.#retry) clearTimeout(this.#retry);
    this.#queues.clear();
  }

  /** Writes an agent's changes one by one; never rejects. */
  async #drain(agentId: string): Promise<void> {
    if (this.#writing.has(agentId)) return;
    this.#writing.add(agentId);
    try {
      // Looked up each time: a removal drops the queue, and the next agent with this id gets its own.
      for (let queue = this.#queues.get(agentId); queue?.[0]; queue = this.#queues.get(agentId)) {
        await this.#store.setStatus(queue[0].agent, queue[0].change);
        queue.shift();
      }
      this.#queues.delete(agentId);
    } catch (error) {
      this.#fault(agentId, error);
      this.#retryLater();
    } finally {
      this.#writing.delete(agentId);
    }
    if (this.#queues.size === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** One timer for all agents whose change could not be written. */
  #retryLater(): void {
    this.#retry ??= setTimeout(() => {
      this.#retry = null;
      for (const agentId of this.#queues.keys()) void this.#drain(agentId);
    }, RETRY_MS).unref();
  }
}
