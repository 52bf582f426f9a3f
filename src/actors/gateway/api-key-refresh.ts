import type { AgentRecord, AgentStore } from '../domain/ports/stores.ts';
import type { UserKeys } from './user-keys.ts';

/** Whose key is refreshed: the record in memory is what requests are checked against. */
interface KeyHolder {
  readonly agentId: string;
  record: AgentRecord;
}

/**
 * The lazy key update of PRD §4: after a mismatch the stored key becomes the user's latest active one. At most
 * one look-up at a time per agent, so that a stream of bad keys can't flood the database (SPEC §3).
 */
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
    const latest = await this.#deps.keys.latest(holder.record.userId);
    if (!latest || latest === holder.record.apiKey) return;
    await this.#deps.agents.setApiKey(holder.record, latest);
    holder.record = { ...holder.record, apiKey: latest };
  }
}
