import { z } from 'zod';
import type { AgentRef } from '../../../actors/domain/identity.ts';
import { AGENT_ID } from '../../../actors/domain/identity.ts';
import {
  type AgentRecord,
  type AgentStore,
  SESSION_STATES,
  type StateChange,
} from '../../../actors/domain/ports/stores.ts';
import type { OnPublished } from '../../../actors/domain/ports/webhooks.ts';
import { GroupCommit } from '../group-commit.ts';
import type { DatabasePool } from '../pool.ts';
import { insertEvents } from './published-events.ts';

// A moment that no Date can hold, such as 'infinity', counts as unknown.
const moment = z.date().nullable().catch(null);

// Others write this table too: its rows are outside data. An unknown state counts as disconnected.
const row = z
  .object({
    // A bigint arrives as text.
    user_id: z.coerce.number().int().positive().max(Number.MAX_SAFE_INTEGER),
    agent_id: z.string().regex(AGENT_ID, 'must be 1 to 64 letters, digits, - or _, a letter or digit first'),
    agent_name: z.string(),
    api_key: z.string(),
    endpoint_url_run: z.string().nullable(),
    status: z.enum(SESSION_STATES).catch('disconnected'),
    last_connected_at: moment,
    last_disconnected_at: moment,
    created_at: moment,
    updated_at: moment,
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
      createdAt: raw.created_at ?? raw.updated_at ?? new Date(),
      updatedAt: raw.updated_at ?? raw.created_at ?? new Date(),
    }),
  );

const COLUMNS = `user_id, agent_id, agent_name, api_key, endpoint_url_run, status, last_connected_at,
  last_disconnected_at, created_at, updated_at`;

// What is kept of the agent $2 of the user $1.
const DELETE_KEPT = [
  ...['message', 'idempotency', 'link', 'file', 'chat', 'chat_message', 'agent_settings'],
  ...['webhook', 'webhook_delivery'],
]
  .map((kept) => `${kept} as (delete from public.gateway_${kept} where user_id = $1 and agent_id = $2)`)
  .join(', ');

type AgentChange = AgentRef & StateChange;

/**
 * The owner's `whatsapp_user`. Its primary key lets two users have one agentId, the service does not
 * (`AGENT_ID_TAKEN`): every statement names the user, too.
 */
export class PgAgentStore implements AgentStore {
  readonly #pool: DatabasePool;
  readonly #onUnusableRow: (text: string) => void;
  readonly #onPublished: OnPublished;
  /** Rows that were reported, each once. */
  readonly #reported = new Set<string>();
  /** After an outage all agents change their states together. */
  readonly #states = new GroupCommit((changes: AgentChange[]) => this.#writeStates(changes));

  /** `onUnusableRow` receives a message for the operator about each invalid row, once. */
  constructor(
    pool: DatabasePool,
    onUnusableRow: (text: string) => void = () => {},
    onPublished: OnPublished = () => {},
  ) {
    this.#pool = pool;
    this.#onUnusableRow = onUnusableRow;
    this.#onPublished = onPublished;
  }

