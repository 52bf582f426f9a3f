import { el, icon, setAttribute, setShown, setText } from '../shared/dom.ts';
import type { Draft } from './actions.ts';
import { askForContact, askForLocation } from './dialogs.ts';
import { sizeOf } from './units.ts';
import { voiceShapeOf } from './voice-shape.ts';

const CLIP = 'M20 11l-8 8a5 5 0 0 1-7-7l9-9a3.3 3.3 0 0 1 5 5l-9 9a1.7 1.7 0 0 1-2.5-2.5l8-8';

/** A file that waits to be sent. */
export interface Attached {
  file: File;
  isVoice: boolean;
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

/** A file as the control API takes it. */
export async function uploadOf({ file, isVoice }: Attached): Promise<Draft['file']> {
  const mimetype = /^[\w.+-]+\/[\w.+-]+/.exec(file.type)?.[0];
  return {
    data: await dataUrlOf(file),
    filename: file.name,
    ...(mimetype && { mimetype }),
    ...(isVoice && { type: 'ptt', ...(await voiceShapeOf(file)) }),
  };
}

/** The clip with its menu: a file waits beside the text, a location or a contact is sent at once. */
export class Attachments {
  readonly menu: HTMLElement;
  /** The file that waits, with a preview of an image. */
  readonly chip = el('div', { class: 'chip', hidden: true });
  readonly #button: HTMLButtonElement;
  readonly #choices: HTMLElement;
  readonly #input = el('input', { type: 'file', 'aria-label': 'Attach a file' });
  readonly #voice = el('input', { type: 'checkbox' });
  readonly #preview = el('img', { alt: '' });
  readonly #name = el('span', {});
  readonly #asVoice = el('label', { class: 'tick' }, this.#voice, 'as a voice note');
  readonly #onFile: () => void;
  #file: File | null = null;

  constructor(options: { onFile(): void; send(draft: Draft): unknown }) {
    this.#onFile = options.onFile;
    this.#button = el(
      'button',
      {
        type: 'button',
        class: 'bare attach',
        'aria-label': 'Attach',
        title: 'Attach',
        'aria-expanded': 'false',
      },
      icon(CLIP),
    );
    const place = el('button', { type: 'button' }, 'Location');
    const contact = el('button', { type: 'button' }, 'Contact');
    const file = el('label', {}, 'File', this.#input);
    this.#choices = el('div', { class: 'attach-menu', hidden: true }, file, place, contact);
    this.menu = el('div', { class: 'attach-menu-of' }, this.#button, this.#choices);
    const remove = el('button', { type: 'button', class: 'bare', 'aria-label': 'Remove' }, '×');
    this.chip.append(this.#preview, this.#name, this.#asVoice, remove);
    remove.addEventListener('click', () => this.set(null));
    this.#button.addEventListener('click', () => this.#open(this.#choices.hidden !== false));
    this.menu.addEventListener('keydown', ({ key }) => key === 'Escape' && this.#open(false));
    this.#input.addEventListener('change', () => {
      const [chosen] = this.#input.files ?? [];
      if (chosen) this.set({ file: chosen, isVoice: false });
      this.#open(false);
      this.#onFile();
    });
    place.addEventListener('click', async () => {
      this.#open(false);
      const location = await askForLocation();
      if (location) options.send({ text: '', location });
    });
    contact.addEventListener('click', async () => {
      this.#open(false);
      const card = await askForContact();
      if (card) options.send({ text: '', contacts: [card] });
    });
  }

  /** The file that waits; null without one. */
  get attached(): Attached | null {
    return this.#file && { file: this.#file, isVoice: this.#voice.checked };
  }

  /** Attaches a file; null removes it. */
  set(attached: Attached | null): void {
    const file = attached?.file ?? null;
    URL.revokeObjectURL(this.#preview.src);
    this.#file = file;
    this.#input.value = '';
    this.#voice.checked = attached?.isVoice ?? false;
    setShown(this.chip, file !== null);
    if (!file) return;
    const isImage = file.type.startsWith('image/');
    if (isImage) this.#preview.src = URL.createObjectURL(file);
    setShown(this.#preview, isImage);
    setShown(this.#asVoice, file.type.startsWith('audio/'));
    setText(this.#name, `${file.name} · ${sizeOf(file.size)}`);
  }

  /** Disables or enables the clip. */
  disable(isDisabled: boolean): void {
    this.#button.disabled = isDisabled;
  }

  /** Opens or closes the menu. */
  #open(isOpen: boolean): void {
    setShown(this.#choices, isOpen);
    setAttribute(this.#button, 'aria-expanded', String(isOpen));
  }
}
