import type { ZodOpenApiOperationObject, ZodOpenApiPathsObject } from 'zod-openapi';
import type { ErrorCode } from '../../actors/domain/errors.ts';
import * as examples from './examples.ts';
import { type AgentBodies, agentPath, keyHeader, messagePath, preferHeader } from './request-schemas.ts';
import {
  messageDetails,
  queuedMedia,
  queuedMessage,
  ranTurn,
  sentMedia,
  sentMessage,
} from './response-schemas.ts';
import { header, json, problems, withHeaders } from './responses.ts';

const security = [{ agentKey: [] }];
const tags = ['agents'];

// What any of the three POSTs may answer.
const COMMON: ErrorCode[] = [
  'UNAUTHORIZED',
  'SESSION_NOT_FOUND',
  'NOT_FOUND',
  'SESSION_NOT_READY',
  'IDEMPOTENCY_CONFLICT',
  'UNSUPPORTED_MEDIA_TYPE',
  'RECIPIENT_NOT_ON_WHATSAPP',
  'REACHOUT_TIMELOCKED',
  'MESSAGE_CAPPED',
  'ACCOUNT_CHANGED',
  'RATE_LIMITED',
  'BAD_GATEWAY',
  'EXPIRED',
  'SHUTTING_DOWN',
  'DATABASE_UNAVAILABLE',
];

const bucket = {
  'RateLimit-Policy': header("The agent's quota.", { example: '"send";q=100;w=60' }),
  RateLimit: header('What is left of it.', { example: '"send";r=99;t=0' }),
};
const replayed = {
  'Idempotent-Replayed': header('`true` when this is the answer of an earlier request.', { example: 'true' }),
};
const queuedHeaders = {
  Location: header('Where to ask for the message.', {
    example: `/agents/support-bot/messages/${examples.queued.id}`,
    required: true,
  }),
  'Preference-Applied': header('`respond-async` when that was asked for.', { example: 'respond-async' }),
};

/** What the three POSTs have in common. */
function post(
  schema: AgentBodies[keyof AgentBodies],
  own: Pick<ZodOpenApiOperationObject, 'operationId' | 'summary' | 'description' | 'responses'>,
): ZodOpenApiOperationObject {
  return {
    ...own,
    responses: withHeaders(own.responses, { ...bucket, ...replayed }),
    tags,
    security,
    requestParams: { path: agentPath, header: keyHeader.partial() },
    requestBody: { required: true, content: { 'application/json': { schema } } },
  };
}

/** Lets an operation be asked to answer at once. */
function maybeAsync(operation: ZodOpenApiOperationObject): ZodOpenApiOperationObject {
  return {
    ...operation,
    requestParams: {
      ...operation.requestParams,
      header: keyHeader.extend(preferHeader.shape).partial(),
    },
  };
}

/** The operations under `/agents/{agentId}`. */
export function agentOperations(bodies: AgentBodies): ZodOpenApiPathsObject {
  return {
    '/agents/{agentId}/messages': {
      post: maybeAsync(
        post(bodies.message, {
          operationId: 'sendMessage',
          summary: 'Send a text',
          description: "200 means that WhatsApp's server has the message; 202 that it waits in the queue.",
          responses: {
            200: json('Sent.', sentMessage, examples.sent),
            202: json('Queued.', queuedMessage, examples.queued, queuedHeaders),
            ...problems(...COMMON, 'PAYLOAD_TOO_LARGE'),
          },
        }),
      ),
    },
    '/agents/{agentId}/media': {
      post: maybeAsync(
        post(bodies.media, {
          operationId: 'sendMedia',
          summary: 'Send an image',
          description: 'Images of at most 10·1024·1024 bytes, by `data` or by `url`.',
          responses: {
            200: json('Sent.', sentMedia, { ...examples.sent, ...examples.image }),
            202: json('Queued.', queuedMedia, { ...examples.queued, ...examples.image }, queuedHeaders),
            ...problems(...COMMON, 'MEDIA_TOO_LARGE', 'MEDIA_URL_BLOCKED', 'MEDIA_FETCH_FAILED'),
          },
        }),
      ),
    },
    '/agents/{agentId}/run': {
      post: post(bodies.run, {
        operationId: 'runAgent',
        summary: 'Ask the AI, and send its reply to the chat',
        description: 'Unknown fields pass through to the AI. Typing shows while it thinks.',
        responses: {
          200: json('Answered.', ranTurn, examples.ran),
          ...problems(...COMMON, 'PAYLOAD_TOO_LARGE', 'AI_DOWNSTREAM_ERROR', 'AI_TIMEOUT'),
        },
      }),
    },
    '/agents/{agentId}/messages/{id}': {
      get: {
        operationId: 'getMessage',
        summary: 'What became of a message',
        tags,
        security,
        requestParams: { path: messagePath },
        responses: {
          200: json('The message.', messageDetails, examples.message),
          ...problems(
            'UNAUTHORIZED',
            'SESSION_NOT_FOUND',
            'NOT_FOUND',
            'RATE_LIMITED',
            'DATABASE_UNAVAILABLE',
          ),
        },
      },
    },
  };
}
