import { type LookupAddress, type LookupOptions, lookup as systemLookup } from 'node:dns';
import { isIP } from 'node:net';

/** The shape of `dns.lookup` as sockets call it: one address, or all of them when `options.all` is set. */
export type Lookup = (
  hostname: string,
  options: LookupOptions,
  callback: (error: Error | null, address: string | LookupAddress[], family?: number) => void,
) => void;

/** True for an IP address, v4 or v6 without brackets, that must not be connected to. */
export type AddressRule = (address: string) => boolean;

/** A host is, or resolves to, a forbidden address; the message names neither. */
export class BlockedAddressError extends Error {
  readonly code = 'EBLOCKED';

  constructor() {
    super('Connecting to this address is not allowed.');
    this.name = 'BlockedAddressError';
  }
}

/**
 * Resolves like `lookup`, and fails with `BlockedAddressError` when any of the addresses is forbidden.
 * The socket itself uses it, so that the checked address is the one that is connected to.
 */
export function guardedLookup(isForbidden: AddressRule, lookup: Lookup = systemLookup as Lookup): Lookup {
  return (hostname, options, callback) =>
    lookup(hostname, options, (error, address, family) => {
      if (error) return callback(error, address, family);
      const addresses = typeof address === 'string' ? [address] : address.map((entry) => entry.address);
      if (addresses.some(isForbidden)) return callback(new BlockedAddressError(), address, family);
      callback(null, address, family);
    });
}

/** True when the URL's host is an IP literal that the rule forbids; sockets never look literals up. */
export function isForbiddenLiteral(url: URL, isForbidden: AddressRule): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return isIP(host) !== 0 && isForbidden(host);
}
