import type { EventEmitter } from 'eventemitter3';
import type { Agent } from '../agent/agent.ts';
import { isDatabaseAway } from '../domain/errors.ts';
import type { GatewayEvents } from '../domain/gateway-events.ts';
import type { Scheduler } from '../domain/ports/clock.ts';
import type { AgentRecord, AgentStore } from '../domain/ports/stores.ts';
import type { WhatsAppDriver } from '../domain/ports/whatsapp.ts';
import { repeat } from '../domain/timeout.ts';
import type { AgentRegistry } from './agent-registry.ts';
import { isPresentable } from './user-keys.ts';

/** What the synchronisation works with. */
export interface RecordSyncDeps {
  registry: AgentRegistry;
  agents: Pick<AgentStore, 'list' | 'has' | 'version'>;
  driver: Pick<WhatsAppDriver, 'adopt' | 'hasCredentials'>;
  clock: Scheduler;
  events: EventEmitter<GatewayEvents>;
  newTraceId(): string;
  /** Called with the agents of new rows. */
  onAdded(agents: Agent[]): void;
  /** Ends the polls; one in progress changes nothing more. */
  signal: AbortSignal;
}

const POLL_EVERY_MS = 2_000;

/**
 * Keeps the agents in step with the rows of `whatsapp_user`, which other systems write, too. One poll every two seconds
 * covers all agents, and reads the rows only when more than a status has changed.
 */
export class RecordSync {
  readonly #deps: RecordSyncDeps;
  /** The version of the rows that the agents match; null when they may not. */
  #version: string | null = null;
  /** Keys of the problems reported so far; each is reported once while it lasts. */
  #reported = new Set<string>();

  constructor(deps: RecordSyncDeps) {
    this.#deps = deps;
  }

  /** Adds the agents of all rows, and starts polling. @throws GatewayError `DATABASE_UNAVAILABLE` */
  async restore(): Promise<Agent[]> {
    const rows = await this.#deps.agents.list();
    await this.#deps.driver.adopt(rows);
    const { added } = await this.#apply(rows, new Map());
    const { clock, signal } = this.#deps;
    const poll = () => this.#poll().catch((error: unknown) => this.#fault(error));
    void repeat(clock, POLL_EVERY_MS, signal, poll);
    return added;
  }

  /** Updates the agents when the rows have changed. */
  async #poll(): Promise<void> {
    const { agents, registry, onAdded } = this.#deps;
    // An agent that changes while the rows are read is newer than they are.
    const before = new Map(registry.all().map((agent) => [agent.agentId, agent.record]));
    const version = await agents.version();
    if (version === this.#version) return;
    const { added, isComplete } = await this.#apply(await agents.list(), before);
    this.#version = isComplete ? version : null;
    if (added.length > 0 && !this.#deps.signal.aborted) onAdded(added);
  }

  /** Updates the agents from the rows; `isComplete` unless something is left for the next poll. */
  async #apply(
    rows: AgentRecord[],
    before: ReadonlyMap<string, AgentRecord>,
  ): Promise<{ added: Agent[]; isComplete: boolean }> {
    const { registry } = this.#deps;
    const reports = new Map<string, string>();
    const added: Agent[] = [];
    let isComplete = true;
    const byAgent = new Map<string, AgentRecord[]>([...before.keys()].map((agentId) => [agentId, []]));
    for (const row of rows) byAgent.set(row.agentId, [...(byAgent.get(row.agentId) ?? []), row]);
    for (const [agentId, candidates] of byAgent) {
      const known = before.get(agentId);
      const owned = await this.#ownedOf(candidates, known);
      const agent = registry.find(agentId);
      if (this.#deps.signal.aborted) return { added, isComplete: false };
      if (registry.isBusy(agentId) || !isUnchanged(agent?.record, known)) isComplete = false;
      else if (agent && owned) agent.update(owned);
      else if (agent) isComplete = !(await this.#removeWithoutRow(agent)) && isComplete;
      else if (owned) added.push(registry.add(owned));
      for (const [key, text] of problemsOf(candidates, owned)) reports.set(key, text);
    }
    this.#report(reports);
    return { added, isComplete };
  }

  /** The row that is the agent's: the known user's, else that with credentials, else the newest. */
  async #ownedOf(rows: AgentRecord[], known: AgentRecord | undefined): Promise<AgentRecord | undefined> {
    if (known) return rows.find(({ userId }) => userId === known.userId);
    if (rows.length > 1) for (const row of rows) if (await this.#deps.driver.hasCredentials(row)) return row;
    return rows[0];
  }

  /** Starts the removal of an agent whose row was deleted; false when the row exists but is unusable. */
  async #removeWithoutRow(agent: Agent): Promise<boolean> {
    const { agents, registry, newTraceId } = this.#deps;
    if (await agents.has(agent.record)) return false;
    if (registry.find(agent.agentId) !== agent || this.#deps.signal.aborted) return true;
    registry
      .remove(agent.agentId, newTraceId(), true)
      .catch((error: unknown) => this.#fault(error, agent.agentId));
    return true;
  }

  /** Reports the problems that are new since the last poll. */
  #report(reports: ReadonlyMap<string, string>): void {
    for (const [key, text] of reports) if (!this.#reported.has(key)) this.#fault(new Error(text));
    this.#reported = new Set(reports.keys());
  }

  /** Publishes an error without a caller, unless the database is just unavailable. */
  #fault(error: unknown, agentId: string | null = null): void {
    if (!isDatabaseAway(error)) this.#deps.events.emit('fault', { agentId, where: 'whatsapp_user', error });
  }
}

/** True when the fields that other systems may write have not changed. */
function isUnchanged(now: AgentRecord | undefined, before: AgentRecord | undefined): boolean {
  if (!now || !before) return now === before;
  const fields = ['userId', 'agentName', 'apiKey', 'endpointUrlRun'] as const;
  return fields.every((field) => now[field] === before[field]);
}

/** Problems of the rows of one agentId, by key. */
function problemsOf(rows: AgentRecord[], owned: AgentRecord | undefined): [string, string][] {
  return rows.flatMap((row): [string, string][] => {
    const { userId, agentId, apiKey } = row;
    const name = `The row of whatsapp_user with user_id ${userId} and agent_id "${agentId}"`;
    if (row !== owned)
      return [[`${userId} ${agentId} namesake`, `${name} is ignored: another user has this agent_id.`]];
    if (isPresentable(apiKey)) return [];
    const text = `${name} has an api_key that no request can present: it has to be visible ASCII characters.`;
    return [[`${userId} ${agentId} key`, text]];
  });
}
