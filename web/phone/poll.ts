import type { ChatMessage } from '../../src/sandbox/network/types.ts';
import { el, type Row, setAttribute, setText } from '../shared/dom.ts';
import { nameOf } from './contacts.ts';
import type { State } from './state.ts';

type Poll = NonNullable<ChatMessage['poll']>;

/** The options that the owner of the phone has chosen. */
const chosenIn = ({ votes }: Poll): string[] => votes.find(({ fromMe }) => fromMe)?.options ?? [];

/** The choice after a click on an option: it is added, or taken back; the earliest ones yield to it. */
function toggled(poll: Poll, option: string): string[] {
  const chosen = chosenIn(poll);
  if (chosen.includes(option)) return chosen.filter((other) => other !== option);
  return [...chosen, option].slice(-(poll.selectableCount || poll.options.length));
}

/** One option with its votes; a button where `choose` is given. */
function optionOf(option: string, state: State, choose?: () => void): Row<Poll> {
  const count = el('span', { class: 'count' });
  const bar = el('i', {});
  const content = [el('span', { class: 'name' }, option), count, el('span', { class: 'bar' }, bar)];
  const node = choose
    ? el('button', { type: 'button', class: 'option', on: { click: choose } }, ...content)
    : el('div', { class: 'option' }, ...content);
  return {
    node,
    show(poll) {
      const voters = poll.votes.filter(({ options }) => options.includes(option));
      setText(count, String(voters.length));
      const names = voters.map(({ fromMe, voterId }) => (fromMe ? 'You' : nameOf(state, voterId)));
      setAttribute(node, 'title', names.join(', ') || undefined);
      bar.style.inlineSize = `${(100 * voters.length) / Math.max(poll.votes.length, 1)}%`;
      if (choose) setAttribute(node, 'aria-pressed', String(chosenIn(poll).includes(option)));
    },
  };
}

/** A poll; without `vote` it can only be watched. */
export function poll(asked: Poll, state: State, vote?: (options: string[]) => void): Row<ChatMessage> {
  let newest = asked;
  const rows = asked.options.map((option) =>
    optionOf(option, state, vote && (() => vote(toggled(newest, option)))),
  );
  const most = asked.selectableCount;
  const hint = el('small', {}, most === 1 ? 'Select one' : most ? `Select up to ${most}` : 'Select any');
  const total = el('small', {});
  const list = el('ul', {}, ...rows.map(({ node }) => el('li', {}, node)));
  const node = el(
    'div',
    { class: 'poll', role: 'group', 'aria-label': `Poll: ${asked.name}` },
    el('b', {}, asked.name),
    hint,
    list,
    total,
  );
  return {
    node,
    show({ poll = newest }) {
      newest = poll;
      for (const row of rows) row.show(poll);
      setText(total, poll.votes.length === 1 ? '1 person voted' : `${poll.votes.length} people voted`);
    },
  };
}
