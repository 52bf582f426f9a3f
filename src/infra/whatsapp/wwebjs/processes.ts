import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 20;

/** The arguments of a process, or none when it is gone or not ours to see. */
function argumentsOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

/** The processes on this system; none where there is no /proc. */
function processIds(): string[] {
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

/**
 * Browsers that run on exactly this profile. Whole arguments are compared, so that the profile of `sales` never
 * matches the browser of `sales2` (FAULTS F16).
 */
export function browsersOf(profileDir: string): number[] {
  const token = `--user-data-dir=${profileDir}`;
  return processIds()
    .filter((pid) => argumentsOf(pid).includes(token))
    .map(Number);
}

/** Kills a browser with all its children: puppeteer starts each in a process group of its own. */
function killGroup(pid: number): void {
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, 'SIGKILL');
      return;
    } catch {
      // No such group, or already gone: try the process alone.
    }
  }
}

/** Kills what runs on the profile; resolves true once nothing does, false after `ms`. */
export async function killBrowsersOf(profileDir: string, ms: number): Promise<boolean> {
  const until = performance.now() + ms;
  for (let left = browsersOf(profileDir); left.length > 0; left = browsersOf(profileDir)) {
    if (performance.now() > until) return false;
    for (const pid of left) killGroup(pid);
    await delay(POLL_MS);
  }
  return true;
}
