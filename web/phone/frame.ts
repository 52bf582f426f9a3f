import { el, icon, setAttribute, setText } from '../shared/dom.ts';

const BARS = 'M3 20v-3M8 20v-7M13 20v-11M18 20V4';

/** The body of a phone: status bar, screen, tabs. */
export interface Frame {
  node: HTMLElement;
  /** Shows a view on the screen. */
  put(view: HTMLElement): void;
  /** Sets the time and the signal of the status bar. */
  status(time: string, signal: 'online' | 'offline' | 'none'): void;
}

/** A phone with an accessible name. */
export function frame(id: string, label: string, caption: HTMLElement, tabs: HTMLElement): Frame {
  const time = el('span', {});
  const signal = el('span', { class: 'signal', role: 'img' }, icon(BARS));
  const bar = el('div', { class: 'status-bar' }, time, signal);
  const screen = el('div', { class: 'screen' });
  const body = el('div', { class: 'phone' }, bar, screen, tabs);
  const node = el('section', { id, class: 'phone-side', 'aria-label': label }, caption, body);
  const words = { online: 'connected', offline: 'no connection', none: 'not linked' };
  return {
    node,
    put(view) {
      if (screen.firstElementChild !== view) screen.replaceChildren(view);
    },
    status(now, state) {
      setText(time, now);
      setAttribute(signal, 'data-state', state);
      setAttribute(signal, 'aria-label', words[state]);
      setAttribute(signal, 'title', words[state]);
    },
  };
}

/** The tabs at the bottom of a phone. */
export function tabBar<T extends string>(
  tabs: { id: T; label: string; path: string }[],
  choose: (id: T) => void,
): { node: HTMLElement; show(chosen: T): void } {
  const buttons = tabs.map(({ id, label, path }) => {
    const button = el('button', { type: 'button', 'data-tab': id }, icon(path), label);
    button.addEventListener('click', () => choose(id));
    return { id, button };
  });
  return {
    node: el('nav', { class: 'tab-bar', 'aria-label': 'Screens' }, ...buttons.map(({ button }) => button)),
    show(chosen) {
      for (const { id, button } of buttons) setAttribute(button, 'aria-pressed', String(id === chosen));
    },
  };
}
