import type { Request } from 'express';
import ipaddr from 'ipaddr.js';
import { LRUCache } from 'lru-cache';

/** Addresses that are counted at most; beyond that the least recently counted one is dropped. */
const MAX_ADDRESSES = 10_000;

/** What is needed of a request to know where it comes from. */
type FromSomewhere = Pick<Request, 'ip' | 'socket'>;

/**
 * The client's address. What a proxy passes on is a header and may hold anything: where it is no address, the one
 * that brought it counts.
 */
export function addressOf(req: FromSomewhere): string | undefined {
  return [req.ip, req.socket.remoteAddress].find((text) => text !== undefined && ipaddr.isValid(text));
}

/** Whose doings count together: an IPv4 address, or the network (/64) that an IPv6 customer is given. */
export function sourceOf(text: string | undefined): string {
  if (text === undefined || !ipaddr.isValid(text)) return 'unknown';
  const address = ipaddr.process(text);
  if (!(address instanceof ipaddr.IPv6)) return address.toString();
  return address.parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(':');
}

/** Whom a request counts for; one form for each. */
export function clientOf(req: FromSomewhere): string {
  return sourceOf(addressOf(req));
}

/**
 * How often an address may do something: `burst` times at once, then `perMinute` times a minute. It keeps one
 * number per address (the moment at which its allowance is whole again), and a bounded number of addresses.
 */
export class AddressLimit {
  readonly #intervalMs: number;
  readonly #toleranceMs: number;
  readonly #now: () => number;
  readonly #wholeAt = new LRUCache<string, number>({ max: MAX_ADDRESSES });

  /** @param now a monotonic clock in milliseconds */
  constructor(limit: { burst: number; perMinute: number }, now: () => number = () => performance.now()) {
    this.#intervalMs = 60_000 / limit.perMinute;
    this.#toleranceMs = limit.burst * this.#intervalMs;
    this.#now = now;
  }

  /** Counts one for the address. Gives 0, or the seconds until the next one when it has none left. */
  take(address: string): number {
    const now = this.#now();
    const wholeAt = Math.max(this.#wholeAt.get(address) ?? now, now) + this.#intervalMs;
    const overMs = wholeAt - now - this.#toleranceMs;
    if (overMs > 0) return overMs / 1_000;
    this.#wholeAt.set(address, wholeAt);
    return 0;
  }

  /** How many addresses are remembered. */
  get size(): number {
    return this.#wholeAt.size;
  }
}
