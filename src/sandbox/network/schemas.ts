import { z } from 'zod';
import 'zod-openapi';

// What the network keeps and shows, once: the journal and the control API's answers are checked against these, and
// `types.ts` takes its types from them.

const jid = z.string().meta({ example: '6285000000001@c.us' });
export const moment = z
  .int()
  .meta({ description: 'Milliseconds since the epoch, by the clock of the sandbox.' });

export const account = z
  .strictObject({
    pn: jid,
    lid: jid,
    name: z.string(),
    addressedByLid: z
      .boolean()
      .meta({ description: 'Others see it as its `lid`, in every chat and mention.' }),
    hidesNumber: z.boolean().optional().meta({ description: 'Others see nothing of it but its `lid`.' }),
  })
  .meta({ id: 'Account' });

export const group = z
  .strictObject({
    id: jid,
    name: z.string(),
    participants: z.array(jid).meta({ description: 'By number, never by LID.' }),
  })
  .meta({ id: 'Group' });

/** WhatsApp's types of messages with a file; `ptt` is a voice note. */
export const MEDIA_TYPES = ['image', 'video', 'audio', 'ptt', 'document', 'sticker'] as const;

const MESSAGE_TYPES = [
  'chat',
  ...MEDIA_TYPES,
  'location',
  'vcard',
  'multi_vcard',
  'poll_creation',
  'revoked',
] as const;

export const media = z.strictObject({
  mimetype: z.string(),
  size: z.int(),
  sha256: z.string(),
  filename: z.string().optional(),
  seconds: z.number().optional(),
  width: z.int().positive().optional(),
  height: z.int().positive().optional(),
  waveform: z
    .array(z.int().min(0).max(100))
    .max(64)
    .optional()
    .meta({ description: 'Of a voice note: its loudness over its length.' }),
});

export const location = z.strictObject({
  latitude: z.number().min(-90).max(90),
  longitude: z.number().min(-180).max(180),
  name: z.string().optional(),
  address: z.string().optional(),
});

export const contactCard = z.strictObject({
  name: z.strictObject({ formatted_name: z.string() }),
  phones: z.array(z.strictObject({ phone: z.string() })),
});

export const poll = z.strictObject({
  name: z.string(),
  options: z.array(z.string()),
  selectableCount: z.int().meta({ description: 'How many options one person may choose; 0: any number.' }),
  votes: z.array(z.strictObject({ voterId: jid, fromMe: z.boolean(), options: z.array(z.string()) })),
});

const reaction = z.strictObject({
  id: z.string().meta({ description: "WhatsApp's id of the reaction itself." }),
  senderId: jid,
  fromMe: z.boolean(),
  emoji: z.string(),
});

export const message = z
  .strictObject({
    id: z.string().meta({
      description: "WhatsApp's id, as this account has it: `fromMe_chat_stanza[_participant]`.",
    }),
    stanzaId: z.string().meta({ description: 'The part that all copies of the message share.' }),
    chatId: jid,
    senderId: jid.meta({ description: 'The writer, as this account sees that person.' }),
    fromMe: z.boolean(),
    type: z.enum(MESSAGE_TYPES).meta({ description: '`ptt`: a voice note; `revoked`: taken back.' }),
    body: z.string().meta({ description: 'The text, or the caption of a file.' }),
    mentionedIds: z.array(jid),
    timestamp: moment,
    ack: z
      .int()
      .meta({ description: '-1 refused, 0 pending, 1 server, 2 delivered, 3 read, 4 played; incoming: 1.' }),
    errorCode: z.int().optional().meta({ description: 'Why WhatsApp refused it: 463 or 475.' }),
    editedAt: moment.optional(),
    changeStanzaId: z.string().optional().meta({ description: 'Of its last edit, or of its revocation.' }),
    senderName: z.string().optional(),
    chatName: z.string().optional(),
    quotedId: z.string().optional().meta({ description: "This account's `id` of the quoted message." }),
    media: media.optional(),
    location: location.optional(),
    contacts: z.array(contactCard).optional(),
    poll: poll.optional(),
    previewUrl: z.string().optional().meta({ description: 'The link of which a text shows a preview.' }),
    reactions: z.array(reaction).optional().meta({ description: 'At most one a person.' }),
  })
  .meta({ id: 'ChatMessage' });

