import { z } from 'zod';
import { contactCard, location, MEDIA_TYPES, media, restrictionKind, settings } from '../network/schemas.ts';

// Requests of the sandbox's control API.

const number = z
  .string()
  .regex(
    /^(\+?[\d\s-]{6,20}|\d{6,15}@(c\.us|s\.whatsapp\.net)|\d{6,20}@lid)$/,
    'must be a number like 62811…',
  )
  .meta({ description: 'Digits, `+…`, or a JID.', example: '6285000000001' });
const chat = z.string().min(1).max(128);
const text = z.string().min(1).max(65_536);
const name = z.string().min(1).max(64);
const customer = number.meta({ description: 'The customer: digits, `+…`, or a JID.' });
const group = chat.optional().meta({
  description: 'In this group: a JID, or a name; a group of that name is created when there is none.',
});

export const AGENT = z.strictObject({
  agentId: z.string().min(1).max(64).meta({ example: 'cafe' }),
});

export const PERSON = z.strictObject({ number });

export const MEDIA = z.strictObject({ sha256: z.string().regex(/^[0-9a-f]{64}$/) });

export const SCAN = z
  .strictObject({
    number: number.optional().meta({ description: 'Whose phone; one made from the agentId by default.' }),
    name: name.optional().meta({ description: "The phone's owner." }),
    qr: z
      .string()
      .min(1)
      .optional()
      .meta({ description: 'Another QR than the current one, such as an expired or a used one.' }),
  })
  .meta({ id: 'Scan', example: { number: '6281100000001', name: 'Café' } });

const bytes = z
  .string()
  .transform((data) => data.replace(/^data:[^,]*,/, ''))
  .pipe(z.base64());

const file = z.strictObject({
  data: bytes.meta({ description: 'Base64 or a data URL.' }),
  type: z.enum(MEDIA_TYPES).optional().meta({
    description:
      'What it is sent as; `ptt` is a voice note. By its bytes by default: image, video, audio, or else document.',
  }),
  mimetype: z
    .string()
    .max(128)
    .regex(/^[\w.+-]+\/[\w.+-]+$/)
    .optional()
    .meta({ description: 'Where the bytes do not show it, as with `text/csv`.' }),
  filename: z.string().min(1).max(255).optional(),
  seconds: z.number().min(0).max(86_400).optional(),
  waveform: media.shape.waveform,
});

/** What a message holds beside its text: at most one of these. */
const ATTACHMENTS = ['image', 'file', 'location', 'contacts'] as const;

export const MESSAGE = z
  .strictObject({
    from: customer,
    name: name.optional().meta({ description: "The customer's name." }),
    text: z.string().max(65_536).default(''),
    group,
    mention: z.boolean().default(false).meta({ description: 'Mentions the agent.' }),
    image: bytes.optional().meta({ description: 'Base64 or a data URL; the text is its caption.' }),
    file: file.optional().meta({
      description:
        'Any file, such as a voice note; the text is the caption of an image, a video or a document.',
    }),
    location: location.optional(),
    contacts: z.array(contactCard).min(1).max(20).optional(),
    quoteId: chat
      .optional()
      .meta({ description: 'A message of this chat, by the id that the customer has.' }),
    byLid: z.boolean().optional().meta({ description: 'From now on the customer is addressed as `…@lid`.' }),
    hidesNumber: z
      .boolean()
      .optional()
      .meta({ description: 'From now on the LID is all that others know of the customer.' }),
  })
  .refine((message) => message.text !== '' || attached(message).length > 0, {
    path: ['text'],
    message: 'must not be empty without a file, a location or contacts',
  })
  .refine((message) => attached(message).length <= 1, {
    path: [],
    message: `has more than one of ${ATTACHMENTS.join(', ')}`,
  })
  .refine(({ text, location, contacts }) => text === '' || !(location ?? contacts), {
    path: ['text'],
    message: 'must be empty beside a location or contacts',
  })
  .meta({ id: 'Writing', example: { from: '6285000000001', name: 'Sari', text: 'Buka hari ini?' } });

/** Which attachments a message has. */
function attached(message: { [Name in (typeof ATTACHMENTS)[number]]?: unknown }): string[] {
  return ATTACHMENTS.filter((name) => message[name] !== undefined);
}

export const CODE = z
  .strictObject({
    number: number.optional().meta({ description: 'Whose phone; one made from the agentId by default.' }),
    name: name.optional().meta({ description: "The phone's owner." }),
    code: z.string().min(8).max(16).meta({ description: 'The pairing code that the service gave.' }),
  })
  .meta({ id: 'Code', example: { number: '6281100000001', code: 'ABCD-1234' } });

export const PASSKEY = z
  .strictObject({
    number: number.optional().meta({ description: 'Whose phone; one made from the agentId by default.' }),
  })
  .meta({ id: 'Passkey', example: { number: '6281100000001' } });

const messageId = chat.meta({
  description: 'The message, by the id that this person has or its stanza id.',
});

export const EDIT = z
  .strictObject({ from: customer, messageId, text })
  .meta({ id: 'Edit', example: { from: '6285000000001', messageId: '3EB0C0FFEE', text: 'Buka besok?' } });

