import { z } from 'zod';
import 'zod-openapi';
import { CHAT_MODES } from '../../actors/domain/chats.ts';
import { ERROR_CODES } from '../../actors/domain/errors.ts';
import { type ContentKind, KINDS } from '../../actors/domain/message-content.ts';
import { MESSAGE_STATUSES, SESSION_STATES } from '../../actors/domain/ports/stores.ts';
import { DELIVERY_STATUSES, WEBHOOK_EVENTS, WEBHOOK_FORMATS } from '../../actors/domain/ports/webhooks.ts';
import { AI_MEDIA, INBOUND_TYPES } from '../../actors/domain/settings.ts';
import { agentId } from './request-schemas.ts';

// What goes out, for the OpenAPI document; the test suite checks every answer against it.

export const moment = z.iso.datetime().meta({ example: '2025-11-07T08:00:00.000Z' });
export const sessionStatus = z.enum(SESSION_STATES).meta({ id: 'SessionStatus' });
const id = z.string().meta({ description: 'Our id of the message.' });
const messageId = z.string().meta({ description: "WhatsApp's id of the message." });
const jid = z.string().meta({ example: '6281234567890@c.us' });

const live = z
  .object({
    isConnected: z.boolean(),
    sessionState: z
      .string()
      .nullable()
      .meta({ description: "The socket's own word; null without a client." }),
    isReady: z.boolean(),
    hasClient: z.boolean(),
  })
  .meta({ id: 'Live' });

export const compatibility = z
  .object({
    webVersion: z
      .string()
      .nullable()
      .meta({ description: 'Build of WhatsApp Web; null when the page does not say.' }),
    compatibility: z
      .enum(['ok', 'repaired', 'broken'])
      .meta({ description: '`broken`: something that a session needs is missing.' }),
    repaired: z.array(z.string()).meta({ description: 'Repairs in effect.' }),
    missing: z.array(z.string()).meta({ description: 'What the page lacks, as `module.export`.' }),
  })
  .meta({ id: 'Compatibility' });

export const restriction = z
  .object({
    kind: z.enum(['reachout_timelock', 'message_cap']),
    since: moment,
    until: moment.optional().meta({ description: 'When WhatsApp lifts it, if it says so.' }),
  })
  .meta({ id: 'Restriction' });

const endpoints = z.object({ run: z.url(), messages: z.url(), media: z.url() }).meta({ id: 'Endpoints' });

const session = { userId: z.int(), agentId, agentName: z.string(), status: sessionStatus, endpoints, live };

const unlinked = z.literal(false).optional().meta({
  description:
    'Only when the device could not be unlinked: it stays listed on the phone until it is removed there.',
});

export const startedSession = z
  .object({
    ...session,
    qr: z.string().optional().meta({ description: 'The code to scan, when there is one.' }),
    unlinked,
  })
  .meta({ id: 'StartedSession' });

export const sessionDetails = z
  .object({
    ...session,
    live: live
      .extend({
        whatsapp: compatibility
          .nullable()
          .meta({ description: 'The last self-check of its page; null before the first.' }),
      })
      .meta({ id: 'LiveDetails' }),
    restriction: restriction
      .nullable()
      .meta({ description: 'What WhatsApp does not let the account do for now; replies still go.' }),
    reason: z.string().nullable().meta({ description: 'Why it is in this status.' }),
    states: z.array(z.string()).meta({ description: 'Live states of the machine.' }),
    since: moment,
    endpointUrlRun: z
      .string()
      .nullable()
      .meta({ description: 'AI endpoint of this agent, origin and path only; null: the configured one.' }),
    lastConnectedAt: moment.nullable(),
    lastDisconnectedAt: moment.nullable(),
    createdAt: moment,
    updatedAt: moment,
    mailbox: z.object({ depth: z.int(), capacity: z.int(), tokens: z.number() }),
    supervisor: z.object({
      restarts: z.int(),
      lastError: z.string().optional(),
      nextStartAt: moment.optional(),
    }),
  })
  .meta({ id: 'Session' });

export const sessionList = z.object({ sessions: z.array(sessionDetails) }).meta({ id: 'SessionList' });

