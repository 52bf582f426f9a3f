/** So many replies in a window, then silence. */
export interface LoopLimits {
  replies: number;
  windowMs: number;
  silenceMs: number;
}

const LOOP_LIMITS: LoopLimits = { replies: 6, windowMs: 90_000, silenceMs: 600_000 };

interface ChatRecord {
  replies: number[];
  silentUntil: number;
}

const MAX_CHATS = 10_000;

/**
 * Keeps two bots from talking to each other endlessly: so many automatic replies per chat in a window, then
 * silence for a while (SPEC §6, FAULTS F35). Monotonic ms throughout.
 */
export class LoopGuard {
  readonly #limits: LoopLimits;
  readonly #chats = new Map<string, ChatRecord>();

  constructor(limits: LoopLimits = LOOP_LIMITS) {
    this.#limits = limits;
  }

  /** Counts a reply that is about to be made; false when the chat has had too many and stays silent. */
  allow(chatId: string, now: number): boolean {
    const chat = this.#chats.get(chatId) ?? { replies: [], silentUntil: Number.NEGATIVE_INFINITY };
    if (now < chat.silentUntil) return false;
    chat.replies = chat.replies.filter((at) => now - at < this.#limits.windowMs);
    if (chat.replies.length >= this.#limits.replies) {
      chat.silentUntil = now + this.#limits.silenceMs;
      return false;
    }
    chat.replies.push(now);
    this.#remember(chatId, chat);
    return true;
  }

  /** Keeps the newest chats only, so that strangers can't fill the memory. */
  #remember(chatId: string, chat: ChatRecord): void {
    this.#chats.delete(chatId);
    this.#chats.set(chatId, chat);
    if (this.#chats.size <= MAX_CHATS) return;
    const [oldest] = this.#chats.keys();
    this.#chats.delete(oldest!);
  }
}
