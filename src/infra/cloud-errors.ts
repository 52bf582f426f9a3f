import type { ErrorCode } from '../actors/domain/errors.ts';

/**
 * The errors of Meta's Cloud API that stand for ours: title and HTTP status by code.
 * https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes
 */
export const CLOUD_ERRORS = {
  100: { title: 'Invalid parameter', status: 400 },
  190: { title: 'Invalid OAuth access token', status: 401 },
  130429: { title: 'Rate limit hit', status: 429 },
  131000: { title: 'Something went wrong', status: 500 },
  131005: { title: 'Access denied', status: 403 },
  131008: { title: 'Required parameter is missing', status: 400 },
  131009: { title: 'Parameter value is not valid', status: 400 },
  131016: { title: 'Service unavailable', status: 503 },
  131026: { title: 'Message undeliverable', status: 400 },
  131047: { title: 'Re-engagement message', status: 400 },
  131048: { title: 'Spam rate limit hit', status: 400 },
  131051: { title: 'Unsupported message type', status: 400 },
  131052: { title: 'Media download error', status: 400 },
  131053: { title: 'Media upload error', status: 400 },
} as const;

/** A code of the table. */
export type CloudCode = keyof typeof CLOUD_ERRORS;

/** Meta's code for each of ours. A refused body has a more exact one where its fault is known. */
export const CLOUD_CODES: Record<ErrorCode, CloudCode> = {
  INVALID_PAYLOAD: 131009,
  UNAUTHORIZED: 190,
  SESSION_NOT_FOUND: 100,
  NOT_FOUND: 100,
  METHOD_NOT_ALLOWED: 100,
  // Only people who wrote first may be written to.
  REACHOUT_TIMELOCKED: 131047,
  MESSAGE_CAPPED: 131048,
  LINK_INVALID: 131052,
  NOT_OWN_MESSAGE: 131005,
  AGENT_ID_TAKEN: 131005,
  ACCOUNT_CHANGED: 131000,
  SESSION_NOT_READY: 131016,
  TOO_LATE: 131009,
  WITHDRAWN: 131000,
  CHAT_HANDED_OVER: 131000,
  IDEMPOTENCY_CONFLICT: 131009,
  MEDIA_TOO_LARGE: 131053,
  PAYLOAD_TOO_LARGE: 131053,
  UNSUPPORTED_MEDIA_TYPE: 131053,
  RANGE_NOT_SATISFIABLE: 131052,
  RECIPIENT_NOT_ON_WHATSAPP: 131026,
  RATE_LIMITED: 130429,
  MEDIA_URL_BLOCKED: 131052,
  MEDIA_FETCH_FAILED: 131052,
  BAD_GATEWAY: 131000,
  AI_DOWNSTREAM_ERROR: 131000,
  SESSION_START_FAILED: 131016,
  SHUTTING_DOWN: 131016,
  DATABASE_UNAVAILABLE: 131016,
  AI_TIMEOUT: 131000,
  EXPIRED: 131016,
  INTERNAL: 131000,
};
