import { el, setShown, setText } from '../shared/dom.ts';
import type { Actions } from './actions.ts';
import { selectedPhone } from './contacts.ts';
import type { State, Store } from './state.ts';
import { clockTime } from './units.ts';

/** The screen to post a status, which everyone receives and no agent answers. */
export class StatusScreen {
  readonly node: HTMLFormElement;
  readonly #store: Store;
  readonly #actions: Actions;
  readonly #field = el('textarea', { rows: '4', 'aria-label': 'Status', placeholder: 'What is new?' });
  readonly #posted = el('ul', { class: 'posted' });
  readonly #none = el('p', { class: 'empty' });
  readonly #post = el('button', { class: 'primary' }, 'Post status');

  constructor(store: Store, actions: Actions) {
    this.#store = store;
    this.#actions = actions;
    const hint = el('p', { class: 'hint' }, 'It reaches the agent, which must not answer it.');
    this.node = el(
      'form',
      { class: 'status-screen' },
      this.#field,
      this.#post,
      hint,
      this.#none,
      this.#posted,
    );
    this.node.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#submit();
    });
  }

  /** Enables posting while the agent is linked. */
  show(state: State): void {
    const agent = selectedPhone(state);
    this.#post.disabled = !agent?.linked;
    setShown(this.#none, !agent?.linked);
    setText(this.#none, 'Link the agent first: this status has no viewers yet.');
  }

  /** Posts the entered text. */
  async #submit(): Promise<void> {
    const agentId = this.#store.state.agentId;
    const text = this.#field.value.trim();
    if (agentId === null || text === '' || !(await this.#actions.postStatus(agentId, text))) return;
    this.#field.value = '';
    const at = clockTime(Date.now() + this.#store.state.clockAhead);
    this.#posted.prepend(el('li', {}, el('b', {}, text), el('small', {}, `posted ${at}`)));
  }
}
