import type { ErrorRequestHandler, RequestHandler, Response } from 'express';
import type { Logger } from 'pino';
import { TEXTS } from '../../actors/domain/error-texts.ts';
import { type ErrorCode, GatewayError } from '../../actors/domain/errors.ts';
import { sendJson } from '../send-json.ts';
import { traceIdOf } from './trace.ts';

/** The status of every code; a code without one does not compile. `EXPIRED` is a send that failed. */
export const STATUS: Record<ErrorCode, number> = {
  INVALID_PAYLOAD: 400,
  UNAUTHORIZED: 401,
  SESSION_NOT_FOUND: 404,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  REACHOUT_TIMELOCKED: 403,
  MESSAGE_CAPPED: 403,
  LINK_INVALID: 403,
  NOT_OWN_MESSAGE: 403,
  AGENT_ID_TAKEN: 409,
  ACCOUNT_CHANGED: 409,
  SESSION_NOT_READY: 409,
  TOO_LATE: 409,
  WITHDRAWN: 409,
  CHAT_HANDED_OVER: 409,
  IDEMPOTENCY_CONFLICT: 409,
  MEDIA_TOO_LARGE: 413,
  PAYLOAD_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  RANGE_NOT_SATISFIABLE: 416,
  RECIPIENT_NOT_ON_WHATSAPP: 422,
  RATE_LIMITED: 429,
  MEDIA_URL_BLOCKED: 400,
  MEDIA_FETCH_FAILED: 502,
  BAD_GATEWAY: 502,
  AI_DOWNSTREAM_ERROR: 502,
  SESSION_START_FAILED: 503,
  SHUTTING_DOWN: 503,
  DATABASE_UNAVAILABLE: 503,
  AI_TIMEOUT: 504,
  EXPIRED: 502,
  INTERNAL: 500,
};

// Seconds after which a retry makes sense, unless the error says otherwise.
const RETRY_AFTER: Partial<Record<ErrorCode, number>> = {
  RATE_LIMITED: 1,
  SHUTTING_DOWN: 5,
  DATABASE_UNAVAILABLE: 5,
};

// The details that callers may see; all others stay internal.
const PUBLIC_DETAILS = ['outcome', 'id', 'messageId', 'reason', 'dependencies', 'missing'] as const;

/** One fault of a body, path or header: `path` names the field, dots between its parts. */
export interface Issue {
  path: string;
  message: string;
}

/** The body of every 4xx and 5xx. */
export interface ProblemBody {
  error: { code: ErrorCode; message: string; traceId: string; details?: Issue[] | Record<string, unknown> };
}

/** A 400 that names the fields at fault. */
export function invalid(issues: Issue[], message: string = TEXTS.INVALID_PAYLOAD.seeDetails): GatewayError {
  return new GatewayError('INVALID_PAYLOAD', message, { details: { issues } });
}

/** The status of an error: by its code, but a reused idempotency key is 422 where one in flight is 409. */
export function statusOf(error: GatewayError): number {
  if (error.code === 'IDEMPOTENCY_CONFLICT' && error.details?.mismatch === true) return 422;
  return STATUS[error.code];
}

/** The details for the caller: the issues of a 400, else the public fields. */
function publicDetails(error: GatewayError): Issue[] | Record<string, unknown> | undefined {
  const details = error.details ?? {};
  if (error.code === 'INVALID_PAYLOAD') {
    if (Array.isArray(details.issues)) return details.issues as Issue[];
    return [{ path: '', message: error.message }];
  }
  const shown = PUBLIC_DETAILS.filter((name) => details[name] !== undefined);
  return shown.length === 0 ? undefined : Object.fromEntries(shown.map((name) => [name, details[name]]));
}

/** The body of an error response. */
export function problemBody(error: GatewayError, traceId: string): ProblemBody {
  const details = publicDetails(error);
  return { error: { code: error.code, message: error.message, traceId, ...(details && { details }) } };
}

/** The headers of an error: `Retry-After`, `Allow`, `WWW-Authenticate`. */
export function problemHeaders(error: GatewayError): Record<string, string> {
  const headers: Record<string, string> = {};
  const seconds = error.details?.retryAfterSeconds ?? RETRY_AFTER[error.code];
  if (seconds !== undefined) headers['Retry-After'] = String(Math.max(1, Math.ceil(seconds)));
  if (error.details?.allow !== undefined) headers.Allow = error.details.allow;
  if (error.code === 'UNAUTHORIZED') headers['WWW-Authenticate'] = 'Bearer';
  return headers;
}

/** A 500 without details; the log has them under the trace id. */
function bug(cause: unknown): GatewayError {
  return new GatewayError('INTERNAL', TEXTS.INTERNAL.bug, {
    cause,
  });
}

/**
 * Any thrown value as an error for the caller. Express gives a status to errors of the request (broken percent-encoding,
 * a missing file); all others are bugs, whose text stays internal.
 */
export function asProblem(thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError) return thrown.code === 'INTERNAL' ? bug(thrown) : thrown;
  if (thrown instanceof URIError) {
    return invalid(
      [{ path: '', message: 'the path is not valid percent-encoding' }],
      TEXTS.INVALID_PAYLOAD.pathEncoding,
    );
  }
  const status = typeof thrown === 'object' && thrown !== null && 'status' in thrown ? thrown.status : 500;
  if (status === 404) return new GatewayError('NOT_FOUND', TEXTS.NOT_FOUND.path);
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return new GatewayError('INVALID_PAYLOAD', TEXTS.INVALID_PAYLOAD.unreadable, { cause: thrown });
  }
  return bug(thrown);
}

/** The status and the body of an error response. */
export interface Problem {
  status: number;
  body: object;
}

/** An error in the format of this API. */
function asOwnProblem(error: GatewayError, traceId: string): Problem {
  return { status: statusOf(error), body: problemBody(error, traceId) };
}

/** A path without a route: 404 `NOT_FOUND`. */
export const unknownPath: RequestHandler = function unknownPath() {
  throw new GatewayError('NOT_FOUND', TEXTS.NOT_FOUND.path);
};

/** A thrown value as an error for the caller; its code goes to the access log, and a bug is logged with its stack. */
export function reportedProblem(thrown: unknown, res: Response, logger: Logger): GatewayError {
  const error = asProblem(thrown);
  res.locals.errorCode = error.code;
  if (error.code === 'INTERNAL')
    logger.error({ event: 'http.bug', traceId: traceIdOf(res), err: error.cause });
  return error;
}

/**
 * The last handler: responds to every error, and logs bugs with their stack.
 *
 * @param format an error in the format of the API
 */
export function problemHandler(
  logger: Logger,
  format: (error: GatewayError, traceId: string) => Problem = asOwnProblem,
): ErrorRequestHandler {
  return function handleProblem(thrown, _req, res, _next) {
    const error = reportedProblem(thrown, res, logger);
    // A response that has already begun can only be cut off.
    if (res.headersSent) return void res.destroy();
    const { status, body } = format(error, traceIdOf(res));
    sendJson(res, status, body, problemHeaders(error));
  };
}
