import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readdir, readFile, readlink, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerAccount } from './server-account.ts';

const LOG_TAIL_CHARS = 2_000;
const WATCH_MS = 100;
const FREE_TIMEOUT_MS = 10_000;

/** A running postmaster, either our child or one that a dead predecessor left. */
export interface ServerProcess {
  readonly pid: number;
  /** Resolves when the process is gone; never rejects. */
  readonly exited: Promise<void>;
  alive(): boolean;
  signal(name: NodeJS.Signals): void;
  /** The last lines that the server wrote, for an error's text. */
  log(): string;
}

/** True when a process has this id, ours or not. */
function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Keeps the end of what a child writes. */
function tailOf(child: ChildProcess): () => string {
  let tail = '';
  const keep = (chunk: Buffer) => {
    tail = (tail + chunk.toString()).slice(-LOG_TAIL_CHARS);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  return () => tail.trim();
}

/**
 * Starts one of PostgreSQL's programs under the account.
 * It gets its own process group: Ctrl-C at the terminal is for the service, which still needs the database to drain.
 */
export function spawnServer(account: ServerAccount, program: string, args: string[]): ServerProcess {
  const [file, ...rest] = [...account.wrapper, program, ...args];
  const child = spawn(file!, rest, {
    uid: account.uid,
    gid: account.gid,
    cwd: '/',
    detached: true,
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log = tailOf(child);
  let failure = '';
  let running = true;
  const exited = new Promise<void>((resolve) => {
    const end = () => {
      running = false;
      resolve();
    };
    child.once('close', end);
    child.once('error', (error) => {
      failure = error.message;
      end();
    });
  });
  return {
    pid: child.pid ?? 0,
    exited,
    alive: () => running,
    signal: (name) => void child.kill(name),
    log: () => log() || failure,
  };
}

/**
 * True while the process lives and serves this cluster: after a reboot its number may belong to another process, and a
 * dead one may stay a zombie. Without /proc (macOS) the number is trusted.
 */
function serves(pid: number, clusterDir: string): boolean {
  if (!exists(pid)) return false;
  if (process.platform !== 'linux') return true;
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(clusterDir);
  } catch {
    return false;
  }
}

/** The server that a predecessor left running on the cluster, or null. */
export async function findOrphan(clusterDir: string): Promise<ServerProcess | null> {
  const lockFile = await readFile(join(clusterDir, 'postmaster.pid'), 'utf8').catch(() => '');
  const pid = Number.parseInt(lockFile, 10);
  const alive = () => serves(pid, clusterDir);
  if (!(pid > 1) || !alive()) return null;
  const watch = async () => {
    while (alive()) await sleep(WATCH_MS, undefined, { ref: false });
  };
  return {
    pid,
    exited: watch(),
    alive,
    signal: (name) => {
      if (alive()) process.kill(pid, name);
    },
    log: () => '',
  };
}

/** True while any process works in the cluster, such as a backend that outlives its killed postmaster for a moment. */
async function isInUse(clusterDir: string): Promise<boolean> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const dirs = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/cwd`).catch(() => null)));
  return dirs.includes(clusterDir);
}

/**
 * Removes the lock file of a dead server. PostgreSQL would trust its process number, which may have been reused; but the
 * file also guards against a second server beside the backends of the first, so it is removed only when there are none.
 * Without /proc (macOS) it stays, and PostgreSQL decides.
 * @throws Error when the cluster is still in use after 10 s.
 */
export async function removeStaleLock(clusterDir: string): Promise<void> {
  if (process.platform !== 'linux') return;
  const deadline = performance.now() + FREE_TIMEOUT_MS;
  while (await isInUse(clusterDir)) {
    if (performance.now() > deadline)
      throw new Error(`Processes of a dead PostgreSQL still use ${clusterDir}`);
    await sleep(WATCH_MS);
  }
  await rm(join(clusterDir, 'postmaster.pid'), { force: true });
}
