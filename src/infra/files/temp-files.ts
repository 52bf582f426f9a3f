import { randomUUID } from 'node:crypto';
import { chmod, constants, copyFile, lstat, mkdir, readdir, rm, unlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Clock } from '../../actors/domain/ports/clock.ts';

const SWEEP_EVERY_MS = 30 * 60_000;
const KEPT_MS = 24 * 3_600_000;
/** The names that this service gives, and the only ones that it deletes. */
const OWN_NAME = /^wa-preview-[0-9a-f-]{36}\.[a-z]{3,4}$/;

/** Which folder the previews are in. */
export interface TempFilesOptions {
  /** `TEMP_DIR`; others may keep files there too. */
  dir: string;
  clock: Pick<Clock, 'now'>;
  /** Receives the error of a failed sweep; the next one tries again. */
  onFault: (error: unknown) => void;
}

/**
 * The previews in `TEMP_DIR`: each is deleted after 24 hours, by a sweep every 30 minutes.
 * Only regular files that this service wrote are deleted, never through a link, never outside.
 */
export class TempFiles {
  readonly #options: TempFilesOptions;
  readonly #dir: string;
  #timer: NodeJS.Timeout | undefined;
  #sweeping: Promise<void> | undefined;

  constructor(options: TempFilesOptions) {
    this.#options = options;
    this.#dir = resolve(options.dir);
  }

  /** Makes the folder unless it exists. @throws Error when it is a link, a file, or another user's folder */
  async prepare(): Promise<void> {
    if (await this.#exists()) return;
    await mkdir(this.#dir, { recursive: true, mode: 0o700 });
    // Another user of a shared folder such as /tmp may have been faster.
    await this.#exists();
  }

  /**
   * Copies a file in, readable by this user alone; returns the copy's absolute path, which ends with the extension
   * (three or four letters). @throws as `prepare`
   */
  async add(source: string, extension: string): Promise<string> {
    await this.prepare();
    const path = join(this.#dir, `wa-preview-${randomUUID()}.${extension}`);
    try {
      await copyFile(source, path, constants.COPYFILE_EXCL);
      await chmod(path, 0o600);
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    }
    return path;
  }

  /** Sweeps now and every 30 minutes; the timer doesn't keep the process alive. Safe to repeat. */
  start(): void {
    if (this.#timer) return;
    this.#timer = setInterval(() => this.#sweepSafely(), SWEEP_EVERY_MS).unref();
    this.#sweepSafely();
  }

  /** Stops sweeping; resolves when a sweep under way has ended. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#sweeping;
  }

  /** Deletes our files older than 24 hours; returns their number. A missing folder has none. */
  async sweep(): Promise<number> {
    if (!(await this.#exists())) return 0;
    let deleted = 0;
    for (const name of await readdir(this.#dir)) {
      if (OWN_NAME.test(name) && (await this.#deleteIfOld(join(this.#dir, name)))) deleted += 1;
    }
    return deleted;
  }

  /** False while the folder is missing. @throws Error when others decide what is at its path */
  async #exists(): Promise<boolean> {
    const root = await lstat(this.#dir).catch(ignoreMissing);
    if (!root) return false;
    if (root.isSymbolicLink()) throw new Error(`TEMP_DIR (${this.#dir}) is a link: name the folder itself.`);
    if (!root.isDirectory()) throw new Error(`TEMP_DIR (${this.#dir}) is not a folder.`);
    // Windows has no user ids; there the folder's own permissions count.
    if (root.uid !== (process.getuid?.() ?? root.uid))
      throw new Error(
        `TEMP_DIR (${this.#dir}) belongs to another user: name a folder of this service's own.`,
      );
    return true;
  }

  /** Deletes a regular file past its time; `unlink` itself never follows a link. */
  async #deleteIfOld(path: string): Promise<boolean> {
    const entry = await lstat(path).catch(ignoreMissing);
    if (!entry?.isFile() || this.#options.clock.now() - entry.mtimeMs <= KEPT_MS) return false;
    await unlink(path).catch(ignoreMissing);
    return true;
  }

  /** Runs one sweep at a time and reports its failure. */
  #sweepSafely(): void {
    if (this.#sweeping !== undefined) return;
    this.#sweeping = this.sweep()
      .then(() => {}, this.#options.onFault)
      .finally(() => {
        this.#sweeping = undefined;
      });
  }
}

/** A missing file is as good as deleted. */
function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
