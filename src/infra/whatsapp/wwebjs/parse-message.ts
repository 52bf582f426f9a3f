import { z } from 'zod';
import type { InboundMessage } from '../../../actors/ports.ts';

/** A JID as the library gives it: a string in events, an object where it was fetched (WHATSAPP-WEB.md §1). */
const jid = z
  .union([z.string(), z.object({ _serialized: z.string() }).transform((id) => id._serialized)])
  .transform((text) => text.replace(/:\d+@/, '@'));

const schema = z.object({
  id: z.object({ _serialized: z.string().min(1), fromMe: z.boolean() }),
  from: jid,
  author: jid.optional().nullable(),
  type: z.string(),
  body: z.string().nullish(),
  timestamp: z.number(),
  mentionedIds: z.array(jid).nullish(),
  _data: z.object({ notifyName: z.string().nullish() }).nullish(),
});

/** A message of the library as the port's; parsed where it enters, and never trusted beyond its shape. */
export function parseMessage(message: unknown, chatName?: string): InboundMessage {
  const { id, from, author, type, body, timestamp, mentionedIds, _data } = schema.parse(message);
  return {
    id: id._serialized,
    chatId: from,
    senderId: author ?? from,
    fromMe: id.fromMe,
    type,
    body: body ?? '',
    mentionedIds: mentionedIds ?? [],
    timestamp: timestamp * 1000,
    senderName: _data?.notifyName ?? undefined,
    chatName,
  };
}
