/**
 * Merges many calls of `due` into few runs: one in the microtask after the first call, then at most one every `everyMs`,
 * and always one after the last call. Holds a timer only while a run is due or was recent.
 *
 * @example const frame = new Coalesced(() => send(), 100); frame.due(); frame.due(); // one send
 */
export class Coalesced {
  readonly #run: () => void;
  readonly #everyMs: number;
  #timer: NodeJS.Timeout | null = null;
  #isDue = false;

  constructor(run: () => void, everyMs: number) {
    this.#run = run;
    this.#everyMs = everyMs;
  }

  /** Requests a run. */
  due(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    // Not in this call: an event may be emitted in the middle of a change.
    queueMicrotask(() => {
      if (this.#timer === null) this.#runIfDue();
    });
  }

  /** Cancels the requested run. */
  stop(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    this.#isDue = false;
  }

  /** Runs, and allows the next run after `everyMs`. */
  #runIfDue(): void {
    this.#timer = null;
    if (!this.#isDue) return;
    this.#isDue = false;
    this.#timer = setTimeout(() => this.#runIfDue(), this.#everyMs);
    this.#run();
  }
}
