import type { z } from 'zod';
import type { ZodOpenApiResponseObject, ZodOpenApiResponsesObject } from 'zod-openapi';
import type { ErrorCode } from '../../actors/domain/errors.ts';
import { STATUS } from '../middleware/error-handler.ts';
import { MESSAGES } from './examples.ts';
import { problem } from './response-schemas.ts';

const MEANING: Record<ErrorCode, string> = {
  INVALID_PAYLOAD: 'body, path, query or a header does not fit; `details` names the fields',
  UNAUTHORIZED: 'no Bearer, or not the right one',
  SESSION_NOT_FOUND: 'no such agent',
  NOT_FOUND: 'no such path, message or quoted message',
  METHOD_NOT_ALLOWED: 'the path knows other methods; see `Allow`',
  REACHOUT_TIMELOCKED: 'WhatsApp does not let the account write to people who never wrote to it, for now',
  MESSAGE_CAPPED: 'the account has used up the new chats that WhatsApp allows it, for now',
  AGENT_ID_TAKEN: 'the agentId belongs to another userId',
  ACCOUNT_CHANGED: 'another number was linked while the message waited; it was not sent',
  SESSION_NOT_READY: 'the agent is not connected, or has no QR to scan',
  IDEMPOTENCY_CONFLICT: 'the key is in flight (409) or was used with another body (422)',
  MEDIA_TOO_LARGE: 'the image is over 10 MB',
  PAYLOAD_TOO_LARGE: 'the body is over its limit',
  UNSUPPORTED_MEDIA_TYPE: 'the body is not JSON, or the bytes are not an image',
  RECIPIENT_NOT_ON_WHATSAPP: 'the number has no account',
  RATE_LIMITED:
    'the mailbox is full, too much is being uploaded at once, or an address sent too many wrong keys or creates; see ' +
    '`Retry-After`',
  MEDIA_URL_BLOCKED: 'the URL is not http(s) or leads to a private address',
  MEDIA_FETCH_FAILED: 'the URL answered badly or too slowly',
  BAD_GATEWAY: 'WhatsApp refused, failed or did not acknowledge; see `details.outcome`',
  AI_DOWNSTREAM_ERROR: 'the AI failed or could not be reached',
  SESSION_START_FAILED: 'the client could not be started, or there are `MAX_SESSIONS` already',
  SHUTTING_DOWN: 'the service is stopping',
  DATABASE_UNAVAILABLE: 'the database cannot be reached; nothing was accepted',
  AI_TIMEOUT: 'the AI took too long',
  EXPIRED: 'the message could not be sent for too long',
  INTERNAL: 'a bug; the trace id finds it in the log',
};

/** The statuses of a code; the idempotency key has two. */
function statusesOf(code: ErrorCode): number[] {
  return code === 'IDEMPOTENCY_CONFLICT' ? [409, 422] : [STATUS[code]];
}

/** A header that answers carry, as text with an example; `required` when all of them do. */
export function header(
  description: string,
  { example, required }: { example?: string; required?: true } = {},
) {
  return {
    description,
    schema: { type: 'string' as const },
    ...(required && { required }),
    ...(example !== undefined && { example }),
  };
}

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';

/** The header that every response carries. */
export const TRACE_HEADER = {
  'X-Trace-Id': header("Equal to an error's `traceId`.", { example: TRACE_ID, required: true }),
};

/** The headers that a status of the contract brings along. */
function headersFor(status: number, codes: ErrorCode[]): Record<string, ReturnType<typeof header>> {
  if (status === 401)
    return { 'WWW-Authenticate': header('`Bearer`', { example: 'Bearer', required: true }) };
  if (status === 429) return { 'Retry-After': header('Seconds to wait.', { example: '1', required: true }) };
  const mayPass = status === 503 || (status === 409 && codes.includes('IDEMPOTENCY_CONFLICT'));
  return mayPass ? { 'Retry-After': header('Seconds to wait.', { example: '5' }) } : {};
}

const REFUSED = { outcome: 'failed', id: '019a9f3e-7c1d-7b8e-9d52-3f0c5a1e77aa' };

