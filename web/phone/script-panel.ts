import { el, keyed, type Row, setText } from '../shared/dom.ts';
import type { Caller } from './caller.ts';
import { panel } from './panel.ts';
import type { Command, State } from './state.ts';

// A command with an image is long: it is shown in part and copied in full.
const SHOWN_CHARACTERS = 600;

/** The page's calls as cURL commands: the newest of each kind, newest first. */
export class ScriptPanel {
  readonly node: HTMLElement;
  readonly #caller: Caller;
  readonly #list = el('ul', { class: 'commands' });
  readonly #none = el('p', { class: 'empty' }, 'The calls of your actions on this page appear here.');
  readonly #draw: (commands: readonly Command[]) => void;

  constructor(caller: Caller) {
    this.#caller = caller;
    this.node = panel('script', 'The same from a script', this.#none, this.#list);
    this.#draw = keyed<Command>(
      this.#list,
      ({ label }) => label,
      (command) => this.#row(command),
    );
  }

  /** Shows the newest call of each kind. */
  show(state: State): void {
    this.#none.hidden = state.commands.length > 0;
    this.#draw(state.commands.toReversed());
  }

  /** A command with its button. */
  #row({ label }: Command): Row<Command> {
    const code = el('code', { tabindex: '0', role: 'region', 'aria-label': `cURL: ${label}` });
    const copy = el('button', { type: 'button', 'aria-label': `Copy: ${label}` }, 'Copy');
    let full = '';
    copy.addEventListener('click', () => void this.#copy(full, code, copy));
    return {
      node: el('li', {}, el('div', { class: 'tools-row' }, el('b', {}, label), copy), code),
      show({ curl, shown }) {
        full = curl;
        const isLong = shown.length > SHOWN_CHARACTERS;
        setText(code, isLong ? `${shown.slice(0, SHOWN_CHARACTERS)}…` : shown);
      },
    };
  }

  /** Copies a command; selects the text where the browser doesn't allow copying. */
  async #copy(text: string, code: HTMLElement, button: HTMLElement): Promise<void> {
    try {
      await navigator.clipboard.writeText(text);
      setText(button, 'Copied');
      setTimeout(() => setText(button, 'Copy'), 1_500);
    } catch {
      getSelection()?.selectAllChildren(code);
      this.#caller.notify('The browser does not allow copying: the text is selected.');
    }
  }
}
