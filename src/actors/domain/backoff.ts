/** Growing, jittered waits without end. */
export interface BackoffPolicy {
  firstMs: number;
  maxMs: number;
  factor: number;
  /** Share of the wait that chance may add or take: 0.2 is ± 20 %. */
  jitter: number;
}

/** Between the restarts of a client: a second, then twice as long each time, up to five minutes. */
export const RESTART_BACKOFF: BackoffPolicy = { firstMs: 1_000, maxMs: 300_000, factor: 2, jitter: 0.2 };

/** Between the attempts to take up a stored agent, most likely because the database is away. */
export const BOOT_BACKOFF: BackoffPolicy = { firstMs: 500, maxMs: 30_000, factor: 2, jitter: 0.2 };

/** The wait before attempt number `attempt` (1 is the first), in whole ms. `random` is in [0, 1). */
export function backoffMs(attempt: number, policy: BackoffPolicy, random: () => number): number {
  const grown = Math.min(policy.maxMs, policy.firstMs * policy.factor ** Math.min(attempt - 1, 30));
  return Math.round(grown * (1 + policy.jitter * (2 * random() - 1)));
}
