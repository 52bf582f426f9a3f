import type { ChatMessage } from '../../src/sandbox/network/types.ts';
import { el, icon, setAttribute, setShown, setText } from '../shared/dom.ts';
import type { Letter } from './actions.ts';
import { summaryOf } from './bubble.ts';

const SEND = 'M3 4 21 12 3 20 6 12zM6 12h8';
const CLIP = 'M20 11l-8 8a5 5 0 0 1-7-7l9-9a3.3 3.3 0 0 1 5 5l-9 9a1.7 1.7 0 0 1-2.500-2.500l8-8';

/** What a composer can do besides text. */
export interface ComposerOptions {
  /** Accessible name of the text field. */
  label: string;
  /** Whether it sends images, quotes and mentions. */
  rich: boolean;
  /** Sends; false: it didn't go, and stays to be sent again. */
  send(letter: Letter): Promise<boolean>;
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

/** Where one writes: Enter sends, Shift+Enter begins a line; `@` in a group mentions the agent. */
export class Composer {
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

  /** Who can be mentioned here, by name; null outside groups. */
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

  /** Why nothing can be written now; null: it can. */
  disable(reason: string | null): void {
    this.#field.disabled = reason !== null;
    setAttribute(this.#field, 'placeholder', reason ?? 'Message');
  }

  /** The next message answers this one. */
  quote(message: ChatMessage | null): void {
    this.#quote = message;
    if (message) this.#fill(this.#quoteChip, `Reply to: ${summaryOf(message)}`, () => this.quote(null));
    setShown(this.#quoteChip, message !== null);
    if (message) this.#field.focus();
  }

  /** Forgets what was begun. */
  clear(): void {
    this.#field.value = '';
    this.quote(null);
    this.#setImage(null);
    this.#setMention(false);
  }

  /** Puts the cursor into the field. */
  focus(): void {
    this.#field.focus();
  }

  /** Connects fields and buttons. */
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

  /** What keys do besides writing. */
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

  /** Mentions the agent, or no longer. */
  #setMention(mention: boolean, focus = false): void {
    this.#mention = mention;
    setShown(this.#mentionChip, mention);
    setAttribute(this.#mentionButton, 'aria-pressed', String(mention));
    if (focus) this.#field.focus();
  }

  /** Attaches an image, or takes it off. */
  #setImage(url: string | null, name = ''): void {
    this.#image = url;
    this.#file.value = '';
    if (url) {
      this.#fill(this.#imageChip, name, () => this.#setImage(null));
      this.#imageChip.prepend(el('img', { src: url, alt: '' }));
    }
    setShown(this.#imageChip, url !== null);
  }

  /** What is about to be sent along, and a button to leave it out. */
  #fill(chip: HTMLElement, text: string, drop: () => void): void {
    const remove = el('button', { type: 'button', class: 'bare', 'aria-label': 'Remove' }, '×');
    remove.addEventListener('click', drop);
    chip.replaceChildren(el('span', {}, text), remove);
  }

  /** Sends what is there; the field is free for the next at once, and gets it back when it didn't go. */
  async #submit(): Promise<void> {
    const text = this.#field.value.trim();
    if (this.#field.disabled || (text === '' && this.#image === null)) return;
    const quote = this.#quote;
    const letter: Letter = {
      text,
      mention: this.#mention,
      image: this.#image ?? undefined,
      quoteId: quote?.stanzaId,
    };
    this.clear();
    if (await this.#options.send(letter)) return;
    if (this.#field.value !== '') return;
    this.#field.value = text;
    this.#setMention(letter.mention ?? false);
    this.#setImage(letter.image ?? null, 'image');
    this.quote(quote);
  }
}
