import type { Jid } from './identity.ts';
import type { EpochMs } from './ports/clock.ts';

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
