import type { Jid } from '../domain/identity.ts';
import type { InboundMessage, Me } from '../domain/ports/whatsapp.ts';

/** What makes an answer to our reply look automatic, and how much of it makes a loop. Milliseconds unless said. */
const LIMITS = {
  /** Within this time of our reply, a person has hardly typed a message. */
  quickMs: 3_000,
  /** A whole sentence repeated within this time is an automatic answer. */
  promptMs: 60_000,
  /** Characters of a sentence: people repeat shorter texts (`ok`, `1`, `P`), too. */
  sentence: 20,
  /** A loop: twelve quick answers in a row, or six that also repeat a text or are another agent's reply. */
  points: 12,
  silenceMs: 30_000,
  chats: 10_000,
  /** Replies that the agents of the service remember together. */
  replies: 1_000,
  /** Characters of a text that are compared. */
  compared: 300,
};

/** When a message arrived, by the monotonic clock. */
export interface Arrival {
  receivedAt: number;
  /** `LoopGuard.repliedAt` at that moment. */
  repliedAt: number | undefined;
}

/** `cut`: not answered, the first such message of a loop; `silent`: not answered either. */
export type LoopDecision = 'answer' | 'cut' | 'silent';

interface Chat {
  repliedAt?: number;
  /** The reply that an answer was already counted for. */
  countedAt?: number;
  lastReply: string;
  lastText: string;
  points: number;
  silentUntil: number;
  /** A loop was cut, and no message since then has looked like a person's. */
  isOnProbation: boolean;
}

/** The newest replies of all agents, which identify a sender as another agent. */
export class OwnReplies {
  readonly #keys = new Set<string>();

  /** Keeps what an agent's account replies. */
  add({ pn, lid }: Me, text: string): void {
    for (const jid of lid ? [pn, lid] : [pn]) {
      this.#keys.add(replyKey(jid, text));
      if (this.#keys.size > LIMITS.replies) this.#keys.delete(this.#keys.values().next().value!);
    }
  }

  /** True when the sender is an agent's account that has replied this text. */
  includes({ senderId, lid, body }: InboundMessage): boolean {
    const senders = lid ? [senderId, lid] : [senderId];
    return senders.some((jid) => this.#keys.has(replyKey(jid, body)));
  }
}

/**
 * Cuts loops of two machines that answer each other. Only answers to our own replies count, and of those only what a
 * person does not write; anything else resets the count. Half a minute after a cut the chat is answered again, on
 * probation: the next automatic answer cuts it again.
 */
export class LoopGuard {
  readonly #ownReplies: OwnReplies;
  readonly #chats = new Map<string, Chat>();

  constructor(ownReplies: OwnReplies) {
    this.#ownReplies = ownReplies;
  }

  /** When the writer last got an automatic reply, by the monotonic clock. */
  repliedAt(message: InboundMessage): number | undefined {
    return this.#chats.get(chatKey(message))?.repliedAt;
  }

  /** Records an automatic reply by `me` that was accepted for sending. */
  replied(message: InboundMessage, reply: { texts: string[]; me: Me; now: number }): void {
    const chat = this.#chat(chatKey(message));
    chat.repliedAt = reply.now;
    chat.lastReply = compared(reply.texts[0] ?? '');
    for (const text of reply.texts) this.#ownReplies.add(reply.me, text);
  }

  /** Decides whether to answer a message; call once per message. */
  decide(message: InboundMessage, arrival: Arrival): LoopDecision {
    const chat = this.#chat(chatKey(message));
    if (arrival.receivedAt < chat.silentUntil) return 'silent';
    const points = this.#points(chat, message, arrival);
    chat.lastText = compared(message.body);
    if (points === null) return 'answer';
    chat.countedAt = arrival.repliedAt;
    if (points === 0) chat.isOnProbation = false;
    chat.points = points === 0 ? 0 : chat.points + points;
    if (chat.points < LIMITS.points) return 'answer';
    const decision = chat.isOnProbation ? 'silent' : 'cut';
    chat.isOnProbation = true;
    chat.points = LIMITS.points - 1;
    chat.silentUntil = arrival.receivedAt + LIMITS.silenceMs;
    return decision;
  }

  /** How automatic a message looks as an answer to our reply; null when it answers none, or one already counted. */
  #points(chat: Chat, message: InboundMessage, { receivedAt, repliedAt }: Arrival): 0 | 1 | 2 | null {
    if (repliedAt === undefined || repliedAt === chat.countedAt) return null;
    const text = compared(message.body);
    const isQuick = receivedAt - repliedAt <= LIMITS.quickMs;
    const isSentence = message.body.length >= LIMITS.sentence && receivedAt - repliedAt <= LIMITS.promptMs;
    const isRepeated = isSentence && text === chat.lastText;
    const isEcho = (isQuick || isSentence) && chat.lastReply !== '' && text.includes(chat.lastReply);
    if (isRepeated || isEcho || this.#ownReplies.includes(message)) return 2;
    return isQuick ? 1 : 0;
  }

  /** The chat's record; the oldest is dropped above the limit, so that strangers can't fill the memory. */
  #chat(key: string): Chat {
    const chat = this.#chats.get(key) ?? {
      lastReply: '',
      lastText: '',
      points: 0,
      silentUntil: Number.NEGATIVE_INFINITY,
      isOnProbation: false,
    };
    this.#chats.delete(key);
    this.#chats.set(key, chat);
    if (this.#chats.size > LIMITS.chats) this.#chats.delete(this.#chats.keys().next().value!);
    return chat;
  }
}

/** Each writer of a group is watched separately. */
function chatKey({ chatId, senderId }: InboundMessage): string {
  return `${chatId} ${senderId}`;
}

/** The part of a text that is compared. */
function compared(text: string): string {
  return text.slice(0, LIMITS.compared);
}

/** The key of an account's reply. */
function replyKey(jid: Jid, text: string): string {
  return `${jid} ${compared(text)}`;
}
