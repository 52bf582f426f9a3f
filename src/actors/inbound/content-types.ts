import type { InboundMessage } from '../domain/ports/whatsapp.ts';

/** WhatsApp's types of what people write, by the API's names; reactions, edits and notes of the system are none. */
const CONTENT_TYPES = new Map(
  Object.entries({
    chat: 'text',
    ptt: 'audio',
    ptv: 'video',
    vcard: 'contacts',
    multi_vcard: 'contacts',
    poll_creation: 'poll',
  }),
);
for (const type of [
  'image',
  'video',
  'audio',
  'document',
  'sticker',
  'location',
  'product',
  'event_creation',
])
  CONTENT_TYPES.set(type, type);

/** The API's name of a type of WhatsApp's; the same name when the API has none. */
export function contentTypeOf(type: string): string {
  return CONTENT_TYPES.get(type) ?? type;
}

/** True for a message with something that a person wrote or showed. */
export function hasContent({ type }: Pick<InboundMessage, 'type'>): boolean {
  return CONTENT_TYPES.has(type);
}
