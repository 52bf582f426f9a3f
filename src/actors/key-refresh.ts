import type { AgentRecord, AgentStore, ApiKeyStore } from './ports-stores.ts';

/** Whose key is refreshed: the record in memory is what requests are checked against. */
interface KeyHolder {
  readonly agentId: string;
  record: AgentRecord;
}

/**
 * The lazy key update of PRD §4: after a mismatch the stored key becomes the user's latest active one. At most
 * one look-up at a time per agent, so that a stream of bad keys can't flood the database (SPEC §3).
 */
export class KeyRefresh {
  readonly #stores: { agents: AgentStore; apiKeys: ApiKeyStore };
  readonly #fault: (agentId: string, error: unknown) => void;
  readonly #running = new Set<string>();

  constructor(
    stores: { agents: AgentStore; apiKeys: ApiKeyStore },
    fault: (agentId: string, error: unknown) => void,
  ) {
    this.#stores = stores;
    this.#fault = fault;
  }

  /** Starts a look-up in the background, unless one runs. */
  refresh(holder: KeyHolder): void {
    const { agentId } = holder;
    if (this.#running.has(agentId)) return;
    this.#running.add(agentId);
    this.#update(holder)
      .catch((error: unknown) => this.#fault(agentId, error))
      .finally(() => this.#running.delete(agentId));
  }

  /** Looks the key up and stores it when it is another one. */
  async #update(holder: KeyHolder): Promise<void> {
    const latest = await this.#stores.apiKeys.latestActive(holder.record.userId);
    if (!latest || latest === holder.record.apiKey) return;
    await this.#stores.agents.setApiKey(holder.record, latest);
    holder.record = { ...holder.record, apiKey: latest };
  }
}
