import { z } from 'zod';
import 'zod-openapi';
import { CHAT_MODES } from '../../actors/domain/chats.ts';
import { AGENT_ID } from '../../actors/domain/identity.ts';
import { DELIVERY_STATUSES, WEBHOOK_EVENTS, WEBHOOK_FORMATS } from '../../actors/domain/ports/webhooks.ts';
import { AI_MEDIA, INBOUND_TYPES } from '../../actors/domain/settings.ts';
import {
  address,
  contentOf,
  contentSchemas,
  optional,
  quoteId,
  type ToJid,
  text,
} from '../../infra/content-schemas.ts';

// What comes in, as zod: the same schemas validate and are written into the OpenAPI document.

/** An agent's id. */
export const agentId = z
  .string()
  .regex(AGENT_ID, 'must be 1 to 64 letters, digits, - or _, a letter or digit first')
  .meta({ description: 'The agent, chosen by who creates it.', example: 'support-bot' });

export const agentPath = z.object({ agentId });

// A message that can't be there is not there: an id of another form is no fault of the request's.
export const messagePath = z.object({
  agentId,
  id: z.string().meta({
    description: 'Our id of the message, a UUID.',
    example: '019a9f3e-7c1d-7b8e-9d52-3f0c5a1e77aa',
  }),
});

/** A message to change, which may be one that the phone or another service has sent. */
export const changePath = z.object({
  agentId,
  id: z.string().meta({
    description: "Our id of the message, or WhatsApp's.",
    example: '019a9f3e-7c1d-7b8e-9d52-3f0c5a1e77aa',
  }),
});

/** `PATCH /agents/{agentId}/messages/{id}`. */
export const editBody = z.strictObject({ text: z.string().min(1).max(65_536) }).meta({
  id: 'EditMessage',
  example: { text: 'Halo, dari API' },
});

// As that of a message: a file that can't be there is not there.
export const filePath = z.object({
  agentId,
  id: z.string().meta({ description: 'The file, a UUID.', example: '01f0a6c2-9b1d-4c63-8a4e-2f5d7c9e1b30' }),
});

export const linkedFilePath = filePath.pick({ id: true });

/** The query of a signed link; a link without it is not valid either. */
export const linkQuery = z.object({
  expires: z.string().catch('').meta({ description: 'Seconds since the epoch.', example: '1762588800' }),
  signature: z.string().catch('').meta({ example: 'nXj3vW0qf1oZlq0m3Hh9yC7bq2mT5cV8xk4sR6uA1dE' }),
});

/** `POST /agents/{agentId}/files` as a form. */
export const fileForm = z
  .object({ file: z.string().meta({ format: 'binary', example: '@invoice.pdf' }) })
  .meta({ id: 'FileForm' });

/** `POST /sessions`. Unknown fields are refused: the AI's URL, above all, can't be set here. */
export const createSessionBody = z
  .strictObject({
    userId: z.int().min(1).max(2_147_483_647).meta({ description: 'Owner of the agent and of its API key.' }),
    agentId,
    agentName: z.string().min(1).max(200),
    apikey: optional(
      z.string().regex(/^[\x21-\x7e]{1,512}$/, 'must be 1 to 512 visible ASCII characters'),
    ).meta({ description: 'Used only when the user has no active key in `api_keys`.' }),
  })
  .meta({
    id: 'CreateSession',
    example: { userId: 123, agentId: 'support-bot', agentName: 'Support Bot', apikey: 'key-of-the-user' },
  });

const base64url = z.string().regex(/^[A-Za-z0-9_-]+$/, 'must be base64url without padding');

/** `POST /sessions/{agentId}/passkey`: what `PublicKeyCredential.toJSON()` gives; further fields pass through. */
export const passkeyAssertion = z
  .looseObject({
    id: base64url,
    rawId: base64url,
    type: z.literal('public-key'),
    response: z.looseObject({
      clientDataJSON: base64url,
      authenticatorData: base64url,
      signature: base64url,
      userHandle: base64url.nullish(),
    }),
    clientExtensionResults: z.record(z.string(), z.unknown()),
    authenticatorAttachment: z.enum(['platform', 'cross-platform']).nullish(),
  })
  .meta({
    id: 'PasskeyAssertion',
    description: 'The `AuthenticationResponseJSON` of a passkey that has signed the challenge.',
    example: {
      id: 'AQIDBA',
      rawId: 'AQIDBA',
      type: 'public-key',
      response: { clientDataJSON: 'e30', authenticatorData: 'AQIDBA', signature: 'AQIDBA', userHandle: null },
      clientExtensionResults: {},
      authenticatorAttachment: 'platform',
    },
  });

