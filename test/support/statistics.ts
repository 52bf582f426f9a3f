/** Samples of one quantity by group. */
export type Groups = Record<'known' | 'unknown', number[]>;

const HALVINGS = 200;

/** The values in random order. */
function shuffled<T>(values: readonly T[]): T[] {
  const mixed = [...values];
  for (let left = mixed.length - 1; left > 0; left -= 1) {
    const other = Math.floor(Math.random() * (left + 1));
    [mixed[left], mixed[other]] = [mixed[other]!, mixed[left]!];
  }
  return mixed;
}

/** The median, which outliers of a busy machine don't move. */
function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

/** Takes samples of both in random order, so that disturbances affect both alike; in ms. */
export async function interleaved<T>(
  of: Record<keyof Groups, T>,
  samples: number,
  measure: (what: T) => number | Promise<number>,
): Promise<Groups> {
  const half = Math.floor(samples / 2);
  const order = shuffled([
    ...Array<keyof Groups>(half).fill('known'),
    ...Array<keyof Groups>(half).fill('unknown'),
  ]);
  const groups: Groups = { known: [], unknown: [] };
  for (const name of order) {
    const sample = measure(of[name]);
    groups[name].push(typeof sample === 'number' ? sample : await sample);
  }
  return groups;
}

/** The distance of the medians in µs. */
export function difference({ known, unknown }: Groups): number {
  return 1_000 * Math.abs(median(known) - median(unknown));
}

/** The largest distance in µs of the medians of two random halves of one group, over many halvings of each. */
export function noise(groups: Groups): number {
  const apart = Object.values(groups).flatMap((group) =>
    Array.from({ length: HALVINGS }, () => {
      const mixed = shuffled(group);
      const half = mixed.length / 2;
      return 1_000 * Math.abs(median(mixed.slice(0, half)) - median(mixed.slice(half)));
    }),
  );
  return Math.max(...apart);
}
