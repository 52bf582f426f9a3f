import { el, setAttribute } from '../shared/dom.ts';
import type { State, Store } from './state.ts';

const VIEWS: [State['view'], string][] = [
  ['agent', 'Agent'],
  ['customer', 'Customer'],
  ['tools', 'Tools'],
];

/** Chooses what is in sight on a narrow page; a wide one shows everything, and not these buttons. */
export function viewSwitch(store: Store): { node: HTMLElement; show(state: State): void } {
  const buttons = VIEWS.map(([view, text]) => {
    /** Brings the view into sight. */
    const choose = () => store.change((state) => Object.assign(state, { view }));
    return { view, node: el('button', { type: 'button', on: { click: choose } }, text) };
  });
  return {
    node: el('nav', { class: 'switch', 'aria-label': 'Views' }, ...buttons.map(({ node }) => node)),
    show(state) {
      for (const { view, node } of buttons) setAttribute(node, 'aria-pressed', String(view === state.view));
    },
  };
}