/** The header `Idempotency-Key`: at most 255 printable characters. */
export const keyHeader = z.object({
  'Idempotency-Key': z
    .string()
    .regex(/^[\x20-\x7e]{1,255}$/, 'must be 1 to 255 printable ASCII characters')
    .meta({ description: 'The same key and body within 24 h is answered as the first time and sent once.' }),
});

/** The header `Prefer`, for the document. */
export const preferHeader = z.object({
  Prefer: z.string().meta({ description: '`respond-async` answers 202 at once.', example: 'respond-async' }),
});

/** One pixel. */
const TINY_PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

/** The fields of a media body but for the recipient. */
const mediaFields = {
  data: optional(z.string().min(1)).meta({
    description: 'The image in base64, with or without line breaks, or as a data URL.',
  }),
  url: optional(z.string().min(1).max(8_192)).meta({
    description: 'Where to fetch the image: http or https.',
    example: 'https://example.com/invoice.png',
  }),
  caption: optional(z.string().max(65_536)),
  mimetype: optional(
    z
      .string()
      .max(127)
      .regex(/^[\w.+-]+\/[\w.+-]+$/, 'must be a media type'),
  ).meta({ description: 'A claim: the bytes decide.' }),
  filename: optional(
    z
      .string()
      .min(1)
      .max(255)
      .regex(/^[^/\\\p{Cc}]+$/u, 'must be a file name without a path'),
  ),
  quoteId,
  save_to_temp: z
    .boolean()
    .nullable()
    .default(true)
    .transform((keep) => keep ?? true)
    .meta({ description: '`false` leaves no preview file.' }),
};

/** The fields of `/run` but for the chat. */
const runFields = {
  message: text,
  openai_api_key: optional(z.string().max(512)).meta({ description: 'Passed on to the AI, never stored.' }),
  memory_enable: optional(z.boolean()),
  context_memory: optional(z.union([z.string().max(65_536), z.number()])),
  rag_enable: optional(z.boolean()),
  metadata: optional(z.record(z.string(), z.unknown())),
};

/** `POST /sessions/{agentId}/pairing-code`. */
export function pairingCodeBody(toJid: ToJid) {
  const phoneNumber = address(toJid)
    .refine((jid) => jid.endsWith('@c.us'), 'must be a phone number')
    .meta({ description: 'The number of the phone to link, in any usual form.', example: '6281234567890' });
  return z
    .strictObject({ phoneNumber })
    .meta({ id: 'PairingCodeRequest', example: { phoneNumber: '6281234567890' } });
}

/** The recipient of a message. */
function recipient(toJid: ToJid) {
  return address(toJid).meta({
    description:
      'A phone number in any usual form, or a WhatsApp address. Digits without `+` that could be a number of two countries are refused.',
    example: '6281234567890',
  });
}

/** `POST /agents/{agentId}/messages`: a message of any kind. The PRD's `{to, message}` has no type and is a text. */
export function messageBody(toJid: ToJid) {
  const to = recipient(toJid);
  return z
    .discriminatedUnion('type', [
      z.strictObject({
        to,
        quoteId,
        type: z
          .undefined()
          .optional()
          .meta({ override: { not: {} } }),
        message: text,
      }),
      ...contentSchemas(toJid, { envelope: { to, quoteId }, body: text }),
    ])
    .transform((body) => ({
      to: body.to,
      quoteId: body.quoteId,
      content: body.type === undefined ? { kind: 'text' as const, text: body.message } : contentOf(body),
    }))
    .meta({ id: 'SendMessage', example: { to: '6281234567890', message: 'Halo dari API' } });
}

/** A chat of an agent, by the number or the LID of its person, or a group. */
export function chatPath(toJid: ToJid) {
  return z.object({
    agentId,
    chatId: address(toJid).meta({
      description: 'A phone number in any usual form, or a WhatsApp address, also `…@lid`.',
      example: '6281234567890@c.us',
    }),
  });
}

/** Which page of a list. */
const page = {
  limit: z.coerce.number().int().min(1).max(100).optional().meta({
    description: 'How many at most; 50 by default.',
    example: 20,
  }),
  before: z
    .string()
    .min(1)
    .max(512)
    .optional()
    .meta({ description: '`next` of the page before; the newest by default.' }),
};

