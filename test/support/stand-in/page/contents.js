import { pageError } from './page-error.js';

// What messages of each type consist of, between the network's words and WhatsApp Web's attributes.

const hexOf = (base64) =>
  Array.from(atob(base64), (letter) => letter.charCodeAt(0).toString(16).padStart(2, '0')).join('');
const base64Of = (hex) =>
  btoa(String.fromCharCode(...hex.match(/../g).map((byte) => Number.parseInt(byte, 16))));

/** A file of a draft; only what was uploaded can be sent. */
function fileOf({ type, directPath, mimetype, filename, duration, waveform, filehash, mediaKey }) {
  if (!directPath?.endsWith(hexOf(filehash ?? '')) || !mediaKey) throw pageError('media is not uploaded');
  return {
    type,
    directPath,
    mimetype,
    filename,
    seconds: duration,
    waveform: waveform && Array.from(waveform),
  };
}

/** A message with a file. */
const media = (attributes) => ({ text: attributes.caption ?? '', file: fileOf(attributes) });

/** The contact of a vCard. */
function contactOf(vcard) {
  const value = (name) =>
    [...vcard.matchAll(new RegExp(`^${name}[^:\n]*:(.*)$`, 'gm'))].map(([, text]) => text);
  if (!vcard.startsWith('BEGIN:VCARD\n') || !vcard.endsWith('\nEND:VCARD')) throw pageError('not a vcard');
  const plain = (text) => text.replace(/\\n/g, '\n').replace(/\\([\\,;])/g, '$1');
  const phones = value('TEL').map((phone) => ({ phone: plain(phone) }));
  return { name: { formatted_name: plain(value('FN')[0]) }, phones };
}

/** The vCard of a contact, as a phone writes it. */
function vcardOf({ name, phones }) {
  const plain = (text) => text.replace(/[\\,;]/g, '\\$&').replace(/\n/g, '\\n');
  const lines = phones.map(({ phone }) => `TEL;type=CELL;waid=${phone.replace(/\D/g, '')}:${plain(phone)}`);
  const all = ['BEGIN:VCARD', 'VERSION:3.0', `FN:${plain(name.formatted_name)}`, ...lines, 'END:VCARD'];
  return { vcard: all.join('\n'), displayName: name.formatted_name };
}

/** A poll, which needs its secret for the votes. */
function pollOf({ kind, pollName, pollOptions, pollSelectableOptionsCount, messageSecret }) {
  if (kind !== 'pollCreation' || messageSecret?.length !== 32) throw pageError('not a poll');
  if (!pollOptions.every(({ localId }, index) => localId === index)) throw pageError('options out of order');
  const options = pollOptions.map(({ name }) => name);
  return { text: '', poll: { name: pollName, options, selectableCount: pollSelectableOptionsCount } };
}

/** A place, whose label is name and address in two lines. */
function placeOf({ lat, lng, loc }) {
  const [name, ...address] = loc ? loc.split('\n') : [];
  return {
    text: '',
    location: { latitude: lat, longitude: lng, name, address: address.join('\n') || undefined },
  };
}

const senders = {
  chat: ({ body, preview, canonicalUrl }) => ({ text: body, ...(preview && { previewUrl: canonicalUrl }) }),
  image: media,
  video: media,
  audio: media,
  ptt: media,
  document: media,
  sticker: media,
  location: placeOf,
  vcard: ({ body, vcardFormattedName }) => {
    if (!vcardFormattedName) throw pageError('a contact needs a name');
    return { text: '', contacts: [contactOf(body)] };
  },
  multi_vcard: ({ vcardList }) => ({ text: '', contacts: vcardList.map(({ vcard }) => contactOf(vcard)) }),
  poll_creation: pollOf,
};

/** What the network is asked to send. */
export function contentOf(attributes) {
  const send = senders[attributes.type];
  if (!send) throw pageError(`messages of type ${attributes.type} can not be sent`);
  return send(attributes);
}

/** What a message with a file carries beside the text, which is its caption. */
function attributesOfMedia({ body, media }) {
  return {
    body: '',
    caption: body,
    mimetype: media.mimetype,
    size: media.size,
    filehash: base64Of(media.sha256),
    filename: media.filename,
    duration: media.seconds,
    width: media.width,
    height: media.height,
    waveform: media.waveform,
    directPath: `/media/${media.sha256}`,
    mediaKey: 'stand-in',
    mediaObject: {},
    mediaData: { mediaStage: 'RESOLVED' },
  };
}

/** What a text with a link carries of the link's preview, which has a file. */
function attributesOfPreview({ body, id, previewUrl }) {
  if (!previewUrl && !body.includes('https://')) return {};
  return { directPath: `/preview/${id}`, thumbnail: 'AAAA', canonicalUrl: previewUrl };
}

/** What a message of the network consists of, as WhatsApp Web's attributes. */
export function attributesOfContent(view) {
  const { body, media, location, contacts, poll } = view;
  if (media) return attributesOfMedia(view);
  // The body of a place is a picture of its map.
  if (location) {
    const loc = [location.name, location.address].filter(Boolean).join('\n');
    return { body: 'AAAA', lat: location.latitude, lng: location.longitude, loc };
  }
  if (contacts?.length === 1) {
    const { vcard, displayName } = vcardOf(contacts[0]);
    return { body: vcard, vcardFormattedName: displayName };
  }
  if (contacts) return { vcardList: contacts.map(vcardOf) };
  if (poll) {
    const pollOptions = poll.options.map((name, localId) => ({ name, localId }));
    return { pollName: poll.name, pollOptions, pollSelectableOptionsCount: poll.selectableCount };
  }
  return { body, ...attributesOfPreview(view) };
}
