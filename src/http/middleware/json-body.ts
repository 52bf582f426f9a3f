import { isUtf8 } from 'node:buffer';
import express, { type Request, type RequestHandler } from 'express';
import type { z } from 'zod';
import { TEXTS } from '../../actors/domain/error-texts.ts';
import { type ErrorCode, GatewayError } from '../../actors/domain/errors.ts';
import { faultsOf, zodErrorMap } from '../../infra/zod-error-map.ts';
import { invalid } from './error-handler.ts';
import { jsonFault } from './json-limits.ts';
import type { ByteBudget } from './upload-budget.ts';
import { holdBody } from './upload-budget.ts';

/**
 * Largest bodies in bytes; media is 10 MiB in base64 with line breaks, and the longest caption, all escaped; message the
 * same with 16 MiB.
 */
export const BODY_LIMITS = {
  sessions: 32 * 1024,
  form: 8 * 1024,
  text: 512 * 1024,
  media: 15_300_000,
  message: 24_500_000,
} as const;

const JSON_TYPE = 'application/json';
const FORM_TYPE = 'application/x-www-form-urlencoded';

/** Time for a body beyond what its length takes on the slowest supported uplink. */
const BODY_PATIENCE_MS = 30_000;
/** 2 Mbit/s. */
const SLOWEST_BYTES_PER_MS = 250;

/** Milliseconds within which a body of this length must arrive. */
export function bodyDeadlineMs(length: number): number {
  return BODY_PATIENCE_MS + Math.ceil(length / SLOWEST_BYTES_PER_MS);
}

/** The refusal of a body over its limit in bytes. */
function overLimit(code: ErrorCode, limit: number): GatewayError {
  return new GatewayError(code, TEXTS.PAYLOAD_TOO_LARGE.bytes(limit));
}

/** The refusal of a body that is late. */
function tooSlow(): GatewayError {
  return new GatewayError('INVALID_PAYLOAD', TEXTS.INVALID_PAYLOAD.tooSlow);
}

/** An error of body-parser as ours. */
function fromParser(thrown: unknown, tooLarge: ErrorCode, limit: number): GatewayError {
  const type = typeof thrown === 'object' && thrown !== null && 'type' in thrown ? thrown.type : '';
  if (type === 'entity.too.large') return overLimit(tooLarge, limit);
  if (type === 'encoding.unsupported' || type === 'charset.unsupported') {
    return new GatewayError('UNSUPPORTED_MEDIA_TYPE', TEXTS.UNSUPPORTED_MEDIA_TYPE.encoding);
  }
  return invalid([{ path: '', message: 'is not valid JSON' }], TEXTS.INVALID_PAYLOAD.notJson);
}

/** Refuses bytes that are not UTF-8: they would be read, and sent on, as replacement characters. */
function refuseIllFormed(bytes: Buffer, encoding: string): void {
  if (encoding !== 'utf-8') throw Object.assign(new Error('not UTF-8'), { type: 'charset.unsupported' });
  if (!isUtf8(bytes)) throw new Error('not UTF-8');
}

/** Rewrites the charset as the parser expects it: many clients call UTF-8 `utf8`. */
function nameCharset(req: Request): void {
  const { headers } = req;
  headers['content-type'] = headers['content-type']?.replace(/(;\s*charset=)"?utf8"?\s*(;|$)/i, '$1utf-8$2');
}

/** Options of a route's bodies, besides their size. */
interface BodyOptions {
  /** Counts the bytes of the agent's bodies; needs authentication before. */
  budget?: ByteBudget;
  /** Error code of a body over the limit; `PAYLOAD_TOO_LARGE` by default. */
  tooLarge?: ErrorCode;
}

/**
 * Reads a JSON body of at most `limit` bytes into `req.body`. Put it behind authentication: no body is read before. A
 * declared length over the limit, or over what the budget has left, is refused before the bytes arrive. A late body
 * closes the connection.
 *
 * Errors: 415 for anything but uncompressed `application/json`, `tooLarge` (413), `INVALID_PAYLOAD`, `RATE_LIMITED`.
 */
