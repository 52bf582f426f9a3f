import { GatewayError } from '../../actors/domain/errors.ts';

const RETRY_MS = 1_000;

/** True when the outcome of a write is unknown and it can be retried. */
export function isUnavailable(error: unknown): boolean {
  return error instanceof GatewayError && error.code === 'DATABASE_UNAVAILABLE';
}

/**
 * Writes that an outage has deferred: each is retried every second until it is written or permanently refused. They are
 * kept in memory only. A later write under the same key replaces the earlier one.
 */
export class DeferredWrites<Item> {
  readonly #write: (item: Item) => Promise<unknown>;
  readonly #items = new Map<string, Item>();
  #timer: NodeJS.Timeout | null = null;

  constructor(write: (item: Item) => Promise<unknown>) {
    this.#write = write;
  }

  /** The deferred write of a key. */
  get(key: string): Item | undefined {
    return this.#items.get(key);
  }

  /** Defers a write. */
  add(key: string, item: Item): void {
    this.#items.set(key, item);
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      void this.#flush();
    }, RETRY_MS).unref();
  }

  /** Retries all writes once more. Never rejects. */
  async close(): Promise<void> {
    await this.#flush();
    if (this.#timer) clearTimeout(this.#timer);
  }

  /** Retries every write; those that fail for the outage stay. Never rejects. */
  async #flush(): Promise<void> {
    const tried = [...this.#items].map(async ([key, item]) => {
      const isLeft = await this.#write(item).then(() => false, isUnavailable);
      // A later write may have replaced it meanwhile.
      if (this.#items.get(key) !== item) return;
      if (isLeft) this.add(key, item);
      else this.#items.delete(key);
    });
    await Promise.all(tried);
  }
}
