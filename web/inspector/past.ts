import type { Machine, Transition } from './inspector-api.ts';

const MACHINES: readonly Machine[] = ['agent', 'supervisor'];

/** The states of both machines, and the transitions just taken. */
export type Moment = Record<Machine, { states: readonly string[]; taken: readonly string[] }>;

/** The newest record of a machine up to an index; undefined without one. */
function lastOf(records: readonly Transition[], machine: Machine, index: number): Transition | undefined {
  return records.slice(0, index + 1).findLast((record) => record.machine === machine);
}

/** The last transitions of a machine up to an index. */
function takenBy(records: readonly Transition[], machine: Machine, index: number): readonly string[] {
  const taking = records.slice(0, index + 1).findLast((r) => r.machine === machine && r.edges.length > 0);
  return taking?.edges ?? [];
}

/** The last transitions of each machine; `records` are oldest first. */
export function lastTaken(records: readonly Transition[]): Record<Machine, readonly string[]> {
  const end = records.length - 1;
  return { agent: takenBy(records, 'agent', end), supervisor: takenBy(records, 'supervisor', end) };
}

/**
 * The moment just after record `index`, or just before it. A machine without a record yet is in the states that its
 * first record starts from.
 */
export function momentOf(records: readonly Transition[], index: number, side: 'before' | 'after'): Moment {
  const until = side === 'after' ? index : index - 1;
  const chosen = records[index];
  const [agent, supervisor] = MACHINES.map((machine) => {
    const states =
      lastOf(records, machine, until)?.to ?? records.find((record) => record.machine === machine)?.from ?? [];
    // Only the selected record is highlighted.
    const isTaken = side === 'after' && chosen?.machine === machine;
    return { states, taken: isTaken ? chosen.edges : [] };
  });
  return { agent: agent!, supervisor: supervisor! };
}
