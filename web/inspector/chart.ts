/** The highlighted parts of a chart. */
export interface Highlight {
  states: readonly string[];
  next: readonly string[];
  taken: readonly string[];
}

/** A path and its ancestors: `a.b.c` → `a`, `a.b`, `a.b.c`. */
function withAncestors(path: string): string[] {
  const parts = path.split('.');
  return parts.map((_, index) => parts.slice(0, index + 1).join('.'));
}

/** The parts of a drawing by state or edge. */
function byName(svg: SVGSVGElement, attribute: 'data-state' | 'data-edge'): Map<string, Element> {
  const parts = [...svg.querySelectorAll(`[${attribute}]`)];
  return new Map(parts.map((part) => [part.getAttribute(attribute) ?? '', part]));
}

/** Marks exactly these parts; returns the newly marked ones. */
function mark(parts: Map<string, Element>, name: string, wanted: ReadonlySet<string>): Element[] {
  const fresh: Element[] = [];
  for (const [key, part] of parts) {
    if (part.classList.contains(name) === wanted.has(key)) continue;
    part.classList.toggle(name);
    if (wanted.has(key)) fresh.push(part);
  }
  return fresh;
}

/** A drawn state chart. The drawing is inserted once; after that only classes change. */
export class Chart {
  readonly svg: SVGSVGElement;
  readonly hash: string;
  readonly #states: Map<string, Element>;
  readonly #edges: Map<string, Element>;
  readonly #labels = new Map<string, string>();

  constructor(pane: Element, drawing: string) {
    const parsed = new DOMParser().parseFromString(drawing, 'image/svg+xml').documentElement;
    this.svg = document.importNode(parsed, true) as unknown as SVGSVGElement;
    pane.append(this.svg);
    this.hash = this.svg.dataset.hash ?? '';
    this.#states = byName(this.svg, 'data-state');
    this.#edges = byName(this.svg, 'data-edge');
    for (const label of this.svg.querySelectorAll('[data-event]')) {
      const text = (label.textContent ?? '').replace(/ \[.*$/, '');
      this.#labels.set(label.getAttribute('data-event') ?? '', text);
    }
  }

  /** The chart's label of an event; undefined for one that it doesn't draw. */
  label(event: string): string | undefined {
    return this.#labels.get(event);
  }

  /** Highlights active states, possible and last transitions; newly entered leaves flash when `flash` is set. */
  show(highlight: Highlight, flash: boolean): void {
    const fresh = mark(this.#states, 'active', new Set(highlight.states.flatMap(withAncestors)));
    const leaves = new Set(highlight.states.map((path) => this.#states.get(path)));
    for (const part of fresh) if (flash && leaves.has(part)) this.#flash(part);
    mark(this.#edges, 'next', new Set(highlight.next));
    mark(this.#edges, 'taken', new Set(highlight.taken));
  }

  /** The boxes of these states, in viewport px. */
  boxesOf(paths: readonly string[]): DOMRect[] {
    return paths.flatMap((path) => this.#states.get(path)?.getBoundingClientRect() ?? []);
  }

  /** Flashes a newly entered state. */
  #flash(part: Element): void {
    part.classList.add('flash');
    part.addEventListener('animationend', () => part.classList.remove('flash'), { once: true });
  }
}
