import type { Request, Response } from 'express';
import type { SendOutcome } from '../../../actors/domain/commands.ts';
import type { ErrorCode } from '../../../actors/domain/errors.ts';
import { fileOf, type MessageContent } from '../../../actors/domain/message-content.ts';
import type { OutgoingMessage } from '../../../actors/domain/ports/stores.ts';
import type { HttpContext } from '../../context.ts';
import { agentOf } from '../../middleware/agent-auth.ts';
import { traceIdOf } from '../../middleware/trace.ts';
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
  'WITHDRAWN',
  'SHUTTING_DOWN',
  'DATABASE_UNAVAILABLE',
];

/** Codes of operations that take files. */
export const MEDIA_CODES: ErrorCode[] = [
  'MEDIA_TOO_LARGE',
  'PAYLOAD_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'MEDIA_URL_BLOCKED',
  'MEDIA_FETCH_FAILED',
];

/** Headers that show the agent's bucket. */
export const BUCKET_HEADERS: Record<string, HeaderDescription> = {
  'RateLimit-Policy': { description: "The agent's quota.", example: '"send";q=100;w=60' },
  RateLimit: { description: 'What is left of it.', example: '"send";r=99;t=0' },
};

/** The shared part of operations that send. */
export const sendOperation = {
  method: 'post',
  tag: 'agents',
  access: 'agent',
  params: agentPath,
  requestHeaders: keyHeader.partial(),
  before: ({ rateLimit }) => [rateLimit],
  responseHeaders: {
    ...BUCKET_HEADERS,
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
function prefersAsync(req: Request): boolean {
  const preferences = (req.get('Prefer') ?? '').split(',');
  return preferences.some((text) => text.split(';')[0]!.trim().toLowerCase() === 'respond-async');
}

/** The answer to a send: 200 once WhatsApp has it, else 202 with where to ask; either says what its file is. */
export function outcomeAnswer(
  res: Response,
  outcome: SendOutcome,
  content: MessageContent,
  more = {},
): Answer {
  const file = fileOf(content);
  const extra = { ...(file && { mimetype: file.mimetype, size: file.size }), ...more };
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
      Location: `/agents/${agentOf(res).agentId}/messages/${id}`,
      ...(prefersAsync(res.req) && { 'Preference-Applied': 'respond-async' }),
    },
    body: { id, status: 'queued', position, ...extra },
  };
}

/** A message as a request asks for it. */
export type RequestedMessage = Pick<OutgoingMessage, 'id' | 'to' | 'content' | 'quoteId' | 'callbackData'>;

/** Sends a message of the agent of a request; resolves with what became of it. */
export function sendMessage(
  { system }: HttpContext,
  res: Response,
  message: RequestedMessage,
): Promise<SendOutcome> {
  const { agentId, userId } = agentOf(res);
  return system.ask(agentId, {
    type: 'message.send',
    userId,
    message: { ...message, origin: 'api', traceId: traceIdOf(res) },
    respondAsync: prefersAsync(res.req),
  });
}

/** Answers with what became of a message that an earlier request has stored. */
export async function answerStored({ system }: HttpContext, res: Response, id: string): Promise<Answer> {
  const { agentId, userId } = agentOf(res);
  const { content } = await system.ask(agentId, { type: 'message.find', userId, id });
  const outcome = await system.ask(agentId, { type: 'message.outcome', userId, id });
  return outcomeAnswer(res, outcome, content);
}
