import { lookup as systemLookup } from 'node:dns';
import { isIP } from 'node:net';
import type { Lookup } from '../../src/infra/net/guarded-lookup.ts';

/**
 * An attacker's name server: each look-up of one of its names returns the next answer of that name, and finally
 * the last one repeatedly. All other names are the system's.
 */
export class FakeResolver {
  /** The looked-up names of its own. */
  readonly asked: string[] = [];
  readonly #answers = new Map<string, string[][]>();

  /** Sets the answers of a name, each a list of addresses. */
  set(name: string, ...answers: string[][]): void {
    this.#answers.set(name, answers);
  }

  /** Replaces `dns.lookup`. */
  readonly lookup: Lookup = (name, options, callback) => {
    const left = this.#answers.get(name);
    if (!left) return (systemLookup as Lookup)(name, options, callback);
    this.asked.push(name);
    const addresses = (left.length > 1 ? left.shift() : left[0]) ?? [];
    const entries = addresses.map((address) => ({ address, family: isIP(address) }));
    // Asynchronously, like a real resolver.
    setImmediate(() => {
      if (options.all) callback(null, entries);
      else callback(null, entries[0]?.address ?? '', entries[0]?.family);
    });
  };
}
