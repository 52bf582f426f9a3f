import type { EpochMs } from '../../actors/domain/ports/clock.ts';
import type { WireEntry } from './types.ts';

/** The newest lines of what was transmitted; bounded. */
export class WireLog {
  readonly #size: number;
  #entries: WireEntry[] = [];
  #seq = 0;

  constructor(size: number) {
    this.#size = size;
  }

  /** Adds a line and returns it. */
  add(line: Omit<WireEntry, 'seq' | 'at'>, at: EpochMs): WireEntry {
    this.#seq += 1;
    const entry = { seq: this.#seq, at, ...line };
    this.#entries.push(entry);
    // Halved now and then: removing one per line costs more.
    if (this.#entries.length > this.#size * 2) this.#entries = this.#entries.slice(-this.#size);
    return entry;
  }

  /** Oldest first. */
  list(): WireEntry[] {
    return this.#entries.slice(-this.#size);
  }
}
