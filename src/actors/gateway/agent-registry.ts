import type { EventEmitter } from 'eventemitter3';
import { Agent, type AgentDeps } from '../agent/agent.ts';
import type { CommandOf, RemovalOutcome } from '../domain/commands.ts';
import { TEXTS } from '../domain/error-texts.ts';
import { GatewayError } from '../domain/errors.ts';
import type { GatewayEvents } from '../domain/gateway-events.ts';
import type { AgentRef } from '../domain/identity.ts';
import type { AgentRecord, AgentStore } from '../domain/ports/stores.ts';
import type { UserKeys } from './user-keys.ts';

/** What a registry works with. */
export interface RegistryDeps {
  agents: AgentStore;
  keys: UserKeys;
  events: EventEmitter<GatewayEvents>;
  /** Called when an agent has stopped for its removal: its unwritten statuses are void. */
  onRemove(agentId: string): void;
  /** Passed to every agent. */
  agentDeps: AgentDeps;
}

/** The agent of a create request, and whether the request created it. */
interface Obtained {
  agent: Agent;
  created: boolean;
}

/** What a create request gives. */
type CreateSession = CommandOf<'session.create'>;

/** All agents by agentId. No actor is their parent, so one agent's error reaches no other. */
export class AgentRegistry {
  readonly #deps: RegistryDeps;
  readonly #agents = new Map<string, Agent>();
  /** Agents being created: two creates of the same id share one. */
  readonly #creating = new Map<string, Promise<Obtained>>();
  /** Agents being removed: two removals of the same id share one, and a create waits for it. */
  readonly #removing = new Map<string, Promise<RemovalOutcome>>();

  constructor(deps: RegistryDeps) {
    this.#deps = deps;
  }

  get size(): number {
    return this.#agents.size;
  }

  /** In the order in which they were added. */
  all(): Agent[] {
    return [...this.#agents.values()];
  }

  find(agentId: string): Agent | undefined {
    return this.#agents.get(agentId);
  }

  /** True while the agent is being created or removed. */
  isBusy(agentId: string): boolean {
    return this.#creating.has(agentId) || this.#removing.has(agentId);
  }

  /** @throws GatewayError `SESSION_NOT_FOUND` */
  get(agentId: string): Agent {
    const agent = this.#agents.get(agentId);
    if (agent) return agent;
    throw unknown();
  }

  /** This user's agent. @throws GatewayError `SESSION_NOT_FOUND`, also when another user has the agentId */
  getOwned({ userId, agentId }: AgentRef): Agent {
    const agent = this.get(agentId);
    if (agent.record.userId === userId) return agent;
    throw unknown();
  }

  /** Adds the agent of a stored record. */
  add(record: AgentRecord): Agent {
    return this.#enter(new Agent(record, this.#deps.agentDeps));
  }

  /**
   * Stops an agent and deletes its record, unless the row is already gone. A removal that fails may be repeated.
   * @throws GatewayError `SESSION_NOT_FOUND`, `DATABASE_UNAVAILABLE`, or `INTERNAL` when its client does not stop
   */
  remove(agentId: string, traceId: string, rowIsGone = false): Promise<RemovalOutcome> {
    const agent = this.get(agentId);
    const removing =
      this.#removing.get(agentId) ??
      this.#remove(agent, traceId, rowIsGone).finally(() => this.#removing.delete(agentId));
    this.#removing.set(agentId, removing);
    return removing;
  }

  /** Stops the agent, then deletes its record: the next agent with this id never meets an actor of this one. */
  async #remove(agent: Agent, traceId: string, rowIsGone: boolean): Promise<RemovalOutcome> {
    const { agentId, record } = agent;
    const { agents } = this.#deps;
    // A record that is being written would survive the delete.
    await this.#creating.get(agentId)?.catch(() => undefined);
    await agent.shutdown.remove(traceId);
    this.#deps.onRemove(agentId);
    await (rowIsGone ? agents.forget(record) : agents.remove(record));
    this.#drop(agent, traceId);
    return { isUnlinked: agent.link.isUnlinked };
  }

