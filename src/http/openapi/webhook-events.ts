import { z } from 'zod';
import type { ZodOpenApiOperationObject } from 'zod-openapi';
import { CHAT_MODES } from '../../actors/domain/chats.ts';
import { KINDS } from '../../actors/domain/message-content.ts';
import { MESSAGE_STATUSES } from '../../actors/domain/ports/stores.ts';
import type { WebhookEventType } from '../../actors/domain/ports/webhooks.ts';
import { moment, restriction, sessionStatus } from './response-schemas.ts';

// What is posted to webhooks in the native format, for the OpenAPI document; the test suite checks deliveries against it.

const jid = z.string().meta({ example: '6281234567890@c.us' });
const messageId = z.string().meta({ description: "WhatsApp's id of the message." });
const lid = jid.optional().meta({ description: "The person's other address, where WhatsApp uses one." });
const problem = z.object({ code: z.string(), message: z.string() });

const file = z
  .object({
    id: z.string().optional().meta({ description: 'In the store of files.' }),
    mimeType: z.string().optional(),
    fileName: z.string().optional(),
    sizeBytes: z.int().optional(),
    sha256: z.string().optional(),
    seconds: z.number().optional(),
    width: z.int().optional(),
    height: z.int().optional(),
    voice: z.literal(true).optional(),
    url: z.url().optional().meta({ description: 'Downloads the file, without a key, while it is kept.' }),
    error: problem.optional().meta({ description: 'Why there is no file; in place of `id` and `url`.' }),
  })
  .meta({ id: 'WebhookFile' });

const received = z.object({
  id: messageId,
  chatId: jid,
  from: jid,
  lid,
  fromMe: z.boolean().meta({ description: 'A person wrote it on another device of the account.' }),
  by: z.enum(['human', 'customer']),
  name: z.string().optional(),
  chatName: z.string().optional(),
  type: z.string().meta({ description: '`text`, `image`, `audio`, …', example: 'text' }),
  text: z.string().optional().meta({ description: 'The text or the caption.' }),
  file: file.optional(),
  location: z.looseObject({ latitude: z.number(), longitude: z.number() }).optional(),
  contacts: z.array(z.looseObject({})).optional(),
  quoted: z.object({ messageId, text: z.string(), type: z.string(), fromMe: z.boolean() }).optional(),
  at: moment,
});

const status = z.object({
  id: z.uuid().meta({ description: 'Our id of the message.' }),
  messageId: messageId.optional(),
  to: jid,
  kind: z.enum(Object.keys(KINDS)),
  origin: z.enum(['api', 'reply', 'report']),
  status: z.enum(MESSAGE_STATUSES),
  error: problem.optional(),
  callbackData: z.string().optional().meta({
    description: '`biz_opaque_callback_data` of a message by the Cloud API.',
  }),
  createdAt: moment,
  sentAt: moment.optional(),
  deliveredAt: moment.optional(),
  readAt: moment.optional(),
});

/** When each event is posted, and its `data`. */
const EVENTS: Record<WebhookEventType, { summary: string; data: z.ZodType }> = {
  'message.received': { summary: 'A person or a group sent a message', data: received },
  'message.status': { summary: 'A message has another status', data: status },
  'message.edited': {
    summary: 'The author edited a message',
    data: z.object({ id: messageId, chatId: jid, text: z.string(), at: moment }),
  },
  'message.revoked': {
    summary: 'The author deleted a message for everyone',
    data: z.object({ id: messageId, chatId: jid, at: moment }),
  },
  'message.reaction': {
    summary: 'A reaction to a message, or an empty emoji that takes it back',
    data: z.object({
      ...{ id: messageId, chatId: jid, from: jid, lid, fromMe: z.boolean(), emoji: z.string(), at: moment },
    }),
  },
  'chat.mode': {
    summary: 'Who answers a chat has changed, or for how long',
    data: z.object({
      ...{ chatId: jid, from: z.enum(CHAT_MODES), mode: z.enum(CHAT_MODES), since: moment },
      until: moment.optional(),
      cause: z.enum(['person', 'ai', 'api', 'expired']),
    }),
  },
  'session.state': {
    summary: 'The session has another status',
    data: z.object({ status: sessionStatus, from: sessionStatus, reason: z.string().nullable() }),
  },
  'session.restriction': {
    summary: 'WhatsApp restricts the account, or (null) no longer',
    data: z.object({ restriction: restriction.nullable(), at: moment }),
  },
  'call.received': {
    summary: 'A call rings at the account',
    data: z.object({
      ...{ id: z.string(), from: jid, lid, isVideo: z.boolean(), isGroup: z.boolean(), at: moment },
    }),
  },
};

const headers = z.object({
  'X-Webhook-Id': z.string().meta({ description: 'Equal to `id`: the same in every attempt.' }),
  'X-Webhook-Timestamp': z.string().meta({ description: 'Seconds since the epoch, of this attempt.' }),
  'X-Webhook-Signature': z
    .string()
    .meta({ description: '`v1=` and the HMAC-SHA256 of the timestamp, a dot and the body, in hex.' }),
  'X-Hub-Signature-256': z
    .string()
    .meta({ description: '`sha256=` and the HMAC-SHA256 of the body, in hex.' }),
});

/** The name of an event's schema: `MessageReceivedEvent`. */
function schemaName(type: string): string {
  return `${type.replace(/(^|\.)(\w)/g, (_, _dot, letter: string) => letter.toUpperCase())}Event`;
}

/** An event as it is posted. */
function described(type: WebhookEventType): ZodOpenApiOperationObject {
  const { summary, data } = EVENTS[type];
  const event = z
    .object({
      id: z.uuid(),
      type: z.literal(type),
      agentId: z.string(),
      at: moment.meta({ description: 'When it happened.' }),
      sequence: z.int().meta({ description: 'Its number among the events of the webhook, without gaps.' }),
      data,
    })
    .meta({ id: schemaName(type) });
  return {
    operationId: `on${schemaName(type)}`,
    summary,
    tags: ['agents'],
    security: [],
    requestParams: { header: headers },
    requestBody: { required: true, content: { 'application/json': { schema: event } } },
    responses: {
      '2XX': { description: 'Delivered. The body is ignored.' },
      default: { description: 'It is tried again, redirects included.' },
    },
  };
}

/** The events of webhooks by type, as an OpenAPI document shows them. */
export function webhookEvents() {
  const types = Object.keys(EVENTS) as WebhookEventType[];
  return Object.fromEntries(types.map((type) => [type, { post: described(type) }]));
}
