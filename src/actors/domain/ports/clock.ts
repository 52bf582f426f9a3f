/** Milliseconds since the epoch, by the clock that the field's text names. */
export type EpochMs = number;

/** Both clocks of the service. Waits, deadlines and buckets use `monotonic`; `now` is for display and rows. */
export interface Clock {
  now(): EpochMs;
  monotonic(): number;
}

/** A running timer; only the scheduler that made it knows what it is. */
export type Timer = object;

/**
 * A clock that rings. All waits of the actors are its timers, XState's delays among them, so whoever moves this
 * clock moves the whole service. Its timers keep no process alive: what listens does.
 */
export interface Scheduler extends Clock {
  setTimeout(ring: () => void, ms: number): Timer;
  clearTimeout(timer: Timer): void;
}
