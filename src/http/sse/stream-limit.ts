import type { RequestHandler } from 'express';
import { TEXTS } from '../../actors/domain/error-texts.ts';
import { GatewayError } from '../../actors/domain/errors.ts';
import { clientOf } from '../middleware/ip-rate-limit.ts';

/** Event streams open at once: more than pages and back ends need, far fewer than connections. */
const STREAMS = { perAddress: 50, inAll: 1_000 };

/**
 * Limits open event streams, per address and in all; create it once for all routes that stream.
 *
 * Errors: `RATE_LIMITED` (429, `Retry-After`) for one too many.
 */
export function streamLimit(limit = STREAMS): RequestHandler {
  const open = new Map<string, number>();
  let all = 0;

  /** Changes the count of an address; a count of 0 is dropped. */
  function count(client: string, change: 1 | -1): void {
    all += change;
    const streams = (open.get(client) ?? 0) + change;
    if (streams === 0) open.delete(client);
    else open.set(client, streams);
  }

  return function limitStreams(req, res, next) {
    const client = clientOf(req);
    const isOwn = (open.get(client) ?? 0) >= limit.perAddress;
    if (isOwn || all >= limit.inAll) {
      const { ownStreams, streams } = TEXTS.RATE_LIMITED;
      throw new GatewayError('RATE_LIMITED', isOwn ? ownStreams : streams);
    }
    count(client, 1);
    res.once('close', () => count(client, -1));
    next();
  };
}
