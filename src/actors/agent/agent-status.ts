import type { EventEmitter } from 'eventemitter3';
import type { GatewayEvents } from '../domain/gateway-events.ts';
import type { AgentRef } from '../domain/identity.ts';
import type { Clock } from '../domain/ports/clock.ts';
import type { AgentRecord, SessionState, StateChange } from '../domain/ports/stores.ts';

/** Writes the statuses of all agents to the database, each agent's in order. */
export interface StatusWriter {
  write(agent: AgentRef, change: StateChange): void;
}

/** Where each change is written and published. */
export interface AgentStatusDeps {
  clock: Clock;
  projection: StatusWriter;
  events: EventEmitter<GatewayEvents>;
}

/** The record of an agent in memory, and its stored status with it: each change is written and published. */
export class AgentStatus {
  record: AgentRecord;
  readonly #deps: AgentStatusDeps;
  #status: SessionState;
  #since: number;

  constructor(deps: AgentStatusDeps, record: AgentRecord) {
    this.record = record;
    this.#deps = deps;
    this.#status = record.status;
    this.#since = deps.clock.now();
  }

  /** The status as it is stored. */
  get status(): SessionState {
    return this.#status;
  }

  /** Since when the status holds, in epoch ms. */
  get since(): number {
    return this.#since;
  }

  /** Changes the status, unless it is the present one. */
  change(to: SessionState, reason: string | null, traceId?: string): void {
    const from = this.#status;
    if (to === from) return;
    const at = this.#deps.clock.now();
    const stamp = new Date(at);
    const { agentId } = this.record;
    const heldMs = at - this.#since;
    this.#status = to;
    this.#since = at;
    this.record = { ...this.record, status: to, updatedAt: stamp };
    if (to === 'connected') this.record.lastConnectedAt = stamp;
    if (to === 'disconnected' || from === 'connected') this.record.lastDisconnectedAt = stamp;
    this.#deps.projection.write(this.record, { from, to, reason, at: stamp });
    this.#deps.events.emit('state', { agentId, from, to, heldMs, at, reason, traceId });
  }
}
