import { randomUUID } from 'node:crypto';
import { chmod, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

/**
 * The images that wait to be sent, one private file each. Queues hold paths, so that waiting images take disk instead of
 * memory, and survive a restart.
 */
export class Spool {
  readonly #dir: string;

  /** @param dir the spool's own folder: everything in it is ours to delete. */
  constructor(dir: string) {
    this.#dir = resolve(dir);
  }

  /** Writes the bytes to a new file with a random name; returns its absolute path. */
  async write(bytes: Buffer, extension: string): Promise<string> {
    await this.#prepare();
    const path = join(this.#dir, `${randomUUID()}.${extension}`);
    try {
      await writeFile(path, bytes, { flag: 'wx', mode: 0o600 });
    } catch (error) {
      // A full disk leaves a part of the file.
      await rm(path, { force: true });
      throw error;
    }
    return path;
  }

  /** Deletes a file of the spool; a path elsewhere is left alone. Never rejects. */
  async release(path: string): Promise<void> {
    if (dirname(resolve(path)) !== this.#dir) return;
    // What can't be deleted now is swept at the next start.
    await rm(path, { force: true }).catch(() => {});
  }

  /** Deletes all files but `keep`; returns their number. Run it before anything is written. */
  async sweep(keep: ReadonlySet<string>): Promise<number> {
    await this.#prepare();
    const kept = new Set([...keep].map((path) => resolve(path)));
    const paths = (await readdir(this.#dir)).map((name) => join(this.#dir, name));
    const orphans = paths.filter((path) => !kept.has(path));
    await Promise.all(orphans.map((path) => this.release(path)));
    return orphans.length;
  }

  /** Makes the folder, readable by this user alone even when it was there before. */
  async #prepare(): Promise<void> {
    await mkdir(this.#dir, { recursive: true, mode: 0o700 });
    await chmod(this.#dir, 0o700);
  }
}
