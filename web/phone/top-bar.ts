import { el, setAttribute, setShown, setText } from '../shared/dom.ts';
import type { Actions } from './actions.ts';
import { selectAgent, selectedPhone } from './contacts.ts';
import { askForAgent } from './dialogs.ts';
import type { State, Store } from './state.ts';

const CONNECTION_TEXTS = { connecting: 'connecting…', live: 'live', reconnecting: 'reconnecting…' };

/** The sandbox banner, and the row of the selected agent. */
export class TopBar {
  readonly banner: HTMLElement;
  readonly row: HTMLElement;
  readonly #agents = el('select', { id: 'which-agent' });
  readonly #state = el('span', { class: 'pill', role: 'status' });
  readonly #connection = el('span', { class: 'connection', role: 'status' });
  readonly #inspect = el('a', { href: '/inspector' }, 'Inspector');
  #options = '';

  constructor(store: Store, actions: Actions) {
    const docs = el('a', { href: '/docs' }, 'API docs');
    const links = el('nav', { 'aria-label': 'Other pages' }, this.#inspect, docs);
    const words = el('span', { class: 'words' }, 'a simulated WhatsApp: nothing leaves this machine');
    this.banner = el(
      'header',
      { class: 'banner' },
      el('strong', {}, 'SANDBOX'),
      words,
      this.#connection,
      links,
    );
    this.#agents.addEventListener('change', () =>
      store.change((state) => selectAgent(state, this.#agents.value)),
    );
    const add = el('button', { type: 'button', class: 'quiet' }, '+ New agent');
    add.addEventListener('click', () => void this.#create(actions));
    const label = el('label', { for: 'which-agent' }, 'Agent');
    this.row = el('div', { class: 'agent-row' }, label, this.#agents, this.#state, add);
  }

  /** Shows the selected agent, its status, and the page's connection. */
  show(state: State): void {
    setText(this.#connection, CONNECTION_TEXTS[state.connection]);
    setAttribute(this.#connection, 'data-state', state.connection);
    setShown(this.row, state.phones.length > 0);
    const options = state.phones.map(({ agentId, agentName }) => `${agentId}|${agentName}`).join();
    if (options !== this.#options) {
      this.#options = options;
      const choices = state.phones.map(({ agentId, agentName }) =>
        el(
          'option',
          { value: agentId },
          agentName && agentName !== agentId ? `${agentName} (${agentId})` : agentId,
        ),
      );
      this.#agents.replaceChildren(...choices);
    }
    if (state.agentId !== null && this.#agents.value !== state.agentId) this.#agents.value = state.agentId;
    const phone = selectedPhone(state);
    const status = phone?.status ?? 'unknown to the service';
    setText(this.#state, phone?.reason && status !== 'connected' ? `${status}: ${phone.reason}` : status);
    setAttribute(this.#state, 'data-state', status);
    const agent = state.agentId === null ? '' : `?agent=${encodeURIComponent(state.agentId)}`;
    setAttribute(this.#inspect, 'href', `/inspector${agent}`);
  }

  /** Asks for a new agent and creates it. */
  async #create(actions: Actions): Promise<void> {
    const spec = await askForAgent();
    if (spec) await actions.createAgent(spec);
  }
}
