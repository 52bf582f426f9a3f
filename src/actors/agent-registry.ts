import type { EventEmitter } from 'eventemitter3';
import { Agent, type AgentDeps } from './agent.ts';
import { GatewayError } from './errors.ts';
import type { AgentRecord, AgentStore, ApiKeyStore } from './ports-stores.ts';
import type { GatewayEvents, SessionSpec } from './protocol.ts';

/** What a registry needs of its gateway. */
export interface RegistryDeps {
  agents: AgentStore;
  apiKeys: ApiKeyStore;
  events: EventEmitter<GatewayEvents>;
  /** What every agent is made of. */
  agentDeps: AgentDeps;
}

/** An agent that a request is about, and whether the request made it. */
interface Obtained {
  agent: Agent;
  created: boolean;
}

/** All agents by agentId: a Map, so that one agent's error has nowhere to climb (DESIGN §1). */
export class AgentRegistry {
  readonly #deps: RegistryDeps;
  readonly #agents = new Map<string, Agent>();
  /** Agents being made: two creates of the same id share one. */
  readonly #making = new Map<string, Promise<Obtained>>();

  constructor(deps: RegistryDeps) {
    this.#deps = deps;
  }

  /** How many agents there are. */
  get size(): number {
    return this.#agents.size;
  }

  /** All of them, in the order in which they came. */
  all(): Agent[] {
    return [...this.#agents.values()];
  }

  /** The agent, if there is one. */
  find(agentId: string): Agent | undefined {
    return this.#agents.get(agentId);
  }

  /** @throws GatewayError `SESSION_NOT_FOUND` */
  get(agentId: string): Agent {
    const agent = this.#agents.get(agentId);
    if (agent) return agent;
    throw new GatewayError('SESSION_NOT_FOUND', 'There is no such agent.');
  }

  /** Makes an agent of a stored record, and tells of it. */
  add(record: AgentRecord): Agent {
    return this.#enter(new Agent(record, this.#deps.agentDeps));
  }

  /** Takes an agent out, unless another took its place meanwhile. */
  delete(agent: Agent): void {
    if (this.#agents.get(agent.agentId) !== agent) return;
    this.#agents.delete(agent.agentId);
    this.#deps.events.emit('removed', agent.agentId);
  }

  /**
   * The agent of a request, made or brought up to date; its record is replaced unless it is connected.
   * @throws GatewayError `AGENT_ID_TAKEN`, `INVALID_PAYLOAD` (no key), `DATABASE_UNAVAILABLE`
   */
  async obtain(spec: SessionSpec): Promise<Obtained> {
    const known = this.#agents.get(spec.agentId);
    if (known && known.record.userId !== spec.userId) throw taken();
    if (known?.isConnected) return { agent: known, created: false };
    const making = this.#making.get(spec.agentId);
    if (making) {
      const made = await making;
      if (made.agent.record.userId !== spec.userId) throw taken();
      return made;
    }
    const obtained = this.#save(spec, known).finally(() => this.#making.delete(spec.agentId));
    this.#making.set(spec.agentId, obtained);
    return obtained;
  }

  /** Writes the record and makes the agent, unless there is one. */
  async #save(spec: SessionSpec, known: Agent | undefined): Promise<Obtained> {
    const { userId, agentId, agentName } = spec;
    const apiKey = (await this.#deps.apiKeys.latestActive(userId)) ?? spec.apiKey;
    if (!apiKey) throw keyless();
    const stored = { userId, agentId, agentName, apiKey, status: 'awaiting_qr' } as const;
    const record = await this.#deps.agents.save(stored);
    if (known) {
      known.record = record;
      return { agent: known, created: false };
    }
    const agent = new Agent(record, this.#deps.agentDeps);
    await agent.boot();
    return { agent: this.#enter(agent), created: true };
  }

  /** Enters an agent and tells of it. */
  #enter(agent: Agent): Agent {
    this.#agents.set(agent.agentId, agent);
    this.#deps.events.emit('added', agent.agentId);
    return agent;
  }
}

/** The agentId is somebody else's. */
function taken(): GatewayError {
  return new GatewayError('AGENT_ID_TAKEN', 'The agentId belongs to another user.');
}

/** The agent would have no key to be called with. */
function keyless(): GatewayError {
  return new GatewayError('INVALID_PAYLOAD', 'The user has no active API key, and none was given.', {
    details: { issues: [{ path: 'apikey', message: 'is needed: the user has no active key' }] },
  });
}
