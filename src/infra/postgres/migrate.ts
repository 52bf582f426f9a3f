import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import pg, { type PoolConfig } from 'pg';
import { toGatewayError } from '../../actors/errors.ts';
import { toDatabaseError } from './database-error.ts';
import type { DatabasePool } from './pool.ts';

// Seen from the package's root, so that `src/` under tsx and `dist/` run the same files and the build copies none.
const MIGRATIONS = fileURLToPath(new URL('../../../src/infra/postgres/migrations', import.meta.url));
// Another process may be migrating; its turn ends with its connection.
const TURN_TIMEOUT_MS = 60_000;
const CONNECT_TIMEOUT_MS = 5_000;

const silent = { info: () => {}, warn: () => {}, error: () => {} };

/**
 * Brings the schema up to date, forward only. Safe to run twice, and by several processes at once: each waits for
 * its turn, and all pending files, or the first `count` of them, are one transaction.
 * @throws GatewayError `DATABASE_UNAVAILABLE`, or `INTERNAL` that says why.
 */
export async function migrate(config: PoolConfig, count = Number.POSITIVE_INFINITY): Promise<void> {
  const client = new pg.Client({
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    ...config,
    statement_timeout: TURN_TIMEOUT_MS,
  });
  client.on('error', () => {});
  try {
    await client.connect().catch((thrown: unknown) => {
      throw toDatabaseError(thrown, 'a connection');
    });
    await runner({
      dbClient: client,
      dir: MIGRATIONS,
      direction: 'up',
      count,
      schema: 'public',
      migrationsTable: 'gateway_migration',
      singleTransaction: true,
      advisoryLockMode: 'wait',
      logger: silent,
    });
  } catch (thrown) {
    // The operator has to read why; a schema's error quotes no rows.
    throw toGatewayError(thrown, 'INTERNAL', `The migrations could not be applied: ${String(thrown)}`);
  } finally {
    await client.end().catch(() => {});
  }
}

// What this service reads and writes of tables that others may have made (SPEC §10).
const NEEDED: Record<string, string[]> = {
  api_keys: ['user_id', 'api_key', 'is_active', 'created_at'],
  whatsapp_user: [
    'user_id',
    'agent_id',
    'agent_name',
    'api_key',
    'endpoint_url_run',
    'status',
    'last_connected_at',
    'last_disconnected_at',
    'created_at',
    'updated_at',
  ],
};

/**
 * Checks that the tables of others have the columns that are used.
 * @throws Error naming each column that is missing or that this user may not read.
 */
export async function verifyForeignTables(pool: DatabasePool): Promise<void> {
  const rows = await pool.query<{ table_name: string; column_name: string }>(
    'schema.verify',
    `select table_name, column_name from information_schema.columns
     where table_schema = 'public' and table_name = any($1)`,
    [Object.keys(NEEDED)],
  );
  const found = new Set(rows.map((row) => `${row.table_name}.${row.column_name}`));
  const missing = Object.entries(NEEDED)
    .flatMap(([table, columns]) => columns.map((column) => `${table}.${column}`))
    .filter((column) => !found.has(column));
  if (missing.length === 0) return;
  throw new Error(`The database lacks columns, or this user may not read them: ${missing.join(', ')}`);
}
