import { z } from 'zod';
import {
  type AgentRecord,
  type AgentStore,
  SESSION_STATES,
  type SessionState,
} from '../../actors/ports-stores.ts';
import { GroupCommit } from './group-commit.ts';
import type { DatabasePool } from './pool.ts';

// Others may write this table too: its rows are outside data. A state that isn't one of ours says nothing.
const row = z
  .object({
    user_id: z.number().int(),
    agent_id: z.string(),
    agent_name: z.string(),
    api_key: z.string(),
    endpoint_url_run: z.string().nullable(),
    status: z.enum(SESSION_STATES).catch('disconnected'),
    last_connected_at: z.date().nullable(),
    last_disconnected_at: z.date().nullable(),
    created_at: z.date(),
    updated_at: z.date(),
  })
  .transform(
    (raw): AgentRecord => ({
      userId: raw.user_id,
      agentId: raw.agent_id,
      agentName: raw.agent_name,
      apiKey: raw.api_key,
      endpointUrlRun: raw.endpoint_url_run || null,
      status: raw.status,
      lastConnectedAt: raw.last_connected_at,
      lastDisconnectedAt: raw.last_disconnected_at,
      createdAt: raw.created_at,
      updatedAt: raw.updated_at,
    }),
  );

// The owner's two last columns may be null.
const COLUMNS = `user_id, agent_id, agent_name, api_key, endpoint_url_run, status, last_connected_at,
  last_disconnected_at, coalesce(created_at, updated_at, now()) as created_at,
  coalesce(updated_at, created_at, now()) as updated_at`;

interface StateChange {
  agentId: string;
  status: SessionState;
  at: Date;
}

/**
 * The owner's `whatsapp_user`. Its primary key lets two users have one agentId, the service does not
 * (`AGENT_ID_TAKEN`): of such rows, made by somebody else, the newest counts.
 */
export class PgAgentStore implements AgentStore {
  readonly #pool: DatabasePool;
  /** A fleet that comes back changes its states together. */
  readonly #states = new GroupCommit((changes: StateChange[]) => this.#writeStates(changes));

  constructor(pool: DatabasePool) {
    this.#pool = pool;
  }

  async save(agent: Parameters<AgentStore['save']>[0]): Promise<AgentRecord> {
    const rows = await this.#pool.query(
      'agent.save',
      `insert into public.whatsapp_user (user_id, agent_id, agent_name, api_key, status, created_at, updated_at)
       values ($1, $2, $3, $4, $5, now(), now())
       on conflict (user_id, agent_id) do update
         set agent_name = excluded.agent_name, api_key = excluded.api_key, updated_at = now()
       returning ${COLUMNS}`,
      [agent.userId, agent.agentId, agent.agentName, agent.apiKey, agent.status],
    );
    return row.parse(rows[0]);
  }

  async list(): Promise<AgentRecord[]> {
    const rows = await this.#pool.query(
      'agent.list',
      `select distinct on (agent_id) ${COLUMNS} from public.whatsapp_user
       order by agent_id, whatsapp_user.updated_at desc nulls last`,
    );
    return rows.map((raw) => row.parse(raw));
  }

  async find(agentId: string): Promise<AgentRecord | null> {
    const rows = await this.#pool.query(
      'agent.find',
      `select ${COLUMNS} from public.whatsapp_user where agent_id = $1
       order by whatsapp_user.updated_at desc nulls last limit 1`,
      [agentId],
    );
    return rows.length > 0 ? row.parse(rows[0]) : null;
  }

  async setStatus(agentId: string, status: SessionState, at: Date): Promise<void> {
    await this.#states.add({ agentId, status, at });
  }

  async setApiKey(
    { userId, agentId }: Pick<AgentRecord, 'userId' | 'agentId'>,
    apiKey: string,
  ): Promise<void> {
    await this.#pool.query(
      'agent.set_api_key',
      'update public.whatsapp_user set api_key = $3, updated_at = now() where user_id = $1 and agent_id = $2',
      [userId, agentId, apiKey],
    );
  }

  /** Deletes the record and all that is remembered with it: the agentId may become somebody else's. */
  async remove(agentId: string): Promise<void> {
    await this.#pool.query(
      'agent.remove',
      `with messages as (delete from public.gateway_message where agent_id = $1),
            answers as (delete from public.gateway_idempotency where agent_id = $1),
            claims as (delete from public.gateway_inbound where agent_id = $1)
       delete from public.whatsapp_user where agent_id = $1`,
      [agentId],
    );
  }

  /** Writes states, an agent's newest one; a result for each, although there is nothing to tell. */
  async #writeStates(changes: StateChange[]): Promise<undefined[]> {
    const newest = [...new Map(changes.map((change) => [change.agentId, change])).values()];
    await this.#pool.query(
      'agent.set_status',
      `update public.whatsapp_user as agent set status = change.status, updated_at = now(),
         last_connected_at = case when change.status = 'connected' then change.at else last_connected_at end,
         last_disconnected_at = case when change.status = 'disconnected' then change.at else last_disconnected_at end
       from unnest($1::text[], $2::text[], $3::timestamptz[]) as change (agent_id, status, at)
       where agent.agent_id = change.agent_id`,
      [
        newest.map((change) => change.agentId),
        newest.map((change) => change.status),
        newest.map((change) => change.at),
      ],
    );
    return changes.map(() => undefined);
  }
}
