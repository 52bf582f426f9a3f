import { randomBytes } from 'node:crypto';
import type { DatabasePool } from '../pool.ts';

/** The service's own secrets, in `gateway_secret`: each is generated once and then stays the same. */
export class PgSecretStore {
  readonly #pool: DatabasePool;

  constructor(pool: DatabasePool) {
    this.#pool = pool;
  }

  /** The secret of this name: 256 random bits as base64url. */
  async get(name: string): Promise<string> {
    const fresh = randomBytes(32).toString('base64url');
    await this.#pool.query(
      'secret.create',
      'insert into public.gateway_secret (name, value) values ($1, $2) on conflict do nothing',
      [name, fresh],
    );
    const rows = await this.#pool.query<{ value: string }>(
      'secret.get',
      'select value from public.gateway_secret where name = $1',
      [name],
    );
    return rows[0]!.value;
  }
}
