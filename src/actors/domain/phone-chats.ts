import type { ChatAddress, ChatMode } from './chats.ts';
import type { Jid } from './identity.ts';
import type { EpochMs } from './ports/clock.ts';
import type { InboundFile, InboundMessage } from './ports/whatsapp.ts';

// Chats and messages as the phone has them, a page of a list at a time.

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
