import { z } from 'zod';
import type { ApiKeyStore } from '../../../actors/domain/ports/stores.ts';
import type { DatabasePool } from '../pool.ts';

const row = z.object({ api_key: z.string().min(1) });

/** Reads `api_keys`, which belongs to another system. */
export class PgApiKeyStore implements ApiKeyStore {
  readonly #pool: DatabasePool;

  constructor(pool: DatabasePool) {
    this.#pool = pool;
  }

  async active(userId: number): Promise<string[]> {
    const rows = await this.#pool.query(
      'api_key.active',
      `select api_key from public.api_keys
       where user_id = $1 and is_active = true and api_key <> ''
       order by created_at desc nulls last limit 100`,
      [userId],
    );
    return rows.map((raw) => row.parse(raw).api_key);
  }
}
