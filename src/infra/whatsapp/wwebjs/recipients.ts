import { LRUCache } from 'lru-cache';
import type { Jid } from '../../../actors/domain/identity.ts';

/** How long a number is assumed to keep its account. */
const TTL_MS = 600_000;
const MAX_NUMBERS = 1_000;

/**
 * Numbers that are known to have an account. A look-up asks WhatsApp, takes as long as a send, and many of them look
 * like a search for numbers. Numbers without an account are looked up each time: they may get one at any moment.
 */
export class Recipients {
  readonly #lookUp: (jid: Jid) => Promise<Jid | null>;
  readonly #known = new LRUCache<Jid, Jid>({ max: MAX_NUMBERS, ttl: TTL_MS });

  constructor(lookUp: (jid: Jid) => Promise<Jid | null>) {
    this.#lookUp = lookUp;
  }

  /** The address of a number, or null when it has no account; rejects when the look-up fails. */
  async resolve(jid: Jid): Promise<Jid | null> {
    const known = this.#known.get(jid);
    if (known !== undefined) return known;
    const address = await this.#lookUp(jid);
    if (address !== null) this.#known.set(jid, address);
    return address;
  }
}
