import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerAccount } from './server-account.ts';

const LOG_TAIL_CHARS = 2_000;
const WATCH_MS = 500;

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
 * It gets its own process group: a Ctrl-C at the terminal is for the service, which still needs the database to drain.
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

/** The id in `postmaster.pid`, when that process lives and serves this very cluster. */
async function livePid(clusterDir: string): Promise<number | null> {
  const text = await readFile(join(clusterDir, 'postmaster.pid'), 'utf8').catch(() => '');
  const pid = Number.parseInt(text, 10);
  if (!(pid > 1) || !exists(pid)) return null;
  // After a reboot the number may belong to anything; without /proc (macOS) the lock file has to be believed.
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => null);
  if (commandLine === null) return process.platform === 'linux' ? null : pid;
  return commandLine.split('\0').includes(clusterDir) ? pid : null;
}

/** The server that a predecessor left running on the cluster, or null. */
export async function findOrphan(clusterDir: string): Promise<ServerProcess | null> {
  const pid = await livePid(clusterDir);
  if (pid === null) return null;
  const watch = async () => {
    while (exists(pid)) await sleep(WATCH_MS, undefined, { ref: false });
  };
  return {
    pid,
    exited: watch(),
    alive: () => exists(pid),
    signal: (name) => {
      if (exists(pid)) process.kill(pid, name);
    },
    log: () => '',
  };
}
