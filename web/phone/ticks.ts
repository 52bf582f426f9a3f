import type { ChatMessage } from '../../src/sandbox/network/types.ts';
import { el, icon, setAttribute, setShown } from '../shared/dom.ts';

const TICK = 'M2 9.5 5.5 13 13 4.5';
const TICKS = 'M1 9.5 4.5 13 12 4.5 M9.5 12.4 10.2 13 17.5 4.5';
const CLOCK = 'M9 2.5a6.5 6.5 0 1 1 0 13a6.5 6.5 0 1 1 0-13M9 5.5V9l2.5 2';
const CROSS = 'M9 2.5a6.5 6.5 0 1 1 0 13a6.5 6.5 0 1 1 0-13M9 5.5V10M9 12v.6';
const MIC = 'M9 2a2 2 0 0 1 2 2v4a2 2 0 0 1-4 0V4a2 2 0 0 1 2-2M4.5 8.5a4.5 4.5 0 0 0 9 0M9 13v3';

/** Icon and name by ack. */
const ACKS: Record<string, { path: string; name: string }> = {
  '-1': { path: CROSS, name: 'refused by WhatsApp' },
  '0': { path: CLOCK, name: 'waiting' },
  '1': { path: TICK, name: 'sent' },
  '2': { path: TICKS, name: 'delivered' },
  '3': { path: TICKS, name: 'read' },
  '4': { path: MIC, name: 'played' },
};

/** The ticks of a sent message; hidden for a received one. */
export function ticks(): { node: HTMLElement; show(message: ChatMessage | undefined): void } {
  const node = el('span', { class: 'ticks', role: 'img' });
  let shown: number | null = null;
  return {
    node,
    show(message) {
      const ack = message?.fromMe ? message.ack : null;
      setShown(node, ack !== null);
      if (ack === shown || ack === null) return;
      shown = ack;
      const { path, name } = ACKS[ack]!;
      node.replaceChildren(icon(path, '0 0 18 18'));
      setAttribute(node, 'data-ack', ack);
      setAttribute(node, 'aria-label', name);
      setAttribute(node, 'title', name);
    },
  };
}
