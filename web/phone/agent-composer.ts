import { el, setShown, setText } from '../shared/dom.ts';
import type { Actions } from './actions.ts';
import { keyOf, rememberKey } from './keys.ts';
import { MessageComposer } from './message-composer.ts';
import type { State, Store } from './state.ts';

/** Sends as the agent's back end, through the public API; asks for the agent's key first. */
export class AgentComposer {
  readonly node: HTMLElement;
  readonly #store: Store;
  readonly #actions: Actions;
  readonly #composer: MessageComposer;
  readonly #key = el('input', { type: 'password', autocomplete: 'off', required: true });
  readonly #keyLabel = el('span', {});
  readonly #keyForm: HTMLFormElement;

  constructor(store: Store, actions: Actions) {
    this.#store = store;
    this.#actions = actions;
    this.#composer = new MessageComposer({
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

  /** Shows the message field, or the form for the key. */
  show(state: State, chatId: string): void {
    const agentId = state.agentId ?? '';
    const hasKey = keyOf(agentId) !== null;
    const canSend = /@(c\.us|lid|g\.us)$/.test(chatId);
    setShown(this.#keyForm, canSend && !hasKey);
    setShown(this.#composer.node, canSend && hasKey);
    setText(this.#keyLabel, `To send as ${agentId}'s back end: its API key`);
    this.#composer.disable(null);
  }

  /** Focuses the message field. */
  focus(): void {
    this.#composer.focus();
  }

  /** Keeps the entered key for this tab. */
  #remember(): void {
    const { agentId } = this.#store.state;
    if (agentId === null) return;
    rememberKey(agentId, this.#key.value);
    this.#key.value = '';
    this.#store.change(() => undefined);
  }

  /** Sends to the open chat; false when refused. */
  #send(text: string): Promise<boolean> {
    const { agentId, agentChat } = this.#store.state;
    const key = agentId && keyOf(agentId);
    if (!agentId || !agentChat || !key) return Promise.resolve(false);
    return this.#actions.sendAsAgent(agentId, agentChat, text, key);
  }
}
