import { el, keyed, type Row, setShown } from '../shared/dom.ts';
import type { Machine, Next } from './inspector-api.ts';
import { byId } from './page.ts';

interface Item {
  machine: Machine;
  label: string;
  edge: string;
}

/** One possible transition. */
function row({ machine, label, edge }: Item): Row<Item> {
  const node = el(
    'li',
    { 'data-machine': machine, 'data-next': edge },
    el('b', {}, label),
    el('span', { class: 'tag' }, machine === 'agent' ? 'session' : machine),
    el('small', {}, edge),
  );
  return { node, show: () => undefined };
}

/** The list of possible transitions; null for a moment of the past, where they are unknown. */
export function nextList(): (next: Next | null) => void {
  const draw = keyed<Item>(byId('next'), ({ machine, label, edge }) => `${machine} ${label} ${edge}`, row);
  return (next) => {
    setShown(byId('next-past'), next === null);
    draw(
      next === null
        ? []
        : (['agent', 'supervisor'] as const).flatMap((machine) =>
            next[machine].map(({ label, edge }) => ({ machine, label, edge })),
          ),
    );
  };
}
