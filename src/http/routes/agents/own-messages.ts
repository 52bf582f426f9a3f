import type { Response } from 'express';
import { TEXTS } from '../../../actors/domain/error-texts.ts';
import { type ErrorCode, GatewayError } from '../../../actors/domain/errors.ts';
import type { AgentRef, Jid } from '../../../actors/domain/identity.ts';
import { type ChangeContent, isChange } from '../../../actors/domain/message-content.ts';
import type { StoredMessage } from '../../../actors/domain/ports/stores.ts';
import type { ToJid } from '../../../infra/content-schemas.ts';
import type { HttpContext } from '../../context.ts';
import { agentOf } from '../../middleware/agent-auth.ts';
import { BODY_LIMITS, jsonBody } from '../../middleware/json-body.ts';
import * as examples from '../../openapi/examples.ts';
import { changePath, editBody } from '../../openapi/request-schemas.ts';
import { queuedMessage, sentMessage, withdrawnMessage } from '../../openapi/response-schemas.ts';
import { type Operation, operationOn } from '../../operation.ts';
import {
  answerStored,
  asyncHeaders,
  outcomeAnswer,
  queuedHeaders,
  SEND_CODES,
  sendMessage,
  sendOperation,
} from './send-operation.ts';

const operation = operationOn<HttpContext>();

/** Whether it is ours, and its chat, of one of WhatsApp's ids: `true_628…@c.us_3EB0…`. */
const WHATSAPP_ID = /^(true|false)_([^_]+)_.+$/;

const CHANGE_CODES: ErrorCode[] = [...SEND_CODES, 'NOT_OWN_MESSAGE', 'TOO_LATE'];

/** The chat of a stored message. @throws GatewayError `NOT_FOUND` for one that is itself a change of another */
function chatOfStored({ content, chatId, to }: StoredMessage): Jid {
  if (isChange(content)) throw new GatewayError('NOT_FOUND', TEXTS.NOT_FOUND.message);
  return chatId ?? to;
}

/** The chat in one of WhatsApp's ids. @throws GatewayError `NOT_OWN_MESSAGE`, `NOT_FOUND` when it can't be one */
function chatInId([, fromMe, chat]: RegExpExecArray, toJid: ToJid): Jid {
  if (fromMe === 'false') throw new GatewayError('NOT_OWN_MESSAGE', TEXTS.NOT_OWN_MESSAGE.author);
  try {
    return toJid(chat!);
  } catch (cause) {
    throw new GatewayError('NOT_FOUND', TEXTS.NOT_FOUND.target, { cause });
  }
}

/** The chat of a message that is to be changed. @throws GatewayError `NOT_FOUND`, `NOT_OWN_MESSAGE` */
async function chatOf({ system }: HttpContext, toJid: ToJid, agent: AgentRef, id: string): Promise<Jid> {
  const parts = WHATSAPP_ID.exec(id);
  if (parts) return chatInId(parts, toJid);
  const { agentId, userId } = agent;
  return chatOfStored(await system.ask(agentId, { type: 'message.find', userId, id }));
}

/** `PATCH` and `DELETE /agents/{agentId}/messages/{id}`: what was sent may be changed by its sender. */
export function ownMessageOperations(toJid: ToJid): Operation<HttpContext>[] {
  /** Sends a change through the mailbox, after the message that it changes. */
  async function send(context: HttpContext, res: Response, id: string | undefined, content: ChangeContent) {
    const to = await chatOf(context, toJid, agentOf(res), content.messageId);
    return outcomeAnswer(res, await sendMessage(context, res, { id, to, content }), content);
  }

  const shared = {
    ...sendOperation,
    path: '/agents/{agentId}/messages/{id}',
    params: changePath,
    requestHeaders: asyncHeaders,
    codes: CHANGE_CODES,
  };
  const queued = {
    description: 'Queued.',
    json: queuedMessage,
    example: examples.queued,
    headers: queuedHeaders,
  };

  return [
    operation({
      ...shared,
      method: 'patch',
      operationId: 'editMessage',
      summary: 'Edit a text or a caption',
      description:
        'Own messages, for 15 minutes. The edit is a message of its own: it waits in the queue behind the one that it ' +
        'changes, and `id` asks for it.',
      body: editBody,
      readBody: ({ budgets }) => jsonBody(BODY_LIMITS.text, { budget: budgets.text }),
      responses: {
        200: { description: 'Edited.', json: sentMessage, example: examples.sent },
        202: queued,
      },
      run: async (context, { params: { id: messageId }, body: { text } }, res) => {
        const edit = { kind: 'edit', messageId, text } as const;
        await context.once(res.req, res, 'edit', edit, {
          work: (id) => send(context, res, id, edit),
          resume: (id) => answerStored(context, res, id),
        });
      },
    }),
    operation({
      ...shared,
      method: 'delete',
      operationId: 'deleteMessage',
      summary: 'Delete a message for everyone',
      description:
        'Own messages, for about two days. One that still waits in the queue is taken out, in any state of the agent: ' +
        'it is not sent, and fails with `WITHDRAWN`. Otherwise the deletion is a message of its own, as an edit is.',
      responses: {
        200: {
          description: 'Deleted, or taken out of the queue.',
          json: sentMessage.or(withdrawnMessage),
          example: examples.sent,
        },
        202: queued,
      },
      run: async (context, { params: { id: messageId } }, res) => {
        const { agentId, userId } = agentOf(res);
        const revoke = { kind: 'revoke', messageId } as const;
        await context.once(res.req, res, 'revoke', revoke, {
          work: async (id) => {
            if (WHATSAPP_ID.test(messageId)) return send(context, res, id, revoke);
            const ask = { type: 'message.withdraw', userId, id: messageId } as const;
            const { message, isWithdrawn } = await context.system.ask(agentId, ask);
            if (!isWithdrawn) return send(context, res, id, revoke);
            return { status: 200, body: { id: message.id, to: message.to, status: 'withdrawn' } };
          },
          resume: (id) => answerStored(context, res, id),
        });
      },
    }),
  ];
}
