import type { InboundMessage } from '../domain/ports/whatsapp.ts';

/** WhatsApp's types of what people write, by the API's names; reactions, edits and notes of the system are none. */
const CONTENT_TYPES = new Map(
  Object.entries({
    chat: 'text',
    image: 'image',
    video: 'video',
    ptv: 'video',
    audio: 'audio',
    ptt: 'audio',
    document: 'document',
    sticker: 'sticker',
    location: 'location',
    vcard: 'contacts',
    multi_vcard: 'contacts',
    poll_creation: 'poll',
    product: 'product',
    event_creation: 'event_creation',
  }),
);

/** The API's name of a type of WhatsApp's; the same name when the API has none. */
export function contentTypeOf(type: string): string {
  return CONTENT_TYPES.get(type) ?? type;
}

/** True for a message with something that a person wrote or showed. */
export function hasContent({ type }: Pick<InboundMessage, 'type'>): boolean {
  return CONTENT_TYPES.has(type);
}