export function jsonBody(
  limit: number,
  { budget, tooLarge = 'PAYLOAD_TOO_LARGE' }: BodyOptions = {},
): RequestHandler {
  const parse = express.json({
    limit,
    inflate: false,
    // Any JSON: the schema requires the object.
    strict: false,
    type: () => true,
    verify: (_req, _res, bytes, encoding) => refuseIllFormed(bytes, encoding),
  });
  return function readJsonBody(req, res, next) {
    const length = Number(req.headers['content-length'] ?? limit);
    const hasBody =
      req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length']) > 0;
    if (!hasBody) throw invalid([{ path: '', message: 'is missing' }], TEXTS.INVALID_PAYLOAD.bodyMissing);
    if (!req.is(JSON_TYPE)) {
      throw new GatewayError('UNSUPPORTED_MEDIA_TYPE', TEXTS.UNSUPPORTED_MEDIA_TYPE.contentType(JSON_TYPE));
    }
    if (length > limit) throw overLimit(tooLarge, limit);
    /** Answers before the body has arrived; what is left of it is not read. */
    const refuse = (error: unknown): void => {
      clearTimeout(late);
      if (res.headersSent) return;
      res.setHeader('Connection', 'close');
      next(error);
    };
    if (budget) holdBody(req, res, budget, refuse);
    // A client that expects this has sent nothing yet, and sends nothing when refused above.
    if (/100-continue/i.test(req.headers.expect ?? '')) res.writeContinue();
    nameCharset(req);
    const late = setTimeout(() => refuse(tooSlow()), bodyDeadlineMs(length));
    parse(req, res, (thrown?: unknown) => {
      clearTimeout(late);
      // It was refused and has its response.
      if (res.headersSent) return;
      if (thrown) return next(fromParser(thrown, tooLarge, limit));
      const fault = jsonFault(req.body);
      next(fault ? invalid([fault]) : undefined);
    });
  };
}

/** True for a message whose file is in its body. */
function hasData(body: unknown): boolean {
  if (typeof body !== 'object' || body === null || !('type' in body)) return false;
  const content = (body as Record<string, unknown>)[String(body.type)];
  return typeof content === 'object' && content !== null && 'data' in content;
}

/**
 * Reads a message. One of at most the size of a text counts in the budget of texts, a larger one in that of media, and
 * only one with a file in it may be larger.
 */
export function messageJson(budgets: { text: ByteBudget; media: ByteBudget }): RequestHandler {
  const { text, message } = BODY_LIMITS;
  const readText = jsonBody(text, { budget: budgets.text });
  const readFile = jsonBody(message, { budget: budgets.media, tooLarge: 'MEDIA_TOO_LARGE' });
  return function readMessage(req, res, next) {
    const length = Number(req.headers['content-length'] ?? message);
    if (length <= text) return readText(req, res, next);
    readFile(req, res, (thrown?: unknown) => {
      const isLong = req.headers['content-length'] !== undefined && !hasData(req.body);
      next(thrown ?? (isLong ? overLimit('PAYLOAD_TOO_LARGE', text) : undefined));
    });
  };
}

/**
 * Reads a form of at most `limit` bytes into `req.body`.
 *
 * Errors: 415 for anything else, `PAYLOAD_TOO_LARGE`, `INVALID_PAYLOAD`.
 */
export function formBody(limit: number): RequestHandler {
  const parse = express.urlencoded({ extended: false, limit, inflate: false, type: () => true });
  return function readForm(req, res, next) {
    if (!req.is(FORM_TYPE)) {
      throw new GatewayError('UNSUPPORTED_MEDIA_TYPE', TEXTS.UNSUPPORTED_MEDIA_TYPE.contentType(FORM_TYPE));
    }
    nameCharset(req);
    parse(req, res, (thrown?: unknown) => next(thrown && fromParser(thrown, 'PAYLOAD_TOO_LARGE', limit)));
  };
}

const ISSUE_TEXTS = { error: zodErrorMap };

/**
 * The value as the schema returns it.
 * @throws GatewayError `INVALID_PAYLOAD` with one detail per fault, at most 20 of them.
 */
export function parseWith<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value, ISSUE_TEXTS);
  if (parsed.success) return parsed.data;
  throw invalid(faultsOf(parsed.error).slice(0, 20));
}
