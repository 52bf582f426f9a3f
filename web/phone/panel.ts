import { el } from '../shared/dom.ts';

/** A titled box beside the phones. */
export function panel(id: string, title: string, ...content: HTMLElement[]): HTMLElement {
  const heading = el('h2', { id: `${id}-title` }, title);
  return el('section', { id, class: 'panel', 'aria-labelledby': `${id}-title` }, heading, ...content);
}