/** The challenge for a passkey. */
export const passkeyChallenge = z
  .object({
    publicKey: z
      .record(z.string(), z.unknown())
      .meta({ description: '`PublicKeyCredentialRequestOptionsJSON`, as the page wants it signed.' }),
  })
  .meta({ id: 'PasskeyChallenge' });

export const acceptedPasskey = z
  .object({ agentId, accepted: z.literal(true) })
  .meta({ id: 'AcceptedPasskey' });

export const pairingCode = z
  .object({
    code: z.string().meta({ description: 'To be typed into the phone.', example: 'ABCD1234' }),
    expiresAt: moment,
  })
  .meta({ id: 'PairingCode' });

export const deletedSession = z
  .object({ agentId, deleted: z.literal(true), unlinked })
  .meta({ id: 'DeletedSession' });

const sent = { messageId, id, to: jid, status: z.literal('sent'), timestamp: moment };
const queued = { id, status: z.literal('queued'), position: z.int() };
const file = {
  mimetype: z.string().meta({ description: 'Of the file that was sent, as its bytes show it.' }),
  size: z.int().meta({ description: 'Of the file, in bytes.' }),
};
const image = { ...file, previewPath: z.string().optional() };

export const sentMessage = z
  .object({ ...sent, ...z.object(file).partial().shape })
  .meta({ id: 'SentMessage' });
export const sentMedia = z.object({ ...sent, ...image }).meta({ id: 'SentMedia' });
export const queuedMessage = z
  .object({ ...queued, ...z.object(file).partial().shape })
  .meta({ id: 'QueuedMessage' });
export const queuedMedia = z.object({ ...queued, ...image }).meta({ id: 'QueuedMedia' });

export const withdrawnMessage = z
  .object({
    id,
    to: jid,
    status: z.literal('withdrawn').meta({ description: 'It was waiting, and is not sent.' }),
  })
  .meta({ id: 'WithdrawnMessage' });

export const storedFile = z
  .object({
    id: z.uuid(),
    mimetype: z.string().meta({ description: 'Detected from the bytes; as claimed where none can be.' }),
    size: z.int().meta({ description: 'Bytes.' }),
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
    expiresAt: moment,
    url: z.url().meta({ description: 'Downloads the file, without a key, until it expires.' }),
  })
  .meta({ id: 'StoredFile' });

export const chatDetails = z
  .object({
    chatId: jid,
    mode: z.enum(CHAT_MODES),
    since: moment.optional().meta({ description: 'Since when; absent for `bot`.' }),
    until: moment
      .optional()
      .meta({ description: 'When the bot answers again; absent: when the mode is changed.' }),
  })
  .meta({ id: 'Chat' });

export const chatList = z.object({ chats: z.array(chatDetails) }).meta({ id: 'ChatList' });

const next = z
  .string()
  .optional()
  .meta({ description: 'For `before` of the next page; absent on the last.' });
const type = z.string().meta({
  description:
    '`text`, `image`, `video`, `audio`, `document`, `sticker`, `location`, `contacts`, `poll`, `revoked`, or another ' +
    'word of WhatsApp.',
  example: 'text',
});
const lid = z
  .string()
  .optional()
  .meta({ description: 'The LID, where it is known.', example: '123456789@lid' });

/** A page of the phone's chats. */
export const chatPage = z
  .object({
    chats: z.array(
      z
        .object({
          chatId: jid,
          lid,
          name: z.string().optional(),
          isGroup: z.boolean(),
          unreadCount: z.int(),
          lastMessage: z
            .object({
              id: messageId,
              fromMe: z.boolean(),
              type,
              text: z
                .string()
                .optional()
                .meta({ description: 'Text or caption; its first 1,000 characters.' }),
              at: moment,
            })
            .optional(),
          mode: z.enum(CHAT_MODES),
        })
        .meta({ id: 'ChatEntry' }),
    ),
    next,
  })
  .meta({ id: 'ChatPage' });

