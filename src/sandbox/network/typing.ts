import type { Jid } from '../../actors/domain/identity.ts';
import type { Account } from './types.ts';
import { addressOf, type World } from './world.ts';

// WhatsApp drops an indicator that nobody renews (SPEC §6).
const SHOWN_FOR_MS = 25_000;

/** Who sees whom typing. */
export class Typing {
  readonly #world: World;
  /** `reader|chat as the reader sees it` → cancels its expiry. */
  readonly #shown = new Map<string, () => void>();

  constructor(world: World) {
    this.#world = world;
  }

  /** An account starts (or renews) or stops typing in a chat. */
  set(typist: Account, chatId: Jid, typing: boolean): void {
    const group = this.#world.store.groups.get(chatId);
    this.#world.wire('typing', typist.pn, { chat: chatId, typing });
    if (group) {
      for (const pn of group.participants) if (pn !== typist.pn) this.#show(pn, group.id, typing);
      return;
    }
    // As on the page, the chat is the one with this very address, whoever else has the number in another spelling.
    const { accounts, byLid } = this.#world.store;
    const reader = accounts.get(chatId) ?? byLid.get(chatId);
    if (reader) this.#show(reader.pn, addressOf(typist), typing);
  }

  /** Whether the reader sees an indicator in the chat now. */
  isShown(reader: Jid, chatId: Jid): boolean {
    return this.#shown.has(`${reader}|${chatId}`);
  }

  /** Switches one reader's indicator; only a change is told. */
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
