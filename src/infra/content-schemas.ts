import { z } from 'zod';
import 'zod-openapi';
import { GatewayError } from '../actors/domain/errors.ts';
import {
  type ContentDraft,
  type FileSource,
  KINDS,
  MAX_DATA_BYTES,
  type MediaDraft,
} from '../actors/domain/message-content.ts';

// The content of a message in the shape of Meta's Cloud API, one schema a kind: of requests and of the AI's answers.

/** Turns what callers write into a JID; throws on anything else, which becomes a 400 that names the field and says why. */
export type ToJid = (text: string) => string;

/** A field that may be missing; `null` says the same. */
export function optional<Schema extends z.ZodType>(schema: Schema) {
  return schema.nullish().transform((value) => value ?? undefined);
}

/** A phone number or a WhatsApp address, as a JID. */
export function address(toJid: ToJid) {
  return z
    .string()
    .min(1)
    .max(128)
    .transform((written, context) => {
      try {
        return toJid(written);
      } catch (error) {
        const message =
          error instanceof GatewayError ? error.message : 'must be a phone number or a WhatsApp address';
        context.addIssue({ code: 'custom', message });
        return z.NEVER;
      }
    });
}

export const quoteId = optional(z.string().regex(/^[\x21-\x7e]{1,256}$/, 'must be an id of WhatsApp')).meta({
  description: "WhatsApp's id of the message that is answered.",
});

export const text = z.string().min(1).max(65_536);

const MAX_CAPTION = 65_536;
const MB = 1024 * 1024;

/** A message that is to be changed or answered. */
export const messageId = z
  .string()
  .regex(/^[\x21-\x7e]{1,256}$/, 'must be an id of a message')
  .meta({
    description: "Our id of a message, or WhatsApp's.",
    example: '019a9f3e-7c1d-7b8e-9d52-3f0c5a1e77aa',
  });
const caption = optional(z.string().max(MAX_CAPTION));
const filename = optional(
  z
    .string()
    .min(1)
    .max(255)
    .regex(/^[^/\\\p{Cc}]+$/u, 'must be a file name without a path'),
).meta({ example: 'invoice.pdf' });

/** A file of a kind, with the fields that go with it. */
function file<Fields extends z.ZodRawShape>(kind: MediaDraft['kind'], fields: Fields) {
  const { maxBytes = 0, formats } = KINDS[kind];
  const accepted = formats === 'any' ? 'any format' : (formats ?? []).join(', ');
  return z
    .strictObject({
      link: optional(z.string().min(1).max(8_192)).meta({ description: 'Where to fetch it: http or https.' }),
      data: optional(z.string().min(1)).meta({
        description: `Its bytes in base64 or as a data URL, at most ${MAX_DATA_BYTES / MB} MB of them.`,
      }),
      id: optional(z.uuid('must be the id of an uploaded file')).meta({
        description: 'The id of a file from `POST /agents/{agentId}/files`.',
      }),
      ...fields,
    })
    .refine((value) => sourcesOf(value as FileSource) === 1, 'needs exactly one of link, data and id')
    .meta({
      description: `Exactly one of \`link\`, \`data\` and \`id\`; at most ${maxBytes / MB} MB; ${accepted}.`,
    });
}

const reaction = z.strictObject({
  message_id: messageId,
  emoji: z
    .string()
    .max(64)
    .meta({ description: 'One emoji; an empty one takes the reaction back.', example: '👍' }),
});

/** How many sources are given. */
const sourcesOf = ({ link, data, id }: FileSource): number =>
  [link, data, id].filter((source) => source !== undefined).length;

/** The parts of a file's schema, as the content's. */
function withSource<Value extends FileSource>({ link, data, id, ...rest }: Value) {
  const source: FileSource = { ...(link && { link }), ...(data && { data }), ...(id && { id }) };
  return { ...rest, source };
}

