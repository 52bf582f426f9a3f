import { Contact } from './contacts.js';
import { call } from './line.js';
import { keep } from './messages.js';
import { Collection, Model } from './model.js';
import { createWid } from './wid.js';

const PAGE_SIZE = 50;

export const Chat = new Collection();
export const Newsletters = new Collection();

/** A chat and what is loaded of its messages. */
class ChatModel extends Model {
  /** The attributes; of the messages plain copies, so that there is no cycle. */
  serialize() {
    const { mute, groupMetadata, newsletterMetadata, ...attributes } = this;
    return { ...attributes, msgs: this.msgs.getModelsArray().map((message) => message.serialize()) };
  }

  toJSON() {
    return { ...this.serialize(), msgs: undefined };
  }
}

/** Members of a group: fresh objects each time, since the library rewrites them. */
class GroupMetadata extends Model {
  serialize() {
    return { ...this, participants: this.participants.map((participant) => ({ ...participant })) };
  }
}

/** Adds a chat; channels and the status are not among the chats. */
function addChat({ id, name, unread = 0, participants, isLidAddressed, last }) {
  const wid = createWid(id);
  const chat = new ChatModel({
    id: wid,
    name,
    formattedTitle: name,
    unreadCount: unread,
    t: last ? Math.floor(last.timestamp / 1000) : 0,
    archive: false,
    isLocked: false,
    muteExpiration: 0,
    mute: { expiration: 0 },
    msgs: new Collection(),
    ...(participants && { groupMetadata: groupOf(wid, name, participants, isLidAddressed) }),
    ...(wid.isNewsletter() && { newsletterMetadata: new Model({ id: wid, creationTime: 0 }) }),
  });
  if (wid.isNewsletter()) Newsletters.add(chat);
  else if (!wid.isStatus()) Chat.add(chat);
  if (last) place(chat, keep(last));
  return chat;
}

/** The metadata of a group. */
function groupOf(id, subject, participants, isLidAddressingMode) {
  return new GroupMetadata({
    id,
    subject,
    announce: false,
    isLidAddressingMode,
    participants: participants.map((jid) => ({ id: createWid(jid), isAdmin: false, isSuperAdmin: false })),
  });
}

function place(chat, message) {
  chat.msgs.add(message);
  chat.t = Math.max(chat.t, message.t);
  chat.lastReceivedKey = message.id;
}

/** The account's chats when the session opens, each with its last message. */
export function loadChats(views) {
  for (const view of views) if (!Chat.get(view.id)) addChat(view);
}

/** The chat of an id, created when missing; null where there is no account. Its id may differ from the requested one. */
export async function findChat(id) {
  const wid = createWid(id);
  const known = Chat.get(wid) ?? Newsletters.get(wid);
  if (known) return known;
  const view = await call('chat', { jid: wid._serialized });
  if (!view) return null;
  if (wid.isUser()) await Contact.find(wid);
  return Chat.get(view.id) ?? Newsletters.get(view.id) ?? addChat(view);
}

/** Loads a page of older messages; returns the added ones, oldest first. */
export async function loadEarlierMsgs({ chat }) {
  const limit = chat.msgs.length + PAGE_SIZE;
  const views = await call('messages', { chatId: chat.id._serialized, limit });
  const earlier = views.map((view) => keep(view)).filter(({ id }) => !chat.msgs.get(id));
  chat.msgs.addFirst(earlier);
  return earlier;
}

/** Adds a new message to a chat; incoming ones are unread. */
export function addToChat(chat, message) {
  if (chat.msgs.get(message.id)) return;
  place(chat, message);
  if (!message.id.fromMe) chat.set({ unreadCount: chat.unreadCount + 1 });
}

/** Marks a chat read, here and at the network. */
export async function sendSeen({ chat }) {
  if (chat.unreadCount === 0) return;
  chat.set({ unreadCount: 0 });
  await call('seen', { chatId: chat.id._serialized });
}
