import type { ZodOpenApiPathsObject } from 'zod-openapi';
import * as examples from './examples.ts';
import { agentPath, createSessionBody, type pairingCodeBody, passkeyAssertion } from './request-schemas.ts';
import {
  acceptedPasskey,
  deletedSession,
  pairingCode,
  passkeyChallenge,
  sessionDetails,
  sessionList,
  startedSession,
} from './response-schemas.ts';
import { header, json, OPEN_OR_TOKEN, other, problems } from './responses.ts';

const security = OPEN_OR_TOKEN;
const tags = ['sessions'];
const byAgent = { path: agentPath };
const location = {
  Location: header('The session.', { example: '/sessions/support-bot', required: true }),
};

const pending = json(
  'Neither QR nor readiness within `QR_WAIT_MS`.',
  startedSession,
  examples.pending,
  location,
);

/** The operations under `/sessions`. */
export function sessionOperations(pairing: ReturnType<typeof pairingCodeBody>): ZodOpenApiPathsObject {
  return {
    '/sessions': {
      get: {
        operationId: 'listSessions',
        summary: 'All agents with their live state',
        tags,
        security,
        responses: {
          200: json('All agents.', sessionList, { sessions: [examples.session] }),
          ...problems('UNAUTHORIZED'),
        },
      },
      post: {
        operationId: 'createSession',
        summary: 'Create an agent, or start one that is not ready',
        description: 'Answers as soon as there is a QR, readiness or a failure. Two at once share one start.',
        tags,
        security,
        requestBody: { required: true, content: { 'application/json': { schema: createSessionBody } } },
        responses: {
          200: json('Connected (without `qr`), or started anew.', startedSession, examples.connected),
          201: json('A new agent.', startedSession, examples.started, location),
          202: pending,
          ...problems(
            'UNAUTHORIZED',
            'AGENT_ID_TAKEN',
            'PAYLOAD_TOO_LARGE',
            'UNSUPPORTED_MEDIA_TYPE',
            'RATE_LIMITED',
            'SESSION_START_FAILED',
            'SHUTTING_DOWN',
            'DATABASE_UNAVAILABLE',
          ),
        },
      },
    },
    '/sessions/{agentId}': {
      get: {
        operationId: 'getSession',
        summary: 'One agent: stored status, live state, mailbox, restarts',
        tags,
        security,
        requestParams: byAgent,
        responses: {
          200: json('The agent.', sessionDetails, examples.session),
          ...problems('UNAUTHORIZED', 'SESSION_NOT_FOUND'),
        },
      },
      delete: {
        operationId: 'deleteSession',
        summary: 'Log out, delete credentials and record',
        description:
          'Works in every state and is safe to repeat. Queued messages fail with `SESSION_NOT_FOUND`. A linked agent ' +
          'without a running client is started once more for the log-out; when that cannot be done within about a ' +
          'minute, the answer has `"unlinked": false`, and the device is to be removed on the phone.',
        tags,
        security,
        requestParams: byAgent,
        responses: {
          200: json('Deleted.', deletedSession, { agentId: 'support-bot', deleted: true }),
          ...problems('UNAUTHORIZED', 'SESSION_NOT_FOUND', 'SHUTTING_DOWN', 'DATABASE_UNAVAILABLE'),
        },
      },
    },
    '/sessions/{agentId}/reconnect': {
      post: {
        operationId: 'reconnectSession',
        summary: 'Log out, start again, answer with the new QR',
        description:
          'Works in every state. `"unlinked": false` says that the former device could not be unlinked and is to be ' +
          'removed on the phone.',
        tags,
        security,
        requestParams: byAgent,
        responses: {
          200: json('Started anew.', startedSession, examples.started),
          202: pending,
          ...problems(
            'UNAUTHORIZED',
            'SESSION_NOT_FOUND',
            'RATE_LIMITED',
            'SESSION_START_FAILED',
            'SHUTTING_DOWN',
            'DATABASE_UNAVAILABLE',
          ),
        },
      },
    },
    '/sessions/{agentId}/qr': {
      get: {
        operationId: 'getQr',
        summary: 'The QR of this moment, by the Accept header',
        tags,
        security,
        requestParams: byAgent,
        responses: {
          200: other(
            'The QR.',
            'image/png',
            ['image/svg+xml', '<svg xmlns="http://www.w3.org/2000/svg">…</svg>'],
            ['text/plain', examples.started.qr],
          ),
          ...problems('UNAUTHORIZED', 'SESSION_NOT_FOUND', 'SESSION_NOT_READY'),
        },
      },
    },
    '/sessions/{agentId}/passkey': {
      get: {
        operationId: 'getPasskeyChallenge',
        summary: 'What a passkey has to sign before the phone is linked',
        description: 'While the reason of the session is `PASSKEY_REQUIRED`; 409 otherwise.',
        tags,
        security,
        requestParams: byAgent,
        responses: {
          200: json('The challenge.', passkeyChallenge, examples.challenge),
          ...problems('UNAUTHORIZED', 'SESSION_NOT_FOUND', 'SESSION_NOT_READY'),
        },
      },
      post: {
        operationId: 'answerPasskeyChallenge',
        summary: 'Hand in the assertion that the passkey made',
        tags,
        security,
        requestParams: byAgent,
        requestBody: { required: true, content: { 'application/json': { schema: passkeyAssertion } } },
        responses: {
          200: json('The page has it.', acceptedPasskey, { agentId: 'support-bot', accepted: true }),
          ...problems(
            'UNAUTHORIZED',
            'SESSION_NOT_FOUND',
            'SESSION_NOT_READY',
            'PAYLOAD_TOO_LARGE',
            'UNSUPPORTED_MEDIA_TYPE',
            'BAD_GATEWAY',
          ),
        },
      },
    },
    '/sessions/{agentId}/pairing-code': {
      post: {
        operationId: 'requestPairingCode',
        summary: 'A code to type into the phone instead of a scan',
        description:
          'While a QR is shown. 409 with `details.reason`: `AGENT_LINKED`, `NUMBER_LINKED` (the number is linked to ' +
          'an agent of this service, which a code would log out) or `NO_QR`.',
        tags,
        security,
        requestParams: byAgent,
        requestBody: { required: true, content: { 'application/json': { schema: pairing } } },
        responses: {
          200: json('The code.', pairingCode, examples.pairing),
          ...problems(
            'UNAUTHORIZED',
            'SESSION_NOT_FOUND',
            'SESSION_NOT_READY',
            'PAYLOAD_TOO_LARGE',
            'UNSUPPORTED_MEDIA_TYPE',
            'BAD_GATEWAY',
          ),
        },
      },
    },
    '/sessions/{agentId}/events': {
      get: {
        operationId: 'watchSession',
        summary: 'Server-Sent Events: state, qr, passkey, compatibility, restriction, mailbox, message',
        description:
          'First what is, then each change; a comment every 15 s. At most 50 streams per address, 1,000 in all.',
        tags,
        security,
        requestParams: byAgent,
        responses: {
          200: other('The stream.', ['text/event-stream', examples.stateFrame]),
          ...problems('UNAUTHORIZED', 'SESSION_NOT_FOUND', 'RATE_LIMITED', 'SHUTTING_DOWN'),
        },
      },
    },
  };
}
