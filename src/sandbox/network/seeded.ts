import { hash } from 'node:crypto';

/**
 * Ids and random numbers from a seed. Each label has its own sequence, so that what one account draws does not depend
 * on the others: the same seed and script give the same ids.
 */
export class Seeded {
  readonly #seed: string;
  readonly #drawn = new Map<string, number>();

  constructor(seed: string) {
    this.#seed = seed;
  }

  /** The next `length` (at most 64) hex digits, upper case, of the label's sequence. */
  hex(label: string, length: number): string {
    const turn = (this.#drawn.get(label) ?? 0) + 1;
    this.#drawn.set(label, turn);
    return this.fixed(`${label}#${turn}`, length);
  }

  /** The next number in [0, 1) of the label's sequence. */
  share(label: string): number {
    return Number.parseInt(this.hex(label, 8), 16) / 2 ** 32;
  }

  /** Hex digits that are the same at every call. */
  fixed(label: string, length: number): string {
    return hash('sha256', `${this.#seed}|${label}`, 'hex').slice(0, length).toUpperCase();
  }
}
