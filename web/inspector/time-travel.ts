import { setShown, setText } from '../shared/dom.ts';
import type { Transition } from './inspector-api.ts';
import { byId } from './page.ts';
import { type Moment, momentOf } from './past.ts';
import { clockTime } from './time.ts';

/** The moment of the past that the charts show, and its banner. */
export class TimeTravel {
  readonly #records: () => readonly Transition[];
  readonly #onChange: (seq: number | null) => void;
  #seq: number | null = null;
  #side: 'before' | 'after' = 'after';

  constructor(records: () => readonly Transition[], onChange: (seq: number | null) => void) {
    this.#records = records;
    this.#onChange = onChange;
    byId('older').addEventListener('click', () => this.#step(-1));
    byId('newer').addEventListener('click', () => this.#step(1));
    byId('before').addEventListener('click', () => this.#turn('before'));
    byId('after').addEventListener('click', () => this.#turn('after'));
    byId('live').addEventListener('click', () => this.go(null));
    addEventListener('keydown', ({ key }) => {
      if (key === 'Escape' && this.#seq !== null) this.go(null);
    });
  }

  /** Goes to the moment of a record; null returns to the present. */
  go(seq: number | null): void {
    this.#seq = seq;
    this.#side = 'after';
    this.#show();
    this.#onChange(seq);
  }

  /** The selected moment; null for the present. */
  get moment(): Moment | null {
    const index = this.#index();
    return index === -1 ? null : momentOf(this.#records(), index, this.#side);
  }

  /** The index of the selected record; -1 without one. */
  #index(): number {
    return this.#seq === null ? -1 : this.#records().findIndex(({ seq }) => seq === this.#seq);
  }

  /** Goes to the next record, or the previous one for -1. */
  #step(by: number): void {
    const record = this.#records()[this.#index() + by];
    if (record) this.go(record.seq);
  }

  /** Shows the states before or after the record. */
  #turn(side: 'before' | 'after'): void {
    this.#side = side;
    this.#show();
    this.#onChange(this.#seq);
  }

  /** Shows the banner. */
  #show(): void {
    const record = this.#records()[this.#index()];
    setShown(byId('past'), record !== undefined);
    for (const side of ['before', 'after'] as const)
      byId(side).setAttribute('aria-pressed', String(side === this.#side));
    if (record) setText(byId('past-what'), `${this.#side} record ${record.seq}, ${clockTime(record.at)}`);
  }
}
