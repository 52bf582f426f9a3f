import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { link, mkdir, readFile, realpath, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';

const NAME = '.gateway.lock';
/** How often a living owner touches its lock. */
const HEARTBEAT_MS = 3_000;
/** A lock that stays untouched for so long has no living owner. */
const WATCH_MS = 4 * HEARTBEAT_MS;
const POLL_MS = 100;

/** The holder of a folder: a process by its place, number and start time; numbers are reused. */
const ownerSchema = z.object({
  id: z.string(),
  host: z.string(),
  place: z.string(),
  pid: z.int().positive(),
  started: z.string(),
});
type Owner = z.infer<typeof ownerSchema>;

interface LockTimes {
  heartbeatMs: number;
  watchMs: number;
}

/** A file of /proc; empty where there is none. */
function proc(path: string): string {
  try {
    return readFileSync(`/proc/${path}`, 'utf8').trim();
  } catch {
    return '';
  }
}

/** The scope of process numbers: one boot of one kernel, one namespace. Empty where it is unknown. */
function placeOf(): string {
  try {
    return `${proc('sys/kernel/random/boot_id')} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return '';
  }
}

/** Start time of a living process, in ticks since the boot; empty for none, and for a zombie. */
function startOf(pid: number): string {
  const stat = proc(`${pid}/stat`);
  // The second field is the name, in brackets, and may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? '' : (fields[19] ?? '');
}

/** Reads a lock; null when it is missing, undefined when it can't be parsed. */
async function readOwner(path: string): Promise<Owner | null | undefined> {
  const text = await readFile(path, 'utf8').catch(() => null);
  if (text === null) return null;
  try {
    return ownerSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** True when the file is touched within `watchMs`: the only sign of life from another host. */
async function isTouched(path: string, watchMs: number): Promise<boolean> {
  const touched = () =>
    stat(path).then(
      ({ mtimeMs }) => mtimeMs,
      () => null,
    );
  const first = await touched();
  const until = performance.now() + watchMs;
  while (first !== null && performance.now() < until) {
    await sleep(POLL_MS);
    const now = await touched();
    if (now === null) return false;
    if (now !== first) return true;
  }
  return false;
}

/** True when the owner of a lock is alive: known at once on this host, by its heartbeat elsewhere. */
function isAlive(owner: Owner | undefined, path: string, watchMs: number): boolean | Promise<boolean> {
  const here = placeOf();
  if (owner && here !== '' && owner.place === here) return startOf(owner.pid) === owner.started;
  return isTouched(path, watchMs);
}

/** Removes a dead owner's lock, unless another process has replaced it: then that one is put back. */
async function removeDead(path: string, dead: Owner | undefined): Promise<void> {
  const removed = `${path}-${randomUUID()}`;
  const isMoved = await rename(path, removed).then(
    () => true,
    () => false,
  );
  if (!isMoved) return;
  const found = await readOwner(removed);
  if (found && found.id !== dead?.id) await link(removed, path).catch(() => undefined);
  await rm(removed, { force: true });
}

/** Creates the lock's file atomically; false when it exists. */
async function create(path: string, owner: Owner): Promise<boolean> {
  const draft = `${path}-${owner.id}`;
  await writeFile(draft, JSON.stringify(owner), { mode: 0o600 });
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/** True when the lock is still ours after a moment in which another process could have removed it as dead. */
async function isStill(path: string, owner: Owner): Promise<boolean> {
  await sleep(POLL_MS);
  return (await readOwner(path))?.id === owner.id;
}

/**
 * Locks a folder for this process, creating it (mode 0700) when it is missing: two services on one folder would delete
 * each other's files and share browsers and database.
 *
 * The lock is a file that names its process. A dead process holds nothing: that is known at once on the same host, and
 * assumed of another host (a shared disk, an earlier container) when the file stays untouched for 12 s. So a kill -9
 * never blocks the next start permanently.
 *
 * @returns what releases it; safe to repeat
 * @throws Error for the operator when another living process has it
 */
export async function lockFolder(
  dir: string,
  times: LockTimes = { heartbeatMs: HEARTBEAT_MS, watchMs: WATCH_MS },
): Promise<() => Promise<void>> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const path = join(await realpath(dir), NAME);
  const { pid } = process;
  const owner = { id: randomUUID(), host: hostname(), place: placeOf(), pid, started: startOf(pid) };
  for (let isContested = false; ; isContested = true) {
    if ((await create(path, owner)) && (!isContested || (await isStill(path, owner)))) break;
    const found = await readOwner(path);
    if (found === null) continue;
    if (await isAlive(found, path, times.watchMs)) throw new Error(refusal(dir, found));
    await removeDead(path, found);
  }
  const heartbeat = setInterval(() => {
    const now = new Date();
    // A missing disk is reported by what needs it.
    utimes(path, now, now).catch(() => undefined);
  }, times.heartbeatMs).unref();
  return async function release() {
    clearInterval(heartbeat);
    if ((await readOwner(path))?.id === owner.id) await rm(path, { force: true });
  };
}

function refusal(dir: string, owner: Owner | undefined): string {
  const who = owner ? `process ${owner.pid} on ${owner.host}` : 'another process';
  return `${dir} is used by ${who}: stop that service, or give this one a DATA_DIR and a WWEBJS_AUTH_DIR of its own.`;
}
