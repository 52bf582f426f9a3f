import type { Jid } from '../../../actors/domain/identity.ts';

/** How long a number that had an account is taken to have it still, ms. */
const KNOWN_FOR_MS = 600_000;
const MAX_KNOWN = 1_000;

/**
 * Numbers that are known to have an account. A look-up is a question to WhatsApp, takes as long as a send, and too
 * many of them look like somebody who searches for numbers. One without an account is asked about each time: it may
 * get one any moment.
 */
export class Recipients {
  readonly #ask: (jid: Jid) => Promise<Jid | null>;
  readonly #known = new Map<Jid, { address: Jid; until: number }>();

  constructor(ask: (jid: Jid) => Promise<Jid | null>) {
    this.#ask = ask;
  }

  /** The address of a number, or null when it has no account; rejects when that can't be told. */
  async resolve(jid: Jid): Promise<Jid | null> {
    const known = this.#known.get(jid);
    if (known && known.until > performance.now()) return known.address;
    this.#known.delete(jid);
    const address = await this.#ask(jid);
    if (address !== null) this.#keep(jid, address);
    return address;
  }

  /** Keeps an address; the one that was learned first makes room. */
  #keep(jid: Jid, address: Jid): void {
    const [oldest] = this.#known.keys();
    if (oldest !== undefined && this.#known.size >= MAX_KNOWN) this.#known.delete(oldest);
    this.#known.set(jid, { address, until: performance.now() + KNOWN_FOR_MS });
  }
}
