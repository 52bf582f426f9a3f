import type { ErrorCode } from '../../actors/domain/errors.ts';

/** An error code for the document: when it comes, and an example of its message and details. */
interface ErrorDescription {
  when: string;
  message: string;
  details?: unknown;
}

const REFUSED = { outcome: 'failed', id: '019a9f3e-7c1d-7b8e-9d52-3f0c5a1e77aa' };

/** All error codes, as the documents describe them. */
export const ERRORS: Record<ErrorCode, ErrorDescription> = {
  INVALID_PAYLOAD: {
    when: 'body, path, query or a header does not fit; `details` names the fields',
    message: 'The request does not fit; see details.',
    details: [{ path: 'to', message: 'must be a phone number or a WhatsApp address' }],
  },
  UNAUTHORIZED: {
    when: 'no Bearer, or not the right one',
    message: 'A valid Bearer key is required.',
  },
  SESSION_NOT_FOUND: {
    when: 'no such agent',
    message: 'There is no such agent.',
  },
  NOT_FOUND: {
    when: 'no such path, message or quoted message',
    message: 'There is no such path.',
  },
  METHOD_NOT_ALLOWED: {
    when: 'the path knows other methods; see `Allow`',
    message: 'This path knows GET, HEAD, OPTIONS only.',
  },
  REACHOUT_TIMELOCKED: {
    when: 'WhatsApp does not let the account write to people who never wrote to it, for now',
    message: 'WhatsApp does not let this account write to people who never wrote to it, for now.',
    details: REFUSED,
  },
  MESSAGE_CAPPED: {
    when: 'the account has used up the new chats that WhatsApp allows it, for now',
    message: 'This account has used up the new chats that WhatsApp allows it, for now.',
    details: REFUSED,
  },
  AGENT_ID_TAKEN: {
    when: 'the agentId belongs to another userId',
    message: 'The agentId belongs to another user.',
  },
  ACCOUNT_CHANGED: {
    when: 'another number was linked while the message waited; it was not sent',
    message: 'Another number was linked while the message waited.',
    details: REFUSED,
  },
  SESSION_NOT_READY: {
    when: 'the agent is not connected, or has no QR to scan',
    message: 'The agent is not connected: it is awaiting_qr.',
  },
  IDEMPOTENCY_CONFLICT: {
    when: 'the key is in flight (409) or was used with another body (422)',
    message: 'This key was used with another body.',
  },
  MEDIA_TOO_LARGE: {
    when: 'the image is over 10 MB',
    message: 'The media is over 10485760 bytes.',
  },
  PAYLOAD_TOO_LARGE: {
    when: 'the body is over its limit',
    message: 'The body is over 524288 bytes.',
  },
  UNSUPPORTED_MEDIA_TYPE: {
    when: 'the body is not JSON, or the bytes are not an image',
    message: 'The Content-Type must be application/json.',
  },
  RECIPIENT_NOT_ON_WHATSAPP: {
    when: 'the number has no account',
    message: 'The number has no WhatsApp account.',
  },
  RATE_LIMITED: {
    when:
      'the mailbox is full, too much is being uploaded at once, or an address sent too many wrong keys or creates; see ' +
      '`Retry-After`',
    message: 'The mailbox is full: 500 messages are waiting.',
  },
  MEDIA_URL_BLOCKED: {
    when: 'the URL is not http(s) or leads to a private address',
    message: 'The media URL must be http or https, with no credentials, and lead to a public address.',
  },
  MEDIA_FETCH_FAILED: {
    when: 'the URL answered badly or too slowly',
    message: 'The media URL could not be read.',
  },
  BAD_GATEWAY: {
    when: 'WhatsApp refused, failed or did not acknowledge; see `details.outcome`',
    message: 'WhatsApp did not acknowledge the message in time.',
    details: { ...REFUSED, outcome: 'unknown', messageId: 'true_6281234567890@c.us_3EB0C767D26A1D8E5A1B' },
  },
  AI_DOWNSTREAM_ERROR: {
    when: 'the AI failed or could not be reached',
    message: 'The AI backend could not be reached.',
  },
  SESSION_START_FAILED: {
    when: 'the client could not be started, or there are `MAX_SESSIONS` already',
    message: 'There are as many sessions as MAX_SESSIONS allows.',
  },
  SHUTTING_DOWN: {
    when: 'the service is stopping',
    message: 'The service is stopping.',
  },
  DATABASE_UNAVAILABLE: {
    when: 'the database cannot be reached; nothing was accepted',
    message: "The database can't be reached.",
    details: { dependencies: { database: 'unavailable' } },
  },
  AI_TIMEOUT: {
    when: 'the AI took too long',
    message: 'The AI backend took too long.',
  },
  EXPIRED: {
    when: 'the message could not be sent for too long',
    message: 'The message could not be sent in time.',
  },
  INTERNAL: {
    when: 'a bug; the trace id finds it in the log',
    message: 'Something went wrong on our side; the trace id finds it in the log.',
  },
};
