import type { Request } from 'express';
import ipaddr from 'ipaddr.js';
import { LRUCache } from 'lru-cache';

/** Addresses that are counted at most; beyond that the least recently counted one is dropped. */
const MAX_ADDRESSES = 10_000;

/** The parts of a request that say where it comes from. */
type Sender = Pick<Request, 'ip' | 'socket'>;

/**
 * The client's address. A proxy passes it on in a header, which may hold anything: if it is not an address, the proxy's
 * own counts.
 */
export function addressOf(req: Sender): string | undefined {
  return [req.ip, req.socket.remoteAddress].find((text) => text !== undefined && ipaddr.isValid(text));
}

/** The unit that is counted: an IPv4 address, or the /64 network that an IPv6 customer has. */
export function sourceOf(text: string | undefined): string {
  if (text === undefined || !ipaddr.isValid(text)) return 'unknown';
  const address = ipaddr.process(text);
  if (!(address instanceof ipaddr.IPv6)) return address.toString();
  return address.parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(':');
}

/** The client that a request counts for. */
export function clientOf(req: Sender): string {
  return sourceOf(addressOf(req));
}

/**
 * Rate limit per address: `burst` at once, then `perMinute` a minute. It keeps one number per address, the time at which
 * its allowance is full again, for a bounded number of addresses.
 */
export class AddressLimit {
  readonly #intervalMs: number;
  readonly #toleranceMs: number;
  readonly #now: () => number;
  readonly #fullAt = new LRUCache<string, number>({ max: MAX_ADDRESSES });

  /** @param now a monotonic clock in milliseconds */
  constructor(limit: { burst: number; perMinute: number }, now: () => number = () => performance.now()) {
    this.#intervalMs = 60_000 / limit.perMinute;
    this.#toleranceMs = limit.burst * this.#intervalMs;
    this.#now = now;
  }

  /** Counts one use for the address; returns 0, or the seconds until the next one is allowed. */
  take(address: string): number {
    const now = this.#now();
    const fullAt = Math.max(this.#fullAt.get(address) ?? now, now) + this.#intervalMs;
    const overMs = fullAt - now - this.#toleranceMs;
    if (overMs > 0) return overMs / 1_000;
    this.#fullAt.set(address, fullAt);
    return 0;
  }

  /** Number of addresses that are counted. */
  get size(): number {
    return this.#fullAt.size;
  }
}
