import type { Client, Message } from 'whatsapp-web.js';
import type { EpochMs, Handover, InboundMessage, Jid } from '../../../actors/ports.ts';
import { parseMessage } from './parse-message.ts';

const LOOK_BACK = 50;

/** Own messages of a chat with this text, newest first: was a doubtful send handed over? */
export async function findSent(
  client: Client,
  query: { to: Jid; kind: 'text' | 'image'; text: string; since: EpochMs },
): Promise<Handover[]> {
  const chat = await client.getChatById(query.to);
  const own = await chat.fetchMessages({ limit: LOOK_BACK, fromMe: true });
  const type = query.kind === 'text' ? 'chat' : 'image';
  return own
    .filter((message) => message.type === type && message.body === query.text)
    .map(toHandover)
    .filter((handover) => handover.timestamp >= query.since)
    .sort((a, b) => b.timestamp - a.timestamp);
}

/** A message of the library as a hand-over. WhatsApp's clock has whole seconds. */
export function toHandover(message: Message): Handover {
  return { messageId: message.id._serialized, timestamp: message.timestamp * 1000, ack: message.ack ?? 0 };
}

/** Unread messages of all chats not older than `since`, oldest first. */
export async function fetchUnread(
  client: Client,
  query: { since: EpochMs; perChat: number },
): Promise<InboundMessage[]> {
  const unread = (await client.getChats()).filter((chat) => chat.unreadCount > 0);
  const found: InboundMessage[] = [];
  for (const chat of unread) {
    const limit = Math.min(chat.unreadCount, query.perChat);
    const messages = await chat.fetchMessages({ limit, fromMe: false });
    found.push(...messages.map((message) => parseMessage(message, chat.name)));
  }
  return found
    .filter((message) => message.timestamp >= query.since)
    .sort((a, b) => a.timestamp - b.timestamp);
}
