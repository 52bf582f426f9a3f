import { GatewayError } from '../../actors/domain/errors.ts';

interface Waiting<Item, Result> {
  item: Item;
  resolve: (result: Result) => void;
  reject: (error: unknown) => void;
}

/**
 * Collects the items that arrive while one batch is being written, and writes them as the next: one statement and one
 * flush to disk for all of them. One batch at a time, in the order of the calls.
 *
 * `write` returns a result for each item, in their order. When it rejects for their contents (anything but
 * `DATABASE_UNAVAILABLE`), they are retried one by one, so that a bad item fails alone.
 *
 * `lingerMs` delays each batch to collect more items, where no caller waits for the write.
 *
 * @example
 * const claims = new GroupCommit((ids: string[]) => insertAll(ids));
 * const isNew = await claims.add('3EB0…');
 */
export class GroupCommit<Item, Result> {
  readonly #write: (items: Item[]) => Promise<Result[]>;
  readonly #maxBatch: number;
  readonly #lingerMs: number;
  /** Writes the delayed batch now. */
  #hurry: (() => void) | null = null;
  #waiting: Waiting<Item, Result>[] = [];
  #isRunning = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    write: (items: Item[]) => Promise<Result[]>,
    options: { maxBatch?: number; lingerMs?: number } = {},
  ) {
    this.#write = write;
    this.#maxBatch = options.maxBatch ?? 500;
    this.#lingerMs = options.lingerMs ?? 0;
  }

  /** Resolves when the item is on disk; rejects with `write`'s error for it. */
  add(item: Item): Promise<Result> {
    const written = new Promise<Result>((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
    });
    this.#last = written.catch(() => {});
    if (!this.#isRunning) void this.#run();
    return written;
  }

  /** Resolves when everything added so far has been written or has failed, without delay. */
  async flushed(): Promise<void> {
    const last = this.#last;
    this.#hurry?.();
    await last;
  }

  /** Writes batch after batch until none is left; never rejects. */
  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#waiting.length > 0) {
      await this.#gather();
      await this.#settle(this.#waiting.splice(0, this.#maxBatch));
    }
    this.#isRunning = false;
  }

  /** Waits for more items for the next batch. */
  async #gather(): Promise<void> {
    if (this.#lingerMs === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#lingerMs);
      this.#hurry = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#hurry = null;
  }

  /** Writes one batch and settles each of its promises. */
  async #settle(batch: Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await this.#write(batch.map((waiting) => waiting.item));
      batch.forEach((waiting, index) => {
        waiting.resolve(results[index]!);
      });
    } catch (error) {
      const isOfItems = !(error instanceof GatewayError && error.code === 'DATABASE_UNAVAILABLE');
      if (batch.length > 1 && isOfItems) {
        for (const waiting of batch) await this.#settle([waiting]);
        return;
      }
      for (const waiting of batch) waiting.reject(error);
    }
  }
}