export const chat = z
  .strictObject({
    id: jid,
    name: z.string(),
    kind: z.enum(['direct', 'group', 'status', 'channel']),
    unread: z.int(),
    typing: z.boolean().meta({ description: 'The other side is typing.' }),
    last: message.optional(),
  })
  .meta({ id: 'Chat' });

export const call = z
  .strictObject({
    id: z.string(),
    from: jid.meta({ description: 'The caller, as this account sees that person.' }),
    isVideo: z.boolean(),
    isGroup: z.boolean(),
    timestamp: moment,
  })
  .meta({ id: 'Call' });

export const restrictionKind = z.enum(['reachout_timelock', 'message_cap']);

export const line = z
  .strictObject({
    online: z.boolean(),
    latencyMs: z.int(),
    failureRate: z.number().meta({ description: '0…1: the share of sends that WhatsApp refuses.' }),
    frozen: z.boolean().meta({ description: 'The devices of that moment hang; later ones do not.' }),
    banned: z.boolean(),
    restriction: z
      .strictObject({ kind: restrictionKind, until: moment.optional() })
      .nullable()
      .meta({ description: 'Why messages to people who never wrote are refused; null: they are not.' }),
  })
  .meta({ id: 'Line' });

export const wireEntry = z
  .strictObject({
    seq: z.int(),
    at: moment,
    kind: z.string(),
    account: jid.nullable(),
    detail: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
  })
  .meta({ id: 'WireEntry' });

/** How a number answers what is sent to it. */
export const behaviour = z.strictObject({
  exists: z.boolean().meta({ description: 'False: the number has no account.' }),
  refusesFirst: z.boolean().meta({ description: 'The first message of each sender is refused.' }),
  reachable: z.boolean().meta({ description: 'False: its phone is off; messages stay at one tick.' }),
  deliversAfterMs: z.int(),
  readsAfterMs: z.int().nullable().meta({ description: 'Null: it does not read by itself.' }),
  reply: z
    .string()
    .nullable()
    .meta({ description: 'Its answer to a direct message that does not repeat it.' }),
  dropsSenderForMs: z.int().nullable().meta({
    description: "A send to it drops the sender's connection for so long, with the message on its way.",
  }),
  bans: z.boolean().meta({ description: 'A send to it, or linking as it, bans the account.' }),
});

/** What holds for all accounts. */
export const settings = z
  .strictObject({
    lidForAll: z.boolean().meta({ description: 'Everyone is addressed by LID, those who come later too.' }),
    webVersion: z.string().min(1).max(64).meta({ description: 'The build of the page.' }),
    missing: z.array(z.string().min(1).max(128)).max(100).meta({
      description: 'What the page lacks, as `WAWebModule.export`; with any of it nothing can be sent.',
    }),
    clockSkewMs: z
      .int()
      .min(-86_400_000)
      .max(86_400_000)
      .meta({ description: "How far WhatsApp's clock is ahead of the host's." }),
    passkey: z
      .enum(['off', 'refs_stop', 'refs_go_on'])
      .meta({ description: 'Linking wants a passkey; meanwhile QR codes stop, or go on.' }),
    noticeMs: z.int().positive().max(86_400_000).nullable().meta({
      description: 'A fresh link shows a notice, and is logged out after so long without an answer.',
    }),
    twoKeys: z.boolean().meta({ description: 'Each direct message comes by number and by LID.' }),
    refsPerDevice: z
      .int()
      .positive()
      .nullable()
      .meta({ description: 'How many QR codes a device shows until it is asked for more; null: no end.' }),
    mediaRefusals: z
      .enum(['off', 'once', 'always'])
      .meta({ description: 'The download of each file is refused: the first time, or always.' }),
  })
  .meta({ id: 'Settings' });
