import { createHmac } from 'node:crypto';
import { BoundedFetchError, boundedFetch } from '../net/bounded-fetch.ts';
import { isRefusedAddress, requestUrl, type UrlGuard } from '../net/url-guard.ts';

/** How much of an answer is read, and for how long, so that its connection can be used again. */
const ANSWER_BYTES = 16 * 1024;
const ANSWER_MS = 250;

/** A request to a webhook. */
export interface WebhookPost {
  url: string;
  /** Signs the body. */
  secret: string;
  /** `X-Webhook-Id`. */
  id: string;
  body: string;
  /** Signed as Meta does, without the time. */
  isMeta: boolean;
  /** From the call to the head of the answer, in milliseconds. */
  deadlineMs: number;
  signal: AbortSignal;
}

/** What became of an attempt: `error` is a short word, never an address or the receiver's text. */
export type Attempt = { isDelivered: true; status: number } | { isDelivered: false; error: string };

/**
 * Posts an event once: delivered when a status 2xx comes in time, whatever its body. Nothing is redirected. Never
 * rejects.
 */
export async function postEvent(guard: UrlGuard, post: WebhookPost): Promise<Attempt> {
  const url = requestUrl(post.url);
  const route = url && guard.route(url);
  if (!route) return { isDelivered: false, error: 'URL_BLOCKED' };
  const { id, deadlineMs, signal, body } = post;
  const headers = { 'content-type': 'application/json', 'x-webhook-id': id, ...signatures(post) };
  try {
    const request = { method: 'POST', headers, body, ...route, deadlineMs, signal } as const;
    const { status } = await boundedFetch(url, { ...request, maxBytes: Number.POSITIVE_INFINITY }, skim);
    if (status >= 200 && status <= 299) return { isDelivered: true, status };
    return { isDelivered: false, error: `HTTP_${status}` };
  } catch (error) {
    return { isDelivered: false, error: wordFor(error) };
  }
}

/** Meta's signature of the body, and one of ours that covers the time, against replay. */
function signatures({ body, secret, isMeta }: WebhookPost): Record<string, string> {
  const timestamp = String(Math.floor(Date.now() / 1_000));
  const hmac = (text: string) => createHmac('sha256', secret).update(text).digest('hex');
  const ofBody = { 'x-hub-signature-256': `sha256=${hmac(body)}` };
  if (isMeta) return ofBody;
  return {
    ...ofBody,
    'x-webhook-timestamp': timestamp,
    'x-webhook-signature': `v1=${hmac(`${timestamp}.${body}`)}`,
  };
}

/** Reads a short answer to its end; a long or slow one is cut off. */
async function skim(bytes: AsyncIterable<Buffer>): Promise<void> {
  const read = async () => {
    let size = 0;
    for await (const chunk of bytes) {
      size += chunk.length;
      if (size > ANSWER_BYTES) return;
    }
  };
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ANSWER_MS);
  });
  // An answer that breaks off has said its status.
  await Promise.race([read().catch(() => undefined), late]).finally(() => clearTimeout(timer));
}

/** Why an attempt failed, in a word. */
export function wordFor(error: unknown): string {
  if (!(error instanceof BoundedFetchError)) return 'FAILED';
  if (error.fault === 'timeout') return 'TIMEOUT';
  if (error.fault === 'cancelled') return 'CANCELLED';
  if (isRefusedAddress(error.cause)) return 'URL_BLOCKED';
  return error.mayHaveArrived ? 'CONNECTION_LOST' : 'CONNECTION_FAILED';
}
