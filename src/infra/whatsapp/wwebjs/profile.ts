import { chmod, lstat, mkdir, readdir, readFile, readlink, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { TEXTS } from '../../../actors/domain/error-texts.ts';
import { GatewayError } from '../../../actors/domain/errors.ts';
import type { AgentRef } from '../../../actors/domain/identity.ts';
import { browsersOf } from './processes.ts';

const TRASH = '.trash';
/** The owner of a profile without an agent: no row has this id. */
const NO_USER = 0;
const LOCKS = ['SingletonLock', 'SingletonCookie', 'SingletonSocket'];

/** True when the path is there, a broken link included. */
async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

/** Refuses a link in place of the folder: it would lead deletes and profiles elsewhere. */
async function refuseLink(dir: string): Promise<void> {
  if ((await lstat(dir)).isDirectory()) return;
  throw new GatewayError('SESSION_START_FAILED', TEXTS.SESSION_START_FAILED.authFolder);
}

/** Creates a folder, and makes it readable by this user alone even when it exists. */
async function openFolder(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 }).catch(ignoreExisting);
  await refuseLink(dir);
  await chmod(dir, 0o700);
}

/** An existing path is checked next. */
function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}

/**
 * An agent's files: `<WWEBJS_AUTH_DIR>/<agentId>` with Chromium's profile in `session`, the id of its user in `owner`,
 * and the marker `linked`, which a profile that has only shown a QR lacks.
 */
export class Profile {
  readonly dir: string;
  /** Chromium's `--user-data-dir`: where LocalAuth without a client id puts it. */
  readonly userDataDir: string;
  readonly #root: string;
  readonly #userId: number;

  /** @throws GatewayError `INVALID_PAYLOAD` when the folder would not be directly below the root. */
  constructor(root: string, { userId, agentId }: AgentRef) {
    this.#root = resolve(root);
    this.#userId = userId;
    this.dir = resolve(this.#root, agentId);
    if (dirname(this.dir) !== this.#root || agentId === TRASH) {
      throw new GatewayError('INVALID_PAYLOAD', TEXTS.INVALID_PAYLOAD.folderName);
    }
    this.userDataDir = join(this.dir, 'session');
  }

  /**
   * Creates the folders, readable by this user alone, and removes the lock of another host. A folder of another user, or
   * of an unknown one, is deleted first.
   */
  async prepare(): Promise<void> {
    if ((await this.#owner()) !== this.#userId) await this.remove();
    await openFolder(this.dir);
    await this.adopt();
    // Chromium would create it readable by all.
    await openFolder(this.userDataDir);
    await this.#removeForeignLock();
  }

  /** Records the user of a folder without one. */
  async adopt(): Promise<void> {
    if ((await this.#owner()) === null)
      await writeFile(join(this.dir, 'owner'), String(this.#userId), { mode: 0o600 });
  }

  /** True when the folder is another user's. */
  async isOfAnother(): Promise<boolean> {
    const owner = await this.#owner();
    return owner !== null && owner !== this.#userId;
  }

  /** True when the agent was linked and has not been logged out. */
  async isLinked(): Promise<boolean> {
    return (await this.#owner()) === this.#userId && exists(join(this.dir, 'linked'));
  }

  async markLinked(): Promise<void> {
    await writeFile(join(this.dir, 'linked'), '', { mode: 0o600 });
  }

  async unmarkLinked(): Promise<void> {
    await rm(join(this.dir, 'linked'), { force: true });
  }

  /** Deletes the profile: one rename first, so that it disappears at once. Safe to repeat. */
  async remove(): Promise<void> {
    if (!(await exists(this.dir))) return;
    await refuseLink(this.dir);
    const trash = join(this.#root, TRASH);
    await openFolder(trash);
    const grave = join(trash, `${this.dir.slice(this.#root.length + 1)}-${process.hrtime.bigint()}`);
    await rename(this.dir, grave);
    await rm(grave, { recursive: true, force: true, maxRetries: 5 });
  }

  /** The user of the folder; null when it is missing or has none. */
  async #owner(): Promise<number | null> {
    const text = await readFile(join(this.dir, 'owner'), 'utf8').catch(() => '');
    return /^\d+$/.test(text) ? Number(text) : null;
  }

  /**
   * Chromium refuses a profile whose lock names another host. Such a lock is stale when no process here uses the profile;
   * Chromium itself checks locks of this host.
   */
  async #removeForeignLock(): Promise<void> {
    const owner = await readlink(join(this.userDataDir, LOCKS[0]!)).catch(() => null);
    if (owner === null || owner.startsWith(`${hostname()}-`) || browsersOf(this.userDataDir).length > 0)
      return;
    for (const lock of LOCKS) await rm(join(this.userDataDir, lock), { force: true });
  }
}

/** The agentIds that have a folder below the root. */
async function agentIdsBelow(root: string): Promise<string[]> {
  const entries = await readdir(root, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory() && entry.name !== TRASH).map(({ name }) => name);
}

/** All profiles below the root, of any user; also empties the trash of interrupted deletes. */
export async function profilesBelow(root: string): Promise<Profile[]> {
  await rm(join(root, TRASH), { recursive: true, force: true });
  return (await agentIdsBelow(root)).map((agentId) => new Profile(root, { userId: NO_USER, agentId }));
}

/** Records the users of profiles from before users were recorded; a profile without an agent has none. */
export async function adoptProfiles(root: string, agents: readonly AgentRef[]): Promise<void> {
  if (agents.length === 0) return;
  const users = new Map([...agents].reverse().map(({ userId, agentId }) => [agentId, userId]));
  for (const agentId of await agentIdsBelow(root))
    await new Profile(root, { userId: users.get(agentId) ?? NO_USER, agentId }).adopt();
}
