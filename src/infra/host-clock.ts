import type { Scheduler } from '../actors/domain/ports/clock.ts';

/** The time of the host; its functions are looked up at each call, so that faked ones are seen. */
export const HOST_CLOCK: Scheduler = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimeout: (ring, ms) => setTimeout(ring, ms).unref(),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
};
