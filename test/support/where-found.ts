import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Folders of system programs that a user's search path omits. */
const SYSTEM_FOLDERS = ['/usr/sbin', '/sbin', '/usr/local/sbin'];

/** The path of a program that is installed here, or null. */
export function findProgram(name: string): string | null {
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  for (const folder of [...folders, ...SYSTEM_FOLDERS]) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder.
    }
  }
  return null;
}

/**
 * Registers `describe(title, fn)` where its requirement was found; elsewhere a pending test with the reason, and with
 * `CI=true` a failing one, so that its absence does not pass.
 */
export function whereFound<T>(
  title: string,
  found: T | null,
  missing: string,
  fn: (this: Mocha.Suite, found: T) => void,
): void {
  if (found !== null) {
    describe(title, function suite() {
      fn.call(this, found);
    });
    return;
  }
  console.warn(`${title}: ${missing}`);
  if (process.env.CI === 'true') {
    it(`${title} can't be tested`, () => {
      throw new Error(missing);
    });
  } else it(`${title} (${missing})`);
}
