import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];

/** True when the file can be run. */
function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The Chromium of `PUPPETEER_EXECUTABLE_PATH` or, without it, of the `PATH`; null when there is none. */
export function findChromium(): string | null {
  const explicit = process.env.PUPPETEER_EXECUTABLE_PATH;
  if (explicit) return isExecutable(explicit) ? explicit : null;
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  return NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable) ?? null;
}

/**
 * Registers `describe(title, fn)` where there is a Chromium. Elsewhere it says why not and registers a pending
 * test; with `CI=true` a failing one, so that nobody takes the absence for a pass.
 */
export function whenChromium(title: string, fn: (executablePath: string) => void): void {
  const executablePath = findChromium();
  if (executablePath) {
    describe(title, () => fn(executablePath));
    return;
  }
  const reason = 'no Chromium found: install it or set PUPPETEER_EXECUTABLE_PATH';
  console.warn(`${title}: ${reason}`);
  if (process.env.CI === 'true') {
    it(`${title} needs a browser`, () => {
      throw new Error(reason);
    });
  } else it(`${title} (${reason})`);
}