  async save(agent: Parameters<AgentStore['save']>[0]): Promise<AgentRecord | null> {
    const rows = await this.#pool.query(
      'agent.save',
      `insert into public.whatsapp_user (user_id, agent_id, agent_name, api_key, status, created_at, updated_at)
       select $1::bigint, $2::text, $3::text, $4::text, $5::text, now(), now()
       where exists (select from public.whatsapp_user where user_id = $1 and agent_id = $2)
         or not exists (select from public.whatsapp_user where agent_id = $2)
       on conflict (user_id, agent_id) do update
         set agent_name = excluded.agent_name, api_key = excluded.api_key, updated_at = now()
       returning ${COLUMNS}`,
      [agent.userId, agent.agentId, agent.agentName, agent.apiKey, agent.status],
    );
    return rows.length > 0 ? row.parse(rows[0]) : null;
  }

  async list(): Promise<AgentRecord[]> {
    const rows = await this.#pool.query(
      'agent.list',
      `select ${COLUMNS} from public.whatsapp_user order by updated_at desc nulls last`,
    );
    return rows.flatMap((raw) => this.#usable(raw) ?? []);
  }

  async find({ userId, agentId }: AgentRef): Promise<AgentRecord | null> {
    const rows = await this.#pool.query(
      'agent.find',
      `select ${COLUMNS} from public.whatsapp_user where user_id = $1 and agent_id = $2`,
      [userId, agentId],
    );
    return this.#usable(rows[0]);
  }

  async has({ userId, agentId }: AgentRef): Promise<boolean> {
    const rows = await this.#pool.query(
      'agent.has',
      'select from public.whatsapp_user where user_id = $1 and agent_id = $2',
      [userId, agentId],
    );
    return rows.length > 0;
  }

  async version(): Promise<string> {
    const [found] = await this.#pool.query<{ version: string }>(
      'agent.version',
      `select count(*) || ' ' || coalesce(sum(hashtextextended(
         jsonb_build_array(user_id, agent_id, agent_name, api_key, endpoint_url_run)::text, 0)), 0) as version
       from public.whatsapp_user`,
    );
    return found!.version;
  }

  async setStatus({ userId, agentId }: AgentRef, change: StateChange): Promise<void> {
    await this.#states.add({ userId, agentId, ...change });
  }

  async setApiKey({ userId, agentId }: AgentRef, apiKey: string): Promise<void> {
    await this.#pool.query(
      'agent.set_api_key',
      'update public.whatsapp_user set api_key = $3, updated_at = now() where user_id = $1 and agent_id = $2',
      [userId, agentId, apiKey],
    );
  }

  /**
   * Deletes the record and its data except the claims of messages, which WhatsApp may report again to the next agent of
   * that name; they are purged by age.
   */
  async remove({ userId, agentId }: AgentRef): Promise<void> {
    await this.#pool.query(
      'agent.remove',
      `with ${DELETE_KEPT} delete from public.whatsapp_user where user_id = $1 and agent_id = $2`,
      [userId, agentId],
    );
    await this.#removeOrphans({ userId, agentId });
  }

  async forget({ userId, agentId }: AgentRef): Promise<void> {
    await this.#pool.query('agent.forget', `with ${DELETE_KEPT} select`, [userId, agentId]);
    await this.#removeOrphans({ userId, agentId });
  }

  /** Deletes webhooks that were being created, and events that were being written, during the deletion. */
  async #removeOrphans({ userId, agentId }: AgentRef): Promise<void> {
    await this.#pool.query(
      'agent.remove_events',
      `with removed as (delete from public.gateway_webhook where user_id = $1 and agent_id = $2)
       delete from public.gateway_webhook_delivery where user_id = $1 and agent_id = $2`,
      [userId, agentId],
    );
  }

  /** The row as a record; null for none, and for an invalid one, which is reported. */
  #usable(raw: Record<string, unknown> | undefined): AgentRecord | null {
    if (!raw) return null;
    const { data, error } = row.safeParse(raw);
    if (data) return data;
    const id = `user_id ${raw.user_id}, agent_id ${JSON.stringify(raw.agent_id)}`;
    if (!this.#reported.has(id)) {
      this.#reported.add(id);
      const faults = error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
      this.#onUnusableRow(`A row of whatsapp_user is skipped (${id}). ${faults.join('; ')}`);
    }
    return null;
  }

  /** Writes the newest state of each agent. */
  async #writeStates(changes: AgentChange[]): Promise<undefined[]> {
    const newest = [
      ...new Map(changes.map((change) => [`${change.userId} ${change.agentId}`, change])).values(),
    ];
    await this.#pool.query(
      'agent.set_status',
      `with changed as (
         update public.whatsapp_user as agent set status = change.status, updated_at = now(),
           last_connected_at = case when change.status = 'connected' then change.at else last_connected_at end,
           last_disconnected_at = case when change.status = 'disconnected' or change.former = 'connected'
             then change.at else last_disconnected_at end
         from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::text[])
           as change (user_id, agent_id, former, status, at, reason)
         where agent.user_id = change.user_id and agent.agent_id = change.agent_id
         returning agent.user_id, agent.agent_id, change.former, change.status, change.reason, change.at)
       ${insertEvents(`(
         select user_id, agent_id, 'session.state' as type, at, 1 as place,
           json_build_object('status', status, 'from', former, 'reason', reason) as data from changed)`)}`,
      [
        newest.map((change) => change.userId),
        newest.map((change) => change.agentId),
        newest.map((change) => change.from),
        newest.map((change) => change.to),
        newest.map((change) => change.at),
        newest.map((change) => change.reason),
      ],
    );
    this.#onPublished('session.state', newest);
    return changes.map(() => undefined);
  }
}
