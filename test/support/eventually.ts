import { setTimeout as delay } from 'node:timers/promises';

/** Looks again and again until `look` gives something other than undefined and false; fails after `ms`. */
export async function eventually<T>(
  what: string,
  look: () => T | Promise<T>,
  ms = 30_000,
): Promise<Exclude<T, undefined | false | null>> {
  const until = performance.now() + ms;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false && found !== null) return found as never;
    if (performance.now() > until) throw new Error(`waited in vain for ${what}`);
    await delay(20);
  }
}
