import { TEXTS } from '../domain/error-texts.ts';
import { GatewayError } from '../domain/errors.ts';
import type { ApiKeyStore } from '../domain/ports/stores.ts';

// The characters that a Bearer token can have.
const PRESENTABLE = /^[\x21-\x7e]{1,4096}$/;

/** True for a key that can be a Bearer token. */
export function isPresentable(key: string): boolean {
  return PRESENTABLE.test(key);
}

/** Reads the keys of users; those that can't be a Bearer token are skipped and reported. */
export class UserKeys {
  readonly #store: ApiKeyStore;
  readonly #report: (error: GatewayError) => void;
  /** Number of reported keys per user: the same number is reported once. */
  readonly #reported = new Map<number, number>();

  constructor(store: ApiKeyStore, report: (error: GatewayError) => void) {
    this.#store = store;
    this.#report = report;
  }

  /** The user's newest usable key, or null. @throws GatewayError `DATABASE_UNAVAILABLE` */
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