/** `GET /agents/{agentId}/chats`. */
export const chatsQuery = z
  .object({
    mode: z.enum(CHAT_MODES).exclude(['bot']).optional().meta({
      description: 'Only the chats with this mode, all at once, whether the agent is connected or not.',
    }),
    ...page,
  })
  .refine(({ mode, limit, before }) => mode === undefined || (limit ?? before) === undefined, {
    path: ['mode'],
    message: 'goes with neither limit nor before',
  });

/** `GET /agents/{agentId}/chats/{chatId}/messages`. */
export const pageQuery = z.object(page);

/** A message of a chat, by WhatsApp's id. */
export function chatMessagePath(toJid: ToJid) {
  return chatPath(toJid).extend({
    messageId: z.string().min(1).max(256).meta({
      description: "WhatsApp's id of the message.",
      example: 'false_6281234567890@c.us_3EB0C767D097B7C7C030',
    }),
  });
}

/** `POST /agents/{agentId}/chats/{chatId}/typing`. */
export const typingBody = z
  .strictObject({ typing: z.boolean() })
  .meta({ id: 'SetTyping', example: { typing: true } });

/** A person, by number or LID. */
export function contactPath(toJid: ToJid) {
  return z.object({
    agentId,
    number: address(toJid)
      .refine((jid) => !jid.endsWith('@g.us'), { message: 'must be a person, not a group' })
      .meta({
        description: 'A phone number in any usual form, or `…@c.us` or `…@lid`.',
        example: '6281234567890',
      }),
  });
}

/** `PUT /agents/{agentId}/chats/{chatId}`. */
export const chatModeBody = z
  .strictObject({
    mode: z.enum(CHAT_MODES),
    minutes: optional(z.int().min(1).max(525_600)).meta({
      description: 'After which the bot answers again; without it, when the mode is changed.',
    }),
  })
  .refine(({ mode, minutes }) => mode !== 'bot' || minutes === undefined, {
    path: ['minutes'],
    message: 'goes with human and closed alone',
  })
  .meta({ id: 'SetChatMode', example: { mode: 'human', minutes: 60 } });

/** `PATCH /agents/{agentId}/settings`; a field that is missing stays as it is. */
export function settingsBody(toJid: ToJid) {
  const ignored = z.union([z.enum(['@g.us', '@lid']), address(toJid)], {
    error: 'must be a phone number, a WhatsApp address, @g.us or @lid',
  });
  return z
    .strictObject({
      inboundTypes: z.array(z.enum(INBOUND_TYPES)).max(INBOUND_TYPES.length).nullable().optional().meta({
        description: 'Kinds of messages that are answered; an empty list: the AI is not asked.',
      }),
      aiMedia: z.enum(AI_MEDIA).nullable().optional().meta({
        description: 'How the AI is given files: by a signed link, or in base64 up to 8 MB.',
      }),
      debounceMs: z.int().min(0).max(60_000).nullable().optional().meta({
        description:
          'How long the messages of a chat wait for further ones, so that the AI is asked about them together; 0: they do not.',
      }),
      debounceMaxMs: z.int().min(0).max(300_000).nullable().optional().meta({
        description: 'How long they wait at most, counted from the first.',
      }),
      handoverMinutes: z.int().min(0).max(43_200).nullable().optional().meta({
        description: 'For how long a person who writes on the phone has the chat; 0: the bot keeps it.',
      }),
      replyDelay: z
        .strictObject({
          perCharacterMs: z.int().min(0).max(1_000).meta({ description: 'For each character; 0: no delay.' }),
          maxMs: z.int().min(0).max(60_000).meta({ description: 'At most.' }),
        })
        .nullable()
        .optional()
        .meta({ description: 'How long an answer of the AI waits, by its length, while typing shows.' }),
      ignore: z.array(ignored).max(1_000).nullable().optional().meta({
        description:
          'Whose messages are dropped; `@g.us`: all groups, `@lid`: all whose number is not known.',
      }),
    })
    .meta({
      id: 'ChangeSettings',
      example: {
        inboundTypes: ['text', 'image'],
        debounceMs: 3_000,
        handoverMinutes: 30,
        ignore: ['6281234567890', '@g.us'],
        replyDelay: { perCharacterMs: 30, maxMs: 5_000 },
      },
    });
}

const webhookUrl = z.string().min(1).max(2_048).meta({
  description: 'http or https; private addresses only of `WEBHOOK_ALLOWED_ORIGINS`.',
  example: 'https://example.com/whatsapp',
});

