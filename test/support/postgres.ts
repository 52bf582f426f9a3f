import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg, { type PoolConfig } from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/infra/postgres/embedded/embedded.ts';

const SYSTEM_ROOT = '/usr/lib/postgresql';

/** A fresh, empty database: for a pg `Pool`, and as a `DB_URL`. */
export interface TestDatabase {
  config: PoolConfig;
  url: string;
}

interface RunningServer {
  server: EmbeddedPostgres;
  dataDir: string;
}

/** The programs of the newest PostgreSQL that the system has, or null. */
function systemBinDir(): string | null {
  if (!existsSync(SYSTEM_ROOT)) return null;
  const dirs = readdirSync(SYSTEM_ROOT)
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => join(SYSTEM_ROOT, version, 'bin'));
  return dirs.find((dir) => existsSync(join(dir, 'postgres'))) ?? null;
}

/** The servers that database suites run on: the embedded one, and the system's where found; in CI it is required. */
export function flavours(): { name: string; binDir: string | undefined }[] {
  const system = systemBinDir();
  if (!system)
    console.warn(`No PostgreSQL in ${SYSTEM_ROOT}: the database suites run on the embedded one only.`);
  return [
    { name: 'the embedded PostgreSQL', binDir: undefined },
    ...(system ? [{ name: `the system's PostgreSQL`, binDir: system }] : []),
  ];
}

const servers = new Map<string, Promise<RunningServer>>();

/** One server per process and flavour in its own folder; started on first use. */
function sharedServer(binDir: string | undefined): Promise<RunningServer> {
  const name = binDir ?? '';
  const known = servers.get(name);
  if (known !== undefined) return known;
  const started = (async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'gateway-postgres-'));
    return { dataDir, server: await startEmbeddedPostgres({ dataDir, binDir }) };
  })();
  servers.set(name, started);
  return started;
}

// Imported while mocha reads the test files, this is a hook of the root suite and runs last.
after(async () => {
  for (const started of servers.values()) {
    const { server, dataDir } = await started;
    await server.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
});

/** Runs statements without parameters on their own connection. */
export async function administer(connection: PoolConfig, sql: string): Promise<void> {
  const client = new pg.Client(connection);
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

/** Creates an empty database on the shared server, which is deleted at the end of the run. */
export async function createDatabase(binDir?: string): Promise<TestDatabase> {
  const { server } = await sharedServer(binDir);
  const database = `test_${randomBytes(6).toString('hex')}`;
  await administer(server.connection, `create database ${database}`);
  const url = new URL(`postgres://postgres@localhost/${database}`);
  url.searchParams.set('host', String(server.connection.host));
  return { config: { ...server.connection, database }, url: url.href };
}

/**
 * Creates one empty database for the enclosing `describe` or file.
 *
 * @example
 * const database = withDatabase();
 * it('…', () => createApp({ ...config, DB_URL: database().url }));
 */
export function withDatabase(binDir?: string): () => TestDatabase {
  let made: TestDatabase | undefined;
  before(async () => {
    made = await createDatabase(binDir);
  });
  return () => {
    if (!made) throw new Error('The database is there from the first hook on, not while files are read');
    return made;
  };
}
