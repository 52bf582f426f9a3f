import type { Jid } from '../domain/identity.ts';
import type { InboundMessage } from '../domain/ports/whatsapp.ts';

/** How many messages wait or are being answered at once; further ones are refused. */
export const INBOUND_LIMITS = { perChat: 100, perAgent: 5_000 };

/** The messages of one agent that wait or are being answered, by key: their copies must not crowd new ones out. */
export class MessagesUnderWay {
  readonly #messages = new Map<string, InboundMessage>();
  readonly #perChat = new Map<Jid, number>();

  get(key: string): InboundMessage | undefined {
    return this.#messages.get(key);
  }

  /** Takes a message in, or returns which limit refuses it. */
  add(key: string, message: InboundMessage): 'chat_queue_full' | 'agent_queue_full' | null {
    const inChat = this.#perChat.get(message.chatId) ?? 0;
    if (inChat >= INBOUND_LIMITS.perChat) return 'chat_queue_full';
    if (this.#messages.size >= INBOUND_LIMITS.perAgent) return 'agent_queue_full';
    this.#messages.set(key, message);
    this.#perChat.set(message.chatId, inChat + 1);
    return null;
  }

  delete(key: string): void {
    const message = this.#messages.get(key);
    if (!message) return;
    this.#messages.delete(key);
    const left = this.#perChat.get(message.chatId)! - 1;
    if (left === 0) this.#perChat.delete(message.chatId);
    else this.#perChat.set(message.chatId, left);
  }
}
