import { el, setAttribute } from '../shared/dom.ts';
import type { State, Store } from './state.ts';

const VIEWS: [State['view'], string][] = [
  ['agent', 'Agent'],
  ['customer', 'Customer'],
  ['tools', 'Tools'],
];

/** Buttons for the visible part of a narrow page; hidden on a wide one. */
export function viewSwitch(store: Store): { node: HTMLElement; show(state: State): void } {
  const buttons = VIEWS.map(([view, text]) => {
    /** Shows the view. */
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
