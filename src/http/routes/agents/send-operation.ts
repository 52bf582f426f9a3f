import type { Request } from 'express';
import type { SendOutcome } from '../../../actors/domain/commands.ts';
import type { ErrorCode } from '../../../actors/domain/errors.ts';
import type { HttpContext } from '../../context.ts';
import * as examples from '../../openapi/examples.ts';
import { agentPath, keyHeader, preferHeader } from '../../openapi/request-schemas.ts';
import type { HeaderDescription, Operation } from '../../operation.ts';
import type { Answer } from '../../resource.ts';

/** Codes of all operations that send. */
export const SEND_CODES: ErrorCode[] = [
  'SESSION_NOT_FOUND',
  'NOT_FOUND',
  'SESSION_NOT_READY',
  'IDEMPOTENCY_CONFLICT',
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

/** Codes of operations that take files. */
export const MEDIA_CODES: ErrorCode[] = [
  'MEDIA_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'MEDIA_URL_BLOCKED',
  'MEDIA_FETCH_FAILED',
];

/** The shared part of operations that send. */
export const sendOperation = {
  method: 'post',
  tag: 'agents',
  access: 'agent',
  params: agentPath,
  requestHeaders: keyHeader.partial(),
  before: ({ rateLimit }) => [rateLimit],
  responseHeaders: {
    'RateLimit-Policy': { description: "The agent's quota.", example: '"send";q=100;w=60' },
    RateLimit: { description: 'What is left of it.', example: '"send";r=99;t=0' },
    'Idempotent-Replayed': {
      description: '`true` when this is the answer of an earlier request.',
      example: 'true',
    },
  },
} as const satisfies Partial<Operation<HttpContext>>;

/** Headers of an operation that also answers 202 at once. */
export const asyncHeaders = keyHeader.extend(preferHeader.shape).partial();

/** Headers of a 202. */
export const queuedHeaders: Record<string, HeaderDescription> = {
  Location: {
    description: 'Where to ask for the message.',
    required: true,
    example: `/agents/support-bot/messages/${examples.queued.id}`,
  },
  'Preference-Applied': {
    description: '`respond-async` when that was asked for.',
    example: 'respond-async',
  },
};

/** True when the caller wants the 202 at once: `Prefer: respond-async` (RFC 7240), alone or in a list. */
export function prefersAsync(req: Request): boolean {
  const preferences = (req.get('Prefer') ?? '').split(',');
  return preferences.some((text) => text.split(';')[0]!.trim().toLowerCase() === 'respond-async');
}

/** The answer to a send: 200 once WhatsApp has it, else 202 with where to ask. `extra` joins either body. */
export function sendOutcomeAnswer(
  agentId: string,
  outcome: SendOutcome,
  respondAsync: boolean,
  extra: Record<string, unknown> = {},
): Answer {
  if (outcome.status === 'sent') {
    const { messageId, id, to, at } = outcome;
    return {
      status: 200,
      body: { messageId, id, to, status: 'sent', timestamp: at.toISOString(), ...extra },
    };
  }
  const { id, position } = outcome;
  return {
    status: 202,
    headers: {
      Location: `/agents/${agentId}/messages/${id}`,
      ...(respondAsync && { 'Preference-Applied': 'respond-async' }),
    },
    body: { id, status: 'queued', position, ...extra },
  };
}
