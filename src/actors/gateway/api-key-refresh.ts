import type { AgentRecord, AgentStore } from '../domain/ports/stores.ts';
import type { UserKeys } from './user-keys.ts';

/** An agent; requests are authenticated against its record. */
interface KeyHolder {
  readonly agentId: string;
  record: AgentRecord;
}

/** Replaces an agent's key by its user's newest active one, which is looked up once at a time per agent. */
export class ApiKeyRefresh {
  readonly #deps: { agents: AgentStore; keys: UserKeys };
  readonly #fault: (agentId: string, error: unknown) => void;
  readonly #running = new Set<string>();

  constructor(
    deps: { agents: AgentStore; keys: UserKeys },
    fault: (agentId: string, error: unknown) => void,
  ) {
    this.#deps = deps;
    this.#fault = fault;
  }

  /** Starts a look-up in the background unless one is running. */
  refresh(holder: KeyHolder): void {
    const { agentId } = holder;
    if (this.#running.has(agentId)) return;
    this.#running.add(agentId);
    this.#update(holder)
      .catch((error: unknown) => this.#fault(agentId, error))
      .finally(() => this.#running.delete(agentId));
  }

  /** Looks the key up, and stores it when it differs. */
  async #update(holder: KeyHolder): Promise<void> {
    const latest = await this.#deps.keys.latest(holder.record.userId);
    if (!latest || latest === holder.record.apiKey) return;
    await this.#deps.agents.setApiKey(holder.record, latest);
    holder.record = { ...holder.record, apiKey: latest };
  }
}