/** A page of a chat's messages. */
export const messagePage = z
  .object({
    messages: z.array(
      z
        .object({
          id: messageId,
          from: jid,
          fromMe: z.boolean(),
          by: z
            .enum(['bot', 'human', 'customer'])
            .meta({ description: '`bot`: sent by this service; `human`: on another device of the account.' }),
          type,
          text: z.string().optional().meta({ description: 'The text or the caption.' }),
          file: z
            .object({
              mimeType: z.string(),
              fileName: z.string().optional(),
              sizeBytes: z.int(),
              sha256: z.string(),
              seconds: z.number().optional(),
              width: z.int().optional(),
              height: z.int().optional(),
              voice: z.literal(true).optional(),
              url: z.url().meta({ description: "Downloads the file, with the agent's key." }),
            })
            .optional(),
          location: z
            .object({
              latitude: z.number(),
              longitude: z.number(),
              name: z.string().optional(),
              address: z.string().optional(),
            })
            .optional(),
          contacts: z
            .array(
              z.object({
                name: z.object({ formatted_name: z.string() }),
                phones: z.array(z.object({ phone: z.string() })),
              }),
            )
            .optional(),
          quoted: z.object({ messageId, text: z.string(), type, fromMe: z.boolean() }).optional(),
          at: moment,
          status: z
            .enum(['sending', 'sent', 'delivered', 'read', 'failed'])
            .optional()
            .meta({ description: 'Of an own message.' }),
        })
        .meta({ id: 'ChatMessage' }),
    ),
    next,
  })
  .meta({ id: 'MessagePage' });

/** Whether a number has an account. */
export const contact = z
  .object({
    exists: z.boolean(),
    jid: jid.optional(),
    lid,
    name: z
      .string()
      .optional()
      .meta({ description: "As in the phone's address book, else as the person's profile." }),
  })
  .meta({ id: 'Contact' });
const webhookFields = {
  id: z.string().meta({ description: 'The webhook, a UUID.' }),
  url: z.string(),
  events: z.array(z.enum(['*', ...WEBHOOK_EVENTS])),
  format: z.enum(WEBHOOK_FORMATS),
  verified: z
    .boolean()
    .meta({ description: 'False: nothing is delivered before its handshake has succeeded.' }),
  createdAt: moment,
  waiting: z.int().meta({ description: 'Events that are yet to be delivered.' }),
  dead: z.int().meta({ description: 'Events that were given up.' }),
};

export const webhookDetails = z.object(webhookFields).meta({ id: 'Webhook' });

export const createdWebhook = z
  .object({
    ...webhookFields,
    secret: z.string().meta({ description: 'Never shown again.' }),
    verifyToken: z.string().optional().meta({ description: 'Of the format `cloud`; never shown again.' }),
  })
  .meta({ id: 'CreatedWebhook' });

export const changedWebhook = z
  .object({
    ...webhookFields,
    secret: z.string().optional().meta({ description: 'Only one that was generated; never shown again.' }),
  })
  .meta({ id: 'ChangedWebhook' });

export const webhookList = z.object({ webhooks: z.array(webhookDetails) }).meta({ id: 'WebhookList' });

export const webhookTest = z
  .object({
    id: z.string().meta({ description: 'The `X-Webhook-Id` of the test.' }),
    delivered: z.boolean(),
    status: z.int().optional().meta({ description: 'The status of the answer, when it was delivered.' }),
    error: z.string().optional().meta({ description: 'Why not: `TIMEOUT`, `HTTP_500`, …' }),
  })
  .meta({ id: 'WebhookTest' });

export const webhookVerification = z
  .object({
    verified: z.boolean(),
    error: z
      .string()
      .optional()
      .meta({ description: 'Why not: `WRONG_CHALLENGE`, `TIMEOUT`, `HTTP_403`, …' }),
  })
  .meta({ id: 'WebhookVerification' });

export const webhookDelivery = z
  .object({
    id: z.string().meta({ description: 'The `X-Webhook-Id`, a UUID.' }),
    type: z.enum(WEBHOOK_EVENTS),
    at: moment,
    sequence: z.int().nullable().meta({ description: 'Null until the first attempt.' }),
    status: z.enum(DELIVERY_STATUSES),
    attempts: z.int().meta({ description: 'How many have failed.' }),
    error: z
      .string()
      .nullable()
      .meta({ description: 'Why the last one failed: `TIMEOUT`, `HTTP_500`, `CONNECTION_FAILED`, …' }),
    data: z.unknown(),
  })
  .meta({ id: 'WebhookDelivery' });

