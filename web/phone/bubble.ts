import type { ChatMessage } from '../../src/sandbox/network/types.ts';
import { el, icon, type Row, setAttribute, setShown, setText } from '../shared/dom.ts';
import { hueOf, nameOf } from './contacts.ts';
import type { State } from './state.ts';

const TICK = 'M2 9.5 5.5 13 13 4.5';
const TICKS = 'M1 9.5 4.5 13 12 4.5 M9.5 12.4 10.2 13 17.5 4.5';
const CLOCK = 'M9 2.5a6.5 6.5 0 1 1 0 13a6.5 6.5 0 1 1 0-13M9 5.5V9l2.5 2';
const CROSS = 'M9 2.5a6.5 6.5 0 1 1 0 13a6.5 6.5 0 1 1 0-13M9 5.5V10M9 12v.6';

/** Icon and name by ack. */
const ACKS: Record<string, { path: string; name: string }> = {
  '-1': { path: CROSS, name: 'refused by WhatsApp' },
  '0': { path: CLOCK, name: 'waiting' },
  '1': { path: TICK, name: 'sent' },
  '2': { path: TICKS, name: 'delivered' },
  '3': { path: TICKS, name: 'read' },
};

/** The ticks of a sent message; hidden for a received one. */
export function ticks(): { node: HTMLElement; show(message: ChatMessage | undefined): void } {
  const node = el('span', { class: 'ticks', role: 'img' });
  let shown: number | null = null;
  return {
    node,
    show(message) {
      const ack = message?.fromMe ? message.ack : null;
      setShown(node, ack !== null);
      if (ack === shown || ack === null) return;
      shown = ack;
      const { path, name } = ACKS[Math.min(ack, 3)]!;
      node.replaceChildren(icon(path, '0 0 18 18'));
      setAttribute(node, 'data-ack', ack);
      setAttribute(node, 'aria-label', name);
      setAttribute(node, 'title', name);
    },
  };
}

/** Local time as `14:05`. */
export function clockTime(at: number): string {
  return new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', hour12: false });
}

/** How the author of a message can change it. */
export interface MessageChange {
  edit(message: ChatMessage): void;
  revoke(message: ChatMessage): void;
}

/** The buttons to change a sent message. */
function changes(message: () => ChatMessage, { edit, revoke }: MessageChange): HTMLElement {
  const about = summaryOf(message());
  /** One button. */
  const act = (text: string, run: (message: ChatMessage) => void) =>
    el(
      'button',
      { type: 'button', 'aria-label': `${text}: ${about}`, on: { click: () => run(message()) } },
      text,
    );
  return el('span', { class: 'changes' }, act('Edit', edit), act('Delete', revoke));
}

/** The text, after highlighted mentions. */
function withMentions(message: ChatMessage, state: State): (Node | string)[] {
  const names = message.mentionedIds.map((jid) => nameOf(state, jid));
  const marks = names.map((name) => el('span', { class: 'mention' }, `@${name}`));
  return [...marks.flatMap((mark) => [mark, ' ']), message.body];
}

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

/** A message in one line, for the list of chats and for quotes. */
export function summaryOf(message: ChatMessage): string {
  const { type, body, media, location, contacts, poll } = message;
  if (type === 'revoked') return 'This message was deleted';
  const label = KIND_LABELS[type];
  const names = contacts?.map(({ name }) => name.formatted_name).join(', ');
  const about = body || media?.filename || location?.name || names || poll?.name;
  return label ? [label, about].filter(Boolean).join(': ') : body;
}

/** True for a message that is shown as its text, with a photo above it. */
const isTextual = ({ type }: ChatMessage): boolean => type === 'chat' || type === 'image';

/** The message that this one quotes; null without one. */
function quoteOf(message: ChatMessage, all: ChatMessage[], state: State): HTMLElement | null {
  const quoted = all.find(({ id }) => id === message.quotedId);
  if (!quoted) return null;
  const who = quoted.fromMe ? 'You' : nameOf(state, quoted.senderId);
  return el('blockquote', {}, el('b', {}, who), el('span', {}, summaryOf(quoted)));
}

/** The image of a message, linked to its full size; null without one. */
function imageOf(message: ChatMessage): HTMLElement | null {
  if (message.type !== 'image' || !message.media) return null;
  const source = `/sandbox/images/${message.media.sha256}`;
  const alt = message.body || 'Photo';
  return el('a', { href: source, target: '_blank', class: 'photo' }, el('img', { src: source, alt }));
}

/** One message of an open chat. */
export function bubble(
  first: ChatMessage,
  all: () => ChatMessage[],
  state: State,
  act: { answer: (message: ChatMessage) => void; change?: MessageChange | undefined },
): Row<ChatMessage> {
  const isGroup = first.chatId.endsWith('@g.us') || first.chatId === 'status@broadcast';
  const isSigned = isGroup && !first.fromMe;
  const signature = isSigned
    ? [el('span', { class: `sender hue-${hueOf(first.senderId)}` }, nameOf(state, first.senderId))]
    : [];
  const parts = [quoteOf(first, all(), state), imageOf(first)].filter((part) => part !== null);
  const mark = ticks();
  const time = el('time', { datetime: new Date(first.timestamp).toISOString() }, clockTime(first.timestamp));
  const reply = el(
    'button',
    { type: 'button', class: 'reply', 'aria-label': `Reply to: ${summaryOf(first)}`, title: 'Reply' },
    icon('M10 8V4L3 11l7 7v-4c6 0 9 2 11 6 0-7-4-12-11-12z'),
  );
  let newest = first;
  reply.addEventListener('click', () => act.answer(newest));
  const text = el('span', { class: 'text' });
  const edited = el('small', { class: 'edited', hidden: true }, 'edited');
  const change = first.fromMe && act.change ? changes(() => newest, act.change) : null;
  let shown: string | null = null;
  const side = first.fromMe ? 'mine' : 'theirs';
  const note = el('small', { class: 'failed', hidden: true });
  const node = el(
    'li',
    { class: `bubble ${side}`, 'data-id': first.id },
    ...signature,
    ...parts,
    text,
    el('span', { class: 'meta' }, edited, time, mark.node),
    note,
    ...(change ? [change] : []),
    reply,
  );
  return {
    node,
    show(message) {
      newest = message;
      const isGone = message.type === 'revoked';
      mark.show(message);
      if (shown !== `${message.type}${message.body}`) {
        shown = `${message.type}${message.body}`;
        text.replaceChildren(...(isTextual(message) ? withMentions(message, state) : [summaryOf(message)]));
      }
      setAttribute(node, 'data-gone', isGone);
      setShown(edited, message.editedAt !== undefined && !isGone);
      for (const part of [...parts, ...(change ? [change] : []), reply]) setShown(part, !isGone);
      setShown(note, message.fromMe && message.ack < 0);
      const why = message.errorCode === undefined ? '' : ` (${message.errorCode})`;
      setText(note, `Refused by WhatsApp${why}`);
    },
  };
}