  /** Takes an agent out of the registry. */
  #drop(agent: Agent, traceId: string): void {
    this.#agents.delete(agent.agentId);
    this.#deps.events.emit('removed', agent.agentId, traceId);
  }

  /**
   * The agent of a create request, created or with its record replaced; one that is connected keeps its record.
   * @throws GatewayError `AGENT_ID_TAKEN`, `INVALID_PAYLOAD` (no key), `DATABASE_UNAVAILABLE`
   */
  async obtain(agentId: string, request: CreateSession): Promise<Obtained> {
    await this.#removeWithoutRow(agentId, request.traceId);
    for (let removing = this.#removing.get(agentId); removing; ) {
      await removing.catch(() => undefined);
      removing = this.#removing.get(agentId);
    }
    const known = this.#agents.get(agentId);
    if (known && known.record.userId !== request.userId) throw taken();
    if (known?.isConnected) return { agent: known, created: false };
    const creating = this.#creating.get(agentId);
    if (creating) {
      const obtained = await creating;
      if (obtained.agent.record.userId !== request.userId) throw taken();
      return obtained;
    }
    const obtained = this.#save(agentId, request, known).finally(() => this.#creating.delete(agentId));
    this.#creating.set(agentId, obtained);
    return obtained;
  }

  /** Removes the agent if its row is gone: the agentId may be another user's by now. */
  async #removeWithoutRow(agentId: string, traceId: string): Promise<void> {
    const known = this.#agents.get(agentId);
    if (!known || this.isBusy(agentId) || (await this.#deps.agents.has(known.record))) return;
    if (this.#agents.get(agentId) === known && !this.isBusy(agentId))
      await this.remove(agentId, traceId, true);
  }

  /** Writes the record, and creates the agent unless it is known. */
  async #save(agentId: string, request: CreateSession, known: Agent | undefined): Promise<Obtained> {
    const { userId, agentName, traceId } = request;
    const { agents, keys, agentDeps } = this.#deps;
    const given = (await keys.latest(userId)) ?? request.apiKey;
    // A known agent keeps the key of its row.
    const apiKey = given ?? (await agents.find({ userId, agentId }))?.apiKey;
    if (!apiKey) throw withoutKey();
    const record = await agents.save({ userId, agentId, agentName, apiKey, status: 'awaiting_qr' });
    if (!record) throw taken();
    if (known && !known.actorSystem.isStopped) {
      known.record = record;
      return { agent: known, created: false };
    }
    // A failed removal has stopped the known one: a new agent takes its place.
    if (known) this.#drop(known, traceId);
    const agent = new Agent(record, agentDeps);
    await agent.boot();
    return { agent: this.#enter(agent, traceId), created: true };
  }

  /** Adds an agent to the registry. */
  #enter(agent: Agent, traceId?: string): Agent {
    this.#agents.set(agent.agentId, agent);
    this.#deps.events.emit('added', agent.agentId, traceId);
    agent.begin();
    return agent;
  }
}

/** Refusal of an agentId that no agent has. */
function unknown(): GatewayError {
  return new GatewayError('SESSION_NOT_FOUND', TEXTS.SESSION_NOT_FOUND.noAgent);
}

/** Refusal of an agentId that another user has. */
function taken(): GatewayError {
  return new GatewayError('AGENT_ID_TAKEN', TEXTS.AGENT_ID_TAKEN.otherUser);
}

/** Refusal of an agent that no key would authenticate. */
function withoutKey(): GatewayError {
  return new GatewayError('INVALID_PAYLOAD', TEXTS.INVALID_PAYLOAD.noApiKey, {
    details: { issues: [{ path: 'apikey', message: 'is required: the user has no active key' }] },
  });
}
