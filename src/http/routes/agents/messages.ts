import type { OutgoingMessage, StoredMessage } from '../../../actors/domain/ports/stores.ts';
import type { HttpContext } from '../../context.ts';
import { agentOf } from '../../middleware/agent-auth.ts';
import { BODY_LIMITS, jsonBody } from '../../middleware/json-body.ts';
import { traceIdOf } from '../../middleware/trace.ts';
import * as examples from '../../openapi/examples.ts';
import { messageBody, messagePath, type ToJid } from '../../openapi/request-schemas.ts';
import { messageDetails, queuedMessage, sentMessage } from '../../openapi/response-schemas.ts';
import { type Operation, operationOn } from '../../operation.ts';
import {
  asyncHeaders,
  prefersAsync,
  queuedHeaders,
  SEND_CODES,
  sendOperation,
  sendOutcomeAnswer,
} from './send-operation.ts';

const operation = operationOn<HttpContext>();

/** A stored message as its sender may see it: its state, not its text. */
function messageView(message: StoredMessage) {
  return {
    id: message.id,
    status: message.status,
    to: message.to,
    kind: message.content.kind,
    messageId: message.messageId ?? undefined,
    error: message.error ? { code: message.error.code, message: message.error.message } : undefined,
    createdAt: message.createdAt,
    sentAt: message.sentAt ?? undefined,
    deliveredAt: message.deliveredAt,
    readAt: message.readAt,
    playedAt: message.playedAt,
  };
}

/** `POST /agents/{agentId}/messages` and `GET …/messages/{id}`. */
export function messageOperations(toJid: ToJid): Operation<HttpContext>[] {
  return [
    operation({
      ...sendOperation,
      path: '/agents/{agentId}/messages',
      operationId: 'sendMessage',
      summary: 'Send a text',
      description: "200 means that WhatsApp's server has the message; 202 that it waits in the queue.",
      requestHeaders: asyncHeaders,
      body: messageBody(toJid),
      readBody: ({ budgets }) => jsonBody(BODY_LIMITS.text, { budget: budgets.text }),
      responses: {
        200: { description: 'Sent.', json: sentMessage, example: examples.sent },
        202: {
          description: 'Queued.',
          json: queuedMessage,
          example: examples.queued,
          headers: queuedHeaders,
        },
      },
      codes: SEND_CODES,
      run: async ({ system, once }, { body }, res) => {
        const { agentId, userId } = agentOf(res);
        const respondAsync = prefersAsync(res.req);
        const traceId = traceIdOf(res);
        await once(res.req, res, 'messages', body, {
          work: async (id) => {
            const { to, message: text, quoteId } = body;
            const content = { kind: 'text', text } as const;
            const message: OutgoingMessage = { id, to, content, quoteId, origin: 'api', traceId };
            const outcome = await system.ask(agentId, {
              type: 'message.send',
              userId,
              message,
              respondAsync,
            });
            return sendOutcomeAnswer(agentId, outcome, respondAsync);
          },
          resume: async (id) => {
            const outcome = await system.ask(agentId, { type: 'message.outcome', userId, id });
            return sendOutcomeAnswer(agentId, outcome, respondAsync);
          },
        });
      },
    }),
    operation({
      method: 'get',
      path: '/agents/{agentId}/messages/{id}',
      operationId: 'getMessage',
      summary: 'What became of a message',
      tag: 'agents',
      access: 'agent',
      params: messagePath,
      responses: { 200: { description: 'The message.', json: messageDetails, example: examples.message } },
      codes: ['SESSION_NOT_FOUND', 'NOT_FOUND', 'DATABASE_UNAVAILABLE'],
      run: async ({ system }, { params: { id } }, res) => {
        const { agentId, userId } = agentOf(res);
        return messageView(await system.ask(agentId, { type: 'message.find', userId, id }));
      },
    }),
  ];
}
