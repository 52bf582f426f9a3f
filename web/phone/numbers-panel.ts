import type { Behaviour } from '../../src/sandbox/network/fixed-numbers.ts';
import { el } from '../shared/dom.ts';
import type { Caller } from './caller.ts';
import { addressOf, numberOf, selectedPhone } from './contacts.ts';
import { send } from './http-call.ts';
import { panel } from './panel.ts';
import type { Store } from './state.ts';

/** A number of `GET /sandbox/numbers`. */
type FixedNumber = Behaviour & { jid: string };

/** What a number does, in words. */
function descriptionOf(number: FixedNumber): string {
  if (!number.exists) return 'is not on WhatsApp: 422';
  if (number.bans) return 'gets the account banned: auth_failed';
  if (number.dropsSenderForMs !== null)
    return `drops the connection during the send, for ${number.dropsSenderForMs / 1000} s`;
  if (number.refusesFirst) return 'refuses the first message, accepts the next';
  if (number.reply !== null) return `answers “${number.reply}”`;
  if (!number.reachable) return 'is switched off: one tick, permanently';
  if (number.deliversAfterMs > 0) return `gets it after ${number.deliversAfterMs / 1000} s`;
  if (number.readsAfterMs !== null) return `gets it, reads it after ${number.readsAfterMs / 1000} s`;
  return 'gets it, never reads it';
}

/** Numbers with fixed behaviour, to send to or to write as. */
export class NumbersPanel {
  readonly node: HTMLElement;
  readonly #store: Store;
  readonly #caller: Caller;
  readonly #list = el('ul', { class: 'numbers' });
  #isLoaded = false;

  constructor(store: Store, caller: Caller) {
    this.#store = store;
    this.#caller = caller;
    this.node = panel('numbers', 'Numbers with fixed behaviour', this.#list);
  }

  /** Loads the list once; it doesn't change. */
  async show(): Promise<void> {
    if (this.#isLoaded) return;
    this.#isLoaded = true;
    try {
      const numbers = (await send({ method: 'GET', path: '/sandbox/numbers' })) as FixedNumber[];
      this.#list.replaceChildren(...numbers.map((number) => this.#row(number)));
    } catch {
      this.#isLoaded = false;
    }
  }

  /** A number, what it does, and its two buttons. */
  #row(number: FixedNumber): HTMLElement {
    const name = numberOf(number.jid);
    const to = el(
      'button',
      { type: 'button', 'aria-label': `Send to ${name}`, title: 'Send to this number' },
      'Send to',
    );
    to.addEventListener('click', () => this.#sendTo(number.jid));
    const as = el(
      'button',
      { type: 'button', 'aria-label': `Write as ${name}`, title: 'Write as this number' },
      'Write as',
    );
    as.addEventListener('click', () => this.#writeAs(number.jid));
    as.disabled = !number.exists;
    const words = el('span', { class: 'words' }, descriptionOf(number));
    return el('li', {}, el('code', {}, name), el('span', { class: 'buttons' }, to, as), words);
  }

  /** Opens the chat with the number on the agent's phone. */
  #sendTo(jid: string): void {
    if (!this.#isLinked()) return;
    this.#store.change((state) => Object.assign(state, { agentTab: 'chats', agentChat: jid, view: 'agent' }));
  }

  /** Selects the number as the customer and opens its chat with the agent. */
  #writeAs(jid: string): void {
    const phone = selectedPhone(this.#store.state);
    if (!phone || !this.#isLinked()) return;
    const customer = { pn: jid, name: numberOf(jid) };
    const customerChat = addressOf(phone);
    this.#store.change((state) => {
      if (!state.newCustomers.some(({ pn }) => pn === jid)) state.newCustomers.push(customer);
      Object.assign(state, { customer, customerTab: 'chats', customerChat, view: 'customer' });
    });
  }

  /** Whether the agent is linked; shows a notice if not. */
  #isLinked(): boolean {
    const isLinked = selectedPhone(this.#store.state)?.linked ?? false;
    if (!isLinked) this.#caller.notify('Link the agent first: scan its code.', true);
    return isLinked;
  }
}
