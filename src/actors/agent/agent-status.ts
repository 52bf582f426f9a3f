import type { EventEmitter } from 'eventemitter3';
import type { GatewayEvents } from '../domain/gateway-events.ts';
import type { AgentRef } from '../domain/identity.ts';
import type { Clock } from '../domain/ports/clock.ts';
import type { AgentRecord, SessionState, StateChange } from '../domain/ports/stores.ts';

/** Writes the statuses of all agents to the database, each agent's in order. */
export interface StatusWriter {
  write(agent: AgentRef, change: StateChange): void;
}

/** Where every change is written, and where it is published. */
export interface AgentStatusDeps {
  clock: Clock;
  projection: StatusWriter;
  events: EventEmitter<GatewayEvents>;
}

/** Whose state it is: the record in memory follows it. */
interface AgentStatusOwner {
  readonly agentId: string;
  /** Of the request that a change belongs to. */
  readonly traceId: string | undefined;
  record: AgentRecord;
}

/** Which of the four stored states an agent is in, and since when; every change is told (SPEC §5). */
export class AgentStatus {
  readonly #deps: AgentStatusDeps;
  readonly #owner: AgentStatusOwner;
  #status: SessionState;
  #since: number;

  constructor(deps: AgentStatusDeps, owner: AgentStatusOwner) {
    this.#deps = deps;
    this.#owner = owner;
    this.#status = owner.record.status;
    this.#since = deps.clock.now();
  }

  get status(): SessionState {
    return this.#status;
  }

  /** Since when the state holds, by the clock of display. */
  get since(): number {
    return this.#since;
  }

  /** Changes the state, unless it is the present one, and publishes the change. */
  become(state: string, reason: string | null): void {
    if (state === this.#status) return;
    const to = state as SessionState;
    const at = this.#deps.clock.now();
    const { agentId, record, traceId } = this.#owner;
    const from = this.#status;
    const change = { agentId, from, to, heldMs: at - this.#since, at };
    this.#status = to;
    this.#since = at;
    const stamp = new Date(at);
    this.#owner.record = { ...record, status: to, updatedAt: stamp };
    if (to === 'connected') this.#owner.record.lastConnectedAt = stamp;
    if (to === 'disconnected' || from === 'connected') this.#owner.record.lastDisconnectedAt = stamp;
    this.#deps.projection.write(record, { from, to, at: stamp });
    this.#deps.events.emit('state', { ...change, reason, traceId });
  }
}
