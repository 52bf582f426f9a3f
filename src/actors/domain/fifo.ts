/** Of all queues that nothing was put into: never written to, since it has no room. */
const EMPTY: never[] = [];

/** A first-in-first-out queue on a ring that grows by doubling: no memory while empty, no shifting. */
export class Fifo<T> {
  #ring: (T | undefined)[] = EMPTY;
  #head = 0;
  #length = 0;

  /** How many items it holds. */
  get length(): number {
    return this.#length;
  }

  /** Adds at the end. */
  push(item: T): void {
    this.#grow();
    this.#ring[(this.#head + this.#length) % this.#ring.length] = item;
    this.#length += 1;
  }

  /** Puts an item back at the front. */
  unshift(item: T): void {
    this.#grow();
    this.#head = (this.#head - 1 + this.#ring.length) % this.#ring.length;
    this.#ring[this.#head] = item;
    this.#length += 1;
  }

  /** Takes the first, or undefined. */
  shift(): T | undefined {
    if (this.#length === 0) return undefined;
    const item = this.#ring[this.#head];
    this.#ring[this.#head] = undefined;
    this.#head = (this.#head + 1) % this.#ring.length;
    this.#length -= 1;
    return item;
  }

  /** The first, left in place. */
  peek(): T | undefined {
    return this.#length === 0 ? undefined : this.#ring[this.#head];
  }

  /** How many are before the first that fits, or -1. */
  findIndex(fits: (item: T) => boolean): number {
    for (let i = 0; i < this.#length; i += 1) {
      if (fits(this.#ring[(this.#head + i) % this.#ring.length] as T)) return i;
    }
    return -1;
  }

  /** Takes out all that fit, in order. */
  remove(fits: (item: T) => boolean): T[] {
    const removed: T[] = [];
    for (let left = this.#length; left > 0; left -= 1) {
      const item = this.shift() as T;
      if (fits(item)) removed.push(item);
      else this.push(item);
    }
    return removed;
  }

  /** All items in order. */
  *[Symbol.iterator](): Generator<T> {
    for (let i = 0; i < this.#length; i += 1) yield this.#ring[(this.#head + i) % this.#ring.length] as T;
  }

  /** Makes room for one more. */
  #grow(): void {
    if (this.#length < this.#ring.length) return;
    const bigger = new Array<T | undefined>(Math.max(8, this.#ring.length * 2)).fill(undefined);
    for (let i = 0; i < this.#length; i += 1) bigger[i] = this.#ring[(this.#head + i) % this.#ring.length];
    this.#ring = bigger;
    this.#head = 0;
  }
}
