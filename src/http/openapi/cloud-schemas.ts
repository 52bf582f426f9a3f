import { z } from 'zod';
import 'zod-openapi';
import {
  address,
  contentOf,
  contentSchemas,
  messageId,
  optional,
  type ToJid,
  text,
} from '../../infra/content-schemas.ts';
import { agentId } from './request-schemas.ts';

// Bodies of the Cloud API, in the shapes of Meta's reference:
// https://developers.facebook.com/docs/whatsapp/cloud-api/reference

const WAMID = 'wamid.MDE5YTlmM2UtN2MxZC03YjhlLTlkNTItM2YwYzVhMWU3N2Fh';
const MEDIA_ID = '01f0a6c2-9b1d-4c63-8a4e-2f5d7c9e1b30-support-bot';

const MESSAGE = {
  messaging_product: 'whatsapp',
  to: '6281234567890',
  type: 'text',
  text: { body: 'Halo dari API' },
};

const product = z.literal('whatsapp');
const nodeId = z.string().meta({ description: 'A phone number (an agent), or a media.', example: MEDIA_ID });

export const nodePath = z.object({ nodeId });

/** `GET /{nodeId}`. */
export const nodeQuery = z.object({
  fields: z
    .string()
    .optional()
    .meta({ description: 'Names of the fields that are wanted, with commas between.' }),
  phone_number_id: z.string().optional().meta({ description: 'The agent, which must be that of the media.' }),
});

/** `POST /{agentId}/messages`: a message. */
export function cloudMessageBody(toJid: ToJid) {
  const envelope = {
    messaging_product: product,
    recipient_type: optional(z.enum(['individual', 'group'])),
    to: address(toJid).meta({
      description: 'Digits with the country code, or a WhatsApp address.',
      example: '6281234567890',
    }),
    recipient: optional(z.string().max(256)).meta({
      description: "Meta's own id of the person; not used.",
    }),
    context: optional(z.strictObject({ message_id: messageId })).meta({
      description: 'The message that is answered.',
    }),
    biz_opaque_callback_data: optional(z.string().max(512)).meta({
      description: 'Returned in the statuses of the message.',
    }),
  };
  return z
    .discriminatedUnion('type', contentSchemas(toJid, { envelope, body: text }))
    .transform((body) => ({
      to: body.to,
      quotedId: body.context?.message_id,
      callbackData: body.biz_opaque_callback_data,
      content: contentOf(body),
    }))
    .meta({
      id: 'Message',
      example: MESSAGE,
    });
}

/** `POST /{agentId}/messages`: a message is read, and an answer to it is being written. */
export const cloudStatusBody = z
  .strictObject({
    messaging_product: product,
    status: z.literal('read'),
    message_id: messageId,
    typing_indicator: optional(z.strictObject({ type: z.literal('text') })).meta({
      description: 'Shows that the agent is typing, until it sends, or for about 25 s.',
    }),
  })
  .meta({
    id: 'Status',
    example: { messaging_product: 'whatsapp', status: 'read', message_id: WAMID },
  });

/** What a message is answered with once it is accepted. */
export const acceptedMessage = z
  .object({
    messaging_product: product,
    contacts: z.array(z.object({ input: z.string(), wa_id: z.string() })),
    messages: z.array(z.object({ id: z.string() })),
  })
  .meta({ id: 'AcceptedMessage' });

/** `POST /{agentId}/media`. */
export const mediaForm = z
  .object({
    messaging_product: product.meta({ example: 'whatsapp' }),
    type: z.string().optional().meta({ description: 'A claim: the bytes decide.', example: 'image/png' }),
    file: z.string().meta({ format: 'binary', example: '@invoice.png' }),
  })
  .meta({ id: 'MediaForm' });

export const uploadedMedia = z.object({ id: z.string() }).meta({ id: 'UploadedMedia' });

const media = z
  .object({
    messaging_product: product,
    id: z.string(),
    url: z.url().meta({ description: 'Downloads the file until it expires, with or without the key.' }),
    mime_type: z.string(),
    sha256: z.string(),
    file_size: z.int(),
  })
  .partial()
  .meta({ id: 'Media' });

const phoneNumber = z
  .object({
    id: agentId,
    display_phone_number: z.string().meta({ description: 'Missing before a phone is linked.' }),
    verified_name: z.string().meta({ description: "The agent's name; it is not verified by Meta." }),
    quality_rating: z.literal('UNKNOWN'),
    status: z.enum(['CONNECTED', 'DISCONNECTED']),
  })
  .partial()
  .meta({ id: 'PhoneNumber' });

/** `GET /{nodeId}`. */
export const node = media.or(phoneNumber);

export const success = z.object({ success: z.literal(true) }).meta({ id: 'Success' });

/** The body of every error. */
export const cloudProblem = z
  .object({
    error: z.object({
      message: z.string().meta({ description: 'Code and title.' }),
      type: z.literal('OAuthException'),
      code: z.int(),
      error_data: z.object({
        messaging_product: product,
        details: z.string().meta({ description: 'What is wrong with this request.' }),
      }),
      fbtrace_id: z.string().meta({ description: 'Equal to `X-Trace-Id`.' }),
    }),
  })
  .meta({ id: 'Error' });

/** Examples of the answers. */
export const cloudExamples = {
  message: MESSAGE,
  accepted: {
    messaging_product: 'whatsapp',
    contacts: [{ input: '6281234567890', wa_id: '6281234567890' }],
    messages: [{ id: WAMID }],
  },
  uploaded: { id: MEDIA_ID },
  media: {
    messaging_product: 'whatsapp',
    id: MEDIA_ID,
    url: 'http://localhost:3000/files/01f0a6c2-9b1d-4c63-8a4e-2f5d7c9e1b30?expires=1762588800&signature=nXj3vW0q',
    mime_type: 'image/png',
    sha256: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
    file_size: 48_213,
  },
  success: { success: true },
};
