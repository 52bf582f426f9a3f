import { el, setAttribute, setShown, setText } from '../shared/dom.ts';
import type { State, Store } from './state.ts';

/** The notice at the bottom, mostly a refusal: shown until the next action, or until it is closed. */
export class Notice {
  readonly node: HTMLElement;
  readonly #text = el('span', {});

  constructor(store: Store) {
    const close = el('button', { type: 'button', class: 'bare', 'aria-label': 'Close this message' }, '×');
    close.addEventListener('click', () =>
      store.change((state) => {
        state.notice = null;
      }),
    );
    this.node = el('div', { class: 'notice', role: 'alert', hidden: true }, this.#text, close);
  }

  /** Shows or hides the notice. */
  show({ notice }: State): void {
    setShown(this.node, notice !== null);
    setText(this.#text, notice?.text ?? '');
    setAttribute(this.node, 'data-bad', notice?.bad ?? false);
  }
}
