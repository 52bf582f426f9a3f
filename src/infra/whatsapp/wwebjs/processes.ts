import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 20;

/** A file of /proc; empty when the process is gone or not readable. */
function read(pid: number, file: 'cmdline' | 'stat'): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

/** The processes on this system; none where there is no /proc. */
function processIds(): number[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return [];
  }
}

/** The process group of a living process; null for a zombie. */
function groupOf(pid: number): number | null {
  const stat = read(pid, 'stat');
  // The second field is the name, in brackets, and may hold anything.
  const [state, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return state && group && state !== 'Z' ? Number(group) : null;
}

/**
 * Processes with this profile in their arguments: the browser, and some of its children. Whole arguments are compared,
 * so that the profile of `sales` never matches the browser of `sales2`.
 */
export function browsersOf(profileDir: string): number[] {
  const token = `--user-data-dir=${profileDir}`;
  return processIds().filter((pid) => read(pid, 'cmdline').split('\0').includes(token));
}

/** The living processes of a group: a browser with all its children. */
export function processesOfGroup(group: number): number[] {
  return processIds().filter((pid) => groupOf(pid) === group);
}

/** The living processes of several groups, by group, in one look at the system. */
export function groupsOf(groups: readonly number[]): Map<number, number[]> {
  const members = new Map(groups.map((group) => [group, [] as number[]]));
  for (const pid of members.size > 0 ? processIds() : []) members.get(groupOf(pid) ?? 0)?.push(pid);
  return members;
}

/** Sends SIGKILL, if the target exists. */
function kill(target: number): void {
  try {
    process.kill(target, 'SIGKILL');
  } catch {
    // No such process or group.
  }
}

/**
 * Kills the browsers of the profile with all their children: puppeteer starts each browser in its own process group.
 * `browser` may have exited already and have left children. Resolves true once nothing is left, false after `ms`.
 */
export async function killBrowsersOf(profileDir: string, ms: number, browser?: number): Promise<boolean> {
  const until = performance.now() + ms;
  const ours = groupOf(process.pid);
  const groups = new Set(browser === undefined ? [] : [browser]);
  for (const group of groups) kill(-group);
  for (;;) {
    const named = browsersOf(profileDir);
    for (const pid of named) {
      const group = groupOf(pid);
      if (group !== null && group !== ours) groups.add(group);
    }
    const left = [...named, ...[...groups].flatMap(processesOfGroup)];
    if (left.length === 0) return true;
    if (performance.now() > until) return false;
    for (const group of groups) kill(-group);
    for (const pid of left) kill(pid);
    await delay(POLL_MS);
  }
}
