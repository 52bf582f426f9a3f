import { z } from 'zod';
import type { InboundMessage, Jid } from '../../../actors/ports.ts';

/** An address without the number of the device. */
export function withoutDevice(jid: Jid): Jid {
  return jid.replace(/:\d+@/, '@');
}

/** A JID as the page gives it: a string in events, an object in results (WHATSAPP-WEB.md §1). */
const jid = z
  .union([z.string(), z.object({ _serialized: z.string() }).transform((id) => id._serialized)])
  .transform(withoutDevice);

/** What is read of WhatsApp Web's model of a message. `t` is in seconds. */
export const messageModel = z.object({
  id: z.object({ _serialized: z.string().min(1), fromMe: z.boolean() }),
  from: jid,
  author: jid.nullish(),
  type: z.string(),
  body: z.string().nullish(),
  caption: z.string().nullish(),
  t: z.number(),
  mentionedJidList: z.array(jid).nullish(),
  notifyName: z.string().nullish(),
});

/** The text, or the caption: anything but a text keeps its thumbnail in `body`. */
export function bodyOf({ type, body, caption }: z.infer<typeof messageModel>): string {
  return (type === 'chat' ? body : caption) ?? '';
}

/**
 * A message as the port's; parsed where it enters, and never trusted beyond its shape.
 * @throws ZodError when it doesn't fit
 */
export function parseMessage(model: unknown, chatName?: string): InboundMessage {
  const message = messageModel.parse(model);
  return {
    id: message.id._serialized,
    chatId: message.from,
    senderId: message.author ?? message.from,
    fromMe: message.id.fromMe,
    type: message.type,
    body: bodyOf(message),
    mentionedIds: message.mentionedJidList ?? [],
    timestamp: message.t * 1000,
    senderName: message.notifyName ?? undefined,
    chatName,
  };
}
