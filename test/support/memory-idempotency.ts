import type {
  IdempotencyKey,
  IdempotencyState,
  IdempotencyStore,
  IdempotentAnswer,
} from '../../src/http/ports.ts';

/** The idempotency store in a Map, behaving like the real one. */
export class MemoryIdempotency implements IdempotencyStore {
  readonly #known = new Map<
    string,
    { bodyHash: string; storedId: string; isCutOff?: boolean; answer?: IdempotentAnswer }
  >();

  #name({ userId, agentId, operation, key }: IdempotencyKey): string {
    return JSON.stringify([userId, agentId, operation, key]);
  }

  async begin(key: IdempotencyKey): Promise<IdempotencyState> {
    const name = this.#name(key);
    const known = this.#known.get(name);
    if (!known) {
      const storedId = `stored-${this.#known.size}`;
      this.#known.set(name, { bodyHash: key.bodyHash, storedId });
      return { state: 'new', storedId };
    }
    if (known.bodyHash !== key.bodyHash) return { state: 'mismatch' };
    if (known.isCutOff) return { state: 'cut_off', storedId: known.storedId };
    return known.answer ? { state: 'done', answer: known.answer } : { state: 'in_flight' };
  }

  async complete(key: IdempotencyKey, answer: IdempotentAnswer): Promise<void> {
    // Through JSON, like a database.
    this.#known.set(this.#name(key), {
      bodyHash: key.bodyHash,
      storedId: '',
      answer: JSON.parse(JSON.stringify(answer)) as IdempotentAnswer,
    });
  }

  /** Simulates a crash: every request in flight was cut off after it stored its message. */
  cutOff(): void {
    for (const known of this.#known.values()) known.isCutOff = known.answer === undefined;
  }

  async abandon(key: IdempotencyKey): Promise<void> {
    this.#known.delete(this.#name(key));
  }
}
