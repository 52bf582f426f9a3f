import type { Jid } from '../../actors/domain/identity.ts';
import type { Account } from './types.ts';
import { addressOf, type World } from './world.ts';

// WhatsApp drops an indicator that is not renewed for so long.
const SHOWN_FOR_MS = 25_000;

/** The typing indicators that are shown. */
export class Typing {
  readonly #world: World;
  /** `reader|chat` as the reader sees it → cancels its expiry. */
  readonly #shown = new Map<string, () => void>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Starts, renews or stops an account's indicator in a chat. */
  set(typist: Account, chatId: Jid, typing: boolean): void {
    const group = this.#world.store.groups.get(chatId);
    this.#world.wire('typing', typist.pn, { chat: chatId, typing });
    if (group) {
      for (const pn of group.participants) if (pn !== typist.pn) this.#show(pn, group.id, typing);
      return;
    }
    // As on the page, the chat has exactly this address: another spelling of the number is not looked up.
    const { accounts, byLid } = this.#world.store;
    const reader = accounts.get(chatId) ?? byLid.get(chatId);
    if (reader) this.#show(reader.pn, addressOf(typist), typing);
  }

  isShown(reader: Jid, chatId: Jid): boolean {
    return this.#shown.has(`${reader}|${chatId}`);
  }

  /** Switches one reader's indicator; emits changes only. */
  #show(reader: Jid, chatId: Jid, typing: boolean): void {
    const key = `${reader}|${chatId}`;
    const was = this.#shown.get(key);
    was?.();
    if (typing)
      this.#shown.set(
        key,
        this.#world.schedule.after(SHOWN_FOR_MS, () => this.#show(reader, chatId, false)),
      );
    else this.#shown.delete(key);
    if (typing !== (was !== undefined)) this.#world.events.emit('typing', { reader, chatId, typing });
  }
}
