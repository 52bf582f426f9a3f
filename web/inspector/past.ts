import type { Machine, Transition } from './api.ts';

const MACHINES: readonly Machine[] = ['agent', 'supervisor'];

/** What both machines were in, and what had just been taken. */
export type Moment = Record<Machine, { states: readonly string[]; taken: readonly string[] }>;

/** The newest record of a machine at or before an index; undefined when there is none. */
function lastOf(records: readonly Transition[], machine: Machine, index: number): Transition | undefined {
  return records.slice(0, index + 1).findLast((record) => record.machine === machine);
}

/** The transitions that a machine took last, at or before an index. */
function takenBy(records: readonly Transition[], machine: Machine, index: number): readonly string[] {
  const taking = records.slice(0, index + 1).findLast((r) => r.machine === machine && r.edges.length > 0);
  return taking?.edges ?? [];
}

/** What each machine took last in this history, oldest record first. */
export function lastTaken(records: readonly Transition[]): Record<Machine, readonly string[]> {
  const end = records.length - 1;
  return { agent: takenBy(records, 'agent', end), supervisor: takenBy(records, 'supervisor', end) };
}

/**
 * The moment just after record `index`, or just before it. A machine of which the history begins later is told by
 * where it came from then.
 */
export function momentOf(records: readonly Transition[], index: number, side: 'before' | 'after'): Moment {
  const until = side === 'after' ? index : index - 1;
  const chosen = records[index];
  const [agent, supervisor] = MACHINES.map((machine) => {
    const states =
      lastOf(records, machine, until)?.to ?? records.find((record) => record.machine === machine)?.from ?? [];
    // Only what was chosen stands out.
    const isTaken = side === 'after' && chosen?.machine === machine;
    return { states, taken: isTaken ? chosen.edges : [] };
  });
  return { agent: agent!, supervisor: supervisor! };
}