// The details of errors that have some.
const DETAILS: Partial<Record<ErrorCode, unknown>> = {
  INVALID_PAYLOAD: [{ path: 'to', message: 'must be a phone number or a WhatsApp address' }],
  REACHOUT_TIMELOCKED: REFUSED,
  MESSAGE_CAPPED: REFUSED,
  ACCOUNT_CHANGED: REFUSED,
  BAD_GATEWAY: {
    outcome: 'unknown',
    id: '019a9f3e-7c1d-7b8e-9d52-3f0c5a1e77aa',
    messageId: 'true_6281234567890@c.us_3EB0C767D26A1D8E5A1B',
  },
  DATABASE_UNAVAILABLE: { dependencies: { database: 'unavailable' } },
};

/** An error as it is told. */
function problemExample(status: number, code: ErrorCode) {
  const details = DETAILS[code];
  const isInFlight = code === 'IDEMPOTENCY_CONFLICT' && status === 409;
  return {
    error: {
      code,
      message: isInFlight ? 'A request with this key is still being answered.' : MESSAGES[code],
      traceId: TRACE_ID,
      ...(details !== undefined && { details }),
    },
  };
}

/** One error response: all codes of a status, with an example of each. */
function problemResponse(status: number, codes: ErrorCode[]): ZodOpenApiResponseObject {
  const examples = codes.map((code) => [code, { value: problemExample(status, code) }]);
  return {
    description: codes.map((code) => `\`${code}\`: ${MEANING[code]}.`).join('\n\n'),
    headers: headersFor(status, codes),
    content: { 'application/json': { schema: problem, examples: Object.fromEntries(examples) } },
  };
}

/** All codes with their statuses, as a table in the document's description: some belong to no operation. */
export function codesTable(): string {
  const rows = Object.entries(MEANING).map(
    ([code, meaning]) => `| \`${code}\` | ${statusesOf(code as ErrorCode).join(' / ')} | ${meaning} |`,
  );
  return ['| code | status | when |', '|---|---|---|', ...rows].join('\n');
}

/**
 * The error responses of an operation, one per status. Every operation may meet a bad `Host` and a bug; where a key is
 * wanted, too many wrong ones may have come before.
 */
export function problems(...codes: ErrorCode[]): ZodOpenApiResponsesObject {
  const byStatus = new Map<number, ErrorCode[]>();
  const throttled: ErrorCode[] = codes.includes('UNAUTHORIZED') ? ['RATE_LIMITED'] : [];
  for (const code of new Set<ErrorCode>(['INVALID_PAYLOAD', ...codes, ...throttled, 'INTERNAL'])) {
    for (const status of statusesOf(code)) byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, all]) => [String(status), problemResponse(status, all)]),
  ) as ZodOpenApiResponsesObject;
}

/** A JSON response with its body's schema and the headers that belong to it. */
export function json(
  description: string,
  schema: z.ZodType,
  example?: unknown,
  headers: Record<string, ReturnType<typeof header>> = {},
): ZodOpenApiResponseObject {
  return {
    description,
    headers,
    content: { 'application/json': { schema, ...(example !== undefined && { example }) } },
  };
}

/** The security of what is open unless `SESSIONS_TOKEN` is set: either nothing or the token will do. */
export const OPEN_OR_TOKEN: Record<string, string[]>[] = [{}, { sessionsToken: [] }];

/** A browser is led to another page. */
export function redirect(description: string): ZodOpenApiResponseObject {
  return {
    ...other(description, 'text/html', ['text/plain', 'See Other. Redirecting to /inspector']),
    headers: { Location: header('The page.', { example: '/inspector', required: true }) },
  };
}

/** The same responses, each of which may carry these headers, too. */
export function withHeaders(
  responses: ZodOpenApiResponsesObject,
  headers: Record<string, ReturnType<typeof header>>,
): ZodOpenApiResponsesObject {
  return Object.fromEntries(
    Object.entries(responses).map(([status, response]) => [
      status,
      { ...response, headers: { ...headers, ...response.headers } },
    ]),
  ) as ZodOpenApiResponsesObject;
}

/** A response that is not JSON: its types, those of texts with an example. */
export function other(
  description: string,
  ...types: (string | [type: string, example: string])[]
): ZodOpenApiResponseObject {
  const content = types.map((typed) => {
    const [type, example] = typeof typed === 'string' ? [typed] : typed;
    return [type, { schema: { type: 'string' as const }, ...(example !== undefined && { example }) }];
  });
  return { description, content: Object.fromEntries(content) };
}
