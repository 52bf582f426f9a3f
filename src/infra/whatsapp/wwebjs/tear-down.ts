import { setTimeout as delay } from 'node:timers/promises';
import { within } from './calls.ts';
import type { Library } from './library.ts';
import { killBrowsersOf } from './processes.ts';

/** The parts of a client that its tear-down needs. */
export interface ClientRemains {
  userDataDir: string;
  closeMs: number;
  /** Settles, without a value, with the library's `initialize`. */
  initialized: Promise<void>;
  /** The library and its browser's process, as far as they exist by now. */
  library(): Library | null;
  browserPid(): number | undefined;
}

const POLL_MS = 20;

/**
 * Closes a browser cleanly if it can, else kills it; waits until no process of the profile is left.
 * @throws Error when one survives
 */
export async function tearDown({ userDataDir, closeMs, ...client }: ClientRemains): Promise<void> {
  client.library()?.detach();
  let settled = false;
  const initialized = client.initialized.then(() => {
    settled = true;
  });
  await Promise.race([initialized, delay(0)]);
  const library = client.library();
  if (settled && library) await within('close', closeMs, library.client.destroy()).catch(() => undefined);
  // A launch under way may start its browser at any moment, and the library's own destroy would miss it (hazard 7).
  const until = performance.now() + closeMs;
  while (!settled && performance.now() < until) {
    await killBrowsersOf(userDataDir, closeMs);
    await Promise.race([initialized, delay(POLL_MS)]);
  }
  if (await killBrowsersOf(userDataDir, closeMs, client.browserPid())) return;
  throw new Error('A browser survived its kill.');
}
