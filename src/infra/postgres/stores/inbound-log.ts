import type { AgentRef } from '../../../actors/domain/identity.ts';
import type { InboundLog } from '../../../actors/domain/ports/stores.ts';
import { GroupCommit } from '../group-commit.ts';
import type { DatabasePool } from '../pool.ts';

/** Messages of one agent, by their keys. */
interface Keys extends AgentRef {
  keys: string[];
}

interface ClaimRow {
  user_id: string;
  agent_id: string;
  wa_message_id: string;
}

/** A claim as a key; no part can hold a NUL. */
const keyOf = (userId: number | string, agentId: string, messageId: string) =>
  `${userId}\0${agentId}\0${messageId}`;

/**
 * Claims of incoming messages in `gateway_inbound`; its primary key decides races. No claim waits for the disk: the row
 * of the answer does, and its flush includes earlier claims. One that a power cut loses belonged to a message without an
 * answer.
 */
export class PgInboundLog implements InboundLog {
  readonly #pool: DatabasePool;
  readonly #processId: string;
  readonly #claims = new GroupCommit((claims: Keys[]) => this.#claim(claims));
  readonly #turns = new GroupCommit((turns: Keys[]) => this.#claimTurns(turns));
  readonly #settled = new GroupCommit((turns: Keys[]) => this.#settle(turns));

  /** `processId` is a UUID: by it the message log settles the claims of this log. */
  constructor(pool: DatabasePool, processId: string) {
    this.#pool = pool;
    this.#processId = processId;
  }

  async claim({ userId, agentId }: AgentRef, messageKey: string): Promise<boolean> {
    return (await this.#claims.add({ userId, agentId, keys: [messageKey] })).length > 0;
  }

  claimTurn({ userId, agentId }: AgentRef, messageKeys: string[]): Promise<string[]> {
    return this.#turns.add({ userId, agentId, keys: messageKeys });
  }

  async settle({ userId, agentId }: AgentRef, messageKeys: string[]): Promise<void> {
    await this.#settled.add({ userId, agentId, keys: messageKeys });
  }

  async link({ userId, agentId }: AgentRef, at: Date): Promise<void> {
    await this.#pool.query(
      'inbound.link',
      `insert into public.gateway_link (user_id, agent_id, linked_at) values ($1, $2, $3)
       on conflict (agent_id, user_id) do update set linked_at = excluded.linked_at`,
      [userId, agentId, at],
    );
  }

  async linkedAt({ userId, agentId }: AgentRef): Promise<Date | null> {
    const rows = await this.#pool.query<{ linked_at: Date }>(
      'inbound.linked_at',
      'select linked_at from public.gateway_link where agent_id = $2 and user_id = $1',
      [userId, agentId],
    );
    return rows[0]?.linked_at ?? null;
  }

  /** Deletes claims before `olderThan`: WhatsApp redelivers for minutes, not for days. */
  async purge(olderThan: Date): Promise<void> {
    await this.#pool.query('inbound.purge', 'delete from public.gateway_inbound where received_at < $1', [
      olderThan,
    ]);
  }

  /** Waits for running writes. */
  async close(): Promise<void> {
    await this.#settled.flushed();
  }

  /** Claims messages for good; returns the keys that were not claimed before. */
  async #claim(claims: Keys[]): Promise<string[][]> {
    const rows = await this.#pool.query<ClaimRow & { [column: string]: unknown }>(
      'inbound.claim',
      `insert into public.gateway_inbound (user_id, agent_id, wa_message_id)
       select new.* from (select set_config('synchronous_commit', 'off', true)) as relaxed,
         unnest($1::bigint[], $2::text[], $3::text[]) as new
       on conflict do nothing returning user_id, agent_id, wa_message_id`,
      columnsOf(claims),
      { prepared: true },
    );
    return claimed(claims, rows);
  }

  /** Claims the messages of turns until they are settled; returns the keys that are this process's to ask. */
  async #claimTurns(turns: Keys[]): Promise<string[][]> {
    const rows = await this.#pool.query<ClaimRow & { [column: string]: unknown }>(
      'inbound.claim_turn',
      `insert into public.gateway_inbound as claim (user_id, agent_id, wa_message_id, is_open, claimed_by)
       select distinct new.*, true, $4::uuid from (select set_config('synchronous_commit', 'off', true)) as relaxed,
         unnest($1::bigint[], $2::text[], $3::text[]) as new
       on conflict (agent_id, user_id, wa_message_id) do update
         set claimed_by = excluded.claimed_by,
           claims = claim.claims + (claim.claimed_by <> excluded.claimed_by)::int
         where claim.is_open and (claim.claimed_by = excluded.claimed_by or claim.claims < 2)
       returning user_id, agent_id, wa_message_id`,
      [...columnsOf(turns), this.#processId],
      { prepared: true },
    );
    return claimed(turns, rows);
  }

  /** Makes claims of this process final. */
  async #settle(turns: Keys[]): Promise<undefined[]> {
    await this.#pool.query(
      'inbound.settle',
      `update public.gateway_inbound as claim set is_open = false
       from (select set_config('synchronous_commit', 'off', true)) as relaxed,
         unnest($1::bigint[], $2::text[], $3::text[]) as turn (user_id, agent_id, message_id)
       where claim.agent_id = turn.agent_id and claim.user_id = turn.user_id
         and claim.wa_message_id = turn.message_id and claim.claimed_by = $4`,
      [...columnsOf(turns), this.#processId],
      { prepared: true },
    );
    return turns.map(() => undefined);
  }
}

/** Users, agents and keys as parameters, a message each. */
function columnsOf(items: Keys[]): [number[], string[], string[]] {
  return [
    items.flatMap(({ userId, keys }) => keys.map(() => userId)),
    items.flatMap(({ agentId, keys }) => keys.map(() => agentId)),
    items.flatMap(({ keys }) => keys),
  ];
}

/** The keys of each item that the statement returned; one that two items have is the first's. */
function claimed(items: Keys[], rows: ClaimRow[]): string[][] {
  const fresh = new Set(rows.map((row) => keyOf(row.user_id, row.agent_id, row.wa_message_id)));
  return items.map(({ userId, agentId, keys }) =>
    keys.filter((key) => fresh.delete(keyOf(userId, agentId, key))),
  );
}
