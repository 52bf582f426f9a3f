/**
 * Waits for a promise no longer than `ms`; then rejects with what `timeout` makes. The promise itself goes on
 * unobserved: whoever made it bounds or cancels it.
 */
export function withDeadline<T>(promise: Promise<T>, ms: number, timeout: () => Error): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => reject(timeout()), ms);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
