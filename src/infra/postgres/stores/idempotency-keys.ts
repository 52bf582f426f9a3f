import { randomUUID } from 'node:crypto';
import type {
  HeldKey,
  IdempotencyKey,
  IdempotencyState,
  IdempotencyStore,
  IdempotentAnswer,
} from '../../../http/ports.ts';
import { DeferredWrites, isUnavailable } from '../deferred-writes.ts';
import type { DatabasePool } from '../pool.ts';

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

/** How a request ended: with an answer, or without a trace. */
interface End {
  key: HeldKey;
  answer?: IdempotentAnswer;
}

/**
 * Keys and their answers in `gateway_idempotency`; a key older than 24 h counts as never used.
 *
 * One process has the database, so it knows which requests are alive. A key in flight that none of them holds was cut
 * off, by the end of a process or because the answer to `begin` was lost: it leads to the message that was stored
 * under it, or is free when there is none.
 */
export class PgIdempotencyStore implements IdempotencyStore {
  readonly #pool: DatabasePool;
  /** The `storedId` of every request whose end is not written yet. */
  readonly #living = new Set<string>();
  readonly #deferred = new DeferredWrites((end: End) => this.#write(end));

  constructor(pool: DatabasePool) {
    this.#pool = pool;
  }

  async begin(key: IdempotencyKey): Promise<IdempotencyState> {
    const storedId = randomUUID();
    // Before the row is there, or another request would take it for one that was cut off.
    this.#living.add(storedId);
    let isTaken = false;
    try {
      const state = await this.#begin(key, storedId);
      isTaken = state.state === 'new';
      return state;
    } finally {
      if (!isTaken) this.#living.delete(storedId);
    }
  }

  complete(key: HeldKey, answer: IdempotentAnswer): Promise<void> {
    return this.#end({ key, answer });
  }

  abandon(key: HeldKey): Promise<void> {
    return this.#end({ key });
  }

  /** Tries the deferred ends a last time. */
  close(): Promise<void> {
    return this.#deferred.close();
  }

  /** Takes the key, or gives its state. */
  async #begin(key: IdempotencyKey, storedId: string): Promise<IdempotencyState> {
    if (await this.#take(key, storedId, null)) return { state: 'new', storedId };
    let row = await this.#read(key);
    if (row && this.#isCutOff(row)) {
      if (await this.#take(key, storedId, row.stored_id)) return { state: 'new', storedId };
      // It leads to a message, or another request was faster.
      row = await this.#read(key);
    }
    // Abandoned between two statements: the caller may try again at once, as after any answer of that kind.
    return row ? this.#stateOf(row, key) : { state: 'in_flight' };
  }

  /** The row of a key, if there is one. */
  async #read(key: IdempotencyKey): Promise<Row | undefined> {
    const rows = await this.#pool.query<Row & { [column: string]: unknown }>(
      'idempotency.read',
      `select body_hash, state, stored_id, status, headers, body from public.gateway_idempotency
       where user_id = $1 and agent_id = $2 and operation = $3 and key = $4`,
      idOf(key),
    );
    return rows[0];
  }

  /** True for a request without an answer that is not alive. */
  #isCutOff({ state, stored_id }: Row): boolean {
    return state !== 'done' && !this.#living.has(stored_id);
  }

  /** Takes the key when it is free: never used, too old, or held by the request `cutOff`, which stored no message. */
  async #take(key: IdempotencyKey, storedId: string, cutOff: string | null): Promise<boolean> {
    const taken = await this.#pool.query(
      'idempotency.begin',
      `insert into public.gateway_idempotency as used
         (user_id, agent_id, operation, key, body_hash, state, stored_id)
       values ($1, $2, $3, $4, $5, 'in_flight', $6)
       on conflict (agent_id, user_id, operation, key) do update
         set body_hash = excluded.body_hash, state = 'in_flight', status = null, headers = null, body = null,
             stored_id = excluded.stored_id, created_at = now()
         where used.created_at < now() - interval '24 hours'
           or (used.stored_id = $7::uuid and used.state <> 'done'
             and not exists (select from public.gateway_message as stored where stored.id = used.stored_id))
       returning 1`,
      [...idOf(key), key.bodyHash, storedId, cutOff],
    );
    return taken.length > 0;
  }

  /** What a stored key means for a request with this body. */
  #stateOf(row: Row, key: IdempotencyKey): IdempotencyState {
    if (row.body_hash !== key.bodyHash) return { state: 'mismatch' };
    const { status, headers, body } = row;
    if (row.state === 'done') return { state: 'done', answer: { status, headers, body } };
    if (this.#isCutOff(row)) return { state: 'cut_off', storedId: row.stored_id };
    const answer = this.#deferred.get(row.stored_id)?.answer;
    return answer ? { state: 'done', answer } : { state: 'in_flight' };
  }

  /** Writes how a request ended, later when the database is away. */
  async #end(end: End): Promise<void> {
    try {
      await this.#write(end);
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      this.#deferred.add(end.key.storedId, end);
    }
  }

  /** Writes how a request ended, which releases its key. */
  async #write({ key, answer }: End): Promise<void> {
    try {
      if (answer) await this.#keep(key, answer);
      else await this.#free(key);
      this.#living.delete(key.storedId);
    } catch (error) {
      if (!isUnavailable(error)) this.#living.delete(key.storedId);
      throw error;
    }
  }

  /** Stores the answer. */
  async #keep(key: HeldKey, { status, headers, body }: IdempotentAnswer): Promise<void> {
    await this.#pool.query(
      'idempotency.complete',
      `update public.gateway_idempotency set state = 'done', status = $6, headers = $7, body = $8
       where user_id = $1 and agent_id = $2 and operation = $3 and key = $4 and stored_id = $5 and state <> 'done'`,
      [...idOf(key), key.storedId, status, JSON.stringify(headers), JSON.stringify(body ?? null)],
    );
  }

  /** Deletes the key. */
  async #free(key: HeldKey): Promise<void> {
    await this.#pool.query(
      'idempotency.abandon',
      `delete from public.gateway_idempotency
       where user_id = $1 and agent_id = $2 and operation = $3 and key = $4 and stored_id = $5 and state <> 'done'`,
      [...idOf(key), key.storedId],
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
