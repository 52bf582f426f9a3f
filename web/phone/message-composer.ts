import type { ChatMessage } from '../../src/sandbox/network/types.ts';
import { el, icon, setAttribute, setShown, setText } from '../shared/dom.ts';
import type { Draft } from './actions.ts';
import { Attachments, uploadOf } from './attachments.ts';
import { summaryOf } from './summary.ts';
import { TypingReport } from './typing-report.ts';

const SEND = 'M3 4 21 12 3 20 6 12zM6 12h8';

/** What a composer offers. */
export interface ComposerOptions {
  /** Accessible name of the text field. */
  label: string;
  /** Offers attachments, quotes and mentions. */
  rich: boolean;
  /** Sends; false restores the draft. */
  send(draft: Draft): Promise<boolean>;
  /** The owner of the phone types, or types no more. */
  onTyping?(typing: boolean): void;
}

/** The message field: Enter sends, Shift+Enter starts a line; `@` in a group mentions the agent. */
export class MessageComposer {
  readonly node: HTMLFormElement;
  readonly #options: ComposerOptions;
  readonly #field: HTMLTextAreaElement;
  readonly #mentionChip: HTMLButtonElement;
  readonly #mentionButton: HTMLButtonElement;
  readonly #quoteText = el('span', {});
  readonly #quoteChip: HTMLElement;
  readonly #attachments: Attachments;
  readonly #typing: TypingReport;
  #quote: ChatMessage | null = null;
  #mention = false;
  #canMention: string | null = null;

  constructor(options: ComposerOptions) {
    this.#options = options;
    this.#typing = new TypingReport((typing) => options.onTyping?.(typing));
    this.#field = el('textarea', { rows: '1', 'aria-label': options.label, placeholder: 'Message' });
    this.#mentionChip = el('button', { type: 'button', class: 'mention-chip', hidden: true });
    this.#mentionButton = el('button', { type: 'button', class: 'bare at', hidden: true }, '@');
    const unquote = el('button', { type: 'button', class: 'bare', 'aria-label': 'Remove' }, '×');
    unquote.addEventListener('click', () => this.quote(null));
    this.#quoteChip = el('div', { class: 'chip', hidden: true }, this.#quoteText, unquote);
    this.#attachments = new Attachments({ onFile: () => this.focus(), send: options.send });
    const { menu, chip } = this.#attachments;
    setShown(menu, options.rich);
    const send = el('button', { class: 'send', 'aria-label': 'Send' }, icon(SEND));
    const box = el('div', { class: 'box' }, this.#mentionButton, this.#mentionChip, this.#field, menu);
    this.node = el('form', { class: 'composer' }, this.#quoteChip, chip, box, send);
    this.#listen();
  }

  /** Sets the name that can be mentioned; null outside groups. */
  allowMention(name: string | null): void {
    if (name === this.#canMention) return;
    this.#canMention = name;
    this.#setMention(false);
    setText(this.#mentionChip, `@${name} ×`);
    setAttribute(this.#mentionChip, 'aria-label', `Don't mention ${name}`);
    setAttribute(this.#mentionButton, 'aria-label', `Mention ${name}`);
    setAttribute(this.#mentionButton, 'title', `Mention ${name}`);
    setShown(this.#mentionButton, name !== null);
  }

  /** Disables the field for a reason; null enables it. */
  disable(reason: string | null): void {
    this.#field.disabled = reason !== null;
    this.#attachments.disable(reason !== null);
    setAttribute(this.#field, 'placeholder', reason ?? 'Message');
  }

  /** Quotes a message in the next one; null removes the quote. */
  quote(message: ChatMessage | null): void {
    this.#quote = message;
    if (message) setText(this.#quoteText, `Reply to: ${summaryOf(message)}`);
    setShown(this.#quoteChip, message !== null);
    if (message) this.#field.focus();
  }

  /** Discards the draft. */
  clear(): void {
    this.#typing.stop();
    this.#field.value = '';
    this.quote(null);
    this.#attachments.set(null);
    this.#setMention(false);
  }

  /** Focuses the field. */
  focus(): void {
    this.#field.focus();
  }

  /** Adds the listeners. */
  #listen(): void {
    this.node.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#submit();
    });
    this.#field.addEventListener('keydown', (event) => this.#onKey(event));
    this.#field.addEventListener('input', () =>
      this.#field.value === '' ? this.#typing.stop() : this.#typing.typed(),
    );
    this.#mentionButton.addEventListener('click', () => this.#setMention(!this.#mention, true));
    this.#mentionChip.addEventListener('click', () => this.#setMention(false, true));
  }

  /** Handles keys other than text. */
  #onKey(event: KeyboardEvent): void {
    const isEmpty = this.#field.value === '';
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this.node.requestSubmit();
    } else if (event.key === '@' && isEmpty && this.#canMention !== null) {
      event.preventDefault();
      this.#setMention(true);
    } else if (event.key === 'Backspace' && isEmpty && this.#mention) this.#setMention(false);
    else if (event.key === 'Escape' && this.#quote) this.quote(null);
  }

  /** Adds or removes the mention. */
  #setMention(mention: boolean, focus = false): void {
    this.#mention = mention;
    setShown(this.#mentionChip, mention);
    setAttribute(this.#mentionButton, 'aria-pressed', String(mention));
    if (focus) this.#field.focus();
  }

  /** Sends the draft and clears the field; restores the draft on failure unless a new one was started. */
  async #submit(): Promise<void> {
    const text = this.#field.value.trim();
    const { attached } = this.#attachments;
    if (this.#field.disabled || (text === '' && attached === null)) return;
    const [quote, mention] = [this.#quote, this.#mention];
    this.clear();
    const file = attached ? await uploadOf(attached) : undefined;
    if (await this.#options.send({ text, mention, file, quoteId: quote?.stanzaId })) return;
    if (this.#field.value !== '') return;
    this.#field.value = text;
    this.#setMention(mention);
    this.#attachments.set(attached);
    this.quote(quote);
  }
}
