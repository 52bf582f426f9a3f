import { GatewayError } from '../../actors/domain/errors.ts';

const RETRY_MS = 1_000;

/** True when a write may or may not have happened, and can be tried again. */
export function isUnavailable(error: unknown): boolean {
  return error instanceof GatewayError && error.code === 'DATABASE_UNAVAILABLE';
}

/**
 * Writes that must happen although the database was away: each is tried again every second until it is written, or
 * refused for good. They are kept in memory only. A later write under the same key takes the place of the earlier.
 */
export class DeferredWrites<Item> {
  readonly #write: (item: Item) => Promise<unknown>;
  readonly #items = new Map<string, Item>();
  #timer: NodeJS.Timeout | null = null;

  constructor(write: (item: Item) => Promise<unknown>) {
    this.#write = write;
  }

  /** The write that waits under a key. */
  get(key: string): Item | undefined {
    return this.#items.get(key);
  }

  /** Keeps a write for when the database is back. */
  add(key: string, item: Item): void {
    this.#items.set(key, item);
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      void this.#flush();
    }, RETRY_MS).unref();
  }

  /** Tries all writes a last time. Never rejects. */
  async close(): Promise<void> {
    await this.#flush();
    if (this.#timer) clearTimeout(this.#timer);
  }

  /** Tries every write; those that the database can't take yet stay. Never rejects. */
  async #flush(): Promise<void> {
    const tried = [...this.#items].map(async ([key, item]) => {
      const isLeft = await this.#write(item).then(() => false, isUnavailable);
      // A later write may have taken its place meanwhile.
      if (this.#items.get(key) !== item) return;
      if (isLeft) this.add(key, item);
      else this.#items.delete(key);
    });
    await Promise.all(tried);
  }
}
