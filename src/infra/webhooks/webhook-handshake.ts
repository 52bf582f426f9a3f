import { randomInt, timingSafeEqual } from 'node:crypto';
import { boundedFetch, readWhole } from '../net/bounded-fetch.ts';
import { requestUrl, type UrlGuard } from '../net/url-guard.ts';
import { wordFor } from './webhook-request.ts';

const ANSWER_BYTES = 1_024;

/** A receiver to be verified. */
export interface Handshake {
  url: string;
  token: string;
  /** In milliseconds. */
  deadlineMs: number;
  signal: AbortSignal;
}

/**
 * Asks a receiver for a challenge, as Meta does:
 * https://developers.facebook.com/docs/graph-api/webhooks/getting-started#verification-requests
 *
 * Returns null when it has answered with it, else why not, in a word. Never rejects.
 */
export async function verifyReceiver(guard: UrlGuard, { url: text, token, ...bounds }: Handshake) {
  const url = requestUrl(text);
  const route = url && guard.route(url);
  if (!route) return 'URL_BLOCKED';
  const challenge = String(randomInt(1_000_000_000, 10_000_000_000));
  const query = { 'hub.mode': 'subscribe', 'hub.challenge': challenge, 'hub.verify_token': token };
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  try {
    const request = { method: 'GET', headers: {}, ...route, ...bounds, maxBytes: ANSWER_BYTES } as const;
    const { status, body } = await boundedFetch(url, request, readWhole);
    if (!body) return `HTTP_${status}`;
    const expected = Buffer.from(challenge);
    const isRight = body.length === expected.length && timingSafeEqual(body, expected);
    return isRight ? null : 'WRONG_CHALLENGE';
  } catch (error) {
    return wordFor(error);
  }
}
