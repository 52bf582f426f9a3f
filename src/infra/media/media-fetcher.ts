import { isUtf8 } from 'node:buffer';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import ipaddr from 'ipaddr.js';
import { RequestFilteringHttpAgent, RequestFilteringHttpsAgent } from 'request-filtering-agent';
import { TEXTS } from '../../actors/domain/error-texts.ts';
import { GatewayError } from '../../actors/domain/errors.ts';
import { type BoundedAnswer, BoundedFetchError, boundedFetch } from '../net/bounded-fetch.ts';
import {
  BlockedAddressError,
  guardedLookup,
  isForbiddenLiteral,
  type Lookup,
} from '../net/guarded-lookup.ts';
import { isMetadata } from '../net/metadata-addresses.ts';

const DEADLINE_MS = 10_000;
const MAX_REDIRECTS = 3;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/** Names of this host, whatever the resolver returns (RFC 6761). */
const LOCAL_NAME = /(^|\.)localhost\.?$/;
/** IPv4 as a deprecated "compatible" IPv6 address: the filtering agents classify these as public. */
const IPV4_COMPATIBLE = ipaddr.IPv6.parseCIDR('::/96');

/** What a fetcher allows, and how it looks names up. */
export interface MediaFetcherOptions {
  /** Origins that may be private (`MEDIA_ALLOWED_ORIGINS`), e.g. `http://127.0.0.1:9000`. */
  allowedOrigins: string[];
  /** From the call to the last byte, redirects included. */
  deadlineMs?: number;
  /** Resolves host names; the system's by default. */
  lookup?: Lookup;
}

/** What is fetched. */
interface Wanted {
  /** Largest file in bytes. */
  maxBytes: number;
  /** The `Accept` header. */
  accept: string;
}

/** Reads a file as it arrives; the type is what its server says. */
type Read<Result> = (bytes: AsyncIterable<Buffer>, type: string | undefined) => Promise<Result>;

/**
 * Fetches the URLs of callers, never from an internal network.
 *
 * The filtering agents check the address that is connected to, so that a name can't change between check and use. No
 * connection is kept: one that was opened for an allowed origin can't be reused.
 */
export class MediaFetcher {
  readonly #options: MediaFetcherOptions;
  readonly #allowed: Set<string>;
  readonly #filtering = {
    http: new RequestFilteringHttpAgent({ keepAlive: false }),
    https: new RequestFilteringHttpsAgent({ keepAlive: false }),
  };
  readonly #open = {
    http: new HttpAgent({ keepAlive: false }),
    https: new HttpsAgent({ keepAlive: false }),
  };

  constructor(options: MediaFetcherOptions) {
    this.#options = options;
    this.#allowed = new Set(options.allowedOrigins);
  }

  /**
   * Reads the file behind an URL, after at most 3 redirects, each checked like the first.
   * @throws GatewayError `MEDIA_URL_BLOCKED`, `MEDIA_TOO_LARGE` or `MEDIA_FETCH_FAILED`, none of which names an
   * address; or what `read` throws, if that is one.
   */
  async fetch<Result>(text: string, wanted: Wanted, read: Read<Result>): Promise<Result> {
    const end = performance.now() + (this.#options.deadlineMs ?? DEADLINE_MS);
    let url = parseUrl(text);
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
      const answer = await this.#get(url, Math.max(1, end - performance.now()), wanted, read);
      if (answer.body !== undefined) return answer.body;
      const { location } = answer.headers;
      if (!REDIRECTS.has(answer.status) || !location)
        throw failed(TEXTS.MEDIA_FETCH_FAILED.status(answer.status));
      url = parseUrl(asUtf8(location), url);
    }
    throw failed(TEXTS.MEDIA_FETCH_FAILED.redirects(MAX_REDIRECTS));
  }

  /** One request, to an allowed origin or through the filter. */
  async #get<Result>(
    url: URL,
    deadlineMs: number,
    { maxBytes, accept }: Wanted,
    read: Read<Result>,
  ): Promise<BoundedAnswer<Result>> {
    const isAllowed = this.#allowed.has(url.origin);
    if (!isAllowed && (LOCAL_NAME.test(url.hostname) || isForbiddenLiteral(url, isOverlooked)))
      throw blocked();
    const lookup = guardedLookup(isAllowed ? () => false : isOverlooked, this.#options.lookup);
    const agent = isAllowed ? this.#open : this.#filtering;
    const request = { method: 'GET', headers: { accept }, agent, lookup, deadlineMs, maxBytes } as const;
    return await boundedFetch(url, request, (bytes, headers) => read(bytes, headers['content-type'])).catch(
      (error: unknown) => {
        throw toMediaError(error, maxBytes);
      },
    );
  }
}

/** A URL that may be fetched: http(s), without credentials. */
function parseUrl(text: string, base?: URL): URL {
  if (!URL.canParse(text, base?.href)) throw blocked();
  const url = new URL(text, base);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw blocked();
  if (url.username || url.password) throw blocked();
  return url;
}

/** A header's text, which Node reads as Latin-1, as the UTF-8 that servers write; as it was when it is none. */
function asUtf8(header: string): string {
  const bytes = Buffer.from(header, 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : header;
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

/** Maps a failed request to its error code. */
function toMediaError(error: unknown, maxBytes: number): GatewayError {
  if (!(error instanceof BoundedFetchError)) return failed(TEXTS.MEDIA_FETCH_FAILED.unreadable, error);
  if (error.cause instanceof GatewayError) return error.cause;
  if (error.fault === 'too_large')
    return new GatewayError('MEDIA_TOO_LARGE', TEXTS.MEDIA_TOO_LARGE.bytes(maxBytes));
  if (error.fault === 'timeout') return failed(TEXTS.MEDIA_FETCH_FAILED.tooSlow, error);
  return isRefusal(error.cause) ? blocked(error) : failed(TEXTS.MEDIA_FETCH_FAILED.unreadable, error);
}

/** True when the address was refused: the filtering agents report it by their message alone. */
function isRefusal(cause: unknown): boolean {
  if (cause instanceof BlockedAddressError) return true;
  return cause instanceof Error && cause.message.includes('is not allowed. Because');
}

/** The refusal of a URL. */
function blocked(cause?: unknown): GatewayError {
  return new GatewayError('MEDIA_URL_BLOCKED', TEXTS.MEDIA_URL_BLOCKED.blocked, { cause });
}

function failed(message: string, cause?: unknown): GatewayError {
  return new GatewayError('MEDIA_FETCH_FAILED', message, { cause });
}
