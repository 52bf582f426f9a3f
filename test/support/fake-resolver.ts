import { lookup as systemLookup } from 'node:dns';
import { isIP } from 'node:net';
import type { Lookup } from '../../src/infra/net/guarded-lookup.ts';

/**
 * A name server in an attacker's hand: each look-up of one of its names gives the next of that name's answers, and
 * the last one from then on. All other names are the system's.
 */
export class FakeResolver {
  /** Every name of its own that was looked up. */
  readonly asked: string[] = [];
  readonly #answers = new Map<string, string[][]>();

  /** Gives the name its answers, each a list of addresses. */
  set(name: string, ...answers: string[][]): void {
    this.#answers.set(name, answers);
  }

  /** In the place of `dns.lookup`. */
  readonly lookup: Lookup = (name, options, callback) => {
    const left = this.#answers.get(name);
    if (!left) return (systemLookup as Lookup)(name, options, callback);
    this.asked.push(name);
    const addresses = (left.length > 1 ? left.shift() : left[0]) ?? [];
    const entries = addresses.map((address) => ({ address, family: isIP(address) }));
    // As from a real resolver: later, never within the call.
    setImmediate(() => {
      if (options.all) callback(null, entries);
      else callback(null, entries[0]?.address ?? '', entries[0]?.family);
    });
  };
}
