/** Growing, jittered waits, without limit of attempts. */
export interface BackoffPolicy {
  firstMs: number;
  maxMs: number;
  factor: number;
  /** Random share of the wait that is added or subtracted: 0.2 is ± 20 %. */
  jitter: number;
}

/** Between restarts of a client: from one second, doubling, to five minutes. */
export const RESTART_BACKOFF: BackoffPolicy = { firstMs: 1_000, maxMs: 300_000, factor: 2, jitter: 0.2 };

/** Between attempts to boot a stored agent, which mostly fail because the database is unavailable. */
export const BOOT_BACKOFF: BackoffPolicy = { firstMs: 500, maxMs: 30_000, factor: 2, jitter: 0.2 };

/** The wait before an attempt (1 is the first), in whole ms. `random` is in [0, 1). */
export function backoffMs(attempt: number, policy: BackoffPolicy, random: () => number): number {
  const grown = Math.min(policy.maxMs, policy.firstMs * policy.factor ** Math.min(attempt - 1, 30));
  return Math.round(grown * (1 + policy.jitter * (2 * random() - 1)));
}
