import type { EventEmitter } from 'eventemitter3';
import type { Agent } from '../agent/agent.ts';
import { GatewayError } from '../domain/errors.ts';
import type { GatewayEvents } from '../domain/gateway-events.ts';
import type { Scheduler, Timer } from '../domain/ports/clock.ts';
import type { AgentRecord, AgentStore } from '../domain/ports/stores.ts';
import type { WhatsAppDriver } from '../domain/ports/whatsapp.ts';
import type { AgentRegistry } from './agent-registry.ts';
import { isPresentable } from './user-keys.ts';

/** What keeps the agents as their rows are. */
export interface RecordSyncDeps {
  registry: AgentRegistry;
  agents: Pick<AgentStore, 'list' | 'has' | 'version'>;
  driver: Pick<WhatsAppDriver, 'adopt' | 'hasCredentials'>;
  clock: Scheduler;
  events: EventEmitter<GatewayEvents>;
  newTraceId(): string;
  /** Agents whose rows are new in the table. */
  onAdded(agents: Agent[]): void;
}

const LOOK_EVERY_MS = 2_000;

/**
 * Keeps the agents as the rows of `whatsapp_user` are, whoever writes them: one look every two seconds for all of
 * them, which reads the rows only when something else than a state has changed in them.
 */
export class RecordSync {
  readonly #deps: RecordSyncDeps;
  /** The version of the rows that the agents agree with; null when they may not. */
  #version: string | null = null;
  #timer: Timer | null = null;
  #stopped = false;
  /** What was reported of rows, each once for as long as it is so. */
  #reported = new Set<string>();

  constructor(deps: RecordSyncDeps) {
    this.#deps = deps;
  }

  /** The agents of all rows, at the start. @throws GatewayError `DATABASE_UNAVAILABLE` */
  async restore(): Promise<Agent[]> {
    const rows = await this.#deps.agents.list();
    await this.#deps.driver.adopt(rows);
    const { added } = await this.#apply(rows, new Map());
    this.#lookLater();
    return added;
  }

  /** Looks no more; a look under way does nothing further. */
  stop(): void {
    this.#stopped = true;
    if (this.#timer) this.#deps.clock.clearTimeout(this.#timer);
  }

  /** The next look. */
  #lookLater(): void {
    if (this.#stopped) return;
    this.#timer = this.#deps.clock.setTimeout(() => {
      this.#look()
        .catch((error: unknown) => this.#fault(error))
        .finally(() => this.#lookLater());
    }, LOOK_EVERY_MS);
  }

  /** Reads the rows when they have changed, and brings the agents up to date. */
  async #look(): Promise<void> {
    const { agents, registry, onAdded } = this.#deps;
    // What changes here while the rows are read is newer than they are.
    const before = new Map(registry.all().map((agent) => [agent.agentId, agent.record]));
    const version = await agents.version();
    if (version === this.#version) return;
    const { added, settled } = await this.#apply(await agents.list(), before);
    this.#version = settled ? version : null;
    if (added.length > 0 && !this.#stopped) onAdded(added);
  }

  /** Brings the agents up to date with the rows; `settled` when nothing is left for the next look. */
  async #apply(
    rows: AgentRecord[],
    before: ReadonlyMap<string, AgentRecord>,
  ): Promise<{ added: Agent[]; settled: boolean }> {
    const { registry } = this.#deps;
    const reports = new Map<string, string>();
    const added: Agent[] = [];
    let settled = true;
    const byAgent = new Map<string, AgentRecord[]>([...before.keys()].map((agentId) => [agentId, []]));
    for (const row of rows) byAgent.set(row.agentId, [...(byAgent.get(row.agentId) ?? []), row]);
    for (const [agentId, namesakes] of byAgent) {
      const known = before.get(agentId);
      const owned = await this.#ownedOf(namesakes, known);
      const agent = registry.find(agentId);
      if (this.#stopped) return { added, settled: false };
      if (registry.isBusy(agentId) || !isAsBefore(agent?.record, known)) settled = false;
      else if (agent && owned) agent.update(owned);
      else if (agent) settled = !(await this.#removeWithoutRow(agent)) && settled;
      else if (owned) added.push(registry.add(owned));
      for (const [key, text] of reportsOf(namesakes, owned)) reports.set(key, text);
    }
    this.#report(reports);
    return { added, settled };
  }

  /** The row that the agent is made of: the known user's, else that of the login's user, else the newest. */
  async #ownedOf(namesakes: AgentRecord[], known: AgentRecord | undefined): Promise<AgentRecord | undefined> {
    if (known) return namesakes.find(({ userId }) => userId === known.userId);
    if (namesakes.length > 1)
      for (const row of namesakes) if (await this.#deps.driver.hasCredentials(row)) return row;
    return namesakes[0];
  }

  /** Removes an agent whose row was deleted; true when that has begun. A row that can't be read is none of those. */
  async #removeWithoutRow(agent: Agent): Promise<boolean> {
    const { agents, registry, newTraceId } = this.#deps;
    if (await agents.has(agent.record)) return false;
    if (registry.find(agent.agentId) !== agent || this.#stopped) return true;
    registry
      .remove(agent.agentId, newTraceId(), true)
      .catch((error: unknown) => this.#fault(error, agent.agentId));
    return true;
  }

  /** Reports what was not reported at the last look. */
  #report(reports: ReadonlyMap<string, string>): void {
    for (const [key, text] of reports) if (!this.#reported.has(key)) this.#fault(new Error(text));
    this.#reported = new Set(reports.keys());
  }

  /** An error that nobody waits for; that the database is away is known without it. */
  #fault(error: unknown, agentId: string | null = null): void {
    if (error instanceof GatewayError && error.code === 'DATABASE_UNAVAILABLE') return;
    this.#deps.events.emit('fault', { agentId, where: 'whatsapp_user', error });
  }
}

/** True when what other systems may change of a record is as it was. */
function isAsBefore(now: AgentRecord | undefined, before: AgentRecord | undefined): boolean {
  if (!now || !before) return now === before;
  const fields = ['userId', 'agentName', 'apiKey', 'endpointUrlRun'] as const;
  return fields.every((field) => now[field] === before[field]);
}

/** What the operator has to know of the rows of one agentId, by what it is about. */
function reportsOf(namesakes: AgentRecord[], owned: AgentRecord | undefined): [string, string][] {
  return namesakes.flatMap((row): [string, string][] => {
    const { userId, agentId, apiKey } = row;
    const name = `The row of whatsapp_user with user_id ${userId} and agent_id "${agentId}"`;
    if (row !== owned)
      return [[`${userId} ${agentId} namesake`, `${name} is ignored: another user has this agent_id.`]];
    if (isPresentable(apiKey)) return [];
    const text = `${name} has an api_key that no request can present: it has to be visible ASCII characters.`;
    return [[`${userId} ${agentId} key`, text]];
  });
}
