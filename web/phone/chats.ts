import type { News } from '../../src/sandbox/control-api/news.ts';
import type { ChatMessage, ChatView } from '../../src/sandbox/network/types.ts';
import type { Chat, ChatMap, State } from './state.ts';

// The chats on a phone: loaded from the control API, then updated from the sandbox's stream.

const KEPT_MESSAGES = 300;

/** The later of two acks: a refusal is final, ticks only increase. */
function furtherAck(one: number, other: number): number {
  return one < 0 || other < 0 ? -1 : Math.max(one, other);
}

/** The kind of chat of a JID. */
function kindOf(id: string): ChatView['kind'] {
  if (id.endsWith('@g.us')) return 'group';
  if (id.endsWith('@newsletter')) return 'channel';
  return id === 'status@broadcast' ? 'status' : 'direct';
}

/** The chat with this JID, created if missing. */
export function chatIn(chats: ChatMap, id: string, name = id): Chat {
  const known = chats.get(id);
  if (known) return known;
  const chat: Chat = { id, name, kind: kindOf(id), unread: 0, last: undefined, messages: [], loaded: false };
  chats.set(id, chat);
  return chat;
}

/** Merges the list of chats of the control API. */
export function mergeChats(chats: ChatMap, views: ChatView[]): void {
  for (const view of views) {
    const { name, unread, last } = view;
    Object.assign(chatIn(chats, view.id), { name, unread, last });
  }
}

/** Merges the messages of the control API before those that arrived meanwhile. */
export function mergeMessages(chat: Chat, messages: ChatMessage[]): void {
  const before = new Map(chat.messages.map((message) => [message.id, message]));
  const merged = messages.map((message) => {
    const known = before.get(message.id);
    before.delete(message.id);
    return known ? { ...message, ack: furtherAck(message.ack, known.ack) } : message;
  });
  chat.messages = [...merged, ...before.values()];
  chat.loaded = true;
}

/** Adds a message to its chat. */
function addMessage(chats: ChatMap, message: ChatMessage): void {
  const chat = chatIn(chats, message.chatId, message.chatName);
  chat.last = message;
  if (!message.fromMe) chat.unread += 1;
  if (chat.messages.some(({ id }) => id === message.id)) return;
  chat.messages = [...chat.messages, message].slice(-KEPT_MESSAGES);
}

/** Updates the ack of a sent message. */
function setAck(
  chats: ChatMap,
  { chatId, messageId, ack, errorCode }: NonNullable<News['acks']>[number],
): void {
  const chat = chats.get(chatId);
  if (!chat) return;
  /** The message with the later ack. */
  const withAck = (message: ChatMessage) => ({
    ...message,
    ack: furtherAck(message.ack, ack),
    errorCode: errorCode ?? message.errorCode,
  });
  chat.messages = chat.messages.map((message) => (message.id === messageId ? withAck(message) : message));
  if (chat.last?.id === messageId) chat.last = withAck(chat.last);
}

/** Replaces an edited or deleted message. */
function replaceMessage(chats: ChatMap, changed: ChatMessage): void {
  const chat = chats.get(changed.chatId);
  if (!chat) return;
  chat.messages = chat.messages.map((message) => (message.id === changed.id ? changed : message));
  if (chat.last?.id === changed.id) chat.last = changed;
}

/** Applies an update of the sandbox's stream to the state. */
export function apply(state: State, news: News): void {
  if (news.fresh) {
    state.chatsOf = new Map();
    state.typing = new Set();
    state.wire = [];
  }
  state.known = true;
  state.phones = news.phones ?? state.phones;
  state.people = news.people ?? state.people;
  state.groups = news.groups ?? state.groups;
  state.settings = news.settings ?? state.settings;
  for (const { owner, message } of news.messages ?? []) {
    const chats = state.chatsOf.get(owner);
    if (chats) addMessage(chats, message);
  }
  for (const { owner, message } of news.edits ?? []) {
    const chats = state.chatsOf.get(owner);
    if (chats) replaceMessage(chats, message);
  }
  for (const ack of news.acks ?? []) {
    const chats = state.chatsOf.get(ack.owner);
    if (chats) setAck(chats, ack);
  }
  for (const { reader, chatId } of news.reads ?? []) {
    const chat = state.chatsOf.get(reader)?.get(chatId);
    if (chat) chat.unread = 0;
  }
  for (const { reader, chatId, typing } of news.typing ?? []) {
    if (typing) state.typing.add(`${reader}|${chatId}`);
    else state.typing.delete(`${reader}|${chatId}`);
  }
  if (news.wire) state.wire = [...state.wire, ...news.wire].slice(-KEPT_MESSAGES);
}
