import { GatewayError } from '../actors/errors.ts';
import { sourceOf } from './address-limit.ts';

const FAILURES = 5;
const WINDOW_MS = 60_000;
/** Addresses that are remembered at once; the oldest goes first. */
const REMEMBERED = 10_000;

/** Counts failed logins: five a minute from one address, then it has to wait. */
export class LoginAttempts {
  readonly #failures = new Map<string, { count: number; until: number }>();

  /** @throws GatewayError `RATE_LIMITED` when the address has failed too often. */
  assertMayTry(address: string | undefined): void {
    const failed = this.#failures.get(sourceOf(address));
    const waitMs = failed ? failed.until - Date.now() : 0;
    if (!failed || waitMs <= 0 || failed.count < FAILURES) return;
    throw new GatewayError('RATE_LIMITED', 'Too many failed logins from this address.', {
      details: { retryAfterSeconds: Math.ceil(waitMs / 1_000) },
    });
  }

  /** One more failure of the address. */
  failed(address: string | undefined): void {
    const source = sourceOf(address);
    const known = this.#failures.get(source);
    const isOpen = known !== undefined && known.until > Date.now();
    this.#failures.delete(source);
    this.#failures.set(source, {
      count: isOpen ? known.count + 1 : 1,
      until: isOpen ? known.until : Date.now() + WINDOW_MS,
    });
    const [oldest] = this.#failures.keys();
    if (this.#failures.size > REMEMBERED && oldest !== undefined) this.#failures.delete(oldest);
  }

  /** The address knows the token. */
  succeeded(address: string | undefined): void {
    this.#failures.delete(sourceOf(address));
  }
}
