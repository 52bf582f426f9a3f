import type { ChatMessage } from '../../src/sandbox/network/types.ts';
import { el, icon, type Row, setAttribute, setShown, setText } from '../shared/dom.ts';
import { hueOf, nameOf } from './contacts.ts';
import { type ContentActions, contentOf } from './content-by-kind.ts';
import { type React, reactionPicker, reactions } from './reactions.ts';
import type { State } from './state.ts';
import { summaryOf } from './summary.ts';
import { ticks } from './ticks.ts';
import { clockTime } from './units.ts';

/** What the owner of a phone can do with a message. */
export interface MessageActions extends ContentActions {
  answer(message: ChatMessage): void;
  react?: React;
  /** Changes an own message. */
  change?: {
    edit(message: ChatMessage): void;
    revoke(message: ChatMessage): void;
  };
}

/** The buttons to change a sent message. */
function changes(
  message: () => ChatMessage,
  { edit, revoke }: NonNullable<MessageActions['change']>,
): HTMLElement {
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
function textOf(message: ChatMessage, state: State): (Node | string)[] {
  if (message.type === 'revoked') return [summaryOf(message)];
  const names = message.mentionedIds.map((jid) => nameOf(state, jid));
  const marks = names.map((name) => el('span', { class: 'mention' }, `@${name}`));
  return [...marks.flatMap((mark) => [mark, ' ']), message.body];
}

/** The message that this one quotes; null without one. */
function quoteOf(message: ChatMessage, all: ChatMessage[], state: State): HTMLElement | null {
  const quoted = all.find(({ id }) => id === message.quotedId);
  if (!quoted) return null;
  const who = quoted.fromMe ? 'You' : nameOf(state, quoted.senderId);
  return el('blockquote', {}, el('b', {}, who), el('span', {}, summaryOf(quoted)));
}

/** The writer's name in a group; null where it is clear. */
function signatureOf({ chatId, senderId, fromMe }: ChatMessage, state: State): HTMLElement | null {
  const isGroup = chatId.endsWith('@g.us') || chatId === 'status@broadcast';
  if (!isGroup || fromMe) return null;
  return el('span', { class: `sender hue-${hueOf(senderId)}` }, nameOf(state, senderId));
}

/** One message of an open chat. */
export function bubble(
  first: ChatMessage,
  all: () => ChatMessage[],
  state: State,
  act: MessageActions,
): Row<ChatMessage> {
  let newest = first;
  const quote = quoteOf(first, all(), state);
  const content = contentOf(first, act, state);
  const text = el('span', { class: 'text' });
  const edited = el('small', { class: 'edited', hidden: true }, 'edited');
  const time = el('time', { datetime: new Date(first.timestamp).toISOString() }, clockTime(first.timestamp));
  const mark = ticks();
  const note = el('small', { class: 'failed', hidden: true });
  const pills = reactions(state, act.react);
  const change = first.fromMe && act.change ? changes(() => newest, act.change) : null;
  const picker = act.react ? reactionPicker(first, act.react) : null;
  const reply = el(
    'button',
    { type: 'button', 'aria-label': `Reply to: ${summaryOf(first)}`, title: 'Reply' },
    icon('M10 8V4L3 11l7 7v-4c6 0 9 2 11 6 0-7-4-12-11-12z'),
  );
  reply.addEventListener('click', () => act.answer(newest));
  const beside = el('span', { class: 'beside' }, reply, ...(picker ? [picker.node] : []));
  const parts = [
    signatureOf(first, state),
    quote,
    content?.node,
    text,
    el('span', { class: 'meta' }, edited, time, mark.node),
    note,
    pills.node,
    change,
    beside,
    picker?.choice,
  ].filter((part) => part instanceof Element);
  const node = el(
    'li',
    { class: `bubble ${first.fromMe ? 'mine' : 'theirs'}`, 'data-id': first.id, 'data-kind': first.type },
    ...parts,
  );
  const ofContent = [quote, content?.node, change, beside].filter((part) => part instanceof HTMLElement);
  let shown: string | null = null;
  return {
    node,
    show(message) {
      newest = message;
      const isGone = message.type === 'revoked';
      if (shown !== `${message.type}${message.body}`) {
        shown = `${message.type}${message.body}`;
        text.replaceChildren(...textOf(message, state));
      }
      for (const row of [mark, content, pills, picker]) row?.show(message);
      setAttribute(node, 'data-gone', isGone);
      setShown(edited, message.editedAt !== undefined && !isGone);
      for (const part of ofContent) setShown(part, !isGone);
      setShown(note, message.fromMe && message.ack < 0);
      const why = message.errorCode === undefined ? '' : ` (${message.errorCode})`;
      setText(note, `Refused by WhatsApp${why}`);
    },
  };
}
