import { readdirSync, readFileSync } from 'node:fs';

// CPU time from Linux's /proc; NaN elsewhere.

const TICKS_PER_SECOND = 100;

/** CPU seconds so far: of one process with all its threads, of all processes of this benchmark, of the machine. */
export interface CpuTimes {
  server: number;
  own: number;
  machine: number;
}

/** A process's parent and CPU ticks; null when it has exited. */
function statOf(pid: number): { parent: number; ticks: number } | null {
  try {
    // The name in brackets may contain spaces: count from behind it.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
    return { parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) };
  } catch {
    return null;
  }
}

/** Ticks of this process and all its descendants: the servers, and the database below one of them. */
function ownTicks(): number {
  const pids = readdirSync('/proc').map(Number).filter(Number.isInteger);
  const stats = new Map(pids.map((pid) => [pid, statOf(pid)]));
  const isOwn = (pid: number): boolean =>
    pid === process.pid || (pid > 1 && isOwn(stats.get(pid)?.parent ?? 0));
  return pids.filter(isOwn).reduce((sum, pid) => sum + (stats.get(pid)?.ticks ?? 0), 0);
}

/** The current CPU times. */
export function cpuTimes(serverPid: number): CpuTimes {
  if (process.platform !== 'linux') return { server: Number.NaN, own: Number.NaN, machine: Number.NaN };
  const [user, nice, system, , , irq, softirq] = readFileSync('/proc/stat', 'utf8')
    .split('\n', 1)[0]!
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number) as [number, number, number, number, number, number, number];
  const machine = user + nice + system + irq + softirq;
  const server = statOf(serverPid)?.ticks ?? Number.NaN;
  return {
    server: server / TICKS_PER_SECOND,
    own: ownTicks() / TICKS_PER_SECOND,
    machine: machine / TICKS_PER_SECOND,
  };
}
