import type { News } from '../../src/sandbox/network/stream.ts';
import type { ChatMessage, ChatView } from '../../src/sandbox/network/types.ts';
import type { Box, Chat, State } from './state.ts';

// What is on somebody's phone: the answers of the control API, kept up by the news.

const KEPT_MESSAGES = 300;

/** The ack that is further: a refusal is final, ticks only grow. */
function furtherAck(one: number, other: number): number {
  return one < 0 || other < 0 ? -1 : Math.max(one, other);
}

/** What kind of chat a JID names. */
function kindOf(id: string): ChatView['kind'] {
  if (id.endsWith('@g.us')) return 'group';
  if (id.endsWith('@newsletter')) return 'channel';
  return id === 'status@broadcast' ? 'status' : 'direct';
}

/** The chat in a box, made when it is new. */
export function chatIn(box: Box, id: string, name = id): Chat {
  const known = box.get(id);
  if (known) return known;
  const chat: Chat = { id, name, kind: kindOf(id), unread: 0, last: undefined, messages: [], loaded: false };
  box.set(id, chat);
  return chat;
}

/** Puts the list of chats, as the control API gave it, into a box. */
export function mergeChats(box: Box, views: ChatView[]): void {
  for (const view of views) {
    const { name, unread, last } = view;
    Object.assign(chatIn(box, view.id), { name, unread, last });
  }
}

/** Puts the messages of a chat, as the control API gave them, before those that came meanwhile. */
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

/** A message comes into a box. */
function addMessage(box: Box, message: ChatMessage): void {
  const chat = chatIn(box, message.chatId, message.chatName);
  chat.last = message;
  if (!message.fromMe) chat.unread += 1;
  if (chat.messages.some(({ id }) => id === message.id)) return;
  chat.messages = [...chat.messages, message].slice(-KEPT_MESSAGES);
}

/** An own message got further. */
function setAck(box: Box, { chatId, messageId, ack, errorCode }: NonNullable<News['acks']>[number]): void {
  const chat = box.get(chatId);
  if (!chat) return;
  /** The message, as far as it is now. */
  const further = (message: ChatMessage) => ({
    ...message,
    ack: furtherAck(message.ack, ack),
    errorCode: errorCode ?? message.errorCode,
  });
  chat.messages = chat.messages.map((message) => (message.id === messageId ? further(message) : message));
  if (chat.last?.id === messageId) chat.last = further(chat.last);
}

/** A message is what its author made of it: a copy of it as it is now takes its place. */
function replaceMessage(box: Box, changed: ChatMessage): void {
  const chat = box.get(changed.chatId);
  if (!chat) return;
  chat.messages = chat.messages.map((message) => (message.id === changed.id ? changed : message));
  if (chat.last?.id === changed.id) chat.last = changed;
}

/** Folds the news into what is known. */
export function apply(state: State, news: News): void {
  if (news.fresh) {
    state.boxes = new Map();
    state.typing = new Set();
    state.wire = [];
  }
  state.known = true;
  state.phones = news.phones ?? state.phones;
  state.people = news.people ?? state.people;
  state.groups = news.groups ?? state.groups;
  state.settings = news.settings ?? state.settings;
  for (const { owner, message } of news.messages ?? []) {
    const box = state.boxes.get(owner);
    if (box) addMessage(box, message);
  }
  for (const { owner, message } of news.edits ?? []) {
    const box = state.boxes.get(owner);
    if (box) replaceMessage(box, message);
  }
  for (const ack of news.acks ?? []) {
    const box = state.boxes.get(ack.owner);
    if (box) setAck(box, ack);
  }
  for (const { reader, chatId } of news.reads ?? []) {
    const chat = state.boxes.get(reader)?.get(chatId);
    if (chat) chat.unread = 0;
  }
  for (const { reader, chatId, typing } of news.typing ?? []) {
    if (typing) state.typing.add(`${reader}|${chatId}`);
    else state.typing.delete(`${reader}|${chatId}`);
  }
  if (news.wire) state.wire = [...state.wire, ...news.wire].slice(-KEPT_MESSAGES);
}
