import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import pg, { type PoolConfig } from 'pg';
import { GatewayError, toGatewayError } from '../../actors/domain/errors.ts';
import { toDatabaseError } from './database-error.ts';

// Relative to the package's root, so that `src/` under tsx and `dist/` run the same files.
const MIGRATIONS = fileURLToPath(new URL('../../../src/infra/postgres/migrations', import.meta.url));
/** The advisory lock of a migration; a number of its own. */
const LOCK = 1_463_894_098;
// Another process may be migrating; its turn ends with its connection.
const TURN_TIMEOUT_MS = 60_000;
const CONNECT_TIMEOUT_MS = 5_000;

// The runner looks for its own table's key, which only users with write access can see.
const MISSING_GRANT = `select case
  when to_regclass('public.gateway_migration') is null
    then case when not has_schema_privilege('public', 'create')
      then format('GRANT USAGE, CREATE ON SCHEMA public TO %I;', current_user) end
  when not has_table_privilege('public.gateway_migration', 'select')
    or not has_table_privilege('public.gateway_migration', 'insert')
    then format('GRANT SELECT, INSERT ON public.gateway_migration TO %I;', current_user)
  when not has_schema_privilege('public', 'create')
    then format('GRANT USAGE, CREATE ON SCHEMA public TO %I;', current_user)
  end as missing`;

const silent = { info: () => {}, warn: () => {}, error: () => {} };

/**
 * Brings the schema up to date, forward only. Safe to run twice, and by several processes at once: each waits for
 * its turn, and all pending files, or the first `count` of them, are one transaction.
 * @throws GatewayError `DATABASE_UNAVAILABLE`, or `INTERNAL` with the reason.
 */
export async function migrate(config: PoolConfig, count = Number.POSITIVE_INFINITY): Promise<void> {
  const client = new pg.Client({ connectionTimeoutMillis: CONNECT_TIMEOUT_MS, ...config });
  client.on('error', () => {});
  try {
    await client.connect().catch((thrown: unknown) => {
      throw toDatabaseError(thrown, 'a connection');
    });
    // Settings, lock and files are one transaction, so that it works through a pooler. The runner's own `begin` changes
    // nothing in it, and its `commit` ends it.
    await client.query(`begin; set local statement_timeout = ${TURN_TIMEOUT_MS}`);
    await client.query(`select pg_advisory_xact_lock(${LOCK})`);
    await runner({
      dbClient: client,
      dir: MIGRATIONS,
      direction: 'up',
      count,
      migrationsTable: 'gateway_migration',
      singleTransaction: true,
      noLock: true,
      logger: silent,
    });
    await client.query('commit');
  } catch (thrown) {
    await assertMayMigrate(client);
    // For the operator; an error of the schema quotes no rows.
    throw toGatewayError(thrown, 'INTERNAL', `The migrations could not be applied: ${String(thrown)}`);
  } finally {
    await client.end().catch(() => {});
  }
}

/** @throws GatewayError for the operator when this user lacks privileges that migrations need */
async function assertMayMigrate(client: pg.Client): Promise<void> {
  const { rows } = await client
    .query('rollback')
    .then(() => client.query<{ missing: string | null }>(MISSING_GRANT))
    .catch(() => ({ rows: [] }));
  const missing = rows[0]?.missing;
  if (!missing) return;
  const advice = `As the owner of the database run: ${missing}`;
  throw new GatewayError('INTERNAL', `This user may not create or read the service's tables. ${advice}`);
}
