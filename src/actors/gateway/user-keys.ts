import { TEXTS } from '../domain/error-texts.ts';
import { GatewayError } from '../domain/errors.ts';
import type { ApiKeyStore } from '../domain/ports/stores.ts';

// What a Bearer token in a header can be.
const PRESENTABLE = /^[\x21-\x7e]{1,4096}$/;

/** True for a key that a caller can present as a Bearer token. */
export function isPresentable(key: string): boolean {
  return PRESENTABLE.test(key);
}

/** The keys of users in `api_keys`: those that can't be presented are skipped and reported. */
export class UserKeys {
  readonly #store: ApiKeyStore;
  readonly #report: (error: GatewayError) => void;
  /** How many keys of a user were reported, so that a stream of look-ups is one report. */
  readonly #reported = new Map<number, number>();

  constructor(store: ApiKeyStore, report: (error: GatewayError) => void) {
    this.#store = store;
    this.#report = report;
  }

  /** The newest active key of the user that can be presented, or null. */
  async latest(userId: number): Promise<string | null> {
    const keys = await this.#store.active(userId);
    const unusable = keys.filter((key) => !isPresentable(key)).length;
    if (unusable > 0 && this.#reported.get(userId) !== unusable) {
      this.#report(new GatewayError('INVALID_PAYLOAD', TEXTS.INVALID_PAYLOAD.unusableKeys(userId, unusable)));
    }
    this.#reported.set(userId, unusable);
    return keys.find(isPresentable) ?? null;
  }
}
