import type { EventEmitter } from 'eventemitter3';
import { Agent, type AgentDeps } from '../agent/agent.ts';
import { TEXTS } from '../domain/error-texts.ts';
import { GatewayError } from '../domain/errors.ts';
import type { RemovalOutcome, SessionSpec } from '../domain/gateway-api.ts';
import type { GatewayEvents } from '../domain/gateway-events.ts';
import type { AgentRef } from '../domain/identity.ts';
import type { AgentRecord, AgentStore } from '../domain/ports/stores.ts';
import type { UserKeys } from './user-keys.ts';

/** What a registry needs of its gateway. */
export interface RegistryDeps {
  agents: AgentStore;
  keys: UserKeys;
  events: EventEmitter<GatewayEvents>;
  /** An agent has ended: what is still to be written of it is void. */
  onRemove(agentId: string): void;
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
  /** Agents being deleted: two deletes of the same id share one, and a create waits for it. */
  readonly #removing = new Map<string, Promise<RemovalOutcome>>();

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

  /** It is being made or deleted. */
  isBusy(agentId: string): boolean {
    return this.#making.has(agentId) || this.#removing.has(agentId);
  }

  /** @throws GatewayError `SESSION_NOT_FOUND` */
  get(agentId: string): Agent {
    const agent = this.#agents.get(agentId);
    if (agent) return agent;
    throw new GatewayError('SESSION_NOT_FOUND', TEXTS.SESSION_NOT_FOUND.noAgent);
  }

  /** This user's agent. @throws GatewayError `SESSION_NOT_FOUND`, also when another user has the agentId */
  getOwned({ userId, agentId }: AgentRef): Agent {
    const agent = this.get(agentId);
    if (agent.record.userId === userId) return agent;
    throw new GatewayError('SESSION_NOT_FOUND', TEXTS.SESSION_NOT_FOUND.noAgent);
  }

  /** Makes an agent of a stored record, and tells of it. */
  add(record: AgentRecord): Agent {
    return this.#enter(new Agent(record, this.#deps.agentDeps));
  }

  /**
   * Ends an agent and deletes its record, unless that was deleted in the table. One that fails half-way may be repeated.
   * @throws GatewayError `SESSION_NOT_FOUND`, `DATABASE_UNAVAILABLE`, or `INTERNAL` when its client does not end
   */
  remove(agentId: string, traceId: string, rowIsGone = false): Promise<RemovalOutcome> {
    const agent = this.get(agentId);
    const removing =
      this.#removing.get(agentId) ??
      this.#remove(agent, traceId, rowIsGone).finally(() => this.#removing.delete(agentId));
    this.#removing.set(agentId, removing);
    return removing;
  }

  /** Ends an agent, then its record: in this order nothing of it is left that could act for another of that name. */
  async #remove(agent: Agent, traceId: string, rowIsGone: boolean): Promise<RemovalOutcome> {
    const { agentId, record } = agent;
    const { agents } = this.#deps;
    // A record that is being written would outlive the delete.
    await this.#making.get(agentId)?.catch(() => undefined);
    await agent.shutdown.remove(traceId);
    this.#deps.onRemove(agentId);
    await (rowIsGone ? agents.forget(record) : agents.remove(record));
    this.#drop(agent, traceId);
    return { isUnlinked: agent.isUnlinked };
  }

  /** Takes an agent out and tells of it. */
  #drop(agent: Agent, traceId: string): void {
    this.#agents.delete(agent.agentId);
    this.#deps.events.emit('removed', agent.agentId, traceId);
  }

  /**
   * The agent of a request, made or brought up to date; its record is replaced unless it is connected.
   * @throws GatewayError `AGENT_ID_TAKEN`, `INVALID_PAYLOAD` (no key), `DATABASE_UNAVAILABLE`
   */
  async obtain(spec: SessionSpec, traceId: string): Promise<Obtained> {
    await this.#removeWithoutRow(spec.agentId, traceId);
    for (let removing = this.#removing.get(spec.agentId); removing; ) {
      await removing.catch(() => undefined);
      removing = this.#removing.get(spec.agentId);
    }
    const known = this.#agents.get(spec.agentId);
    if (known && known.record.userId !== spec.userId) throw taken();
    if (known?.isConnected) return { agent: known, created: false };
    const making = this.#making.get(spec.agentId);
    if (making) {
      const made = await making;
      if (made.agent.record.userId !== spec.userId) throw taken();
      return made;
    }
    const obtained = this.#save(spec, known, traceId).finally(() => this.#making.delete(spec.agentId));
    this.#making.set(spec.agentId, obtained);
    return obtained;
  }

  /** Removes the agent if its row was deleted in the table: it may be another user's by now. */
  async #removeWithoutRow(agentId: string, traceId: string): Promise<void> {
    const known = this.#agents.get(agentId);
    if (!known || this.isBusy(agentId) || (await this.#deps.agents.has(known.record))) return;
    if (this.#agents.get(agentId) === known && !this.isBusy(agentId))
      await this.remove(agentId, traceId, true);
  }

  /** Writes the record and makes the agent, unless there is one. */
  async #save(spec: SessionSpec, known: Agent | undefined, traceId: string): Promise<Obtained> {
    const { userId, agentId, agentName } = spec;
    const given = (await this.#deps.keys.latest(userId)) ?? spec.apiKey;
    // A known agent keeps the key of its row.
    const apiKey = given ?? (await this.#deps.agents.find(spec))?.apiKey;
    if (!apiKey) throw keyless();
    const stored = { userId, agentId, agentName, apiKey, status: 'awaiting_qr' } as const;
    const record = await this.#deps.agents.save(stored);
    if (!record) throw taken();
    if (known && !known.actorSystem.isOver) {
      known.record = record;
      return { agent: known, created: false };
    }
    // A delete got no further than that: the next of its name is a new one.
    if (known) this.#drop(known, traceId);
    const agent = new Agent(record, this.#deps.agentDeps);
    await agent.boot();
    return { agent: this.#enter(agent, traceId), created: true };
  }

  /** Enters an agent and tells of it. */
  #enter(agent: Agent, traceId?: string): Agent {
    this.#agents.set(agent.agentId, agent);
    this.#deps.events.emit('added', agent.agentId, traceId);
    agent.begin();
    return agent;
  }
}

/** The agentId is somebody else's. */
function taken(): GatewayError {
  return new GatewayError('AGENT_ID_TAKEN', TEXTS.AGENT_ID_TAKEN.otherUser);
}

/** The agent would have no key to be called with. */
function keyless(): GatewayError {
  return new GatewayError('INVALID_PAYLOAD', TEXTS.INVALID_PAYLOAD.noApiKey, {
    details: { issues: [{ path: 'apikey', message: 'is needed: the user has no active key' }] },
  });
}
