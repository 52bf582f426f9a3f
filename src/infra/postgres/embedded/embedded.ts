import { mkdir, realpath, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg, { type PoolConfig } from 'pg';
import { embeddedBinDir } from './binaries.ts';
import { initialiseCluster, openSocketDir, serverArguments } from './data-directory.ts';
import { findServerAccount } from './server-account.ts';
import { findOrphan, removeStaleLock, type ServerProcess, spawnServer } from './server-process.ts';

// Long enough for crash recovery.
const READY_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 10_000;
const POLL_MS = 25;
const REVIVE_MIN_MS = 250;
const REVIVE_MAX_MS = 5_000;

/** A running embedded server; `connection` is for a pg `Pool`. */
export interface EmbeddedPostgres {
  connection: PoolConfig;
  /** Stops the server and waits until its process is gone; safe to repeat. */
  stop(): Promise<void>;
}

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

/** Keeps one server running on a cluster: starts it, and restarts it when it dies. */
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

  /** Starts the server, or adopts a living orphan; resolves when it answers. */
  async launch(): Promise<void> {
    this.#server = await findOrphan(this.#clusterDir);
    // An orphan that is stopping is waited for, since it holds the cluster.
    if (this.#server && (await becomesReady(this.#server, this.connection))) return;
    if (this.#server?.alive())
      throw new Error('The embedded PostgreSQL of a predecessor neither answers nor exits');
    await removeStaleLock(this.#clusterDir);
    if (this.#stopping.signal.aborted) return;
    this.#server = this.#start();
    if (await becomesReady(this.#server, this.connection)) return;
    await this.#end(this.#server);
    throw new Error(`The embedded PostgreSQL did not start: ${this.#server.log()}`);
  }

  /** From now on a dead server is restarted, until `stop`. */
  guard(): void {
    this.#guarding = this.#revive();
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  /** Restarts the server after each death, with growing pauses, until `stop`. */
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

  /** Fast shutdown: open transactions are rolled back, committed ones are on disk. */
  async #end(server: ServerProcess): Promise<void> {
    server.signal('SIGINT');
    const ended = server.exited.then(() => true);
    if (await Promise.race([ended, sleep(STOP_TIMEOUT_MS, false, { ref: false })])) return;
    server.signal('SIGKILL');
    await server.exited;
  }

  /** Stops the server, one that is being restarted included, and removes its socket. */
  async #stop(): Promise<void> {
    this.#stopping.abort();
    if (this.#server) await this.#end(this.#server);
    await this.#guarding;
    if (this.#server?.alive()) await this.#end(this.#server);
    await rm(this.#socketDir, { recursive: true, force: true });
  }
}

/**
 * Starts the embedded PostgreSQL on `<DATA_DIR>/postgres`, creating the cluster when it is missing. It listens on a unix
 * socket in a folder of mode 0700, never on a port. A server that a killed predecessor left is adopted; one that dies is
 * restarted.
 * @throws Error for the operator: no build for the platform, unreachable folders, or the server's last output.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const dataDir = resolve(options.dataDir);
  const binDir = options.binDir ?? embeddedBinDir();
  await mkdir(dataDir, { recursive: true });
  const account = await findServerAccount(binDir, dataDir);
  // Without links: it is compared with paths that the kernel reports of processes.
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
