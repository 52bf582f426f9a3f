import { randomUUID } from 'node:crypto';
import type { RequestHandler, Response } from 'express';

// The W3C form; versions above 00 may carry more parts, `ff` is forbidden, and all-zero ids mean "none".
const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$/;

/** A new trace id: 32 lower-case hex characters, never all zero. `randomUUID` buffers its randomness. */
export function newTraceId(): string {
  return randomUUID().replaceAll('-', '');
}

/**
 * The trace id of a `traceparent` header, or a new one when the header is missing or not valid.
 *
 * @example traceIdFrom('00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01') // '0af7651916cd43dd8448eb211c80319c'
 */
export function traceIdFrom(header: string | undefined): string {
  const match = header === undefined || header.length > 512 ? null : TRACEPARENT.exec(header);
  const tooLong = match?.[1] === '00' && match[3] !== undefined;
  return match && !tooLong ? match[2]! : newTraceId();
}

/** Gives every request its trace id, and every response the header `X-Trace-Id`. */
export const trace: RequestHandler = function trace(req, res, next) {
  const header = req.headers.traceparent;
  const traceId = traceIdFrom(typeof header === 'string' ? header : undefined);
  res.locals.traceId = traceId;
  res.setHeader('X-Trace-Id', traceId);
  next();
};

/** The trace id of this response's request. */
export function traceIdOf(res: Response): string {
  return String(res.locals.traceId);
}
