import type { Jid } from '../../actors/domain/identity.ts';
import type { Chat } from './store.ts';
import type { ChatMessage, ChatView } from './types.ts';
import type { Typing } from './typing.ts';
import type { World } from './world.ts';

function kindOf(id: Jid): ChatView['kind'] {
  if (id.endsWith('@g.us')) return 'group';
  if (id.endsWith('@newsletter')) return 'channel';
  return id === 'status@broadcast' ? 'status' : 'direct';
}

function viewOf(owner: Jid, chat: Chat, typing: Typing): ChatView {
  const last = chat.messages.at(-1);
  return {
    id: chat.id,
    name: chat.name,
    kind: kindOf(chat.id),
    unread: chat.unread,
    typing: typing.isShown(owner, chat.id),
    ...(last && { last: { ...last } }),
  };
}

/** All chats of an account, as copies. */
export function chatsOf(world: World, typing: Typing, owner: Jid): ChatView[] {
  return world.store.chats(owner).map((chat) => viewOf(owner, chat, typing));
}

/** The newest `limit` messages of a chat, or of all chats by time; oldest first, as copies. */
export function messagesOf(
  world: World,
  owner: Jid,
  chatId?: Jid,
  limit = Number.MAX_SAFE_INTEGER,
): ChatMessage[] {
  const chats = chatId === undefined ? world.store.chats(owner) : [world.store.chat(owner, chatId)];
  const all = chats.flatMap((chat) => chat?.messages ?? []);
  if (chatId === undefined) all.sort((one, other) => one.timestamp - other.timestamp);
  return all.slice(Math.max(0, all.length - limit)).map((message) => ({ ...message }));
}
