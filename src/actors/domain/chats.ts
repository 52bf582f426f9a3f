import type { Jid } from './identity.ts';
import type { EpochMs } from './ports/clock.ts';
import type { InboundFile, InboundMessage } from './ports/whatsapp.ts';

/** Who answers a chat: the bot, a person, or nothing. */
export const CHAT_MODES = ['bot', 'human', 'closed'] as const;

export type ChatMode = (typeof CHAT_MODES)[number];

/** A chat: a group, or a person by number where it is known and else by LID, with the LID beside it. */
export interface ChatAddress {
  chatId: Jid;
  lid?: Jid | undefined;
}

/** The mode of a chat. */
export interface ChatView {
  chatId: Jid;
  mode: ChatMode;
  /** Since when it holds; absent for `bot`. */
  since?: EpochMs;
  /** When the bot answers again; absent when that is up to a caller. */
  until?: EpochMs;
}

/** A chat as the phone has it, and who answers it. */
export interface ChatEntry extends ChatAddress {
  name?: string | undefined;
  isGroup: boolean;
  unreadCount: number;
  lastMessage?:
    | { id: string; fromMe: boolean; type: string; text?: string | undefined; at: EpochMs }
    | undefined;
  mode: ChatMode;
}

/** A page of the chats, the newest first; `next` leads to the following one, and is absent on the last. */
export interface ChatPage {
  chats: ChatEntry[];
  next?: string | undefined;
}

/** A message as the phone has it. Types are the API's names: `text`, `image`, …; WhatsApp's own word for others. */
export interface MessageEntry
  extends Pick<InboundMessage, 'id' | 'fromMe' | 'location' | 'contacts' | 'quoted'> {
  from: Jid;
  /** Who wrote it; `human`: someone on another device of the account. */
  by: 'bot' | 'human' | 'customer';
  type: string;
  text?: string | undefined;
  file?: (InboundFile & { voice?: true }) | undefined;
  at: EpochMs;
  /** Of an own message. */
  status?: 'sending' | 'sent' | 'delivered' | 'read' | 'failed' | undefined;
}

/** A page of the messages of a chat, the newest first; `next` as in `ChatPage`. */
export interface MessagePage {
  messages: MessageEntry[];
  next?: string | undefined;
}

/** How many messages of a chat the AI is given, the newest. */
export const HISTORY_LENGTH = 50;

/** A message that passed while the bot did not answer its chat, as the AI is given it. */
export interface HistoryEntry {
  fromMe: boolean;
  by: 'human' | 'customer';
  /** The text or caption. */
  text: string;
  /** As the API names kinds of messages: `text`, `image`, …; WhatsApp's own word for others. */
  type: string;
  /** By WhatsApp's clock. */
  at: Date;
}
