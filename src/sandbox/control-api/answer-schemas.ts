import { z } from 'zod';
import 'zod-openapi';
import { SESSION_STATES } from '../../actors/domain/ports/stores.ts';
import type { PhoneView } from '../network/phones.ts';
import type {
  Account,
  ChatMessage,
  ChatView,
  Group,
  LineView,
  NetworkSettings,
  WireEntry,
} from '../network/types.ts';

// What the sandbox's control API answers, for its document; the tests check every answer against it.

const jid = z.string().meta({ example: '6285000000001@c.us' });
const moment = z.int().meta({ description: 'Milliseconds since the epoch, by the clock of the sandbox.' });

export const account: z.ZodType<Account> = z
  .strictObject({
    pn: jid,
    lid: jid,
    name: z.string(),
    addressedByLid: z.boolean().meta({ description: 'Others see it as its `lid`.' }),
    hidesNumber: z.boolean().optional().meta({ description: 'Nobody is told its number.' }),
  })
  .meta({ id: 'Account' });

export const group: z.ZodType<Group> = z
  .strictObject({ id: jid, name: z.string(), participants: z.array(jid) })
  .meta({ id: 'Group' });

export const message: z.ZodType<ChatMessage> = z
  .strictObject({
    id: z.string().meta({ description: "WhatsApp's id, as this account has it." }),
    stanzaId: z.string().meta({ description: 'The part that all copies of the message share.' }),
    chatId: jid,
    senderId: jid,
    fromMe: z.boolean(),
    type: z.enum(['chat', 'image', 'revoked']).meta({ description: '`revoked`: taken back.' }),
    body: z.string(),
    mentionedIds: z.array(jid),
    timestamp: moment,
    ack: z.int().meta({ description: '-1 refused, 0 pending, 1 server, 2 delivered, 3 read.' }),
    errorCode: z.int().optional().meta({ description: 'Why WhatsApp refused it: 463 or 475.' }),
    editedAt: moment.optional(),
    senderName: z.string().optional(),
    chatName: z.string().optional(),
    quotedId: z.string().optional(),
    media: z
      .strictObject({
        mimetype: z.string(),
        size: z.int(),
        sha256: z.string(),
        filename: z.string().optional(),
      })
      .optional(),
  })
  .meta({ id: 'ChatMessage' });

export const chat: z.ZodType<ChatView> = z
  .strictObject({
    id: jid,
    name: z.string(),
    kind: z.enum(['direct', 'group', 'status', 'channel']),
    unread: z.int(),
    typing: z.boolean().meta({ description: 'The other side is typing.' }),
    last: message.optional(),
  })
  .meta({ id: 'Chat' });

export const line: z.ZodType<LineView> = z
  .strictObject({
    online: z.boolean(),
    latencyMs: z.int(),
    failureRate: z.number(),
    frozen: z.boolean(),
    banned: z.boolean(),
    restriction: z
      .strictObject({ kind: z.enum(['reachout_timelock', 'message_cap']), until: moment.optional() })
      .nullable()
      .meta({ description: 'Why messages to people who never wrote are refused; null: they are not.' }),
  })
  .meta({ id: 'Line' });

export const phone: z.ZodType<PhoneView> = z
  .strictObject({
    agentId: z.string(),
    agentName: z.string().nullable(),
    status: z.enum(SESSION_STATES).nullable(),
    reason: z.string().nullable(),
    qr: z.strictObject({ code: z.string(), issuedAt: moment, expiresAt: moment.optional() }).nullable(),
    linked: z.boolean(),
    account: account.nullable(),
    line: line.nullable(),
    devices: z.array(z.string()).meta({ description: 'The state of each open device.' }),
  })
  .meta({ id: 'Phone' });

export const wireEntry: z.ZodType<WireEntry> = z
  .strictObject({
    seq: z.int(),
    at: moment,
    kind: z.string(),
    account: jid.nullable(),
    detail: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
  })
  .meta({ id: 'WireEntry' });

export const fixedNumber = z
  .strictObject({
    jid,
    exists: z.boolean(),
    refusesFirst: z.boolean(),
    reachable: z.boolean(),
    deliversAfterMs: z.int(),
    readsAfterMs: z.int().nullable(),
    reply: z.string().nullable(),
    dropsSenderForMs: z.int().nullable(),
    bans: z.boolean(),
  })
  .meta({ id: 'FixedNumber' });

export const clock = z
  .strictObject({
    now: z.iso.datetime(),
    advancedMs: z.int().meta({ description: 'How far it is before the clock of the host.' }),
  })
  .meta({ id: 'Clock' });

export const settings: z.ZodType<NetworkSettings> = z
  .strictObject({
    lidForAll: z.boolean(),
    webVersion: z.string(),
    missing: z.array(z.string()),
    clockSkewMs: z.int(),
    passkey: z.enum(['off', 'refs_stop', 'refs_go_on']),
    noticeMs: z.int().nullable(),
    twoKeys: z.boolean(),
    refsPerDevice: z.int().nullable(),
  })
  .meta({ id: 'Settings' });

export const assertion = z
  .strictObject({
    id: z.string(),
    rawId: z.string(),
    type: z.literal('public-key'),
    response: z.strictObject({
      clientDataJSON: z.string(),
      authenticatorData: z.string(),
      signature: z.string(),
    }),
    clientExtensionResults: z.strictObject({}),
  })
  .meta({ id: 'Assertion', description: 'A WebAuthn `AuthenticationResponseJSON`.' });

export const done = z.strictObject({ ok: z.literal(true) }).meta({ id: 'Done' });
