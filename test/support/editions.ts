import { EDITIONS, type Edition } from './stand-in/editions.ts';
import type { StandInOptions } from './stand-in/index.ts';

export interface PageEdition extends StandInOptions {
  /** `2026-07`, or `2026-07-lid` where everyone is addressed by LID. */
  name: string;
}

const ALL: PageEdition[] = (Object.keys(EDITIONS) as Edition[]).flatMap((edition) => [
  { name: edition, edition },
  { name: `${edition}-lid`, edition, lidForAll: true },
]);

/**
 * Registers a suite for each edition of the page, or only for those with people addressed by number, when what it tests
 * does not depend on addresses. The environment's `EDITIONS` chooses by name, separated by commas, or
 * `all`; without it CI runs all, and any other machine the first.
 */
export function forEachEdition(
  register: (page: PageEdition) => void,
  { byNumberOnly = false }: { byNumberOnly?: boolean } = {},
): void {
  const chosen = (process.env.EDITIONS ?? (process.env.CI ? 'all' : ALL[0]!.name)).split(',');
  const unknown = chosen.filter((name) => name !== 'all' && !ALL.some((page) => page.name === name));
  if (unknown.length > 0) throw new Error(`EDITIONS names no edition: ${unknown.join(', ')}`);
  for (const page of ALL)
    if ((chosen.includes('all') || chosen.includes(page.name)) && !(byNumberOnly && page.lidForAll))
      register(page);
}
