import type {
  IdempotencyKey,
  IdempotencyState,
  IdempotencyStore,
  IdempotentAnswer,
} from '../../src/http/idempotency-store.ts';

/** The idempotency store in a Map, with the behaviour of the real one. */
export class MemoryIdempotency implements IdempotencyStore {
  readonly #known = new Map<string, { bodyHash: string; answer?: IdempotentAnswer }>();

  #name({ agentId, operation, key }: IdempotencyKey): string {
    return JSON.stringify([agentId, operation, key]);
  }

  async begin(key: IdempotencyKey): Promise<IdempotencyState> {
    const name = this.#name(key);
    const known = this.#known.get(name);
    if (!known) {
      this.#known.set(name, { bodyHash: key.bodyHash });
      return { state: 'new' };
    }
    if (known.bodyHash !== key.bodyHash) return { state: 'mismatch' };
    return known.answer ? { state: 'done', answer: known.answer } : { state: 'in_flight' };
  }

  async complete(key: IdempotencyKey, answer: IdempotentAnswer): Promise<void> {
    // Through JSON, as a database would keep it.
    this.#known.set(this.#name(key), {
      bodyHash: key.bodyHash,
      answer: JSON.parse(JSON.stringify(answer)) as IdempotentAnswer,
    });
  }

  async abandon(key: IdempotencyKey): Promise<void> {
    this.#known.delete(this.#name(key));
  }
}
