import { type LookupAddress, type LookupOptions, lookup as systemLookup } from 'node:dns';
import { isIP } from 'node:net';

/** The shape of `dns.lookup` as sockets call it: one address, or all of them when `options.all` is set. */
export type Lookup = (
  hostname: string,
  options: LookupOptions,
  callback: (error: Error | null, address: string | LookupAddress[], family?: number) => void,
) => void;

/** Tells whether an IP address, v4 or v6 without brackets, may not be dialled. */
export type AddressRule = (address: string) => boolean;

/** Raised when a host is, or resolves to, an address that may not be dialled; names neither. */
export class BlockedAddressError extends Error {
  readonly code = 'EBLOCKED';

  constructor() {
    super('The address may not be dialled.');
    this.name = 'BlockedAddressError';
  }
}

/**
 * Resolves like `lookup`, and fails with `BlockedAddressError` when any of the addresses is forbidden.
 * It is given to the socket itself, so that the address that was checked is the one that is dialled.
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
