import type { ChatMessage, Media, MessageType } from '../../src/sandbox/network/types.ts';
import { el, icon, type Row } from '../shared/dom.ts';
import { hueOf, initialsOf } from './contacts.ts';
import { poll } from './poll.ts';
import type { State } from './state.ts';
import { sizeOf } from './units.ts';
import { voiceNote } from './voice-note.ts';

/** What the owner of a phone can do with the content of a message. */
export interface ContentActions {
  /** A received voice note was played. */
  play(message: ChatMessage): void;
  /** Chooses these options of a poll; absent where it can only be watched. */
  vote?(message: ChatMessage, options: string[]): void;
}

type Content = HTMLElement | Row<ChatMessage> | null;
type Draw = (message: ChatMessage, act: ContentActions, state: State) => Content;
type DrawFile = (media: Media, source: string, message: ChatMessage, act: ContentActions) => Content;

const PAPER = 'M6 2.5h8l5 5v14H6zM14 2.5v5h5M9 13h6M9 17h6';
const PIN =
  'M12 21.5c-4-5-6.5-8.2-6.5-11.5a6.5 6.5 0 0 1 13 0c0 3.3-2.5 6.5-6.5 11.5M12 7.5a2.5 2.5 0 1 1 0 5a2.5 2.5 0 1 1 0-5';

/** The content of a message with a file. */
const ofFile =
  (draw: DrawFile): Draw =>
  (message, act) => {
    const { media } = message;
    return media ? draw(media, `/sandbox/media/${media.sha256}`, message, act) : null;
  };

/** The short name of a file's format: `PDF`. */
function formatOf({ filename = '', mimetype }: Media): string {
  const extension = /\.(\w{1,5})$/.exec(filename)?.[1];
  return (extension ?? mimetype.replace(/^.*\/|;.*$/g, '')).toUpperCase();
}

/** The preview of a link, without a request to it. */
const linkCard: Draw = ({ previewUrl }) => {
  if (!previewUrl) return null;
  const name = URL.canParse(previewUrl) ? new URL(previewUrl).hostname : previewUrl;
  const link = { href: previewUrl, target: '_blank', rel: 'noopener noreferrer', class: 'card link' };
  return el('a', link, el('b', {}, name), el('small', {}, previewUrl));
};

const photo: DrawFile = (_media, source, { body }) =>
  el(
    'a',
    { href: source, target: '_blank', class: 'photo' },
    el('img', { src: source, alt: body || 'Photo' }),
  );

const sticker: DrawFile = (_media, source) => el('img', { src: source, alt: 'Sticker', class: 'sticker' });

const video: DrawFile = (_media, source, { body }) =>
  el('video', { src: source, controls: true, preload: 'metadata', 'aria-label': body || 'Video' });

const audio: DrawFile = (_media, source) =>
  el('audio', { src: source, controls: true, preload: 'metadata', 'aria-label': 'Audio' });

const documentCard: DrawFile = (media, source) => {
  const name = media.filename ?? 'Document';
  return el(
    'a',
    { href: source, download: name, class: 'card document', 'aria-label': `Download ${name}` },
    icon(PAPER),
    el('b', {}, name),
    el('small', {}, `${formatOf(media)} · ${sizeOf(media.size)}`),
  );
};

const place: Draw = ({ location }) => {
  if (!location) return null;
  const { latitude, longitude, name, address } = location;
  const map = el('span', { class: 'map', 'aria-hidden': 'true' }, icon(PIN));
  const words = [name, address].filter((part) => part !== undefined);
  return el(
    'a',
    { href: `geo:${latitude},${longitude}`, class: 'card place' },
    map,
    ...words.map((part, index) => el(index === 0 ? 'b' : 'span', {}, part)),
    el('small', {}, `${latitude}, ${longitude}`),
  );
};

const contactCards: Draw = ({ contacts = [] }) => {
  const cards = contacts.map(({ name: { formatted_name: name }, phones }) => {
    const picture = el(
      'span',
      { class: `avatar hue-${hueOf(name)}`, 'aria-hidden': 'true' },
      initialsOf(name),
    );
    const numbers = phones.map(({ phone }) =>
      el('a', { href: `tel:${phone.replace(/[^\d+]/g, '')}` }, phone),
    );
    return el('li', {}, picture, el('b', {}, name), ...numbers);
  });
  return el('ul', { class: 'card contacts' }, ...cards);
};

/** What stands above the text of a message, by its kind. */
const CONTENTS: Record<Exclude<MessageType, 'revoked'>, Draw> = {
  chat: linkCard,
  image: ofFile(photo),
  video: ofFile(video),
  audio: ofFile(audio),
  ptt: ofFile((media, source, message, act) => voiceNote(message, media, source, () => act.play(message))),
  document: ofFile(documentCard),
  sticker: ofFile(sticker),
  location: place,
  vcard: contactCards,
  multi_vcard: contactCards,
  poll_creation: (message, { vote }, state) =>
    message.poll ? poll(message.poll, state, vote && ((options) => vote(message, options))) : null,
};

/** The content of a message beside its text; null where the text is all. */
export function contentOf(message: ChatMessage, act: ContentActions, state: State): Row<ChatMessage> | null {
  const content = message.type === 'revoked' ? null : CONTENTS[message.type](message, act, state);
  return content instanceof HTMLElement ? { node: content, show: () => undefined } : content;
}
