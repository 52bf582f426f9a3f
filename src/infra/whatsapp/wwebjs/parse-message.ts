import { z } from 'zod';
import type { Jid } from '../../../actors/domain/identity.ts';
import type { InboundMessage } from '../../../actors/domain/ports/whatsapp.ts';

/** An address without the number of the device. */
export function withoutDevice(jid: Jid): Jid {
  return jid.replace(/:\d+@/, '@');
}

/** A message as the page layer reports it. `t` is in seconds. */
const reported = z.object({
  id: z.string().min(1),
  fromMe: z.boolean(),
  chatId: z.string().min(1),
  senderId: z.string().min(1),
  lid: z.string().nullish(),
  chatLid: z.string().nullish(),
  type: z.string(),
  body: z.string(),
  t: z.number(),
  // What a message has beside words: one with a part that does not fit is taken without it.
  file: z
    .object({
      mimeType: z.string(),
      fileName: z.string().optional(),
      sizeBytes: z.number(),
      sha256: z.string(),
      seconds: z.number().optional(),
      width: z.number().optional(),
      height: z.number().optional(),
    })
    .nullish()
    .catch(undefined),
  location: z
    .object({
      latitude: z.number(),
      longitude: z.number(),
      name: z.string().optional(),
      address: z.string().optional(),
    })
    .nullish()
    .catch(undefined),
  contacts: z
    .array(
      z.object({
        name: z.object({ formatted_name: z.string() }),
        phones: z.array(z.object({ phone: z.string() })),
      }),
    )
    .nullish()
    .catch(undefined),
  quoted: z
    .object({ messageId: z.string(), text: z.string(), type: z.string(), fromMe: z.boolean() })
    .nullish()
    .catch(undefined),
  mentionedIds: z.array(z.string()),
  senderName: z.string().nullish(),
  chatName: z.string().nullish(),
});

/**
 * A message as the port's; parsed where it enters, and never trusted beyond its shape.
 * @throws ZodError when it doesn't fit
 */
export function parseMessage(model: unknown): InboundMessage {
  const { t, lid, chatLid, senderName, chatName, file, location, contacts, quoted, ...message } =
    reported.parse(model);
  return {
    ...message,
    timestamp: t * 1000,
    lid: lid || undefined,
    chatLid: chatLid || undefined,
    senderName: senderName || undefined,
    chatName: chatName || undefined,
    file: file ?? undefined,
    location: location ?? undefined,
    contacts: contacts ?? undefined,
    quoted: quoted ?? undefined,
  };
}
