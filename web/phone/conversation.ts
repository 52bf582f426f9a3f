import type { ChatMessage } from '../../src/sandbox/network/types.ts';
import { el, icon, keyed, setShown, setText } from '../shared/dom.ts';
import { bubble, type MessageActions } from './bubble.ts';
import { avatar } from './chat-list.ts';
import type { Chat, State } from './state.ts';

/** An open chat as one phone shows it. */
export interface OpenChat {
  id: string;
  name: string;
  /** Below the name: presence, or the members of the group. */
  subtitle: string;
  isTyping: boolean;
  /** Shown while there is no message. */
  hint: string;
  /** Undefined before the first message. */
  chat: Chat | undefined;
}

// Within this distance of the end, px, the log scrolls to new messages.
const NEAR_END = 80;

/** The screen of an open chat: header, messages, composer. */
export class Conversation {
  readonly node: HTMLElement;
  readonly #name = el('b', {});
  readonly #subtitle = el('small', {});
  readonly #picture = el('span', { class: 'picture' });
  readonly #list = el('ol', { class: 'messages' });
  readonly #log = el('div', { class: 'log', role: 'log', tabindex: '0', 'aria-label': 'Messages' });
  readonly #hint = el('p', { class: 'hint' });
  readonly #typing: HTMLElement;
  readonly #act: MessageActions;
  #id: string | null = null;
  #count = 0;
  /** Scrolled to the newest message: stays so while pictures load and messages arrive. */
  #isAtEnd = true;
  #messages: ChatMessage[] = [];
  #draw: (messages: ChatMessage[]) => void = () => undefined;

  constructor(options: {
    back: () => void;
    act: MessageActions;
    extra?: HTMLElement[];
    composer: HTMLElement;
  }) {
    this.#act = options.act;
    const back = el(
      'button',
      { type: 'button', class: 'bare', 'aria-label': 'All chats', on: { click: options.back } },
      icon('M15 4 7 12l8 8'),
    );
    const dots = [el('i'), el('i'), el('i')];
    this.#typing = el(
      'p',
      { class: 'typing bubble theirs', role: 'status', 'aria-label': 'typing' },
      ...dots,
    );
    this.#log.append(this.#hint, this.#list, this.#typing);
    this.#log.addEventListener('scroll', () => {
      this.#isAtEnd = this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < NEAR_END;
    });
    const sizes = new ResizeObserver(() => this.#isAtEnd && this.#scrollToEnd());
    for (const part of [this.#log, this.#list]) sizes.observe(part);
    const title = el('span', { class: 'title' }, this.#name, this.#subtitle);
    const header = el('header', {}, back, this.#picture, title, ...(options.extra ?? []));
    this.node = el('div', { class: 'conversation' }, header, this.#log, options.composer);
  }

  /** Shows a chat; a newly opened one is scrolled to its end. */
  show(open: OpenChat, state: State): void {
    if (open.id !== this.#id) this.#reset(open, state);
    setText(this.#name, open.name);
    setText(this.#subtitle, open.isTyping ? 'typing…' : open.subtitle);
    this.#messages = open.chat?.messages ?? [];
    this.#draw(this.#messages);
    setText(this.#hint, open.hint);
    // With a last message, the others are still loading.
    setShown(this.#hint, this.#messages.length === 0 && open.chat?.last === undefined);
    setShown(this.#typing, open.isTyping);
    const grew = this.#messages.length !== this.#count;
    this.#count = this.#messages.length;
    if (this.#isAtEnd || (grew && this.#messages.at(-1)?.fromMe)) this.#scrollToEnd();
  }

  /** Scrolls to the newest message. */
  #scrollToEnd(): void {
    this.#log.scrollTop = this.#log.scrollHeight;
  }

  /** Prepares the screen for another chat. */
  #reset(open: OpenChat, state: State): void {
    this.#id = open.id;
    this.#isAtEnd = true;
    this.#list.replaceChildren();
    this.#picture.replaceChildren(avatar(open.id, open.name));
    this.#draw = keyed<ChatMessage>(
      this.#list,
      ({ id }) => id,
      (message) => bubble(message, () => this.#messages, state, this.#act),
    );
  }
}
