import { el, icon, setAttribute, setShown, setText } from '../shared/dom.ts';
import type { Actions } from './actions.ts';
import { AgentComposer } from './agent-composer.ts';
import { avatar, chatList } from './chat-list.ts';
import { nameOf, numberOf, selectedPhone } from './contacts.ts';
import { Conversation } from './conversation.ts';
import { lineOf } from './customer-phone.ts';
import { type Frame, frame, tabBar } from './frame.ts';
import { LinkedDevices } from './linked-devices.ts';
import type { State, Store } from './state.ts';
import { clockTime } from './units.ts';

const CHATS = 'M4 5h16v11H9l-5 4z';
const DEVICES = 'M3 5h13v9H3zM1 18h12M17 9h5v10h-5z';
const SEEN = 'M2 12c4-7 16-7 20 0c-4 7-16 7-20 0M12 9a3 3 0 1 1 0 6a3 3 0 0 1 0-6';

/** The phone that owns the agent's number: links the service as a device and shows its messages. */
export class AgentPhone {
  readonly node: HTMLElement;
  readonly #store: Store;
  readonly #actions: Actions;
  readonly #frame: Frame;
  readonly #picture = el('span', { class: 'picture' });
  readonly #name = el('span', { class: 'name' });
  readonly #number = el('small', {});
  readonly #empty = el('p', { class: 'empty' }, 'No chats yet. Write to the agent from the other phone.');
  readonly #list = chatList((id) => this.#open(id));
  readonly #chats = el('div', { class: 'list-screen' }, this.#list.node, this.#empty);
  readonly #tabs = tabBar(
    [
      { id: 'chats', label: 'Chats', path: CHATS },
      { id: 'devices', label: 'Linked devices', path: DEVICES },
    ],
    (id) => this.#store.change((state) => Object.assign(state, { agentTab: id, agentChat: null })),
  );
  readonly #composer: AgentComposer;
  readonly #conversation: Conversation;
  readonly #devices: LinkedDevices;
  #shown = '';

  constructor(store: Store, actions: Actions) {
    this.#store = store;
    this.#actions = actions;
    this.#composer = new AgentComposer(store, actions);
    const seen = el('button', { type: 'button', class: 'bare', title: 'Mark as read' }, icon(SEEN));
    seen.setAttribute('aria-label', 'Mark this chat as read on the phone: ticks turn blue');
    seen.addEventListener('click', () => this.#read());
    this.#conversation = new Conversation({
      back: () => this.#open(null),
      act: {
        answer: () => this.#composer.focus(),
        play: ({ id }) => void this.#actions.play(selectedPhone(this.#store.state)?.account?.pn ?? '', id),
      },
      extra: [seen],
      composer: this.#composer.node,
    });
    this.#devices = new LinkedDevices(store, actions);
    const caption = el('h2', {}, this.#picture, this.#name, this.#number);
    this.#frame = frame('agent', "The agent's phone", caption, this.#tabs.node);
    this.node = this.#frame.node;
  }

  /** Shows the phone of the selected agent. */
  show(state: State): void {
    const phone = selectedPhone(state);
    const name = phone?.agentName ?? phone?.agentId ?? 'The agent';
    const owner = phone?.account?.pn ?? null;
    if (this.#shown !== `${owner}${name}`) {
      this.#shown = `${owner}${name}`;
      this.#picture.replaceChildren(avatar(owner ?? name, name));
      setText(this.#name, `${name}'s phone`);
      setAttribute(this.#name, 'title', name);
    }
    setText(this.#number, owner ? numberOf(owner) : 'no number yet');
    const isOnline = phone?.devices.includes('CONNECTED') ?? false;
    const signal = owner === null ? 'none' : isOnline ? 'online' : 'offline';
    this.#frame.status(clockTime(Date.now() + state.clockAhead), signal);
    this.#tabs.show(state.agentTab);
    if (state.agentTab === 'devices') {
      this.#devices.show(state);
      this.#frame.put(this.#devices.node);
    } else if (owner === null || state.agentChat === null) this.#showList(state, owner);
    else this.#showChat(state, owner, state.agentChat);
  }

  /** Shows the list of chats. */
  #showList(state: State, owner: string | null): void {
    if (owner !== null) void this.#actions.loadChats(owner);
    const chats = owner === null ? undefined : state.chatsOf.get(owner);
    const lines = [...(chats ?? [])].map(([id, chat]) => lineOf(state, owner ?? '', id, chat));
    this.#list.show(lines);
    setShown(this.#empty, lines.length === 0);
    this.#frame.put(this.#chats);
  }

  /** Shows one chat with its messages. */
  #showChat(state: State, owner: string, id: string): void {
    void this.#actions.loadChats(owner);
    void this.#actions.loadMessages(owner, id);
    this.#composer.show(state, id);
    this.#frame.put(this.#conversation.node);
    const group = state.groups.find((one) => one.id === id);
    const subtitle = group ? group.participants.map((pn) => nameOf(state, pn)).join(', ') : numberOf(id);
    const isTyping = state.typing.has(`${owner}|${id}`);
    const chat = state.chatsOf.get(owner)?.get(id);
    const hint = 'No messages yet.';
    this.#conversation.show({ id, name: nameOf(state, id), subtitle, isTyping, hint, chat }, state);
  }

  /** Opens a chat; null returns to the list. */
  #open(id: string | null): void {
    this.#store.change((state) => {
      state.agentChat = id;
    });
  }

  /** Marks the open chat as read on this phone. */
  #read(): void {
    const { state } = this.#store;
    const owner = selectedPhone(state)?.account?.pn;
    if (owner && state.agentChat) void this.#actions.read(owner, state.agentChat);
  }
}
