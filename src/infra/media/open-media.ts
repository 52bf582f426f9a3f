import { join } from 'node:path';
import { TempFiles } from '../files/temp-files.ts';
import type { Lookup } from '../net/guarded-lookup.ts';
import { Spool } from './spool.ts';
import { SpooledMedia } from './spooled-media.ts';

/** Where images are kept. */
export interface MediaOptions {
  dataDir: string;
  tempDir: string;
  allowedOrigins: string[];
  lookup?: Lookup | undefined;
  /** The files of messages that an earlier process left unsent. */
  pendingFiles(): Promise<string[]>;
  onFault(where: string, error: unknown): void;
}

/**
 * Opens the spool in `dataDir`, without the files of no pending message, and the previews in `tempDir`. `close` stops
 * the clean-up of previews, `files` deletes what is no longer needed.
 * @throws Error when `tempDir` is a link or another user's folder
 */
export async function openMedia(
  options: MediaOptions,
): Promise<{ source: SpooledMedia; close: () => Promise<void> }> {
  const { allowedOrigins, lookup, onFault } = options;
  const spool = new Spool(join(options.dataDir, 'spool'));
  const previews = new TempFiles({
    dir: options.tempDir,
    clock: Date,
    onFault: (error) => onFault('temp-files', error),
  });
  await spool.sweep(new Set(await options.pendingFiles()));
  await previews.prepare();
  previews.start();
  const source = new SpooledMedia({ spool, previews, allowedOrigins, lookup });
  return { source, close: () => previews.stop() };
}
