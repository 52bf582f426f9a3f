import type { SandboxNetwork } from '../../src/sandbox/network/network.ts';
import type { ChatMessage, Draft, DraftFile } from '../../src/sandbox/network/types.ts';
import { eventually } from './eventually.ts';
import { png } from './images.ts';
import { FILM, STICKER, tone } from './recordings.ts';

const WAVEFORM = Array.from({ length: 64 }, (_, bar) => Math.round(50 + 50 * Math.sin(bar / 3)));

/** A file of a message. */
const file = (type: DraftFile['type'], data: Buffer, mimetype: string, facts: Partial<DraftFile> = {}) => ({
  file: { type, data, mimetype, ...facts },
});
/** A card of the address book. */
const card = (name: string, ...phones: string[]) => ({
  name: { formatted_name: name },
  phones: phones.map((phone) => ({ phone })),
});

/** One message of each kind, with its text or caption. */
const DRAFTS: Record<string, Omit<Draft, 'to'>> = {
  text: { text: 'See https://example.com/menu', previewUrl: 'https://example.com/menu' },
  photo: { text: 'our garden', ...file('image', png(48, 36), 'image/png') },
  film: { text: 'the opening', ...file('video', FILM, 'video/mp4') },
  song: { text: '', ...file('audio', tone(2), 'audio/wav') },
  note: { text: '', ...file('ptt', tone(1), 'audio/wav', { seconds: 7, waveform: WAVEFORM }) },
  invoice: {
    text: 'please pay',
    ...file('document', Buffer.alloc(12_300), 'application/pdf', { filename: 'Faktur №1.pdf' }),
  },
  sticker: { text: '', ...file('sticker', STICKER, 'image/webp') },
  place: {
    text: '',
    location: { latitude: -6.1754, longitude: 106.8272, name: 'Monas', address: 'Gambir, Jakarta' },
  },
  card: { text: '', contacts: [card('Ayu Lestari', '+62 811-0000-0001')] },
  cards: {
    text: '',
    contacts: [card('Bagas', '+62 811-0000-0002', '021 555'), card('Candra', '+62 811-0000-0003')],
  },
  poll: { text: '', poll: { name: 'Lunch?', options: ['Soto', 'Rawon', 'Gado-gado'], selectableCount: 1 } },
  edited: { text: 'we open at 9' },
  deleted: { text: 'a mistake' },
};

/**
 * Writes one message of each kind, edits and deletes one, and reacts to the photo as both; returns the receiver's ids
 * of them.
 */
export async function writeEveryKind(
  network: SandboxNetwork,
  from: string,
  to: string,
): Promise<Record<string, string>> {
  const sent: Record<string, ChatMessage> = {};
  for (const [kind, draft] of Object.entries(DRAFTS)) sent[kind] = network.write(from, { to, ...draft });
  const arrived = () => new Map(network.messages(to).map(({ stanzaId, id }) => [stanzaId, id]));
  const received = await eventually('every kind to arrive', () => {
    const ids = arrived();
    return Object.values(sent).every(({ stanzaId }) => ids.has(stanzaId)) && ids;
  });
  network.edit(from, sent.edited!.id, 'we open at 8');
  network.revoke(from, sent.deleted!.id);
  network.react(from, sent.photo!.id, '👍');
  network.react(to, sent.photo!.stanzaId, '❤️');
  return Object.fromEntries(
    Object.entries(sent).map(([kind, { stanzaId }]) => [kind, received.get(stanzaId)!]),
  );
}
