import { mkdir, realpath, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg, { type PoolConfig } from 'pg';
import { embeddedBinDir } from './binaries.ts';
import { initialiseCluster, openSocketDir, serverArguments } from './data-directory.ts';
import { findServerAccount } from './server-account.ts';
import { findOrphan, removeStaleLock, type ServerProcess, spawnServer } from './server-process.ts';

// Long enough to replay the log of a crash.
const READY_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 10_000;
const POLL_MS = 25;
const REVIVE_MIN_MS = 250;
const REVIVE_MAX_MS = 5_000;

/** A database server of our own; `connection` goes to a pg `Pool`. */
export interface EmbeddedPostgres {
  connection: PoolConfig;
  /** Ends the server and waits until its process is gone; safe to repeat. */
  stop(): Promise<void>;
}

/** Where the data is, and whose programs serve it. */
export interface EmbeddedPostgresOptions {
  /** `DATA_DIR`; the cluster is its folder `postgres`. */
  dataDir: string;
  /** Another PostgreSQL's programs; by default those of the npm package. */
  binDir?: string;
}

/** True when the server answers a connection. */
async function answers(connection: PoolConfig): Promise<boolean> {
  const client = new pg.Client({ ...connection, connectionTimeoutMillis: 1_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}

/** Resolves with true once the server answers, with false once its process is gone. */
async function becomesReady(server: ServerProcess, connection: PoolConfig): Promise<boolean> {
  const deadline = performance.now() + READY_TIMEOUT_MS;
  while (server.alive() && performance.now() < deadline) {
    if (await answers(connection)) return true;
    await sleep(POLL_MS);
  }
  return false;
}

/** Keeps one server running on a cluster: starts it, and starts it again when it dies. */
class EmbeddedServer implements EmbeddedPostgres {
  readonly connection: PoolConfig;
  readonly #start: () => ServerProcess;
  readonly #clusterDir: string;
  readonly #socketDir: string;
  readonly #stopping = new AbortController();
  #server: ServerProcess | null = null;
  #guarding: Promise<void> = Promise.resolve();
  #stopped: Promise<void> | null = null;

  constructor(clusterDir: string, socketDir: string, start: () => ServerProcess) {
    this.#clusterDir = clusterDir;
    this.#socketDir = socketDir;
    this.#start = start;
    this.connection = { host: socketDir, port: 5432, user: 'postgres', database: 'postgres' };
  }

  /** Brings the server up, a living orphan first; resolves when it answers. */
  async launch(): Promise<void> {
    this.#server = await findOrphan(this.#clusterDir);
    // One that is going down is waited for, since it holds the cluster.
    if (this.#server && (await becomesReady(this.#server, this.connection))) return;
    if (this.#server?.alive())
      throw new Error('The embedded PostgreSQL of a predecessor neither answers nor ends');
    await removeStaleLock(this.#clusterDir);
    if (this.#stopping.signal.aborted) return;
    this.#server = this.#start();
    if (await becomesReady(this.#server, this.connection)) return;
    await this.#end(this.#server);
    throw new Error(`The embedded PostgreSQL did not start: ${this.#server.log()}`);
  }

  /** From now on a server that dies is started again, until `stop`. */
  guard(): void {
    this.#guarding = this.#revive();
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  /** Waits for a death and undoes it, with growing pauses; ends with `stop` only. */
  async #revive(): Promise<void> {
    for (let pause = REVIVE_MIN_MS; ; pause = Math.min(pause * 2, REVIVE_MAX_MS)) {
      await this.#server?.exited;
      await sleep(pause, undefined, { signal: this.#stopping.signal }).catch(() => {});
      if (this.#stopping.signal.aborted) return;
      const isUp = await this.launch().then(
        () => true,
        () => false,
      );
      if (isUp) pause = REVIVE_MIN_MS;
    }
  }

  /** Fast shutdown: open transactions are rolled back, what is committed is on disk. */
  async #end(server: ServerProcess): Promise<void> {
    server.signal('SIGINT');
    const ended = server.exited.then(() => true);
    if (await Promise.race([ended, sleep(STOP_TIMEOUT_MS, false, { ref: false })])) return;
    server.signal('SIGKILL');
    await server.exited;
  }

  /** Ends the server, one that is being revived included, and takes its socket away. */
  async #stop(): Promise<void> {
    this.#stopping.abort();
    if (this.#server) await this.#end(this.#server);
    await this.#guarding;
    if (this.#server?.alive()) await this.#end(this.#server);
    await rm(this.#socketDir, { recursive: true, force: true });
  }
}

/**
 * Starts the embedded PostgreSQL on `<DATA_DIR>/postgres`, making the cluster when there is none. It listens on a
 * unix socket in a folder of mode 0700, never on a port. A server that a killed predecessor left is adopted; one
 * that dies is started again.
 * @throws Error in words for the operator: no build for the platform, folders out of reach, the server's last words.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const dataDir = resolve(options.dataDir);
  const binDir = options.binDir ?? embeddedBinDir();
  await mkdir(dataDir, { recursive: true });
  const account = await findServerAccount(binDir, dataDir);
  // Without links: it is compared to what the kernel tells of processes.
  const clusterDir = join(await realpath(dataDir), 'postgres');
  await initialiseCluster(binDir, clusterDir, account);
  const socketDir = await openSocketDir(dataDir, account);
  const args = await serverArguments(clusterDir, socketDir);
  const server = new EmbeddedServer(clusterDir, socketDir, () =>
    spawnServer(account, join(binDir, 'postgres'), args),
  );
  try {
    await server.launch();
  } catch (error) {
    await server.stop();
    throw error;
  }
  server.guard();
  return server;
}
