import type { Scheduler } from '../actors/domain/ports/clock.ts';

/** The host's time; its functions are resolved at each call, so that tests can fake them. */
export const HOST_CLOCK: Scheduler = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimeout: (ring, ms) => setTimeout(ring, ms).unref(),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
};
