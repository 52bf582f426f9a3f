import type { Response } from 'express';
import { z } from 'zod';
import { TEXTS } from '../../../actors/domain/error-texts.ts';
import { GatewayError, toGatewayError } from '../../../actors/domain/errors.ts';
import { waIdOf, wamidOf } from '../../../infra/cloud-ids.ts';
import type { ToJid } from '../../../infra/content-schemas.ts';
import type { HttpContext } from '../../context.ts';
import { agentOf } from '../../middleware/agent-auth.ts';
import { messageJson } from '../../middleware/json-body.ts';
import {
  acceptedMessage,
  cloudExamples,
  cloudMessageBody,
  cloudStatusBody,
  success,
} from '../../openapi/cloud-schemas.ts';
import { agentPath } from '../../openapi/request-schemas.ts';
import { type Operation, operationOn } from '../../operation.ts';
import { sendDraft } from '../agents/send-content.ts';
import { BUCKET_HEADERS, MEDIA_CODES, SEND_CODES } from '../agents/send-operation.ts';
import { parseCloud, plainMessage, withMessageId } from './cloud-body.ts';
import { refused } from './cloud-problem.ts';

const operation = operationOn<HttpContext>();

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The chat of a message that came in, in WhatsApp's id of it: a person or a group, never a status or a channel. */
const RECEIVED = /^false_(\d[\d-]*@(?:c\.us|lid|g\.us))_./;

const anyBody = z.record(z.string(), z.unknown());

/** WhatsApp's id of a quoted message: of one of ours, which must have left. @throws GatewayError `NOT_FOUND` */
async function whatsAppIdOf({ system }: HttpContext, res: Response, id: string): Promise<string> {
  if (!UUID.test(id)) return id;
  const { agentId, userId } = agentOf(res);
  const { messageId } = await system.ask(agentId, { type: 'message.find', userId, id });
  if (messageId === null) throw new GatewayError('NOT_FOUND', TEXTS.NOT_FOUND.quote);
  return messageId;
}

/** Sends a message; resolves with our id of it as soon as its outcome is known, or it has waited long enough. */
async function send(
  context: HttpContext,
  res: Response,
  message: z.output<ReturnType<typeof cloudMessageBody>>,
): Promise<string> {
  const { to, quotedId, callbackData, content } = message;
  const quoteId = quotedId && (await whatsAppIdOf(context, res, quotedId));
  try {
    const { outcome } = await sendDraft(context, res, { to, quoteId, callbackData, content });
    return outcome.id;
  } catch (thrown) {
    const { outcome, id } = toGatewayError(thrown).details ?? {};
    // It was accepted, and may have been sent: an error would have it sent again. Its statuses report what became of it.
    if (outcome === 'unknown' && typeof id === 'string') return id;
    throw thrown;
  }
}

/** Marks the chat of a message read, and shows typing in it. */
async function markRead(
  { system }: HttpContext,
  res: Response,
  { message_id: messageId, typing_indicator: typing }: z.output<typeof cloudStatusBody>,
): Promise<void> {
  const chatId = RECEIVED.exec(messageId)?.[1];
  if (!chatId) {
    const message = 'must be the id of a message that came in';
    throw refused(131009, [{ path: 'message_id', message }], TEXTS.INVALID_PAYLOAD.seeDetails);
  }
  const { agentId, userId } = agentOf(res);
  await system.ask(agentId, { type: 'chat.mark_read', userId, chatId });
  if (typing) await system.ask(agentId, { type: 'chat.set_typing', userId, chatId, typing: true });
}

/** `POST /{agentId}/messages`. */
export function cloudMessageOperation(toJid: ToJid): Operation<HttpContext> {
  const schema = cloudMessageBody(toJid);
  const documented = z
    .union([schema, cloudStatusBody])
    .meta({ id: 'MessageOrStatus', example: cloudExamples.message });
  return operation({
    method: 'post',
    path: '/{agentId}/messages',
    operationId: 'sendCloudMessage',
    summary: 'Send a message, or mark one as read',
    description:
      'A message of any type that WhatsApp Web can send; others are error 131051. Without `type` it is a text. 200 ' +
      'means that the message is accepted: its statuses follow by webhook. With `status`, the chat of a message that ' +
      'came in is marked as read, and typing is shown if that is asked for.',
    tag: 'messages',
    access: 'agent',
    params: agentPath,
    before: ({ rateLimit, budgets }) => [rateLimit, messageJson(budgets)],
    bodyTypes: { 'application/json': documented },
    responses: {
      200: {
        description: 'Accepted, or marked as read.',
        json: acceptedMessage.or(success),
        example: cloudExamples.accepted,
      },
    },
    responseHeaders: BUCKET_HEADERS,
    codes: [...SEND_CODES, ...MEDIA_CODES, 'NOT_OWN_MESSAGE', 'TOO_LATE'],
    run: async (context, _input, res) => {
      const body = parseCloud(anyBody, res.req.body);
      if ('status' in body) {
        await markRead(context, res, parseCloud(cloudStatusBody, withMessageId(body)));
        return { success: true };
      }
      const message = parseCloud(schema, plainMessage(body));
      const id = await send(context, res, message);
      return {
        messaging_product: 'whatsapp',
        contacts: [{ input: body.to, wa_id: waIdOf(message.to) }],
        messages: [{ id: wamidOf(id) }],
      };
    },
  });
}
