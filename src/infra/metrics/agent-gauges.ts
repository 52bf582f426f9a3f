import { Gauge, type Registry } from 'prom-client';
import type { AgentView } from '../../actors/domain/agent-view.ts';
import { SESSION_STATES } from '../../actors/domain/ports/stores.ts';
import type { Compatibility } from '../../actors/domain/ports/whatsapp.ts';

const CHECKED = ['ok', 'repaired', 'broken'] as const;
const KINDS = ['reachout_timelock', 'message_cap'] as const;

/** Gauges of the agents, reset at each scrape: a deleted agent leaves no series. */
export class AgentGauges {
  readonly #list: () => AgentView[];
  readonly #sessions: Gauge<'state'>;
  readonly #state: Gauge<'agent_id' | 'state'>;
  readonly #since: Gauge<'agent_id'>;
  readonly #depth: Gauge<'agent_id'>;
  readonly #oldestAge: Gauge<'agent_id'>;
  readonly #tokens: Gauge<'agent_id'>;
  readonly #memory: Gauge<'agent_id'>;
  readonly #compatibility: Gauge<'agent_id' | 'state'>;
  readonly #webVersion: Gauge<'version'>;
  readonly #restricted: Gauge<'agent_id' | 'kind'>;
  readonly #chats: Gauge<'agent_id' | 'mode'>;

  /** `capacity` is that of each mailbox. */
  constructor(list: () => AgentView[], capacity: number, registry: Registry) {
    const registers = [registry];
    const labelNames = ['agent_id'] as const;
    this.#list = list;
    this.#sessions = new Gauge({
      name: 'wa_sessions',
      help: 'Agents, by stored state.',
      labelNames: ['state'],
      registers,
    });
    this.#state = new Gauge({
      name: 'wa_session_state',
      help: '1 for the stored state that the agent is in, 0 for the others.',
      labelNames: ['agent_id', 'state'],
      registers,
    });
    this.#since = new Gauge({
      name: 'wa_session_state_since_timestamp_seconds',
      help: 'When the agent came to its stored state.',
      labelNames,
      registers,
    });
    this.#depth = new Gauge({
      name: 'wa_mailbox_messages',
      help: 'Messages that wait in the agent’s mailbox.',
      labelNames,
      registers,
    });
    new Gauge({
      name: 'wa_mailbox_capacity_messages',
      help: 'Messages that a mailbox holds at most.',
      registers,
    }).set(capacity);
    this.#oldestAge = new Gauge({
      name: 'wa_mailbox_oldest_message_age_seconds',
      help: 'How long the oldest message has waited to be handed over; 0 when none waits.',
      labelNames,
      registers,
    });
    this.#tokens = new Gauge({
      name: 'wa_rate_limiter_tokens',
      help: 'Messages that the agent may send at once.',
      labelNames,
      registers,
    });
    this.#memory = new Gauge({
      name: 'wa_chromium_memory_bytes',
      help: 'Memory of the agent’s browser, all its processes together; absent while it can’t be measured.',
      labelNames,
      registers,
    });
    this.#compatibility = new Gauge({
      name: 'wa_compatibility',
      help: '1 for what the last self-check of the agent’s page found, 0 for the others; absent before the first.',
      labelNames: ['agent_id', 'state'],
      registers,
    });
    this.#webVersion = new Gauge({
      name: 'wa_whatsapp_web_version_info',
      help: 'Builds of WhatsApp Web that agents run; always 1.',
      labelNames: ['version'],
      registers,
    });
    this.#restricted = new Gauge({
      name: 'wa_restricted',
      help: '1 while WhatsApp restricts the agent’s account so, else 0.',
      labelNames: ['agent_id', 'kind'],
      registers,
    });
    this.#chats = new Gauge({
      name: 'wa_chats',
      help: 'Chats that the bot does not answer: a person has them, or they are closed.',
      labelNames: ['agent_id', 'mode'],
      registers,
    });
  }

  /**
   * Sets every series to the agents of this moment. `now` is in milliseconds since the epoch, `memory` holds the bytes
   * of their browsers.
   */
  refresh(now: number, memory: ReadonlyMap<string, number>): void {
    for (const gauge of [this.#state, this.#since, this.#depth, this.#oldestAge, this.#tokens, this.#memory])
      gauge.reset();
    for (const gauge of [this.#compatibility, this.#webVersion, this.#restricted, this.#chats]) gauge.reset();
    const counts = new Map<string, number>(SESSION_STATES.map((state) => [state, 0]));
    for (const agent of this.#list()) {
      counts.set(agent.status, (counts.get(agent.status) ?? 0) + 1);
      this.#set(agent, now);
      const bytes = memory.get(agent.agentId);
      if (bytes !== undefined) this.#memory.set({ agent_id: agent.agentId }, bytes);
    }
    for (const [state, count] of counts) this.#sessions.set({ state }, count);
  }

  /** The series of one agent. */
  #set({ agentId, status, since, mailbox, live, restriction, chats }: AgentView, now: number): void {
    const labels = { agent_id: agentId };
    for (const state of SESSION_STATES) this.#state.set({ ...labels, state }, state === status ? 1 : 0);
    this.#since.set(labels, since / 1000);
    this.#depth.set(labels, mailbox.depth);
    this.#oldestAge.set(labels, Math.max(0, now - (mailbox.oldestAt ?? now)) / 1000);
    this.#tokens.set(labels, mailbox.tokens);
    for (const kind of KINDS) this.#restricted.set({ ...labels, kind }, kind === restriction?.kind ? 1 : 0);
    for (const mode of ['human', 'closed'] as const) this.#chats.set({ ...labels, mode }, chats[mode]);
    if (live.whatsapp) this.#setPage(labels, live.whatsapp);
  }

  /** The series of an agent's page. */
  #setPage(labels: { agent_id: string }, { compatibility, webVersion }: Compatibility): void {
    for (const state of CHECKED)
      this.#compatibility.set({ ...labels, state }, state === compatibility ? 1 : 0);
    if (webVersion !== null) this.#webVersion.set({ version: webVersion }, 1);
  }
}
