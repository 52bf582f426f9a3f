import { el, setShown, setText } from '../shared/dom.ts';
import type { Actions } from './actions.ts';
import { Composer } from './composer.ts';
import { keyOf, rememberKey } from './keys.ts';
import type { State, Store } from './state.ts';

/** Sends as the agent's back end does, through the public API; asks once for the key that this takes. */
export class AgentComposer {
  readonly node: HTMLElement;
  readonly #store: Store;
  readonly #actions: Actions;
  readonly #composer: Composer;
  readonly #key = el('input', { type: 'password', autocomplete: 'off', required: true });
  readonly #keyLabel = el('span', {});
  readonly #keyForm: HTMLFormElement;

  constructor(store: Store, actions: Actions) {
    this.#store = store;
    this.#actions = actions;
    this.#composer = new Composer({
      label: 'Message through the API, as your back end',
      rich: false,
      send: ({ text }) => this.#send(text),
    });
    const use = el('button', { class: 'primary' }, 'Use');
    this.#keyForm = el('form', { class: 'key-form' }, el('label', {}, this.#keyLabel, this.#key), use);
    this.#keyForm.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#remember();
    });
    this.node = el('div', {}, this.#keyForm, this.#composer.node);
  }

  /** Shows the field, or asks for the key first. */
  show(state: State, chatId: string): void {
    const agentId = state.agentId ?? '';
    const hasKey = keyOf(agentId) !== null;
    const canSend = /@(c\.us|lid|g\.us)$/.test(chatId);
    setShown(this.#keyForm, canSend && !hasKey);
    setShown(this.#composer.node, canSend && hasKey);
    setText(this.#keyLabel, `To send as ${agentId}'s back end: its API key`);
    this.#composer.disable(null);
  }

  /** Puts the cursor into the field. */
  focus(): void {
    this.#composer.focus();
  }

  /** Keeps the key that was typed in. */
  #remember(): void {
    const { agentId } = this.#store.state;
    if (agentId === null) return;
    rememberKey(agentId, this.#key.value);
    this.#key.value = '';
    this.#store.change(() => undefined);
  }

  /** Sends to the chat that is open. */
  #send(text: string): Promise<boolean> {
    const { agentId, botChat } = this.#store.state;
    const key = agentId && keyOf(agentId);
    if (!agentId || !botChat || !key) return Promise.resolve(false);
    return this.#actions.sendAsAgent(agentId, botChat, text, key);
  }
}
