import type { ChatMessage } from '../../src/sandbox/network/types.ts';
import { el, keyed, type Row, setAttribute, setShown, setText } from '../shared/dom.ts';
import { nameOf } from './contacts.ts';
import type { State } from './state.ts';
import { summaryOf } from './summary.ts';

const EMOJI = ['👍', '❤️', '😂', '😮', '😢', '🙏'];

/** Reacts to a message; an empty emoji takes the reaction back. */
export type React = (message: ChatMessage, emoji: string) => void;

/** The people who reacted with one emoji. */
interface Pill {
  emoji: string;
  names: string[];
  isMine: boolean;
}

/** The emoji that the owner of the phone reacted with. */
const ownOf = ({ reactions = [] }: ChatMessage): string | undefined =>
  reactions.find(({ fromMe }) => fromMe)?.emoji;

/** Reacts with an emoji, or takes it back when it is the own one. */
function toggle(message: ChatMessage, emoji: string, react: React): void {
  react(message, ownOf(message) === emoji ? '' : emoji);
}

/** The reactions to a message, one pill an emoji. */
function pillsOf({ reactions = [] }: ChatMessage, state: State): Pill[] {
  return [...new Set(reactions.map(({ emoji }) => emoji))].map((emoji) => {
    const same = reactions.filter((reaction) => reaction.emoji === emoji);
    const names = same.map(({ fromMe, senderId }) => (fromMe ? 'You' : nameOf(state, senderId)));
    return { emoji, names, isMine: same.some(({ fromMe }) => fromMe) };
  });
}

/** The pills below a message; buttons where `react` is given. */
export function reactions(state: State, react: React | undefined): Row<ChatMessage> {
  const node = el('span', { class: 'reactions' });
  let newest: ChatMessage;
  const draw = keyed<Pill>(
    node,
    ({ emoji }) => emoji,
    ({ emoji }) => {
      const pill = react
        ? el('button', { type: 'button', on: { click: () => toggle(newest, emoji, react) } })
        : el('span', { role: 'img' });
      return {
        node: pill,
        show({ names, isMine }) {
          setText(pill, names.length > 1 ? `${emoji} ${names.length}` : emoji);
          setAttribute(pill, 'aria-label', `${emoji} ${names.join(', ')}`);
          setAttribute(pill, 'title', names.join(', '));
          if (react) setAttribute(pill, 'aria-pressed', String(isMine));
        },
      };
    },
  );
  return {
    node,
    show(message) {
      newest = message;
      draw(pillsOf(message, state));
    },
  };
}

/** The button that opens a choice of six emoji, and that choice. */
export function reactionPicker(first: ChatMessage, react: React): Row<ChatMessage> & { choice: HTMLElement } {
  let newest = first;
  const node = el(
    'button',
    {
      type: 'button',
      'aria-label': `React to: ${summaryOf(first)}`,
      title: 'React',
      'aria-expanded': 'false',
    },
    '☺',
  );
  const buttons = EMOJI.map((emoji) =>
    el(
      'button',
      { type: 'button', 'aria-label': `React with ${emoji}`, on: { click: () => pick(emoji) } },
      emoji,
    ),
  );
  const choice = el(
    'span',
    { class: 'picker', role: 'group', 'aria-label': 'Reactions', hidden: true },
    ...buttons,
  );

  /** Shows or hides the choice. */
  function show(isOpen: boolean): void {
    setShown(choice, isOpen);
    setAttribute(node, 'aria-expanded', String(isOpen));
  }

  /** Shows or hides the choice, and moves the focus. */
  function open(isOpen: boolean): void {
    show(isOpen);
    (isOpen ? buttons[0]! : node).focus();
  }

  /** Reacts and hides the choice. */
  function pick(emoji: string): void {
    toggle(newest, emoji, react);
    open(false);
  }

  node.addEventListener('click', () => open(node.getAttribute('aria-expanded') === 'false'));
  choice.addEventListener('keydown', ({ key }) => key === 'Escape' && open(false));
  choice.addEventListener('focusout', ({ relatedTarget }) => {
    const stays = relatedTarget === node || choice.contains(relatedTarget as Node | null);
    if (!stays) show(false);
  });

  return {
    node,
    choice,
    show(message) {
      newest = message;
      for (const [index, emoji] of EMOJI.entries())
        setAttribute(buttons[index]!, 'aria-pressed', String(ownOf(message) === emoji));
    },
  };
}
