import { setTimeout as delay } from 'node:timers/promises';

/** Polls `look` until it returns something other than undefined, null and false; fails after `ms`. */
export async function eventually<T>(
  what: string,
  look: () => T | Promise<T>,
  ms = 60_000,
): Promise<Exclude<T, undefined | false | null>> {
  const until = performance.now() + ms;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false && found !== null) return found as never;
    if (performance.now() > until) throw new Error(`timed out waiting for ${what}`);
    await delay(20);
  }
}
