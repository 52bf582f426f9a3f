import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import ipaddr from 'ipaddr.js';
import { RequestFilteringHttpAgent, RequestFilteringHttpsAgent } from 'request-filtering-agent';
import { BlockedAddressError, guardedLookup, isForbiddenLiteral, type Lookup } from './guarded-lookup.ts';
import { isMetadata } from './metadata-addresses.ts';

/** Names of this host, whatever the resolver returns (RFC 6761). */
const LOCAL_NAME = /(^|\.)localhost\.?$/;
/** IPv4 as a deprecated "compatible" IPv6 address: the filtering agents classify these as public. */
const IPV4_COMPATIBLE = ipaddr.IPv6.parseCIDR('::/96');

/** Where a guard lets requests go. */
export interface UrlGuardOptions {
  /** Origins that may be private, e.g. `http://127.0.0.1:9000`. */
  allowedOrigins: string[];
  /** Resolves host names; the system's by default. */
  lookup?: Lookup | undefined;
  /** How long an idle connection is kept, in milliseconds; none is by default. */
  idleMs?: number;
}

/** What a request to a URL is made with. */
export interface Route {
  agent: { http: HttpAgent; https: HttpsAgent };
  lookup: Lookup;
}

/**
 * Keeps requests to URLs of callers out of internal networks, except for allowed origins.
 *
 * The filtering agents check the address that is connected to, so that a name can't change between check and use. They
 * share no connection with the agents of allowed origins.
 */
export class UrlGuard {
  readonly #allowed: Set<string>;
  readonly #filtering: Route;
  readonly #open: Route;

  constructor({ allowedOrigins, lookup, idleMs }: UrlGuardOptions) {
    const connections = idleMs === undefined ? { keepAlive: false } : { keepAlive: true, timeout: idleMs };
    this.#allowed = new Set(allowedOrigins);
    this.#filtering = {
      agent: {
        http: new RequestFilteringHttpAgent(connections),
        https: new RequestFilteringHttpsAgent(connections),
      },
      lookup: guardedLookup(isOverlooked, lookup),
    };
    this.#open = {
      agent: { http: new HttpAgent(connections), https: new HttpsAgent(connections) },
      lookup: guardedLookup(() => false, lookup),
    };
  }

  /** How to reach a URL; null when it is forbidden without a look-up. */
  route(url: URL): Route | null {
    if (this.#allowed.has(url.origin)) return this.#open;
    if (LOCAL_NAME.test(url.hostname) || isForbiddenLiteral(url, isPrivate)) return null;
    return this.#filtering;
  }

  /** Closes the idle connections; requests in progress fail. */
  close(): void {
    for (const { agent } of [this.#filtering, this.#open]) {
      agent.http.destroy();
      agent.https.destroy();
    }
  }
}

/** A URL that may be requested: http(s), without credentials; else null. */
export function requestUrl(text: string, base?: URL): URL | null {
  if (!URL.canParse(text, base?.href)) return null;
  const url = new URL(text, base);
  const isHttp = url.protocol === 'http:' || url.protocol === 'https:';
  return isHttp && !url.username && !url.password ? url : null;
}

/** True when a connection was refused for its address: the filtering agents report it by their message alone. */
export function isRefusedAddress(cause: unknown): boolean {
  if (cause instanceof BlockedAddressError) return true;
  return cause instanceof Error && cause.message.includes('is not allowed. Because');
}

/** True for every address that requests are kept from. */
function isPrivate(address: string): boolean {
  return ipaddr.parse(address).range() !== 'unicast' || isOverlooked(address);
}

/** True for what the filtering agents classify as public: metadata at a public address, and `::a.b.c.d`. */
function isOverlooked(address: string): boolean {
  return isMetadata(address) || isIpv4Compatible(address);
}

/** True for `::a.b.c.d`, and for `::` and `::1` with it. */
function isIpv4Compatible(address: string): boolean {
  const parsed = ipaddr.parse(address);
  return parsed.kind() === 'ipv6' && (parsed as ipaddr.IPv6).match(IPV4_COMPATIBLE);
}
