import type { ChatMessage } from '../../src/sandbox/network/types.ts';

const KIND_LABELS: Partial<Record<ChatMessage['type'], string>> = {
  image: 'Photo',
  video: 'Video',
  audio: 'Audio',
  ptt: 'Voice message',
  document: 'Document',
  sticker: 'Sticker',
  location: 'Location',
  vcard: 'Contact',
  multi_vcard: 'Contacts',
  poll_creation: 'Poll',
};

/** A message in one line: for the list of chats, quotes, and the names of buttons. */
export function summaryOf(message: ChatMessage): string {
  const { type, body, media, location, contacts, poll } = message;
  if (type === 'revoked') return 'This message was deleted';
  const label = KIND_LABELS[type];
  const names = contacts?.map(({ name }) => name.formatted_name).join(', ');
  const about = body || media?.filename || location?.name || names || poll?.name;
  return label ? [label, about].filter(Boolean).join(': ') : body;
}
