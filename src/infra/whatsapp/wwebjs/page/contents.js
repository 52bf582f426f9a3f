import { find, invoke, PageError } from './core.js';
import { mediaFields } from './media.js';
import { lidOf, numberOf, widOf } from './people.js';

// Each kind of message, written as WhatsApp Web's fields and read back from them.

const PREVIEW_MS = 5_000;

/** The preview of a text's first link; nothing when there is none soon: the text is sent all the same. */
async function previewFields(text) {
  try {
    const link = find('WALinkify.findLink') && invoke('WALinkify.findLink', text);
    if (!link) return {};
    const late = new Promise((resolve) => setTimeout(resolve, PREVIEW_MS));
    const found = await Promise.race([invoke('WAWebLinkPreviewChatAction.getLinkPreview', link), late]);
    return found?.data ? { ...found.data, preview: true, subtype: 'url' } : {};
  } catch {
    return {};
  }
}

/** A person as the members of a chat are addressed: by LID or by number. */
function mentionOf(address, chat) {
  const known = chat.groupMetadata?.isLidAddressingMode ? lidOf(address) : numberOf(address);
  return widOf(known ?? address);
}

/** A text, with whom it mentions and the preview of its link. */
async function textFields({ text, previewUrl, mentions = [] }, chat) {
  return {
    type: 'chat',
    body: text,
    ...(mentions.length > 0 && { mentionedJidList: mentions.map((address) => mentionOf(address, chat)) }),
    ...(previewUrl && (await previewFields(text))),
  };
}

/** A text as a value of a vCard (RFC 6350 §3.4), and back. */
const escaped = (text) => text.replace(/[\\,;]/g, '\\$&').replace(/\r\n|\n|\r/g, '\\n');
const unescaped = (text) =>
  text.replace(/\\(.)/g, (_pair, letter) => (letter.toLowerCase() === 'n' ? '\n' : letter));

/** A contact as a vCard; `waid` is what makes a phone offer a chat with the number. */
function vcardOf({ name, phones }) {
  const fullName = escaped(name.formatted_name);
  const lines = phones.map(({ phone }) => `TEL;type=CELL;waid=${phone.replace(/\D/g, '')}:${escaped(phone)}`);
  const all = ['BEGIN:VCARD', 'VERSION:3.0', `N:;${fullName};;;`, `FN:${fullName}`, ...lines, 'END:VCARD'];
  return { vcard: all.join('\n'), displayName: name.formatted_name };
}

/** The contact of a vCard: its name and phones. */
function contactOf({ vcard }) {
  const values = (name) =>
    [...String(vcard).matchAll(new RegExp(`^(?:item\\d+\\.)?${name}(?:;[^:\\r\\n]*)?:(.*)$`, 'gim'))].map(
      ([, value]) => unescaped(value.trim()),
    );
  const phones = values('TEL').map((phone) => ({ phone }));
  return { name: { formatted_name: values('FN')[0] ?? '' }, phones };
}

/** One contact, or several in one message. */
function contactsFields({ contacts }) {
  const cards = contacts.map(vcardOf);
  if (cards.length > 1) return { type: 'multi_vcard', vcardList: cards };
  return { type: 'vcard', body: cards[0].vcard, vcardFormattedName: cards[0].displayName };
}

/** A pin on the map. */
function locationFields({ latitude, longitude, name, address }) {
  return { type: 'location', lat: latitude, lng: longitude, loc: [name, address].filter(Boolean).join('\n') };
}

/** A poll; votes are encrypted with its secret. */
function pollFields({ name, options, selectableCount }) {
  return {
    type: 'poll_creation',
    kind: 'pollCreation',
    pollName: name,
    pollOptions: options.map((option, localId) => ({ name: option, localId })),
    pollSelectableOptionsCount: selectableCount,
    messageSecret: crypto.getRandomValues(new Uint8Array(32)),
  };
}

const writers = {
  text: textFields,
  image: (content, _chat, input) => mediaFields(content, input),
  video: (content, _chat, input) => mediaFields(content, input),
  audio: (content, _chat, input) => mediaFields(content, input),
  document: (content, _chat, input) => mediaFields(content, input),
  sticker: (content, _chat, input) => mediaFields(content, input),
  location: locationFields,
  contacts: contactsFields,
  poll: pollFields,
};

/** The fields of a message of WhatsApp Web; `input` holds the uploaded file of one that has a file. */
export async function fieldsOf(content, chat, input) {
  const write = writers[content.kind];
  if (!write) throw new PageError('UNKNOWN_KIND', `messages of kind ${content.kind} are not known`);
  return write(content, chat, input);
}

/** SHA-256 in hex, of which the page has base64. */
function hexOf(base64 = '') {
  return Array.from(atob(base64), (letter) => letter.charCodeAt(0).toString(16).padStart(2, '0')).join('');
}

const MEDIA_TYPES = ['image', 'video', 'ptv', 'audio', 'ptt', 'document', 'sticker'];

/** The file of a message as WhatsApp Web describes it; null when it has none. */
function fileOf({ type, directPath, mimetype, filename, size, filehash, duration, width, height }) {
  if (!MEDIA_TYPES.includes(type) || !directPath) return null;
  const number = (value) => (Number(value) > 0 ? Number(value) : undefined);
  return {
    mimeType: mimetype ?? 'application/octet-stream',
    fileName: (type === 'document' && filename) || undefined,
    sizeBytes: number(size) ?? 0,
    sha256: hexOf(filehash),
    seconds: number(duration),
    width: number(width),
    height: number(height),
  };
}

/** A place; its label is name and address in two lines. */
function placeOf({ lat, lng, loc }) {
  const [name, ...address] = String(loc ?? '').split('\n');
  return {
    latitude: lat,
    longitude: lng,
    name: name || undefined,
    address: address.join('\n') || undefined,
  };
}

/** What an incoming message has beside words. */
export function partsOf(message) {
  const { type, body, vcardList } = message;
  const isContacts = type === 'vcard' || type === 'multi_vcard';
  const cards = type === 'vcard' ? [{ vcard: body }] : (vcardList ?? []);
  return {
    file: fileOf(message),
    location: type === 'location' ? placeOf(message) : null,
    contacts: isContacts ? cards.map(contactOf) : null,
  };
}

const captioned = (kind) => (message) => ({
  kind,
  sha256: hexOf(message.filehash),
  caption: message.caption ?? '',
});
const uncaptioned = (kind) => (message) => ({ kind, sha256: hexOf(message.filehash) });

const readers = {
  chat: ({ body }) => ({ kind: 'text', text: body ?? '' }),
  image: captioned('image'),
  video: captioned('video'),
  audio: uncaptioned('audio'),
  ptt: uncaptioned('audio'),
  document: captioned('document'),
  sticker: uncaptioned('sticker'),
  location: ({ lat, lng, loc }) => ({ kind: 'location', latitude: lat, longitude: lng, label: loc ?? '' }),
  vcard: ({ body }) => ({ kind: 'contacts', contacts: [contactOf({ vcard: body })] }),
  multi_vcard: ({ vcardList }) => ({ kind: 'contacts', contacts: (vcardList ?? []).map(contactOf) }),
  poll_creation: ({ pollName, pollOptions }) => ({
    kind: 'poll',
    name: pollName,
    options: (pollOptions ?? []).map(({ name }) => name),
  }),
};

/** What a look-up compares of a message; null for a kind that is never sent by us. */
export function comparedOf(message) {
  return readers[message.type]?.(message) ?? null;
}
