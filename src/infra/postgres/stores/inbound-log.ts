import type { AgentRef } from '../../../actors/domain/identity.ts';
import type { InboundLog } from '../../../actors/domain/ports/stores.ts';
import { GroupCommit } from '../group-commit.ts';
import type { DatabasePool } from '../pool.ts';

interface Claim extends AgentRef {
  messageId: string;
}

interface ClaimRow {
  user_id: string;
  agent_id: string;
  wa_message_id: string;
}

/** A claim as a key; no part can hold a NUL. */
const keyOf = (userId: number | string, agentId: string, messageId: string) =>
  `${userId}\0${agentId}\0${messageId}`;

/** Claims of incoming messages in `gateway_inbound`; its primary key decides races. */
export class PgInboundLog implements InboundLog {
  readonly #pool: DatabasePool;
  readonly #claims = new GroupCommit((claims: Claim[]) => this.#claim(claims));

  constructor(pool: DatabasePool) {
    this.#pool = pool;
  }

  claim({ userId, agentId }: AgentRef, messageId: string): Promise<boolean> {
    return this.#claims.add({ userId, agentId, messageId });
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

  /**
   * Inserts all; true for the first claim of each new message. None waits for the disk: the row of the reply does, and
   * its flush includes earlier claims. A claim that a power cut loses belonged to a message without a reply.
   */
  async #claim(claims: Claim[]): Promise<boolean[]> {
    const rows = await this.#pool.query<ClaimRow & { [column: string]: unknown }>(
      'inbound.claim',
      `insert into public.gateway_inbound (user_id, agent_id, wa_message_id)
       select new.* from (select set_config('synchronous_commit', 'off', true)) as relaxed,
         unnest($1::bigint[], $2::text[], $3::text[]) as new
       on conflict do nothing returning user_id, agent_id, wa_message_id`,
      [
        claims.map((claim) => claim.userId),
        claims.map((claim) => claim.agentId),
        claims.map((claim) => claim.messageId),
      ],
      { prepared: true },
    );
    const fresh = new Set(rows.map((row) => keyOf(row.user_id, row.agent_id, row.wa_message_id)));
    return claims.map((claim) => fresh.delete(keyOf(claim.userId, claim.agentId, claim.messageId)));
  }
}
