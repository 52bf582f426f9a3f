import type { WireEntry } from '../../src/sandbox/network/types.ts';
import { el, keyed, setShown, setText } from '../shared/dom.ts';
import { nameOf } from './contacts.ts';
import { panel } from './panel.ts';
import type { State, Store } from './state.ts';

/** The parts of a line, as shown and searched. */
function textOf(entry: WireEntry, state: State): { time: string; who: string; what: string } {
  const time = new Date(entry.at).toLocaleTimeString([], { hour12: false });
  const who = entry.account ? nameOf(state, entry.account) : '';
  const words = Object.entries(entry.detail).map(([name, value]) => {
    if (typeof value !== 'string') return `${name} ${value}`;
    // Ids are long and differ at their ends.
    if (name === 'id') return `…${value.slice(-6)}`;
    if (name === 'ref') return `a new code: ${value}…`;
    return `${name} ${value.includes('@') ? nameOf(state, value) : value}`;
  });
  return { time, who, what: words.join(', ') };
}

/** The log of the simulated wire, newest first. */
export class WirePanel {
  readonly node: HTMLElement;
  readonly #filter = el('input', {
    type: 'search',
    placeholder: 'Filter',
    'aria-label': 'Filter the wire log',
  });
  readonly #list = el('ol', { class: 'wire', tabindex: '0', 'aria-label': 'Wire log, newest first' });
  readonly #none = el('p', { class: 'empty' });
  readonly #draw: (entries: readonly WireEntry[]) => void;
  readonly #store: Store;
  #clearedUpTo = 0;

  constructor(store: Store) {
    this.#store = store;
    const clear = el('button', { type: 'button' }, 'Clear');
    clear.addEventListener('click', () => this.#clear());
    this.#filter.addEventListener('input', () => this.show(store.state));
    const tools = el('div', { class: 'tools-row' }, this.#filter, clear);
    this.node = panel('wire', 'Wire log', tools, this.#none, this.#list);
    this.#draw = keyed<WireEntry>(
      this.#list,
      ({ seq }) => String(seq),
      (entry) => this.#row(entry),
    );
  }

  /** Shows the lines that match the filter. */
  show(state: State): void {
    if (state.wire.length > 0 && state.wire.at(-1)!.seq < this.#clearedUpTo) this.#clearedUpTo = 0;
    const wanted = this.#filter.value.trim().toLowerCase();
    const entries = state.wire.filter((entry) => {
      if (entry.seq <= this.#clearedUpTo) return false;
      const { time, who, what } = textOf(entry, state);
      return `${time} ${entry.kind} ${who} ${what}`.toLowerCase().includes(wanted);
    });
    this.#draw(entries.reverse());
    setShown(this.#none, entries.length === 0);
    setText(this.#none, wanted ? 'No line matches the filter.' : 'No traffic yet.');
  }

  /** One line, which never changes. */
  #row(entry: WireEntry) {
    const { time, who, what } = textOf(entry, this.#store.state);
    const kind = el('b', { 'data-kind': entry.kind }, entry.kind);
    const node = el('li', {}, el('time', {}, time), ' ', kind, ' ', el('span', {}, `${who} ${what}`));
    return { node, show: () => undefined };
  }

  /** Hides the lines so far. */
  #clear(): void {
    this.#clearedUpTo = this.#store.state.wire.at(-1)?.seq ?? 0;
    this.show(this.#store.state);
  }
}
