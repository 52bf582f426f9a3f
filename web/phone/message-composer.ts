import type { ChatMessage } from '../../src/sandbox/network/types.ts';
import { el, icon, setAttribute, setShown, setText } from '../shared/dom.ts';
import type { Draft } from './actions.ts';
import { summaryOf } from './bubble.ts';

const SEND = 'M3 4 21 12 3 20 6 12zM6 12h8';
const CLIP = 'M20 11l-8 8a5 5 0 0 1-7-7l9-9a3.3 3.3 0 0 1 5 5l-9 9a1.7 1.7 0 0 1-2.500-2.500l8-8';

/** What a composer offers. */
export interface ComposerOptions {
  /** Accessible name of the text field. */
  label: string;
  /** Offers images, quotes and mentions. */
  rich: boolean;
  /** Sends; false restores the draft. */
  send(draft: Draft): Promise<boolean>;
}

/** A file as a data URL. */
function dataUrlOf(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener('load', () => resolve(String(reader.result)));
    reader.addEventListener('error', () => reject(reader.error));
    reader.readAsDataURL(file);
  });
}

/** The message field: Enter sends, Shift+Enter starts a line; `@` in a group mentions the agent. */
export class MessageComposer {
  readonly node: HTMLFormElement;
  readonly #options: ComposerOptions;
  readonly #field: HTMLTextAreaElement;
  readonly #mentionChip: HTMLButtonElement;
  readonly #mentionButton: HTMLButtonElement;
  readonly #quoteChip = el('div', { class: 'chip', hidden: true });
  readonly #imageChip = el('div', { class: 'chip', hidden: true });
  readonly #file = el('input', { type: 'file', accept: 'image/*', 'aria-label': 'Attach an image' });
  #quote: ChatMessage | null = null;
  #image: string | null = null;
  #mention = false;
  #canMention: string | null = null;

  constructor(options: ComposerOptions) {
    this.#options = options;
    this.#field = el('textarea', { rows: '1', 'aria-label': options.label, placeholder: 'Message' });
    this.#mentionChip = el('button', { type: 'button', class: 'mention-chip', hidden: true });
    this.#mentionButton = el('button', { type: 'button', class: 'bare at', hidden: true }, '@');
    const attach = el('label', { class: 'bare attach', title: 'Attach an image' }, icon(CLIP), this.#file);
    setShown(attach, options.rich);
    const send = el('button', { class: 'send', 'aria-label': 'Send' }, icon(SEND));
    const box = el('div', { class: 'box' }, this.#mentionButton, this.#mentionChip, this.#field, attach);
    this.node = el('form', { class: 'composer' }, this.#quoteChip, this.#imageChip, box, send);
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
    setAttribute(this.#field, 'placeholder', reason ?? 'Message');
  }

  /** Quotes a message in the next one; null removes the quote. */
  quote(message: ChatMessage | null): void {
    this.#quote = message;
    if (message) this.#fill(this.#quoteChip, `Reply to: ${summaryOf(message)}`, () => this.quote(null));
    setShown(this.#quoteChip, message !== null);
    if (message) this.#field.focus();
  }

  /** Discards the draft. */
  clear(): void {
    this.#field.value = '';
    this.quote(null);
    this.#setImage(null);
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
    this.#mentionButton.addEventListener('click', () => this.#setMention(!this.#mention, true));
    this.#mentionChip.addEventListener('click', () => this.#setMention(false, true));
    this.#file.addEventListener('change', () => {
      const [file] = this.#file.files ?? [];
      if (file) void dataUrlOf(file).then((url) => this.#setImage(url, file.name));
    });
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

  /** Attaches an image (a data URL); null removes it. */
  #setImage(url: string | null, name = ''): void {
    this.#image = url;
    this.#file.value = '';
    if (url) {
      this.#fill(this.#imageChip, name, () => this.#setImage(null));
      this.#imageChip.prepend(el('img', { src: url, alt: '' }));
    }
    setShown(this.#imageChip, url !== null);
  }

  /** Fills a chip for an attachment, with a button to remove it. */
  #fill(chip: HTMLElement, text: string, drop: () => void): void {
    const remove = el('button', { type: 'button', class: 'bare', 'aria-label': 'Remove' }, '×');
    remove.addEventListener('click', drop);
    chip.replaceChildren(el('span', {}, text), remove);
  }

  /** Sends the draft and clears the field; restores the draft on failure unless a new one was started. */
  async #submit(): Promise<void> {
    const text = this.#field.value.trim();
    if (this.#field.disabled || (text === '' && this.#image === null)) return;
    const quote = this.#quote;
    const draft: Draft = {
      text,
      mention: this.#mention,
      image: this.#image ?? undefined,
      quoteId: quote?.stanzaId,
    };
    this.clear();
    if (await this.#options.send(draft)) return;
    if (this.#field.value !== '') return;
    this.#field.value = text;
    this.#setMention(draft.mention ?? false);
    this.#setImage(draft.image ?? null, 'image');
    this.quote(quote);
  }
}
