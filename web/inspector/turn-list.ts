import { el, keyed, type Row, setAttribute, setShown, setText } from '../shared/dom.ts';
import type { Detail, Turn } from './inspector-api.ts';
import { byId } from './page.ts';
import { turnText } from './texts.ts';

/** A chat that is being answered. */
function row(): Row<Turn> {
  const chat = el('b', {});
  const messages = el('span', { class: 'tag' });
  const text = el('small', {});
  const node = el('li', {}, chat, messages, text);
  return {
    node,
    show: (turn) => {
      setAttribute(node, 'data-phase', turn.phase);
      setText(chat, turn.chat);
      setText(messages, turn.messages === 1 ? '1 message' : `${turn.messages} messages`);
      setText(text, turnText(turn));
    },
  };
}

/** The list of an agent's chats that are being answered. */
export function turnList(): (turns: Detail['turns']) => void {
  const draw = keyed<Turn & { place: number }>(byId('turn-list'), ({ place }) => String(place), row);
  return ({ count, first }) => {
    setShown(byId('no-turns'), count === 0);
    setShown(byId('turn-list'), count > 0);
    setText(byId('turns-count'), count > first.length ? `${first.length} of ${count}` : String(count || ''));
    draw(first.map((turn, place) => ({ ...turn, place })));
  };
}