export const REVOKE = z
  .strictObject({ from: customer, messageId })
  .meta({ id: 'Revocation', example: { from: '6285000000001', messageId: '3EB0C0FFEE' } });

export const REACTION = z
  .strictObject({
    from: customer,
    messageId,
    emoji: z.string().max(64).meta({ description: 'An empty one takes the reaction back.' }),
  })
  .meta({ id: 'Reaction', example: { from: '6285000000001', messageId: '3EB0C0FFEE', emoji: '👍' } });

export const CALL = z
  .strictObject({ from: customer, isVideo: z.boolean().default(false), group })
  .meta({ id: 'CallOf', example: { from: '6285000000001', isVideo: true } });

export const VOTE = z
  .strictObject({
    from: customer,
    messageId,
    options: z
      .array(z.string())
      .max(12)
      .meta({ description: 'All that are chosen; none takes the vote back.' }),
  })
  .meta({ id: 'Vote', example: { from: '6285000000001', messageId: '3EB0C0FFEE', options: ['Soto'] } });

export const SETTINGS = settings
  .partial()
  .refine((settings) => Object.keys(settings).length > 0, { message: 'name at least one setting' })
  .meta({ id: 'SettingsChange', example: { passkey: 'refs_stop' } });

export const STATUS = z
  .strictObject({ from: customer, text })
  .meta({ id: 'StatusPost', example: { from: '6285000000001', text: 'On holiday' } });

export const CHANNEL = z
  .strictObject({
    channel: z
      .string()
      .regex(/^\d+@newsletter$/)
      .default('120363000000000001@newsletter'),
    text,
  })
  .meta({ id: 'ChannelPost', example: { text: 'News of today' } });

export const READ = z
  .strictObject({ from: customer, group })
  .meta({ id: 'Reading', example: { from: '6285000000001' } });

export const TYPING = z
  .strictObject({ from: customer, typing: z.boolean().default(true), group })
  .meta({ id: 'Typing', example: { from: '6285000000001', typing: true } });

export const NETWORK = z
  .strictObject({
    drop: z
      .union([z.literal(true), z.int().positive().max(3_600_000)])
      .optional()
      .meta({ description: 'The connection is lost: until restored, or for so many milliseconds.' }),
    restore: z.literal(true).optional().meta({ description: 'Ends every fault, before those that follow.' }),
    latencyMs: z.int().nonnegative().max(600_000).optional(),
    failureRate: z
      .number()
      .min(0)
      .max(1)
      .optional()
      .meta({ description: 'The share of sends that WhatsApp refuses.' }),
    freeze: z
      .boolean()
      .optional()
      .meta({ description: 'The pages that are open now hang; those to come do not.' }),
    state: z
      .string()
      .regex(/^[A-Z_]{2,40}$/)
      .optional()
      .meta({ description: 'A state of the socket: `CONFLICT`, `TIMEOUT`, `PROXYBLOCK`, …' }),
    restrict: z
      .strictObject({
        kind: restrictionKind,
        forMs: z
          .int()
          .positive()
          .max(31_536_000_000)
          .optional()
          .meta({ description: 'Until ended by default.' }),
      })
      .nullable()
      .optional()
      .meta({
        description: 'Messages to people who never wrote are refused, with 463 or 475; null ends it.',
      }),
    ban: z.literal(true).optional().meta({ description: 'WhatsApp bans the account, until restored.' }),
    crash: z.literal(true).optional().meta({ description: 'The browser is gone.' }),
  })
  .refine((faults) => Object.keys(faults).length > 0, { message: 'name at least one fault' })
  .meta({ id: 'Faults', example: { drop: 5_000 } });

export const GROUP = z
  .strictObject({
    id: z
      .string()
      .regex(/^[\d-]+@g\.us$/)
      .optional()
      .meta({ description: 'The group to change; a new one by default.' }),
    name,
    participants: z.array(number).min(1).max(1_024),
  })
  .meta({ id: 'GroupOf', example: { name: 'Regulars', participants: ['6285000000001'] } });

export const CHAT = z
  .strictObject({ chat: chat.meta({ description: 'A JID.' }) })
  .meta({ id: 'ChatOf', example: { chat: '6281100000001@c.us' } });

export const NOTE = z
  .strictObject({ messageId })
  .meta({ id: 'PlayedNote', example: { messageId: '3EB0C0FFEE' } });

export const RESET = z
  .strictObject({
    seed: name.optional().meta({ description: 'Seed of ids and random failures.' }),
  })
  .meta({ id: 'Reset', example: { seed: 'monday' } });

export const CLOCK = z
  .strictObject({ advanceMs: z.int().positive().max(86_400_000) })
  .meta({ id: 'Advance', example: { advanceMs: 60_000 } });

export const NOTHING = z.strictObject({}).meta({ id: 'Nothing', example: {} });

export const MESSAGES_QUERY = z.strictObject({
  chat: chat.optional().meta({ description: 'One chat; all of them by default.' }),
  limit: z.coerce.number().int().positive().max(1_000).default(100),
});

export const WIRE_QUERY = z.strictObject({
  since: z.coerce
    .number()
    .int()
    .nonnegative()
    .default(0)
    .meta({ description: 'Lines after the one with this `seq`.' }),
});
