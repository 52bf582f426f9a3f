import type { Scheduler } from './ports/clock.ts';

/** Settles like the promise, or rejects with `timeout()` after `ms` of the clock. The promise itself is not cancelled. */
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

/** Settles like the promise, or rejects with the signal's reason as soon as it is aborted. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** Resolves after `ms` of the clock, or as soon as the signal is aborted. */
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

/** Runs a task, which must not reject, `everyMs` after the end of its last run until the signal is aborted. */
export async function repeat(
  clock: Scheduler,
  everyMs: number,
  signal: AbortSignal,
  task: () => unknown,
): Promise<void> {
  for (;;) {
    await pause(clock, everyMs, signal);
    if (signal.aborted) return;
    await task();
  }
}

/** When and how often `retry` calls again. */
export interface RetryOptions {
  clock: Scheduler;
  everyMs: number;
  signal: AbortSignal;
  /** `attempt` is 1 after the first failure; called before and after each wait. */
  shouldRetry(error: unknown, attempt: number): boolean;
}

/** Calls again while `shouldRetry` allows it and the signal is not aborted. @throws the last error */
export async function retry<T>(call: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { clock, everyMs, signal, shouldRetry } = options;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      if (shouldRetry(error, attempt)) await pause(clock, everyMs, signal);
      if (signal.aborted || !shouldRetry(error, attempt)) throw error;
    }
  }
}
