import type { ChatMessage } from '../../src/sandbox/network/types.ts';
import { el, icon, keyed, type Row, setAttribute, setShown, setText } from '../shared/dom.ts';
import { hueOf, initialsOf } from './contacts.ts';
import { summaryOf } from './summary.ts';
import { ticks } from './ticks.ts';
import { clockTime } from './units.ts';

/** A line of the chat list. */
export interface ChatLine {
  id: string;
  name: string;
  /** Shown while there is no message. */
  hint: string;
  last: ChatMessage | undefined;
  /** The author of the last message, in groups. */
  by: string | null;
  unread: number;
  isTyping: boolean;
}

const PEOPLE =
  'M8 11a3 3 0 1 0 0-6a3 3 0 0 0 0 6M2 19c0-4 12-4 12 0M16 11a2.5 2.5 0 1 0 0-5M16 14c4 0 6 2 6 5';
const PERSON = 'M12 12a3.5 3.5 0 1 0 0-7a3.5 3.5 0 0 0 0 7M5 20c0-6 14-6 14 0';

/** The round picture of a person or a group; initials where there is a name. */
export function avatar(jid: string, name: string): HTMLElement {
  const isNameless = /^[+\d]/.test(name);
  const inside = jid.endsWith('@g.us') ? icon(PEOPLE) : isNameless ? icon(PERSON) : initialsOf(name);
  return el('span', { class: `avatar hue-${hueOf(jid)}`, 'aria-hidden': 'true' }, inside);
}

/** One line, which opens the chat. */
function line(first: ChatLine, open: (id: string) => void): Row<ChatLine> {
  const name = el('b', {});
  const time = el('time', {});
  const mark = ticks();
  const preview = el('span', { class: 'preview' });
  const badge = el('span', { class: 'badge' });
  const button = el(
    'button',
    { type: 'button', class: 'chat-line', 'data-chat': first.id },
    avatar(first.id, first.name),
    el('span', { class: 'first' }, name, time),
    el('span', { class: 'second' }, mark.node, preview, badge),
  );
  button.addEventListener('click', () => open(first.id));
  return {
    node: el('li', {}, button),
    show(chat) {
      const { last, unread, isTyping } = chat;
      setText(name, chat.name);
      setText(time, last ? clockTime(last.timestamp) : '');
      mark.show(isTyping ? undefined : last);
      const said = last ? `${chat.by ? `${chat.by}: ` : ''}${summaryOf(last)}` : chat.hint;
      setText(preview, isTyping ? 'typing…' : said);
      setAttribute(preview, 'data-typing', isTyping);
      setText(badge, String(unread));
      setAttribute(badge, 'aria-label', `${unread} unread`);
      setShown(badge, unread > 0);
    },
  };
}

/** The list of chats, the newest first. */
export function chatList(open: (id: string) => void): { node: HTMLElement; show(lines: ChatLine[]): void } {
  const node = el('ul', { class: 'chat-list' });
  const draw = keyed<ChatLine>(
    node,
    ({ id, name }) => `${id} ${name}`,
    (chat) => line(chat, open),
  );
  return {
    node,
    show(lines) {
      /** Time of the last message, epoch ms; 0 without one. */
      const at = ({ last }: ChatLine) => last?.timestamp ?? 0;
      draw([...lines].sort((one, other) => at(other) - at(one)));
    },
  };
}
