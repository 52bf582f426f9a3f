import { TEXTS } from '../../actors/domain/error-texts.ts';
import type { ErrorCode } from '../../actors/domain/errors.ts';
import { BODY_LIMITS } from '../middleware/json-body.ts';

/** An error code for the document: when it is returned, and an example of its message and details. */
interface ErrorDescription {
  when: string;
  message: string;
  details?: unknown;
}

const REFUSED = { outcome: 'failed', id: '019a9f3e-7c1d-7b8e-9d52-3f0c5a1e77aa' };

/** All error codes, as the documents describe them. */
export const ERRORS: Record<ErrorCode, ErrorDescription> = {
  INVALID_PAYLOAD: {
    when: 'body, path, query or a header is invalid; `details` names the fields',
    message: TEXTS.INVALID_PAYLOAD.seeDetails,
    details: [{ path: 'to', message: 'must be a phone number or a WhatsApp address' }],
  },
  UNAUTHORIZED: {
    when: 'no Bearer, or not the right one',
    message: TEXTS.UNAUTHORIZED.keyRequired,
  },
  SESSION_NOT_FOUND: {
    when: 'no such agent',
    message: TEXTS.SESSION_NOT_FOUND.noAgent,
  },
  NOT_FOUND: {
    when: 'no such path, message, quoted message, file, webhook or delivery',
    message: TEXTS.NOT_FOUND.path,
  },
  METHOD_NOT_ALLOWED: {
    when: 'the path allows other methods; see `Allow`',
    message: TEXTS.METHOD_NOT_ALLOWED.allowed('GET, HEAD, OPTIONS'),
  },
  REACHOUT_TIMELOCKED: {
    when: 'WhatsApp does not let the account write to people who never wrote to it, for now',
    message: TEXTS.REACHOUT_TIMELOCKED.refused,
    details: REFUSED,
  },
  MESSAGE_CAPPED: {
    when: 'the account has used up the new chats that WhatsApp allows it, for now',
    message: TEXTS.MESSAGE_CAPPED.refused,
    details: REFUSED,
  },
  LINK_INVALID: {
    when: 'the link to the file has expired, or was not made by this service as it is',
    message: TEXTS.LINK_INVALID.link,
  },
  NOT_OWN_MESSAGE: {
    when: 'the message to edit or delete was written by someone else',
    message: TEXTS.NOT_OWN_MESSAGE.author,
    details: REFUSED,
  },
  AGENT_ID_TAKEN: {
    when: 'the agentId belongs to another userId',
    message: TEXTS.AGENT_ID_TAKEN.otherUser,
  },
  ACCOUNT_CHANGED: {
    when: 'another number was linked while the message waited; it was not sent',
    message: TEXTS.ACCOUNT_CHANGED.meanwhile,
    details: REFUSED,
  },
  SESSION_NOT_READY: {
    when: 'the agent is not connected, or has no QR to scan',
    message: TEXTS.SESSION_NOT_READY.notConnected('awaiting_qr'),
  },
  CHAT_HANDED_OVER: {
    when: 'a person took the chat over, or it was closed, before the AI’s reply was sent; it was not sent',
    message: TEXTS.CHAT_HANDED_OVER.dropped,
    details: REFUSED,
  },
  TOO_LATE: {
    when: 'the message is too old to be edited (15 minutes) or deleted (about two days)',
    message: TEXTS.TOO_LATE.windows,
    details: REFUSED,
  },
  WITHDRAWN: {
    when: 'the message was deleted while it waited; it was not sent',
    message: TEXTS.WITHDRAWN.whileQueued,
    details: REFUSED,
  },
  IDEMPOTENCY_CONFLICT: {
    when: 'the key is in flight (409) or was used with another body (422)',
    message: TEXTS.IDEMPOTENCY_CONFLICT.otherBody,
  },
  MEDIA_TOO_LARGE: {
    when: 'the file exceeds what its kind of message may have, or the image has over 50 megapixels',
    message: TEXTS.MEDIA_TOO_LARGE.bytes(10 * 1024 * 1024),
  },
  PAYLOAD_TOO_LARGE: {
    when: 'the body exceeds its limit',
    message: TEXTS.PAYLOAD_TOO_LARGE.bytes(BODY_LIMITS.text),
  },
  UNSUPPORTED_MEDIA_TYPE: {
    when: 'the body is not of the media type that is wanted, or the file is not of a format that is sent so',
    message: TEXTS.UNSUPPORTED_MEDIA_TYPE.contentType('application/json'),
  },
  RANGE_NOT_SATISFIABLE: {
    when: 'the file has no such range; see `Content-Range`',
    message: TEXTS.RANGE_NOT_SATISFIABLE.size(48_213),
  },
  RECIPIENT_NOT_ON_WHATSAPP: {
    when: 'the number has no account',
    message: TEXTS.RECIPIENT_NOT_ON_WHATSAPP.noAccount,
  },
  RATE_LIMITED: {
    when:
      'the mailbox is full, too much is being uploaded at once, or an address sent too many wrong keys or creates; see ' +
      '`Retry-After`',
    message: TEXTS.RATE_LIMITED.mailboxFull(500),
  },
  MEDIA_URL_BLOCKED: {
    when: 'the URL is not http(s) or leads to a private address',
    message: TEXTS.MEDIA_URL_BLOCKED.blocked,
  },
  MEDIA_FETCH_FAILED: {
    when: 'the URL answered badly or too slowly',
    message: TEXTS.MEDIA_FETCH_FAILED.unreadable,
  },
  BAD_GATEWAY: {
    when: 'WhatsApp refused, failed or did not acknowledge; see `details.outcome`',
    message: TEXTS.BAD_GATEWAY.notAcknowledged,
    details: { ...REFUSED, outcome: 'unknown', messageId: 'true_6281234567890@c.us_3EB0C767D26A1D8E5A1B' },
  },
  AI_DOWNSTREAM_ERROR: {
    when: 'the AI failed or could not be reached',
    message: TEXTS.AI_DOWNSTREAM_ERROR.unreachable,
  },
  SESSION_START_FAILED: {
    when: 'the client could not be started, or there are `MAX_SESSIONS` already',
    message: TEXTS.SESSION_START_FAILED.maxSessions,
  },
  SHUTTING_DOWN: {
    when: 'the service is stopping',
    message: TEXTS.SHUTTING_DOWN.service,
  },
  DATABASE_UNAVAILABLE: {
    when: 'the database cannot be reached; nothing was accepted',
    message: TEXTS.DATABASE_UNAVAILABLE.unreachable(),
    details: { dependencies: { database: 'unavailable' } },
  },
  AI_TIMEOUT: {
    when: 'the AI took too long',
    message: TEXTS.AI_TIMEOUT.tooSlow,
  },
  EXPIRED: {
    when: 'the message could not be sent for too long',
    message: TEXTS.EXPIRED.tooLate,
  },
  INTERNAL: {
    when: 'a bug; the trace id finds it in the log',
    message: TEXTS.INTERNAL.bug,
  },
};
