import type { Jid } from '../../actors/domain/identity.ts';
import type { EpochMs } from '../../actors/domain/ports/clock.ts';
import type { PageEnd, PageQuery } from '../../actors/domain/ports/whatsapp.ts';
import type { ChatMessage } from '../network/types.ts';

/** A chat's place in the list: its newest message's time. */
interface Place {
  id: Jid;
  at: EpochMs;
}

const MAX_ORDERS = 8;

/** Pages of an account's chats: those of one list follow its first one's order, whatever moves meanwhile. */
export class ChatPages {
  readonly #orders = new Map<string, Place[]>();
  #lists = 0;

  /** The ids of a page, the newest first. */
  page(places: Place[], { limit, before }: PageQuery): { ids: Jid[]; next?: PageEnd } {
    const kept = this.#orders.get(before?.list ?? '');
    const order = kept ?? places.sort((one, other) => other.at - one.at || (one.id < other.id ? -1 : 1));
    const isLater = ({ at, id }: Place) => !before || at < before.at || (at === before.at && id > before.id);
    const first = order.findIndex(isLater);
    const page = first < 0 ? [] : order.slice(first, first + limit);
    const ids = page.map(({ id }) => id);
    const last = page.at(-1);
    if (!last || first + limit >= order.length) return { ids };
    return { ids, next: { ...last, list: kept ? before?.list : this.#keep(order) } };
  }

  /** Keeps an order; returns its name. */
  #keep(order: Place[]): string {
    this.#lists += 1;
    this.#orders.set(String(this.#lists), order);
    this.#orders.delete(String(this.#lists - MAX_ORDERS));
    return String(this.#lists);
  }
}

/** A page of messages that are given oldest first, the newest first. */
export function pageOfMessages(
  messages: ChatMessage[],
  { limit, before }: PageQuery,
): { messages: ChatMessage[]; next?: PageEnd } {
  const end = before ? messages.findIndex(({ id }) => id === before.id) : messages.length;
  const older = end < 0 ? messages.filter(({ timestamp }) => timestamp < before!.at) : messages.slice(0, end);
  const page = older.slice(-limit).reverse();
  const last = page.at(-1);
  if (!last || older.length <= limit) return { messages: page };
  return { messages: page, next: { at: last.timestamp, id: last.id } };
}