const location = z.strictObject({
  latitude: z.number().min(-90).max(90).meta({ example: -6.1754 }),
  longitude: z.number().min(-180).max(180).meta({ example: 106.8272 }),
  name: optional(z.string().min(1).max(1_024)),
  address: optional(z.string().min(1).max(1_024)),
});

// Meta's cards have more fields; WhatsApp Web shows these.
const contact = z.looseObject({
  name: z.looseObject({ formatted_name: z.string().min(1).max(256) }),
  phones: z
    .array(z.looseObject({ phone: z.string().min(1).max(64) }))
    .min(1)
    .max(20),
});

const poll = z
  .strictObject({
    name: z.string().min(1).max(255),
    options: z.array(z.string().min(1).max(100)).min(2).max(12),
    selectable_count: optional(z.int().min(0)).meta({
      description: 'How many one person may choose; 0: any number.',
    }),
  })
  .refine(({ options }) => new Set(options).size === options.length, {
    path: ['options'],
    message: 'must differ from each other',
  })
  .refine(({ options, selectable_count: count = 0 }) => count <= options.length, {
    path: ['selectable_count'],
    message: 'must be at most the number of options',
  });

/** One schema for each kind of message: the fields of `envelope`, and its content; `body` is the text of a text message. */
export function contentSchemas<Envelope extends z.ZodRawShape>(
  toJid: ToJid,
  { envelope, body }: { envelope: Envelope; body: z.ZodString },
) {
  const of = <Type extends string, Fields extends z.ZodRawShape>(type: Type, fields: Fields) =>
    z.strictObject({ ...envelope, type: z.literal(type), ...fields });
  const mentions = optional(z.array(address(toJid)).max(1_024));
  return [
    of('text', {
      text: z.strictObject({ body, preview_url: optional(z.boolean()) }),
      mentions: mentions.meta({ description: 'Members of a group that are named by an @ in the text.' }),
    }),
    of('image', { image: file('image', { caption }) }),
    of('video', { video: file('video', { caption }) }),
    of('audio', { audio: file('audio', { voice: optional(z.boolean()) }) }),
    of('document', { document: file('document', { caption, filename }) }),
    of('sticker', { sticker: file('sticker', {}) }),
    of('location', { location }),
    of('contacts', { contacts: z.array(contact).min(1).max(20) }),
    of('poll', { poll }),
    of('reaction', { reaction }),
  ] as const;
}

type Message = z.output<ReturnType<typeof contentSchemas<Record<never, z.ZodType>>>[number]>;

/** The content of a message; what is not set is left out, so that equal requests are stored equally. */
export function contentOf(body: Message): ContentDraft {
  switch (body.type) {
    case 'text': {
      const { body: text, preview_url: previewUrl } = body.text;
      return { kind: 'text', text, previewUrl, mentions: body.mentions };
    }
    case 'image':
      return { kind: 'image', ...withSource(body.image) };
    case 'video':
      return { kind: 'video', ...withSource(body.video) };
    case 'audio':
      return { kind: 'audio', ...withSource(body.audio) };
    case 'document':
      return { kind: 'document', ...withSource(body.document) };
    case 'sticker':
      return { kind: 'sticker', ...withSource(body.sticker) };
    case 'location':
      return { kind: 'location', ...body.location };
    case 'contacts':
      return { kind: 'contacts', contacts: body.contacts.map(cardOf) };
    case 'poll': {
      const { name, options, selectable_count: selectableCount = 0 } = body.poll;
      return { kind: 'poll', name, options, selectableCount };
    }
    case 'reaction':
      return { kind: 'reaction', messageId: body.reaction.message_id, emoji: body.reaction.emoji };
  }
}

/** The card of a contact with the fields that are sent. */
const cardOf = ({ name, phones }: z.output<typeof contact>) => ({
  name: { formatted_name: name.formatted_name },
  phones: phones.map(({ phone }) => ({ phone })),
});
