import { randomUUID } from 'node:crypto';
import type {
  IdempotencyKey,
  IdempotencyState,
  IdempotencyStore,
  IdempotentAnswer,
} from '../../http/idempotency-store.ts';
import type { DatabasePool } from './pool.ts';

interface Row {
  body_hash: string;
  state: 'in_flight' | 'cut_off' | 'done';
  stored_id: string;
  status: number;
  headers: Record<string, string>;
  body: unknown;
}

/** The columns of a key's primary key, in the order of the statements' parameters. */
const idOf = ({ userId, agentId, operation, key }: IdempotencyKey) => [userId, agentId, operation, key];

/** What a stored key means for a request with this body. */
function toState(row: Row, key: IdempotencyKey): IdempotencyState {
  if (row.body_hash !== key.bodyHash) return { state: 'mismatch' };
  if (row.state === 'in_flight') return { state: 'in_flight' };
  if (row.state === 'cut_off') return { state: 'cut_off', storedId: row.stored_id };
  return { state: 'done', answer: { status: row.status, headers: row.headers, body: row.body } };
}

/** Keys and their answers in `gateway_idempotency`; a key older than 24 h counts as never used. */
export class PgIdempotencyStore implements IdempotencyStore {
  readonly #pool: DatabasePool;

  constructor(pool: DatabasePool) {
    this.#pool = pool;
  }

  async begin(key: IdempotencyKey): Promise<IdempotencyState> {
    const storedId = randomUUID();
    const taken = await this.#pool.query(
      'idempotency.begin',
      `insert into public.gateway_idempotency as used
         (user_id, agent_id, operation, key, body_hash, state, stored_id)
       values ($1, $2, $3, $4, $5, 'in_flight', $6)
       on conflict (agent_id, user_id, operation, key) do update
         set body_hash = excluded.body_hash, state = 'in_flight', status = null, headers = null, body = null,
             stored_id = excluded.stored_id, created_at = now()
         where used.created_at < now() - interval '24 hours'
       returning 1`,
      [...idOf(key), key.bodyHash, storedId],
    );
    if (taken.length > 0) return { state: 'new', storedId };
    const [row] = await this.#pool.query<Row & { [column: string]: unknown }>(
      'idempotency.read',
      `select body_hash, state, stored_id, status, headers, body from public.gateway_idempotency
       where user_id = $1 and agent_id = $2 and operation = $3 and key = $4`,
      idOf(key),
    );
    // Given up between the two statements: the caller may try again at once, as after any answer of that kind.
    return row ? toState(row, key) : { state: 'in_flight' };
  }

  async complete(key: IdempotencyKey, answer: IdempotentAnswer): Promise<void> {
    await this.#pool.query(
      'idempotency.complete',
      `update public.gateway_idempotency set state = 'done', status = $5, headers = $6, body = $7
       where user_id = $1 and agent_id = $2 and operation = $3 and key = $4 and body_hash = $8 and state <> 'done'`,
      [
        ...idOf(key),
        answer.status,
        JSON.stringify(answer.headers),
        JSON.stringify(answer.body ?? null),
        key.bodyHash,
      ],
    );
  }

  async abandon(key: IdempotencyKey): Promise<void> {
    await this.#pool.query(
      'idempotency.abandon',
      `delete from public.gateway_idempotency
       where user_id = $1 and agent_id = $2 and operation = $3 and key = $4 and body_hash = $5 and state <> 'done'`,
      [...idOf(key), key.bodyHash],
    );
  }

  /**
   * At boot: what becomes of requests that died with the last process. Where the message was stored, the key leads
   * to it; any other request did nothing, and its key is free.
   */
  async releaseInFlight(): Promise<void> {
    await this.#pool.query(
      'idempotency.release',
      `with cut_off as (
         update public.gateway_idempotency as used set state = 'cut_off'
         from public.gateway_message as stored
         where used.state = 'in_flight' and stored.id = used.stored_id
       )
       delete from public.gateway_idempotency as used
       where state = 'in_flight'
         and not exists (select from public.gateway_message as stored where stored.id = used.stored_id)`,
    );
  }

  /** Forgets what was begun before `olderThan`. */
  async purge(olderThan: Date): Promise<void> {
    await this.#pool.query(
      'idempotency.purge',
      'delete from public.gateway_idempotency where created_at < $1',
      [olderThan],
    );
  }
}
