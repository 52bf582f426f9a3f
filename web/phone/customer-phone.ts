import type { ChatMessage } from '../../src/sandbox/network/types.ts';
import { el, setShown, setText } from '../shared/dom.ts';
import type { Actions, Draft } from './actions.ts';
import { avatar, type ChatLine, chatList } from './chat-list.ts';
import { addressOf, customersOf, nameOf, numberOf, phoneOf, selectedPhone } from './contacts.ts';
import { Conversation, type OpenChat } from './conversation.ts';
import { askForCustomer, askForEdit, askForGroup } from './dialogs.ts';
import { type Frame, frame, tabBar } from './frame.ts';
import { MessageComposer } from './message-composer.ts';
import type { Chat, State, Store } from './state.ts';
import { StatusScreen } from './status-screen.ts';
import { clockTime } from './units.ts';

const CHATS = 'M4 5h16v11H9l-5 4z';
const STATUS = 'M12 4a8 8 0 1 1 0 16a8 8 0 1 1 0-16M12 9v6M9 12h6';
const NEW = '+ New customer…';

/** The phone of a customer, with which the viewer writes. */
export class CustomerPhone {
  readonly node: HTMLElement;
  readonly #store: Store;
  readonly #actions: Actions;
  readonly #frame: Frame;
  readonly #who = el('select', { 'aria-label': 'Which customer you are' });
  readonly #picture = el('span', { class: 'picture' });
  readonly #number = el('small', {});
  readonly #empty = el('p', { class: 'empty' });
  readonly #list = chatList((id) => this.#open(id));
  readonly #chats: HTMLElement;
  readonly #tabs = tabBar(
    [
      { id: 'chats', label: 'Chats', path: CHATS },
      { id: 'status', label: 'Status', path: STATUS },
    ],
    (id) => this.#store.change((state) => Object.assign(state, { customerTab: id, customerChat: null })),
  );
  readonly #composer: MessageComposer;
  readonly #conversation: Conversation;
  readonly #status: StatusScreen;
  #options = '';
  #shown = '';

  constructor(store: Store, actions: Actions) {
    this.#store = store;
    this.#actions = actions;
    this.#composer = new MessageComposer({
      label: 'Message as the customer',
      rich: true,
      send: (draft) => this.#send(draft),
      onTyping: (typing) => this.#onTyping(typing),
    });
    this.#conversation = new Conversation({
      back: () => this.#open(null),
      act: {
        answer: (message) => this.#composer.quote(message),
        play: ({ id }) => void this.#actions.play(this.#store.state.customer.pn, id),
        vote: ({ id, chatId }, options) => void this.#actions.vote(this.#agentOf(chatId), id, options),
        react: ({ id, chatId }, emoji) => void this.#actions.react(this.#agentOf(chatId), id, emoji),
        change: {
          edit: (message) => void this.#edit(message),
          revoke: ({ id, chatId }) => void this.#actions.revoke(this.#agentOf(chatId), id),
        },
      },
      composer: this.#composer.node,
    });
    this.#status = new StatusScreen(store, actions);
    const group = el('button', { type: 'button', class: 'quiet', id: 'new-group' }, '+ New group');
    group.addEventListener('click', () => void this.#newGroup());
    this.#chats = el('div', { class: 'list-screen' }, this.#list.node, this.#empty, group);
    this.#who.addEventListener('change', () => void this.#choose(this.#who.value));
    const who = el('label', { class: 'who' }, 'You are ', this.#who);
    const caption = el('h2', {}, this.#picture, who, this.#number);
    this.#frame = frame('customer', "The customer's phone", caption, this.#tabs.node);
    this.node = this.#frame.node;
  }

  /** Shows the state; loads what it opens and marks it as read. */
  show(state: State): void {
    this.#showCustomer(state);
    const { customer, customerTab, customerChat } = state;
    this.#frame.status(clockTime(Date.now() + state.clockAhead), 'online');
    this.#tabs.show(customerTab);
    void this.#actions.loadChats(customer.pn);
    if (customerTab === 'status') {
      this.#status.show(state);
      this.#frame.put(this.#status.node);
    } else if (customerChat === null) this.#showList(state);
    else this.#showChat(state, customerChat);
  }

  /** Shows the selected customer and the others. */
  #showCustomer(state: State): void {
    const { customer } = state;
    const customers = customersOf(state);
    const options = customers.map(({ pn, name }) => `${pn}|${name}`).join();
    if (options !== this.#options) {
      this.#options = options;
      const choices = customers.map(({ pn, name }) => el('option', { value: pn }, name));
      this.#who.replaceChildren(...choices, el('option', { value: NEW }, NEW));
      this.#who.value = customer.pn;
    }
    const name = nameOf(state, customer.pn);
    if (this.#shown === `${customer.pn}${name}`) return;
    this.#shown = `${customer.pn}${name}`;
    this.#who.value = customer.pn;
    this.#picture.replaceChildren(avatar(customer.pn, name));
    setText(this.#number, name === numberOf(customer.pn) ? '' : numberOf(customer.pn));
  }

  /** Shows the list of chats. */
  #showList(state: State): void {
    const lines = linesOf(state);
    this.#list.show(lines);
    const agent = selectedPhone(state);
    setShown(this.#empty, agent !== undefined && !agent.linked);
    setText(
      this.#empty,
      `${agent?.agentName ?? 'The agent'} has no number yet: scan its code on the other phone.`,
    );
    this.#frame.put(this.#chats);
  }

  /** Shows one chat, and marks it as read while it is visible. */
  #showChat(state: State, id: string): void {
    const { customer } = state;
    void this.#actions.loadMessages(customer.pn, id);
    const open = openChatOf(state, id);
    const agent = id.endsWith('@g.us') ? selectedPhone(state) : phoneOf(state, id);
    this.#composer.allowMention(id.endsWith('@g.us') && agent?.linked ? (agent.account?.name ?? '') : null);
    this.#composer.disable(agent?.linked ? null : 'Not linked to a phone');
    this.#frame.put(this.#conversation.node);
    this.#conversation.show(open, state);
    const isSeen = document.visibilityState === 'visible' && this.node.checkVisibility();
    if (isSeen && (open.chat?.unread ?? 0) > 0) void this.#actions.read(customer.pn, id);
  }

  /** Opens a chat; null returns to the list. */
  #open(id: string | null): void {
    this.#composer.clear();
    this.#store.change((state) => {
      state.customerChat = id;
    });
  }

  /** Selects a customer, or asks for a new one. */
  async #choose(pn: string): Promise<void> {
    const { state } = this.#store;
    const found = customersOf(state).find((customer) => customer.pn === pn);
    const customer = pn === NEW ? await askForCustomer() : found;
    this.#shown = '';
    this.#store.change(() => {
      if (!customer) return;
      if (!found) state.newCustomers.push(customer);
      const inGroup = state.customerChat?.endsWith('@g.us') ?? false;
      Object.assign(state, { customer, ...(inGroup && { customerChat: null }) });
    });
  }

  /** Creates a group with this customer and the agent. */
  async #newGroup(): Promise<void> {
    const { state } = this.#store;
    const agent = selectedPhone(state)?.account;
    const asked = await askForGroup(customersOf(state), state.customer);
    if (!asked) return;
    const members = [state.customer.pn, ...asked.members, ...(agent ? [agent.pn] : [])];
    const id = await this.#actions.createGroup(asked.name, members);
    if (id) this.#open(id);
  }

  /** Asks for the new text of a message and changes it. */
  async #edit({ id, chatId, body }: ChatMessage): Promise<void> {
    const text = await askForEdit(body);
    if (text) await this.#actions.edit(this.#agentOf(chatId), id, text);
  }

  /** The agent of a chat; empty without one. */
  #agentOf(chatId: string): string {
    const { state } = this.#store;
    return (phoneOf(state, chatId) ?? selectedPhone(state))?.agentId ?? '';
  }

  /** Reports in the open chat, once there is one, that the customer types. */
  #onTyping(typing: boolean): void {
    const { customer, customerChat: id, chatsOf } = this.#store.state;
    if (id === null || !chatsOf.get(customer.pn)?.has(id)) return;
    const agentId = this.#agentOf(id);
    if (agentId) void this.#actions.type(agentId, id.endsWith('@g.us') ? id : null, typing);
  }

  /** Sends to the open chat; false when refused. */
  #send(draft: Draft): Promise<boolean> {
    const { state } = this.#store;
    const id = state.customerChat ?? '';
    const isGroup = id.endsWith('@g.us');
    const agent = isGroup ? selectedPhone(state) : phoneOf(state, id);
    if (!agent) return Promise.resolve(false);
    return this.#actions.write(agent.agentId, isGroup ? id : null, draft);
  }
}

