import { createHash, randomUUID } from 'node:crypto';
import { chmod, type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { TEXTS } from '../../actors/domain/error-texts.ts';
import { GatewayError, toGatewayError } from '../../actors/domain/errors.ts';
import type { AgentRef } from '../../actors/domain/identity.ts';
import type { MediaFile } from '../../actors/domain/message-content.ts';
import type { Scheduler, Timer } from '../../actors/domain/ports/clock.ts';
import type {
  FileClaim,
  FilePurpose,
  FileStore,
  MessageFiles,
  StoredFile,
} from '../../actors/domain/ports/files.ts';
import { cleanFilename } from './filename.ts';
import { mediaTypeOf } from './media-type.ts';

const SWEEP_EVERY_MS = 300_000;
/** Longer than any statement runs: after it, a row that is not there will not come. */
const ROW_DECIDED_MS = 15_000;
/** The names that the store gives, and the only ones that it deletes. */
const OWN_NAME = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(\.part)?$/;

type FileRow = Omit<StoredFile, 'path'>;

/** The rows of the files, in the database; all reject with `DATABASE_UNAVAILABLE` when it can't be reached. */
interface FileRows {
  /** Bytes that a file of this size counts for the quota. */
  counted(size: number): number;
  insert(agent: AgentRef, file: FileRow, isOfMessage: boolean): Promise<boolean>;
  take(agent: AgentRef, id: string, now: Date): Promise<FileRow | null>;
  release(agent: AgentRef, id: string): Promise<number | null>;
  find(agent: AgentRef, id: string, now: Date): Promise<FileRow | null>;
  findLinked(id: string, now: Date): Promise<FileRow | null>;
  remove(agent: AgentRef, id: string, now: Date): Promise<{ counted: number | null } | null>;
  deleteExpired(now: Date): Promise<string[]>;
  deleteOldest(bytes: number, now: Date): Promise<{ id: string; counted: number }[]>;
  missing(ids: string[]): Promise<string[]>;
  usage(): Promise<{ files: number; bytes: number }>;
}

/** Where files are kept, for how long, and how many bytes of them. */
export interface FolderFileStoreOptions {
  /** The store's own folder: it is created, and readable by this user alone. */
  dir: string;
  rows: FileRows;
  clock: Scheduler;
  ttlMs: number;
  maxBytes: number;
  /** Receives the failure of a sweep; the next one tries again. */
  onFault(error: unknown): void;
}

/**
 * The files in a folder, their rows in the database. The order of the steps makes a crash harmless at each of them:
 * bytes go to a temporary name, are flushed and renamed before their row is inserted, and are deleted after their row.
 * So a row always has its bytes; bytes without a row are deleted by the sweep, at the start and every five minutes.
 */
export class FolderFileStore implements FileStore, MessageFiles {
  readonly #options: FolderFileStoreOptions;
  readonly #dir: string;
  /** Ids whose bytes are there before their row: the sweep leaves them alone. */
  readonly #underWay = new Set<string>();
  /** What is being written for files that have no row yet, in bytes. */
  #incoming = 0;
  /** What all rows count for the quota; corrected by each sweep. */
  #stored = 0;
  /** What files whose row is about to be inserted will count. */
  #reserved = 0;
  #evicting: Promise<unknown> = Promise.resolve();
  #sweeping: Promise<void> = Promise.resolve();
  #nextSweep: Promise<void> | undefined;
  #timer: Timer | undefined;
  readonly #adding = new Set<Promise<unknown>>();

  constructor(options: FolderFileStoreOptions) {
    this.#options = options;
    this.#dir = resolve(options.dir);
  }

  /** Creates the folder and sweeps it, then every five minutes. @throws Error or GatewayError when either fails */
  async start(): Promise<void> {
    await mkdir(this.#dir, { recursive: true, mode: 0o700 });
    await chmod(this.#dir, 0o700);
    await this.sweep();
    this.#arm();
  }

  /** Stops sweeping; resolves when what is under way has ended. */
  async close(): Promise<void> {
    if (this.#timer) this.#options.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    await Promise.allSettled([...this.#adding, this.#nextSweep, this.#sweeping]);
  }

  add(
    agent: AgentRef,
    bytes: AsyncIterable<Uint8Array>,
    claim: FileClaim = {},
    purpose: FilePurpose = 'upload',
  ): Promise<StoredFile> {
    const adding = this.#add(agent, bytes, claim, purpose).finally(() => this.#adding.delete(adding));
    this.#adding.add(adding);
    return adding;
  }

  async take(agent: AgentRef, id: string): Promise<StoredFile | null> {
    return this.#withPath(await this.#options.rows.take(agent, id, this.#now()));
  }

  async release(agent: AgentRef, { id }: MediaFile): Promise<void> {
    if (id === undefined) return;
    try {
      await this.#deleteCounted(id, await this.#options.rows.release(agent, id));
    } catch (error) {
      this.#options.onFault(error);
    }
  }

  async find(agent: AgentRef, id: string): Promise<StoredFile | null> {
    return this.#withPath(await this.#options.rows.find(agent, id, this.#now()));
  }

  async findLinked(id: string): Promise<StoredFile | null> {
    return this.#withPath(await this.#options.rows.findLinked(id, this.#now()));
  }

  async remove(agent: AgentRef, id: string): Promise<boolean> {
    const removed = await this.#options.rows.remove(agent, id, this.#now());
    await this.#deleteCounted(id.toLowerCase(), removed?.counted ?? null);
    return removed !== null;
  }

  /**
   * Deletes files that have expired, the oldest beyond the quota, and bytes without a row. One sweep at a time; all
   * calls during it share the next.
   */
  sweep(): Promise<void> {
    this.#nextSweep ??= this.#sweeping
      .catch(() => undefined)
      .then(() => {
        this.#nextSweep = undefined;
        this.#sweeping = this.#sweep();
        return this.#sweeping;
      });
    return this.#nextSweep;
  }

  /** How many files there are, the bytes that they count for the quota, and the quota. */
  async usage(): Promise<{ files: number; bytes: number; maxBytes: number }> {
    return { ...(await this.#options.rows.usage()), maxBytes: this.#options.maxBytes };
  }

  async #add(
    agent: AgentRef,
    bytes: AsyncIterable<Uint8Array>,
    claim: FileClaim,
    purpose: FilePurpose,
  ): Promise<StoredFile> {
    const id = randomUUID();
    const path = join(this.#dir, id);
    this.#underWay.add(id);
    try {
      const written = await this.#write(`${path}.part`, bytes);
      const mimetype = await mediaTypeOf(`${path}.part`, claim.mimetype);
      await rename(`${path}.part`, path);
      await this.#flushFolder();
      const createdAt = this.#now();
      const filename = cleanFilename(claim.filename);
      const expiresAt = new Date(createdAt.getTime() + this.#options.ttlMs);
      const row = { id, mimetype, ...written, ...(filename && { filename }), createdAt, expiresAt };
      await this.#insert(agent, row, purpose === 'message');
      this.#underWay.delete(id);
      return { ...row, path };
    } catch (error) {
      await this.#undo(id, error);
      throw error;
    }
  }

  /** Writes the bytes to a new file as they arrive, and flushes it. */
  async #write(path: string, bytes: AsyncIterable<Uint8Array>): Promise<{ size: number; sha256: string }> {
    const hash = createHash('sha256');
    let size = 0;
    let file: FileHandle | undefined;
    try {
      file = await open(path, 'wx', 0o600).catch(notWritten);
      for await (const chunk of bytes) {
        size += chunk.length;
        this.#incoming += chunk.length;
        this.#assertFits(size);
        hash.update(chunk);
        await file.writeFile(chunk).catch(notWritten);
      }
      await file.sync().catch(notWritten);
    } finally {
      this.#incoming -= size;
      await file?.close();
    }
    return { size, sha256: hash.digest('hex') };
  }

  /** @throws GatewayError when a file, or all that are being written together, exceed the whole quota */
  #assertFits(size: number): void {
    const { maxBytes } = this.#options;
    if (size > maxBytes) throw new GatewayError('PAYLOAD_TOO_LARGE', TEXTS.PAYLOAD_TOO_LARGE.file(maxBytes));
    if (this.#incoming > maxBytes) throw full(TEXTS.RATE_LIMITED.uploads);
  }

  /** Makes room for a file, and inserts its row. */
  async #insert(agent: AgentRef, row: FileRow, isOfMessage: boolean): Promise<void> {
    const { rows } = this.#options;
    const counted = rows.counted(row.size);
    this.#reserved += counted;
    try {
      await this.#makeRoom();
      if (!(await rows.insert(agent, row, isOfMessage)))
        throw new GatewayError('SESSION_NOT_FOUND', TEXTS.SESSION_NOT_FOUND.noAgent);
      this.#stored += counted;
    } finally {
      this.#reserved -= counted;
    }
  }

  /** Deletes the oldest files beyond the quota. One caller at a time, or two would delete twice as much. */
  async #makeRoom(): Promise<void> {
    if (this.#excess <= 0) return;
    const evicting = this.#evicting.then(() => this.#evict());
    this.#evicting = evicting.catch(() => undefined);
    await evicting;
  }

  /** @throws GatewayError `RATE_LIMITED` when only files of queued messages are left */
  async #evict(): Promise<void> {
    while (this.#excess > 0) {
      const deleted = await this.#options.rows.deleteOldest(this.#excess, this.#now());
      if (deleted.length === 0) throw full(TEXTS.RATE_LIMITED.storeFull);
      for (const { counted } of deleted) this.#stored -= counted;
      await this.#deleteBytes(deleted.map(({ id }) => id));
    }
  }

  /** Bytes beyond the quota. */
  get #excess(): number {
    return this.#stored + this.#reserved - this.#options.maxBytes;
  }

  /** Deletes the bytes of a file that was not stored, unless its row may still come: then the sweep decides. */
  async #undo(id: string, error: unknown): Promise<void> {
    const mayHaveRow = error instanceof GatewayError && error.code === 'DATABASE_UNAVAILABLE';
    if (mayHaveRow) {
      setTimeout(() => this.#underWay.delete(id), ROW_DECIDED_MS).unref();
      return;
    }
    await this.#deleteBytes([id]);
    this.#underWay.delete(id);
  }

  async #sweep(): Promise<void> {
    const { rows } = this.#options;
    await this.#deleteBytes(await rows.deleteExpired(this.#now()));
    this.#stored = (await rows.usage()).bytes;
    // After FILES_MAX_MB was lowered; files of queued messages may stay above it.
    await this.#makeRoom().catch(ignoreFull);
    await this.#deleteOrphans();
  }

  /** Deletes bytes without a row. Which are under way is read after the folder: those have their row by now, or none. */
  async #deleteOrphans(): Promise<void> {
    const names = await readdir(this.#dir);
    const ids = names.flatMap((name) => OWN_NAME.exec(name)?.[1] ?? []);
    const idle = [...new Set(ids)].filter((id) => !this.#underWay.has(id));
    if (idle.length > 0) await this.#deleteBytes(await this.#options.rows.missing(idle));
  }

  /** Deletes the bytes of a file whose row is gone and counted so much; null: its row was not deleted. */
  async #deleteCounted(id: string, counted: number | null): Promise<void> {
    if (counted === null) return;
    this.#stored -= counted;
    await this.#deleteBytes([id]);
  }

  /** Deletes bytes, whole and partial. What can't be deleted now is an orphan, and swept later. */
  async #deleteBytes(ids: string[]): Promise<void> {
    for (const id of ids) {
      const path = join(this.#dir, id);
      await Promise.allSettled([rm(path, { force: true }), rm(`${path}.part`, { force: true })]);
    }
  }

  /** Flushes the folder, which holds the name of a renamed file. */
  async #flushFolder(): Promise<void> {
    const folder = await open(this.#dir);
    await folder.sync().finally(() => folder.close());
  }

  /** Sets the time of the next sweep. */
  #arm(): void {
    this.#timer = this.#options.clock.setTimeout(() => {
      void this.sweep()
        .catch(this.#options.onFault)
        .finally(() => this.#timer && this.#arm());
    }, SWEEP_EVERY_MS);
  }

  #now(): Date {
    return new Date(this.#options.clock.now());
  }

  #withPath(row: FileRow | null): StoredFile | null {
    return row && { ...row, path: join(this.#dir, row.id) };
  }
}

/** A failure of the disk; the log has its cause. */
function notWritten(error: unknown): never {
  throw toGatewayError(error, 'INTERNAL', TEXTS.INTERNAL.fileNotStored);
}

/** What can't be deleted for now stays. */
function ignoreFull(error: unknown): void {
  if (!(error instanceof GatewayError && error.code === 'RATE_LIMITED')) throw error;
}

/** The refusal of bytes that don't fit for now. */
function full(message: string): GatewayError {
  return new GatewayError('RATE_LIMITED', message);
}
