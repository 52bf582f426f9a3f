import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** The result of `read`; undefined when the process is gone or not readable. */
function seen(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}

/** The arguments of a process; none when it is gone. */
export function argumentsOf(pid: number): string[] {
  return seen(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8')).split('\0');
}

/** The processes that a process has started; none when it is gone, or without /proc. */
export function childrenOf(pid: number): number[] {
  const list = seen(() => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8'));
  return list.split(' ').filter(Boolean).map(Number);
}

/**
 * The processes that work in a folder or name it in an argument, such as a database server and its workers; none
 * without /proc (macOS).
 */
export function processesIn(dir: string): number[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map(Number)
    .filter(
      (pid) =>
        seen(() => readlinkSync(`/proc/${pid}/cwd`)).startsWith(dir) ||
        argumentsOf(pid).some((argument) => argument.includes(dir)),
    );
}