export const deliveryList = z
  .object({
    deliveries: z.array(webhookDelivery),
    next: z.string().optional().meta({ description: 'For `before`; absent on the last page.' }),
  })
  .meta({ id: 'WebhookDeliveryList' });

export const agentSettings = z
  .object({
    inboundTypes: z
      .array(z.enum(INBOUND_TYPES))
      .nullable()
      .meta({ description: 'Null: `AI_INBOUND_TYPES`.' }),
    aiMedia: z.enum(AI_MEDIA).nullable().meta({ description: 'Null: `AI_MEDIA`.' }),
    debounceMs: z.int().nullable().meta({ description: 'Null: `AI_DEBOUNCE_MS`.' }),
    debounceMaxMs: z.int().nullable().meta({ description: 'Null: `AI_DEBOUNCE_MAX_MS`.' }),
    handoverMinutes: z.int().nullable().meta({ description: 'Null: `HANDOVER_MINUTES`.' }),
    ignore: z.array(z.string()).nullable().meta({ description: 'Null: no messages are dropped.' }),
    replyDelay: z
      .object({ perCharacterMs: z.int(), maxMs: z.int() })
      .nullable()
      .meta({ description: 'Null: answers do not wait.' }),
  })
  .meta({ id: 'AgentSettings' });

export const ranTurn = z
  .object({
    reply: z.string().nullable(),
    replySent: z.boolean(),
    sessionId: jid,
    id: id.optional(),
    messageId: messageId.optional(),
    messages: z
      .array(
        z.object({
          id: id.optional().meta({ description: 'Absent when its file could not be had.' }),
          messageId: messageId.optional(),
          type: z.enum(Object.keys(KINDS) as ContentKind[]),
          error: z.object({ code: z.string(), message: z.string() }).optional(),
        }),
      )
      .optional()
      .meta({
        description: 'What the AI answered besides the reply, in order; absent when that was nothing.',
      }),
  })
  .meta({ id: 'RunAnswer' });

export const messageDetails = z
  .object({
    id,
    status: z.enum(MESSAGE_STATUSES),
    to: jid,
    kind: z.enum(Object.keys(KINDS) as ContentKind[]),
    messageId: messageId.optional(),
    error: z.object({ code: z.string(), message: z.string() }).optional(),
    createdAt: moment,
    sentAt: moment.optional(),
    deliveredAt: moment
      .optional()
      .meta({ description: "On the recipient's phone; in a group, on every member's." }),
    readAt: moment.optional().meta({ description: 'Read; in a group, by every member.' }),
    playedAt: moment.optional().meta({ description: 'Played: of a voice message.' }),
  })
  .meta({ id: 'Message' });

export const health = z
  .object({
    status: z.literal('ok'),
    uptime: z.number().meta({ description: 'Seconds.' }),
    timestamp: moment,
  })
  .meta({ id: 'Health' });

const dependencies = z.record(z.string(), z.string());

export const ready = z.object({ status: z.literal('ok'), dependencies }).meta({ id: 'Ready' });

/** The body of every 4xx and 5xx. */
export const problem = z
  .object({
    error: z.object({
      code: z.enum(ERROR_CODES),
      message: z.string(),
      traceId: z.string().regex(/^[0-9a-f]{32}$/),
      details: z
        .union([
          z.array(z.object({ path: z.string(), message: z.string() })),
          z.object({
            outcome: z.enum(['failed', 'unknown']).optional(),
            id: id.optional(),
            messageId: messageId.optional(),
            reason: z.string().optional(),
            dependencies: dependencies.optional(),
            missing: z
              .array(z.string())
              .optional()
              .meta({ description: "What of WhatsApp Web's page is missing, as `WAWebModule.export`." }),
          }),
        ])
        .optional(),
    }),
  })
  .meta({ id: 'Problem' });
