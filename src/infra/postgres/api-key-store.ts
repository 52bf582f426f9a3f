import { z } from 'zod';
import type { ApiKeyStore } from '../../actors/ports-stores.ts';
import type { DatabasePool } from './pool.ts';

const row = z.object({ api_key: z.string().min(1) });

/** Reads `api_keys`, which belongs to another system. */
export class PgApiKeyStore implements ApiKeyStore {
  readonly #pool: DatabasePool;

  constructor(pool: DatabasePool) {
    this.#pool = pool;
  }

  async latestActive(userId: number): Promise<string | null> {
    const rows = await this.#pool.query(
      'api_key.latest',
      `select api_key from public.api_keys
       where user_id = $1 and is_active = true and api_key <> ''
       order by created_at desc nulls last limit 1`,
      [userId],
    );
    return rows.length > 0 ? row.parse(rows[0]).api_key : null;
  }
}
