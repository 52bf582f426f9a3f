/** Every error code of the API. `http/middleware/error-handler.ts` maps each to a status, or does not compile. */
export const ERROR_CODES = [
  'INVALID_PAYLOAD',
  'UNAUTHORIZED',
  'SESSION_NOT_FOUND',
  'NOT_FOUND',
  'METHOD_NOT_ALLOWED',
  'REACHOUT_TIMELOCKED',
  'MESSAGE_CAPPED',
  'LINK_INVALID',
  'NOT_OWN_MESSAGE',
  'AGENT_ID_TAKEN',
  'ACCOUNT_CHANGED',
  'SESSION_NOT_READY',
  'TOO_LATE',
  'WITHDRAWN',
  'CHAT_HANDED_OVER',
  'IDEMPOTENCY_CONFLICT',
  'MEDIA_TOO_LARGE',
  'PAYLOAD_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'RANGE_NOT_SATISFIABLE',
  'RECIPIENT_NOT_ON_WHATSAPP',
  'RATE_LIMITED',
  'MEDIA_URL_BLOCKED',
  'MEDIA_FETCH_FAILED',
  'BAD_GATEWAY',
  'AI_DOWNSTREAM_ERROR',
  'SESSION_START_FAILED',
  'SHUTTING_DOWN',
  'DATABASE_UNAVAILABLE',
  'AI_TIMEOUT',
  'EXPIRED',
  'INTERNAL',
] as const;

/** One of the codes. */
export type ErrorCode = (typeof ERROR_CODES)[number];

/** Details of an error; `outcome` is `unknown` when a failed send may have been sent. */
export interface ErrorDetails {
  outcome?: 'failed' | 'unknown';
  retryAfterSeconds?: number;
  /** Bindings that WhatsApp Web's page lacks. */
  missing?: string[];
  allow?: string;
  [key: string]: unknown;
}

/**
 * The one error class of the service. `message` is for people and never holds a secret, a phone number or a message
 * text; `cause` is the original error, for the log only.
 */
export class GatewayError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails | undefined;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; details?: ErrorDetails } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'GatewayError';
    this.code = code;
    this.details = options.details;
  }
}

/** Any thrown value as a `GatewayError`; whatsapp-web.js also throws strings. */
export function toGatewayError(
  thrown: unknown,
  code: ErrorCode = 'INTERNAL',
  message?: string,
): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return new GatewayError(code, message ?? text, { cause: thrown });
}

/** True for the error of a database that can't be reached now. */
export function isDatabaseAway(error: unknown): boolean {
  return error instanceof GatewayError && error.code === 'DATABASE_UNAVAILABLE';
}
