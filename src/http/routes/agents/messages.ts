import type { StoredMessage } from '../../../actors/domain/ports/stores.ts';
import type { ToJid } from '../../../infra/content-schemas.ts';
import type { HttpContext } from '../../context.ts';
import { agentOf } from '../../middleware/agent-auth.ts';
import { messageJson } from '../../middleware/json-body.ts';

import * as examples from '../../openapi/examples.ts';
import { messageBody, messagePath } from '../../openapi/request-schemas.ts';
import { messageDetails, queuedMessage, sentMessage } from '../../openapi/response-schemas.ts';
import { type Operation, operationOn } from '../../operation.ts';
import { sendContent } from './send-content.ts';
import { asyncHeaders, MEDIA_CODES, queuedHeaders, SEND_CODES, sendOperation } from './send-operation.ts';

const operation = operationOn<HttpContext>();

/** A stored message as its sender may see it: its state, not its text. */
export function messageView(message: StoredMessage) {
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
      summary: 'Send a message',
      description:
        'A message of any kind: `type` names it, and the field of that name holds it; without `type` it is the text in ' +
        "`message`. A file is given by `link`, `data` or `id`, and its bytes decide its type. 200 means that WhatsApp's " +
        'server has the message; 202 that it waits in the queue.',
      requestHeaders: asyncHeaders,
      body: messageBody(toJid),
      readBody: ({ budgets }) => messageJson(budgets),
      responses: {
        200: { description: 'Sent.', json: sentMessage, example: examples.sent },
        202: {
          description: 'Queued.',
          json: queuedMessage,
          example: examples.queued,
          headers: queuedHeaders,
        },
      },
      codes: [...SEND_CODES, ...MEDIA_CODES, 'NOT_OWN_MESSAGE', 'TOO_LATE'],
      run: (context, { body }, res) => sendContent(context, res, 'messages', body),
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
