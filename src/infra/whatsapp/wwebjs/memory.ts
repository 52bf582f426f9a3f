import { readFile } from 'node:fs/promises';
import { groupsOf } from './processes.ts';

/**
 * The memory of a process in bytes: its own pages, and its share of those that it has in common with others. 0 when it
 * is gone or not ours to measure.
 */
async function sizeOf(pid: number): Promise<number> {
  try {
    const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
    return Number(/^Pss:\s+(\d+) kB$/m.exec(rollup)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** The memory of process groups in bytes, by their leaders; nothing for a group that can't be measured. */
export async function memoryOf(leaders: readonly number[]): Promise<Map<number, number>> {
  const sizes = new Map<number, number>();
  for (const [leader, pids] of groupsOf(leaders)) {
    const bytes = (await Promise.all(pids.map(sizeOf))).reduce((sum, size) => sum + size, 0);
    if (bytes > 0) sizes.set(leader, bytes);
  }
  return sizes;
}
