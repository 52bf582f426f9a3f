import { isUtf8 } from 'node:buffer';
import { TEXTS } from '../../actors/domain/error-texts.ts';
import { GatewayError } from '../../actors/domain/errors.ts';
import { type BoundedAnswer, BoundedFetchError, boundedFetch } from '../net/bounded-fetch.ts';
import type { Lookup } from '../net/guarded-lookup.ts';
import { isRefusedAddress, requestUrl, UrlGuard } from '../net/url-guard.ts';

const DEADLINE_MS = 10_000;
const MAX_REDIRECTS = 3;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

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

/** Fetches the URLs of callers, never from an internal network. No connection is kept. */
export class MediaFetcher {
  readonly #deadlineMs: number;
  readonly #guard: UrlGuard;

  constructor({ allowedOrigins, lookup, deadlineMs = DEADLINE_MS }: MediaFetcherOptions) {
    this.#deadlineMs = deadlineMs;
    this.#guard = new UrlGuard({ allowedOrigins, lookup });
  }

  /**
   * Reads the file behind an URL, after at most 3 redirects, each checked like the first.
   * @throws GatewayError `MEDIA_URL_BLOCKED`, `MEDIA_TOO_LARGE` or `MEDIA_FETCH_FAILED`, none of which names an
   * address; or what `read` throws, if that is one.
   */
  async fetch<Result>(text: string, wanted: Wanted, read: Read<Result>): Promise<Result> {
    const end = performance.now() + this.#deadlineMs;
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
    const route = this.#guard.route(url);
    if (!route) throw blocked();
    const request = { method: 'GET', headers: { accept }, ...route, deadlineMs, maxBytes } as const;
    return await boundedFetch(url, request, (bytes, headers) => read(bytes, headers['content-type'])).catch(
      (error: unknown) => {
        throw toMediaError(error, maxBytes);
      },
    );
  }
}

/** A URL that may be fetched. @throws GatewayError `MEDIA_URL_BLOCKED` */
function parseUrl(text: string, base?: URL): URL {
  const url = requestUrl(text, base);
  if (url) return url;
  throw blocked();
}

/** A header's text, which Node reads as Latin-1, as the UTF-8 that servers write; as it was when it is none. */
function asUtf8(header: string): string {
  const bytes = Buffer.from(header, 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : header;
}

/** Maps a failed request to its error code. */
function toMediaError(error: unknown, maxBytes: number): GatewayError {
  if (!(error instanceof BoundedFetchError)) return failed(TEXTS.MEDIA_FETCH_FAILED.unreadable, error);
  if (error.cause instanceof GatewayError) return error.cause;
  if (error.fault === 'too_large')
    return new GatewayError('MEDIA_TOO_LARGE', TEXTS.MEDIA_TOO_LARGE.bytes(maxBytes));
  if (error.fault === 'timeout') return failed(TEXTS.MEDIA_FETCH_FAILED.tooSlow, error);
  return isRefusedAddress(error.cause) ? blocked(error) : failed(TEXTS.MEDIA_FETCH_FAILED.unreadable, error);
}

/** The refusal of a URL. */
function blocked(cause?: unknown): GatewayError {
  return new GatewayError('MEDIA_URL_BLOCKED', TEXTS.MEDIA_URL_BLOCKED.blocked, { cause });
}

function failed(message: string, cause?: unknown): GatewayError {
  return new GatewayError('MEDIA_FETCH_FAILED', message, { cause });
}
