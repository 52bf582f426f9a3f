import type { Response } from 'express';
import { z } from 'zod';
import { TEXTS } from '../../../actors/domain/error-texts.ts';
import { GatewayError, toGatewayError } from '../../../actors/domain/errors.ts';
import { waIdOf, wamidOf } from '../../../infra/cloud-ids.ts';
import type { ToJid } from '../../../infra/content-schemas.ts';
import type { HttpContext } from '../../context.ts';
import { agentOf } from '../../middleware/agent-auth.ts';
import { messageJson } from '../../middleware/json-body.ts';
import { acceptedMessage, cloudExamples, cloudMessageBody } from '../../openapi/cloud-schemas.ts';
import { agentPath } from '../../openapi/request-schemas.ts';
import { type Operation, operationOn } from '../../operation.ts';
import { sendDraft } from '../agents/send-content.ts';
import { BUCKET_HEADERS, MEDIA_CODES, SEND_CODES } from '../agents/send-operation.ts';
import { parseCloud, plainMessage } from './cloud-body.ts';

const operation = operationOn<HttpContext>();

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

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

/** `POST /{agentId}/messages`. */
export function cloudMessageOperation(toJid: ToJid): Operation<HttpContext> {
  const schema = cloudMessageBody(toJid);
  return operation({
    method: 'post',
    path: '/{agentId}/messages',
    operationId: 'sendCloudMessage',
    summary: 'Send a message',
    description:
      'A message of any type that WhatsApp Web can send; others are error 131051. Without `type` it is a text. 200 ' +
      'means that the message is accepted: its statuses follow by webhook.',
    tag: 'messages',
    access: 'agent',
    params: agentPath,
    before: ({ rateLimit, budgets }) => [rateLimit, messageJson(budgets)],
    bodyTypes: { 'application/json': schema },
    responses: { 200: { description: 'Accepted.', json: acceptedMessage, example: cloudExamples.accepted } },
    responseHeaders: BUCKET_HEADERS,
    codes: [...SEND_CODES, ...MEDIA_CODES, 'NOT_OWN_MESSAGE', 'TOO_LATE'],
    run: async (context, _input, res) => {
      const body = parseCloud(anyBody, res.req.body);
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