/** The customer's list: chats, the selected agent, and the customer's groups. */
function linesOf(state: State): ChatLine[] {
  const { customer } = state;
  const chats = state.chatsOf.get(customer.pn);
  const agent = selectedPhone(state);
  const contact = agent && addressOf(agent);
  const groups = state.groups.filter(({ participants }) => participants.includes(customer.pn));
  const ids = new Set([
    ...(chats?.keys() ?? []),
    ...(contact ? [contact] : []),
    ...groups.map(({ id }) => id),
  ]);
  return [...ids].map((id) => lineOf(state, customer.pn, id, chats?.get(id)));
}

/** One chat as a line of its owner's list. */
export function lineOf(state: State, owner: string, id: string, chat: Chat | undefined): ChatLine {
  const last = chat?.last;
  const by = last && !last.fromMe && id.endsWith('@g.us') ? nameOf(state, last.senderId) : null;
  return {
    id,
    name: nameOf(state, id),
    hint: id.endsWith('@g.us') ? 'New group' : 'Tap to write',
    last,
    by,
    unread: chat?.unread ?? 0,
    isTyping: state.typing.has(`${owner}|${id}`),
  };
}

/** The open chat with its subtitle. */
function openChatOf(state: State, id: string): OpenChat {
  const { customer } = state;
  const agent = phoneOf(state, id);
  const group = state.groups.find((one) => one.id === id);
  const members = group?.participants.map((pn) => (pn === customer.pn ? 'you' : nameOf(state, pn)));
  const presence = agent?.devices.includes('CONNECTED') ? 'online' : agent ? 'offline' : numberOf(id);
  return {
    id,
    name: nameOf(state, id),
    subtitle: members?.join(', ') ?? presence,
    isTyping: state.typing.has(`${customer.pn}|${id}`),
    hint: group
      ? 'In a group the agent answers only when it is mentioned.'
      : 'Write something: the AI behind this number answers.',
    chat: state.chatsOf.get(customer.pn)?.get(id),
  };
}
