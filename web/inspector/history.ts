import { el, keyed, oncePerFrame, type Row, setAttribute, setText } from '../shared/dom.ts';
import type { Machine, Transition } from './inspector-api.ts';
import { byId } from './page.ts';
import { pathText } from './texts.ts';
import { clockTime, span } from './time.ts';

/** More records than the service keeps, for a page that stays open. */
const MAX_RECORDS = 500;

/** The states that a transition left and entered; all of them for one that returned to the same states. */
function movedOf({ from, to }: Transition): { left: string[]; entered: string[] } {
  const left = from.filter((path) => !to.includes(path));
  const entered = to.filter((path) => !from.includes(path));
  return left.length + entered.length > 0 ? { left, entered } : { left: from, entered: to };
}

/** The path of the innermost common ancestor; empty without one. */
function commonAncestor(paths: readonly string[]): string {
  const [first = [], ...others] = paths.map((path) => path.split('.').slice(0, -1));
  const end = first.findIndex((part, index) => others.some((other) => other[index] !== part));
  return (end === -1 ? first : first.slice(0, end)).join('.');
}

/** `from → to` in words: `connected: healthy → probing`. */
function movement(record: Transition): string {
  if (record.ignored) return `ignored in ${pathText(record.from)}`;
  const { left, entered } = movedOf(record);
  const isBack = record.event !== 'xstate.init' && left.join() === entered.join();
  if (isBack) return `stays in ${pathText(entered)}`;
  if (left.length === 0) return `→ ${pathText(entered)}`;
  const around = commonAncestor([...left, ...entered]);
  const inner = (paths: string[]) =>
    pathText(paths.map((path) => path.slice(around ? around.length + 1 : 0)));
  return `${around ? `${around}: ` : ''}${inner(left)} → ${inner(entered)}`;
}

/** A text with line breaks allowed after its dots only. */
function breakable(text: string): (Node | string)[] {
  return text.split(/(?<=\.)(?=\S)/).flatMap((part, index) => (index === 0 ? [part] : [el('wbr'), part]));
}

/** Callbacks of the history. */
export interface HistoryOptions {
  /** The chart's label of an event; undefined for one that it doesn't draw. */
  labelOf(machine: Machine, event: string): string | undefined;
  onChoose(seq: number): void;
}

/** The transitions, newest first: filtered, frozen while paused, one selected for the charts. */
export class HistoryList {
  readonly #options: HistoryOptions;
  readonly #draw: (records: readonly Transition[]) => void;
  readonly #filter = byId<HTMLInputElement>('history-filter');
  #records: Transition[] = [];
  /** The number of the newest record shown while paused; null otherwise. */
  #pausedAt: number | null = null;
  #chosen: number | null = null;
  #newest: Partial<Record<Machine, number>> = {};
  readonly #due = oncePerFrame(() => this.#render());

  constructor(options: HistoryOptions) {
    this.#options = options;
    this.#draw = keyed(
      byId('history'),
      ({ seq }) => String(seq),
      (record) => this.#row(record),
    );
    this.#filter.addEventListener('input', () => this.#due());
    byId('pause').addEventListener('click', () => {
      this.#pausedAt = this.#pausedAt === null ? (this.#records.at(-1)?.seq ?? 0) : null;
      this.#due();
    });
  }

  /** All records, oldest first. */
  get records(): readonly Transition[] {
    return this.#records;
  }

  /** Replaces all records. */
  reset(records: readonly Transition[]): void {
    this.#records = [...records];
    this.#pausedAt = null;
    this.#draw([]);
    this.#due();
  }

  /** Adds a record unless it is known. */
  add(record: Transition): void {
    if (record.seq <= (this.#records.at(-1)?.seq ?? -1)) return;
    this.#records = [...this.#records, record].slice(-MAX_RECORDS);
    this.#due();
  }

  /** Marks the row that the charts show; null marks none. */
  choose(seq: number | null): void {
    this.#chosen = seq;
    this.#due();
  }

  /** Shows the records that match the filter, and how many are held back. */
  #render(): void {
    const paused = this.#pausedAt;
    const shown = paused === null ? this.#records : this.#records.filter(({ seq }) => seq <= paused);
    const held = this.#records.length - shown.length;
    setAttribute(byId('pause'), 'aria-pressed', String(paused !== null));
    setText(byId('pause'), paused === null ? 'Pause' : `Resume (${held} held back)`);
    this.#newest = {};
    for (const { machine, seq, edges } of shown) if (edges.length > 0) this.#newest[machine] = seq;
    const part = this.#filter.value.trim().toLowerCase();
    const isWithout = part.startsWith('-') && part.length > 1;
    const sought = isWithout ? part.slice(1) : part;
    const passing = shown.filter((record) => this.#textOf(record).includes(sought) !== isWithout);
    this.#draw(passing.reverse());
  }

  /** The text that the filter searches. */
  #textOf(record: Transition): string {
    return `${this.#labelOf(record)} ${record.event} ${movement(record)} ${record.machine}`.toLowerCase();
  }

  /** The label of a record's event. */
  #labelOf({ machine, event, eventless }: Transition): string {
    if (event === 'xstate.init') return 'start';
    if (eventless) return 'always';
    return this.#options.labelOf(machine, event) ?? event;
  }

  /** One row; its button takes the keyboard focus. */
  #row(record: Transition): Row<Transition> {
    const { seq, at, machine, ignored, edges, dwellMs, data, event } = record;
    const label = this.#labelOf(record);
    const name = ignored ? [el('s', {}, ...breakable(label))] : breakable(label);
    const choose = el('button', { type: 'button', title: event }, ...name);
    const about = data
      ? [
          el(
            'small',
            {},
            Object.entries(data)
              .map(([k, v]) => `${k}: ${v}`)
              .join(', '),
          ),
        ]
      : [];
    const moved = breakable(movement(record));
    const tag = machine === 'supervisor' ? [el('span', { class: 'tag' }, 'supervisor')] : [];
    const note = ignored ? [el('span', { class: 'tag' }, 'ignored')] : [];
    const node = el(
      'tr',
      {
        'data-seq': seq,
        'data-machine': machine,
        'data-edges': edges.join(' | '),
        'data-ignored': ignored,
      },
      el('td', { class: 'number' }, ignored ? el('s', {}, clockTime(at)) : clockTime(at)),
      el('td', {}, choose, ...tag, ...note),
      el('td', {}, ...(ignored ? [el('s', {}, ...moved)] : moved), ...about),
      el('td', { class: 'number' }, span(dwellMs)),
    );
    node.addEventListener('click', () => this.#options.onChoose(seq));
    return {
      node,
      show: () => {
        setAttribute(choose, 'aria-pressed', String(seq === this.#chosen));
        setAttribute(node, 'data-newest', this.#newest[machine] === seq);
        setAttribute(node, 'data-chosen', seq === this.#chosen);
      },
    };
  }
}
