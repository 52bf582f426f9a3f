import type { InboundLog } from '../../actors/ports-stores.ts';
import { GroupCommit } from './group-commit.ts';
import type { DatabasePool } from './pool.ts';

interface Claim {
  agentId: string;
  messageId: string;
}

/** The one spelling of a claim; neither part can hold a NUL. */
const keyOf = (agentId: string, messageId: string) => `${agentId}\0${messageId}`;

/** Which WhatsApp messages were taken, in `gateway_inbound`: the primary key decides, so races can't. */
export class PgInboundLog implements InboundLog {
  readonly #pool: DatabasePool;
  readonly #claims = new GroupCommit((claims: Claim[]) => this.#claim(claims));

  constructor(pool: DatabasePool) {
    this.#pool = pool;
  }

  claim(agentId: string, messageId: string): Promise<boolean> {
    return this.#claims.add({ agentId, messageId });
  }

  /** Forgets what came before `olderThan`: WhatsApp redelivers for minutes, not for days. */
  async purge(olderThan: Date): Promise<void> {
    await this.#pool.query('inbound.purge', 'delete from public.gateway_inbound where received_at < $1', [
      olderThan,
    ]);
  }

  /**
   * Inserts all; true goes to the first claim of each message that was not there. None waits for the disk: the answer's
   * row does, and its flush takes the claims before it along. A claim that a power cut takes back was of a message
   * without an answer.
   */
  async #claim(claims: Claim[]): Promise<boolean[]> {
    const rows = await this.#pool.query<{ agent_id: string; wa_message_id: string }>(
      'inbound.claim',
      `insert into public.gateway_inbound (agent_id, wa_message_id)
       select new.* from (select set_config('synchronous_commit', 'off', true)) as relaxed,
         unnest($1::text[], $2::text[]) as new
       on conflict do nothing returning agent_id, wa_message_id`,
      [claims.map((claim) => claim.agentId), claims.map((claim) => claim.messageId)],
      { prepared: true },
    );
    const fresh = new Set(rows.map((row) => keyOf(row.agent_id, row.wa_message_id)));
    return claims.map((claim) => fresh.delete(keyOf(claim.agentId, claim.messageId)));
  }
}
