import type { ZodOpenApiResponseObject } from 'zod-openapi';
import { TEXTS } from '../../actors/domain/error-texts.ts';
import type { ErrorCode } from '../../actors/domain/errors.ts';
import { STATUS } from '../middleware/error-handler.ts';
import type { HeaderDescription, ResponseDescription } from '../operation.ts';
import { ERRORS } from './error-descriptions.ts';
import { problem } from './response-schemas.ts';

// Responses of operations as OpenAPI objects.

/** An example of a trace id. */
export const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';

/** Headers, all of them text. */
export function headerObjects(headers: Record<string, HeaderDescription>) {
  const objects = Object.entries(headers).map(
    ([name, { description, ...header }]) =>
      [name, { description, schema: { type: 'string' as const }, ...header }] as const,
  );
  return Object.fromEntries(objects);
}

/** The header that every response carries. */
export const TRACE_HEADER = headerObjects({
  'X-Trace-Id': { description: "Equal to an error's `traceId`.", required: true, example: TRACE_ID },
});

/** A successful response. */
export function responseObject(response: ResponseDescription): ZodOpenApiResponseObject {
  const { description, json, example, types = {}, headers = {} } = response;
  const texts = Object.entries(types).map(([type, text]) => [
    type,
    { schema: { type: 'string' as const }, ...(text !== null && { example: text }) },
  ]);
  return {
    description,
    headers: headerObjects(headers),
    content: {
      ...(json && { 'application/json': { schema: json, ...(example !== undefined && { example }) } }),
      ...Object.fromEntries(texts),
    },
  };
}

/** The statuses of a code; the idempotency key has two. */
function statusesOf(code: ErrorCode): number[] {
  return code === 'IDEMPOTENCY_CONFLICT' ? [409, 422] : [STATUS[code]];
}

/** Headers of an error response. */
export function errorHeaders(status: number, codes: ErrorCode[]): Record<string, HeaderDescription> {
  if (status === 401)
    return { 'WWW-Authenticate': { description: '`Bearer`', required: true, example: 'Bearer' } };
  if (status === 429)
    return { 'Retry-After': { description: 'Seconds to wait.', required: true, example: '1' } };
  const mayPass = status === 503 || (status === 409 && codes.includes('IDEMPOTENCY_CONFLICT'));
  return mayPass ? { 'Retry-After': { description: 'Seconds to wait.', example: '5' } } : {};
}

/** The body of an error, as an example. */
function errorExample(status: number, code: ErrorCode) {
  const { message, details } = ERRORS[code];
  const isInFlight = code === 'IDEMPOTENCY_CONFLICT' && status === 409;
  return {
    error: {
      code,
      message: isInFlight ? TEXTS.IDEMPOTENCY_CONFLICT.inFlight : message,
      traceId: TRACE_ID,
      ...(details !== undefined && { details }),
    },
  };
}

/** One error response: all codes of a status, with an example of each. */
function errorResponse(status: number, codes: ErrorCode[]): ZodOpenApiResponseObject {
  const examples = codes.map((code) => [code, { value: errorExample(status, code) }]);
  return {
    description: codes.map((code) => `\`${code}\`: ${ERRORS[code].when}.`).join('\n\n'),
    headers: headerObjects(errorHeaders(status, codes)),
    content: { 'application/json': { schema: problem, examples: Object.fromEntries(examples) } },
  };
}

/**
 * An operation's codes with those that come by themselves: each may meet a bad `Host` and a bug; where a key is required,
 * too many wrong ones may have come before.
 */
export function allCodes(codes: ErrorCode[]): Set<ErrorCode> {
  const throttled: ErrorCode[] = codes.includes('UNAUTHORIZED') ? ['RATE_LIMITED'] : [];
  return new Set<ErrorCode>(['INVALID_PAYLOAD', ...codes, ...throttled, 'INTERNAL']);
}

/** The error responses of an operation, one per status. */
export function errorResponses(codes: ErrorCode[]): Record<string, ZodOpenApiResponseObject> {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of allCodes(codes)) {
    for (const status of statusesOf(code)) byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, all]) => [String(status), errorResponse(status, all)]),
  );
}

/** All codes with their statuses as a table: some belong to no operation. */
export function codesTable(): string {
  const rows = Object.entries(ERRORS).map(
    ([code, { when }]) => `| \`${code}\` | ${statusesOf(code as ErrorCode).join(' / ')} | ${when} |`,
  );
  return ['| code | status | when |', '|---|---|---|', ...rows].join('\n');
}