/** Names of events, each once. */
const webhookEvents = z
  .array(z.enum(['*', ...WEBHOOK_EVENTS]))
  .min(1)
  .max(1 + WEBHOOK_EVENTS.length)
  .transform((events) => [...new Set(events)])
  .meta({ description: 'Which events are delivered; `*`: all, also those of later versions.' });

const webhookSecret = z.string().regex(/^[\x21-\x7e]{16,256}$/, 'must be 16 to 256 visible ASCII characters');

/** `POST /agents/{agentId}/webhooks`. */
export const webhookBody = z
  .strictObject({
    url: webhookUrl,
    events: webhookEvents,
    secret: optional(webhookSecret).meta({ description: 'Signs the deliveries; generated when absent.' }),
    format: z.enum(WEBHOOK_FORMATS).default('native').meta({
      description: "`cloud`: as Meta's Cloud API, after its handshake.",
    }),
    verifyToken: optional(
      z.string().regex(/^[\x21-\x7e]{1,256}$/, 'must be 1 to 256 visible ASCII characters'),
    ).meta({ description: 'The `hub.verify_token` of the handshake; generated when absent.' }),
  })
  .refine(({ format, verifyToken }) => format === 'cloud' || verifyToken === undefined, {
    path: ['verifyToken'],
    message: 'goes with the format cloud alone',
  })
  .meta({
    id: 'CreateWebhook',
    example: { url: 'https://example.com/whatsapp', events: ['message.received', 'message.status'] },
  });

/** `PATCH /agents/{agentId}/webhooks/{id}`; a field that is missing stays as it is. */
export const webhookChange = z
  .strictObject({
    url: webhookUrl.optional(),
    events: webhookEvents.optional(),
    secret: webhookSecret.nullable().optional().meta({ description: 'Null generates another one.' }),
  })
  .meta({ id: 'ChangeWebhook', example: { events: ['*'] } });

// As that of a message: a webhook that can't be there is not there.
export const webhookPath = z.object({
  agentId,
  id: z
    .string()
    .meta({ description: 'The webhook, a UUID.', example: '5b0c7c1e-6f0f-4b8e-9a53-1c2d3e4f5a6b' }),
});

export const deliveryPath = webhookPath.extend({
  deliveryId: z
    .string()
    .meta({ description: 'The delivery, a UUID.', example: 'c2f6d0aa-3a0b-4a53-8f0e-7d6c5b4a3f2e' }),
});

/** `GET …/webhooks/{id}/deliveries`. */
export const deliveriesQuery = z.object({
  status: z.enum(DELIVERY_STATUSES).default('dead').meta({
    description: '`dead`: given up; `waiting`: to be delivered. A delivered event is not kept.',
    example: 'dead',
  }),
  limit: z.coerce.number().int().min(1).max(100).default(20).meta({ example: 20 }),
  before: z
    .string()
    .regex(/^\d{1,18}$/, 'must be the next of a page')
    .optional()
    .meta({ description: 'The `next` of the page before.' }),
});

/** `POST /agents/{agentId}/media`. */
export function mediaBody(toJid: ToJid) {
  return (
    z
      .strictObject({ to: recipient(toJid), ...mediaFields })
      .refine((body) => (body.data === undefined) !== (body.url === undefined), {
        path: ['data'],
        message: 'exactly one of data and url is required',
      })
      // The claimed type is not used.
      .transform(({ to, quoteId, data, url: link, caption, filename, save_to_temp }) => ({
        to,
        quoteId,
        save_to_temp,
        content: { kind: 'image' as const, source: { data, link }, caption, filename },
      }))
      .meta({
        id: 'SendMedia',
        description: 'Exactly one of `data` and `url` is required.',
        example: { to: '6281234567890', data: TINY_PNG, caption: 'Invoice #123', filename: 'invoice.png' },
      })
  );
}

/** `POST /agents/{agentId}/run`; unknown fields pass through to the AI. */
export function runBody(toJid: ToJid) {
  return z
    .looseObject({
      ...runFields,
      sessionId: z
        .union([z.string(), z.int().positive().transform(String)])
        .pipe(recipient(toJid))
        .meta({
          description: 'The chat: a WhatsApp address or a bare number.',
          example: '6281234567890@c.us',
        }),
    })
    .meta({
      id: 'Run',
      example: {
        message: 'Hello assistant!',
        sessionId: '6281234567890@c.us',
        memory_enable: true,
        context_memory: '100',
        rag_enable: true,
        metadata: { whatsapp_name: 'Customer', chat_name: 'VIP Support' },
      },
    });
}
