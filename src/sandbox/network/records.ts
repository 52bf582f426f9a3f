import { z } from 'zod';
import type { Account, ChatMessage, Group } from './types.ts';

// What the simulated WhatsApp remembers is the fold of these records; the journal is a list of them.

const account: z.ZodType<Account> = z.object({
  pn: z.string(),
  lid: z.string(),
  name: z.string(),
  addressedByLid: z.boolean(),
  hidesNumber: z.boolean().optional(),
});

const group: z.ZodType<Group> = z.object({
  id: z.string(),
  name: z.string(),
  participants: z.array(z.string()),
});

const message: z.ZodType<ChatMessage> = z.object({
  id: z.string(),
  stanzaId: z.string(),
  chatId: z.string(),
  senderId: z.string(),
  fromMe: z.boolean(),
  type: z.enum(['chat', 'image', 'revoked']),
  body: z.string(),
  mentionedIds: z.array(z.string()),
  timestamp: z.number(),
  ack: z.number(),
  errorCode: z.number().optional(),
  editedAt: z.number().optional(),
  senderName: z.string().optional(),
  chatName: z.string().optional(),
  quotedId: z.string().optional(),
  media: z
    .object({
      mimetype: z.string(),
      size: z.number(),
      sha256: z.string(),
      filename: z.string().optional(),
    })
    .optional(),
});

/** One change of what is remembered. */
export const recordSchema = z.discriminatedUnion('kind', [
  /** The service came up: ids of this life must differ from those of the former. */
  z.object({ kind: z.literal('start'), life: z.number() }),
  z.object({ kind: z.literal('account'), account }),
  z.object({ kind: z.literal('group'), group }),
  z.object({ kind: z.literal('link'), token: z.string(), pn: z.string() }),
  z.object({ kind: z.literal('unlink'), token: z.string() }),
  /** Journals of before users were noted have no user. */
  z.object({
    kind: z.literal('save'),
    agentId: z.string(),
    userId: z.number().optional(),
    token: z.string(),
  }),
  z.object({ kind: z.literal('forget'), agentId: z.string() }),
  z.object({ kind: z.literal('message'), owner: z.string(), message }),
  z.object({
    kind: z.literal('ack'),
    owner: z.string(),
    stanzaId: z.string(),
    ack: z.number(),
    errorCode: z.number().optional(),
  }),
  z.object({ kind: z.literal('edit'), owner: z.string(), message }),
  z.object({ kind: z.literal('unread'), owner: z.string(), chatId: z.string(), count: z.number() }),
]);

export type StoreRecord = z.infer<typeof recordSchema>;
