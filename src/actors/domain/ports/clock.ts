/** Milliseconds since the epoch, by the clock that the field names. */
export type EpochMs = number;

/** Wall clock and monotonic clock. Waits, deadlines and buckets use `monotonic`; `now` is for display and rows. */
export interface Clock {
  now(): EpochMs;
  monotonic(): number;
}

/** A running timer, opaque to all but its scheduler. */
export type Timer = object;

/**
 * A clock with timers. All waits of the actors use it, XState's delays included: moving it moves the whole service. Its
 * timers do not keep the process alive.
 */
export interface Scheduler extends Clock {
  setTimeout(callback: () => void, ms: number): Timer;
  clearTimeout(timer: Timer): void;
}
