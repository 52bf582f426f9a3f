import { z } from 'zod';
import { account, group, message } from './schemas.ts';

/** One change of what is remembered: the store is the fold of these records, the journal a list of them. */
export const recordSchema = z.discriminatedUnion('kind', [
  /** A start of the service: ids of this life must differ from those of earlier ones. */
  z.object({ kind: z.literal('start'), life: z.number() }),
  z.object({ kind: z.literal('account'), account }),
  z.object({ kind: z.literal('group'), group }),
  z.object({ kind: z.literal('link'), token: z.string(), pn: z.string() }),
  z.object({ kind: z.literal('unlink'), token: z.string() }),
  /** Older journals have no user. */
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
