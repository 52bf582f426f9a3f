import { el, setAttribute, setShown, setText } from '../shared/dom.ts';
import type { State, Store } from './state.ts';

/** What the page has to say: a refusal, mostly. It stays until the next action, or until it is closed. */
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

  /** Shows or hides what there is to say. */
  show({ notice }: State): void {
    setShown(this.node, notice !== null);
    setText(this.#text, notice?.text ?? '');
    setAttribute(this.node, 'data-bad', notice?.bad ?? false);
  }
}
