import { Chart, type Highlight } from './chart.ts';

/** A scrolling, scalable view of a chart that follows the active states. */
export class ChartPane {
  readonly chart: Chart;
  readonly #pane: HTMLElement;
  readonly #width: number;
  readonly #height: number;
  #followed = '';
  #states: readonly string[] = [];
  isFollowing = true;

  constructor(pane: HTMLElement, drawing: string) {
    this.#pane = pane;
    this.chart = new Chart(pane, drawing);
    this.#width = this.chart.svg.viewBox.baseVal.width;
    this.#height = this.chart.svg.viewBox.baseVal.height;
    new ResizeObserver(() => this.follow(true)).observe(pane);
  }

  /** Scales the chart; 1 is the drawing's own size, null fits it into the pane. */
  scale(factor: number | null): void {
    const { clientWidth, clientHeight } = this.#pane;
    const fitting = Math.min(1, clientWidth / this.#width, clientHeight / this.#height);
    const scale = factor ?? fitting;
    this.chart.svg.setAttribute('width', String(Math.floor(this.#width * scale)));
    this.chart.svg.setAttribute('height', String(Math.floor(this.#height * scale)));
    this.follow(true);
  }

  /** Highlights states and transitions, and scrolls to the active states. */
  show(highlight: Highlight, flash: boolean): void {
    this.chart.show(highlight, flash);
    this.#states = highlight.states;
    this.follow(false);
  }

  /** Centres the active states when they have changed, or `anyway`. */
  follow(anyway: boolean): void {
    const states = this.#states.join();
    if (!this.isFollowing || (states === this.#followed && !anyway)) return;
    this.#followed = states;
    const boxes = this.chart.boxesOf(this.#states);
    if (boxes.length === 0) return;
    const view = this.#pane.getBoundingClientRect();
    const left = Math.min(...boxes.map((box) => box.left));
    const right = Math.max(...boxes.map((box) => box.right));
    const top = Math.min(...boxes.map((box) => box.top));
    const bottom = Math.max(...boxes.map((box) => box.bottom));
    this.#pane.scrollBy({
      left: (left + right) / 2 - (view.left + view.right) / 2,
      top: (top + bottom) / 2 - (view.top + view.bottom) / 2,
    });
  }
}
