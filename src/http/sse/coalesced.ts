/**
 * Gathers many calls into few: `run` follows the first call as soon as its caller is done, then at most every
 * `everyMs`, and always once more after the last call. Holds a timer only while there is something to do.
 *
 * @example const draw = new Coalesced(() => send(), 100); draw.due(); draw.due(); // one send in this tick
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

  /** There is something to do. */
  due(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    // Not inside the call: an event may be emitted from the middle of a change.
    queueMicrotask(() => {
      if (this.#timer === null) this.#now();
    });
  }

  /** Nothing happens any more. */
  stop(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    this.#isDue = false;
  }

  /** Does it, and keeps quiet for a while. */
  #now(): void {
    this.#timer = null;
    if (!this.#isDue) return;
    this.#isDue = false;
    this.#timer = setTimeout(() => this.#now(), this.#everyMs);
    this.#run();
  }
}
