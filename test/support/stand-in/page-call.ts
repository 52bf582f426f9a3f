import { z } from 'zod';
import { contactCard, location, MEDIA_TYPES, media, poll } from '../../../src/sandbox/network/schemas.ts';

const jid = z.string().min(3);

/** What the page may ask of its device; the methods are those of `Device`, as JSON. */
export const pageCall = z.discriminatedUnion('method', [
  z.object({
    method: z.literal('send'),
    to: jid,
    stanzaId: z.string(),
    text: z.string(),
    mentionedIds: z.array(jid),
    quoteId: z.string().optional(),
    file: media
      .omit({ size: true, sha256: true })
      .extend({ type: z.enum(MEDIA_TYPES), directPath: z.string() })
      .optional(),
    location: location.optional(),
    contacts: z.array(contactCard).optional(),
    poll: poll.omit({ votes: true }).optional(),
    previewUrl: z.string().optional(),
  }),
  z.object({ method: z.literal('react'), messageId: z.string(), emoji: z.string() }),
  z.object({ method: z.literal('edit'), messageId: z.string(), text: z.string() }),
  z.object({ method: z.literal('revoke'), messageId: z.string() }),
  z.object({ method: z.literal('typing'), chatId: jid, typing: z.boolean() }),
  z.object({ method: z.literal('exists'), jid }),
  z.object({ method: z.literal('seen'), chatId: jid }),
  z.object({ method: z.literal('messages'), chatId: jid, limit: z.number().int().positive() }),
  z.object({ method: z.literal('find'), id: z.string() }),
  z.object({ method: z.literal('chat'), jid }),
  z.object({ method: z.literal('contact'), jid }),
  z.object({ method: z.literal('refresh') }),
  z.object({ method: z.literal('pairingCode'), number: z.string() }),
  z.object({ method: z.literal('passkeyChallenge') }),
  z.object({ method: z.literal('answerPasskey'), assertion: z.unknown() }),
  z.object({ method: z.literal('cancelPasskey') }),
  z.object({ method: z.literal('answerNotice') }),
  z.object({ method: z.literal('logout') }),
]);

export type PageCall = z.infer<typeof pageCall>;
