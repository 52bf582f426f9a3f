/** Releases a slot; safe to call twice. */
export type ReleaseSlot = () => void;

/** Lets at most `limit` callers have a slot at once, first come first served. */
export class Semaphore {
  readonly #limit: number;
  readonly #waiting: (() => boolean)[] = [];
  #taken = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Resolves with the release of a slot; rejects with the signal's reason when aborted while waiting. */
  acquire(signal: AbortSignal): Promise<ReleaseSlot> {
    return new Promise((resolve, reject) => {
      const abort = () => reject(signal.reason);
      if (signal.aborted) return abort();
      signal.addEventListener('abort', abort, { once: true });
      this.#waiting.push(() => {
        if (signal.aborted) return false;
        signal.removeEventListener('abort', abort);
        resolve(this.#slot());
        return true;
      });
      this.#admit();
    });
  }

  /** Takes a slot and returns its one-time release. */
  #slot(): ReleaseSlot {
    this.#taken += 1;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#taken -= 1;
      this.#admit();
    };
  }

  /** Gives free slots to waiting callers that were not cancelled. */
  #admit(): void {
    while (this.#taken < this.#limit && this.#waiting.length > 0) this.#waiting.shift()?.();
  }
}
