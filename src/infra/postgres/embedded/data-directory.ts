import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { lstat, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { giveTo, type ServerAccount } from './server-account.ts';
import { spawnServer } from './server-process.ts';

// The embedded server's files: its cluster, the folder of its socket, its settings.

const INIT_TIMEOUT_MS = 60_000;
// The kernel's limit for a socket's path, less the name that PostgreSQL puts into the folder.
const MAX_SOCKET_DIR = 107 - '/.s.PGSQL.5432'.length;

/**
 * A private folder for the socket, short enough for its path, and the same at every start with one data folder.
 * @throws Error when another user has created it.
 */
export async function openSocketDir(dataDir: string, account: ServerAccount): Promise<string> {
  const name = `whatsapp-gateway-${createHash('sha256').update(dataDir).digest('hex').slice(0, 12)}`;
  const dir = [join(tmpdir(), name), join('/tmp', name)].find((path) => path.length <= MAX_SOCKET_DIR)!;
  await mkdir(dir, { mode: 0o700 }).then(
    () => giveTo(account, dir),
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    },
  );
  // The name can be guessed: another user's folder would receive our queries.
  const found = await lstat(dir);
  const owner = account.owner?.uid ?? process.getuid?.();
  if (!found.isDirectory() || found.uid !== owner || (found.mode & 0o077) !== 0) {
    throw new Error(`${dir} is not a private folder of user ${owner}: delete it and start again`);
  }
  return dir;
}

/**
 * Runs `initdb` unless the cluster exists; under another name first, since an unfinished cluster would never start.
 * @throws Error with initdb's last output.
 */
export async function initialiseCluster(
  binDir: string,
  clusterDir: string,
  account: ServerAccount,
): Promise<void> {
  if (existsSync(clusterDir)) return;
  const unfinished = `${clusterDir}.tmp`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { mode: 0o700 });
  await giveTo(account, unfinished);
  const args = ['-D', unfinished, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C'];
  const initdb = spawnServer(account, join(binDir, 'initdb'), [...args, '--no-instructions']);
  const finished = initdb.exited.then(() => true);
  const inTime = await Promise.race([finished, sleep(INIT_TIMEOUT_MS, false, { ref: false })]);
  if (!inTime) initdb.signal('SIGKILL');
  if (!existsSync(join(unfinished, 'global', 'pg_control')) || !inTime) {
    throw new Error(`The embedded PostgreSQL could not make its cluster: ${initdb.log()}`);
  }
  await rename(unfinished, clusterDir);
}

/** The server's command line: no port, little memory, no statements in its log. */
export async function serverArguments(clusterDir: string, socketDir: string): Promise<string[]> {
  const version = Number.parseInt(await readFile(join(clusterDir, 'PG_VERSION'), 'utf8'), 10);
  const settings = {
    listen_addresses: '',
    unix_socket_directories: socketDir,
    unix_socket_permissions: '0700',
    shared_buffers: '32MB',
    max_wal_size: '256MB',
    log_min_error_statement: 'panic',
    // New in 18; its worker processes are of no use at this load.
    ...(version >= 18 && { io_method: 'sync' }),
  };
  return ['-D', clusterDir, ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`])];
}
