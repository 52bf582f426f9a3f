/** A token bucket that refills lazily: no timer, only arithmetic on the monotonic time it is given. */
export class TokenBucket {
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  #at: number;

  /** `ratePerMinute` tokens flow in per minute, up to `burst`; it starts full. `now` is monotonic ms. */
  constructor(ratePerMinute: number, burst: number, now: number) {
    this.#perMs = ratePerMinute / 60_000;
    this.#burst = burst;
    this.#tokens = burst;
    this.#at = now;
  }

  /** Takes one token; false when there is none. */
  take(now: number): boolean {
    this.#refill(now);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Gives unused tokens back, e.g. of messages that have to wait again. */
  giveBack(count: number): void {
    this.#tokens = Math.min(this.#burst, this.#tokens + count);
  }

  /** Whole tokens at this moment. */
  available(now: number): number {
    this.#refill(now);
    return Math.floor(this.#tokens);
  }

  /** Milliseconds until there is a whole token; 0 when there is one. */
  msUntilNext(now: number): number {
    this.#refill(now);
    return this.#tokens >= 1 ? 0 : Math.ceil((1 - this.#tokens) / this.#perMs);
  }

  /** Adds what has flowed in since the last look. */
  #refill(now: number): void {
    if (now <= this.#at) return;
    // The slack keeps a token that is whole but for rounding from costing another timer round.
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#at) * this.#perMs + 1e-9);
    this.#at = now;
  }
}
