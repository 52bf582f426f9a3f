/** When an answer to our reply looks like a machine's, and how much of that is a loop. Milliseconds unless said. */
const LIMITS = {
  /** A message so soon after our reply was hardly typed by a person. */
  quickMs: 3_000,
  /** A whole sentence that is written again within this time is an automatic answer. */
  promptMs: 60_000,
  /** Characters of a sentence: shorter texts (`ok`, `1`, `P`) are repeated by people, too. */
  sentence: 20,
  /** A loop: twelve quick answers in a row, or six that also repeat a text or are another agent's reply. */
  points: 12,
  silenceMs: 30_000,
  chats: 10_000,
  /** Characters of a text that are compared. */
  compared: 300,
};

/** A message that may be answered, by the monotonic clock. */
export interface Arrival {
  text: string;
  receivedAt: number;
  /** When we had last replied to this person as it came in: `LoopGuard.repliedAt`. */
  repliedAt: number | undefined;
  /** Its text is what an agent of this service replied. */
  isOwn: boolean;
}

/** `cut`: not answered, and the first such message of a loop; `silent`: not answered either. */
export type LoopVerdict = 'answer' | 'cut' | 'silent';

interface Chat {
  repliedAt?: number;
  /** The reply that an answer was already counted for. */
  countedAt?: number;
  lastReply: string;
  lastText: string;
  points: number;
  silentUntil: number;
  /** A loop was cut, and nothing since then has looked like a person. */
  isOnProbation: boolean;
}

/**
 * Ends the loops of two machines that answer each other. Only answers to our own replies count, and of those only what
 * a person does not write; anything else in between begins the count again. After a cut the chat is answered again in
 * half a minute, on probation: the next answer of a machine cuts it again.
 */
export class LoopGuard {
  readonly #chats = new Map<string, Chat>();

  /** When a chat last got an automatic reply; keep it with a message as it comes in. */
  repliedAt(chatKey: string): number | undefined {
    return this.#chats.get(chatKey)?.repliedAt;
  }

  /** Notes an automatic reply that was accepted. */
  replied(chatKey: string, text: string, now: number): void {
    const chat = this.#chat(chatKey);
    chat.repliedAt = now;
    chat.lastReply = text.slice(0, LIMITS.compared);
  }

  /** Whether a message is to be answered; each counts once. */
  judge(chatKey: string, arrival: Arrival): LoopVerdict {
    const chat = this.#chat(chatKey);
    if (arrival.receivedAt < chat.silentUntil) return 'silent';
    const points = pointsOf(chat, arrival);
    chat.lastText = arrival.text.slice(0, LIMITS.compared);
    if (points === null) return 'answer';
    chat.countedAt = arrival.repliedAt;
    if (points === 0) chat.isOnProbation = false;
    chat.points = points === 0 ? 0 : chat.points + points;
    if (chat.points < LIMITS.points) return 'answer';
    const verdict = chat.isOnProbation ? 'silent' : 'cut';
    chat.isOnProbation = true;
    chat.points = LIMITS.points - 1;
    chat.silentUntil = arrival.receivedAt + LIMITS.silenceMs;
    return verdict;
  }

  /** The chat's record; the oldest goes when there are too many, so that strangers can't fill the memory. */
  #chat(chatKey: string): Chat {
    const chat = this.#chats.get(chatKey) ?? {
      lastReply: '',
      lastText: '',
      points: 0,
      silentUntil: Number.NEGATIVE_INFINITY,
      isOnProbation: false,
    };
    this.#chats.delete(chatKey);
    this.#chats.set(chatKey, chat);
    if (this.#chats.size > LIMITS.chats) this.#chats.delete(this.#chats.keys().next().value!);
    return chat;
  }
}

/** How much a message looks like a machine's answer to our reply; null when it answers none that was not counted. */
function pointsOf(chat: Chat, { text, receivedAt, repliedAt, isOwn }: Arrival): 0 | 1 | 2 | null {
  if (repliedAt === undefined || repliedAt === chat.countedAt) return null;
  const compared = text.slice(0, LIMITS.compared);
  const isQuick = receivedAt - repliedAt <= LIMITS.quickMs;
  const isSentence = text.length >= LIMITS.sentence && receivedAt - repliedAt <= LIMITS.promptMs;
  const isEcho = chat.lastReply !== '' && compared.includes(chat.lastReply);
  if (isOwn || (isSentence && compared === chat.lastText) || ((isQuick || isSentence) && isEcho)) return 2;
  return isQuick ? 1 : 0;
}
