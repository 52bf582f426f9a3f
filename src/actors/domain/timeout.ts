import type { Scheduler } from './ports/clock.ts';

/**
 * Waits for a promise no longer than `ms` of the clock; then rejects with what `timeout` makes. The promise itself
 * goes on unobserved: whoever made it bounds or cancels it.
 */
export function withTimeout<T>(
  clock: Scheduler,
  promise: Promise<T>,
  ms: number,
  timeout: () => Error,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = clock.setTimeout(() => reject(timeout()), ms);
    promise.then(
      (value) => {
        clock.clearTimeout(timer);
        resolve(value);
      },
      (error: unknown) => {
        clock.clearTimeout(timer);
        reject(error);
      },
    );
  });
}

/** Lets `ms` of the clock pass; ends at once when the signal is aborted. */
export function pause(clock: Scheduler, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = () => {
      clock.clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = clock.setTimeout(end, ms);
    signal.addEventListener('abort', end, { once: true });
  });
}
