import { findMessage } from './changes.js';
import { describeError, find, invoke, notify, offer, PageError, use } from './core.js';
import { addressesOf, addressOf, identify, isSameChat, loadedChat, messageIdOf, widOf } from './people.js';
import { isAnswered, plain, textOf } from './receiving.js';

// The account's chats, a page of a list at a time: it may have thousands.

/** Types of what a chat shows beside the messages of people, or holds without showing it. */
const NOTES = new Set([
  ...['gp2', 'e2e_notification', 'notification', 'notification_template', 'call_log'],
  ...['protocol', 'ciphertext', 'reaction', 'debug'],
]);

/** Orders of chats by token: every page of a list follows that of its first, whatever moves meanwhile. */
const orders = new Map();
const MAX_ORDERS = 8;
const PREVIEW_LENGTH = 1_000;

/** Keeps an order; returns its token. */
function keepOrder(order) {
  const token = crypto.randomUUID();
  orders.set(token, order);
  while (orders.size > MAX_ORDERS) orders.delete(orders.keys().next().value);
  return token;
}

/** Chats with a message, the newest first; of one second by address. */
function orderOfChats() {
  return use('WAWebCollections.Chat')
    .getModelsArray()
    .map(({ id, t }) => ({ id: addressOf(id), at: t ?? 0 }))
    .filter(({ id, at }) => at > 0 && isAnswered(id))
    .sort((one, other) => other.at - one.at || (one.id < other.id ? -1 : 1));
}

/** Messages of people among those that a chat has loaded, oldest first; those of one second as they came. */
const shown = (messages) =>
  messages
    .filter(({ isNotification, type }) => !isNotification && !NOTES.has(type))
    .sort((one, other) => one.t - other.t);

/** The id that a message was sent under: a revoked one has the key of its revocation. */
const originalId = ({ id, protocolMessageKey }) => messageIdOf(protocolMessageKey ?? id);

/** The newest message of a chat; undefined when it has none that is known. */
async function newestOf(chat) {
  const loaded = shown(chat.msgs.getModelsArray()).at(-1);
  if (loaded || !chat.lastReceivedKey) return loaded;
  const found = await use('WAWebCollections.Msg').getMessagesById([messageIdOf(chat.lastReceivedKey)]);
  return shown((found?.messages ?? []).filter(Boolean)).at(-1);
}

/** A message in the list of chats. */
function previewOf(message) {
  const body = String(textOf(message));
  return {
    id: originalId(message),
    fromMe: message.id.fromMe,
    type: message.type,
    body: body.length > PREVIEW_LENGTH ? [...body].slice(0, PREVIEW_LENGTH).join('') : body,
    t: message.t,
  };
}

/** A chat in the list. */
async function summaryOf(chat) {
  const address = addressOf(chat.id);
  const [{ chatId, lid }, newest] = await Promise.all([identify(address), newestOf(chat)]);
  return {
    ...{ chatId, lid, isGroup: address.endsWith('@g.us') },
    name: chat.formattedTitle ?? chat.name ?? null,
    // -1: marked unread by hand.
    unreadCount: Math.max(chat.unreadCount ?? 0, 0),
    last: newest ? previewOf(newest) : null,
  };
}

/** A chat in the list of which nothing but the address can be read. */
function bareSummaryOf(chat, error) {
  notify('failed', { where: 'chats', error: describeError(error) });
  const chatId = addressOf(chat.id);
  const isGroup = chatId.endsWith('@g.us');
  return { chatId, lid: null, isGroup, name: null, unreadCount: 0, last: null };
}

/** A page of the chats. One whose order is not kept any more begins after the place of its end in a new one. */
async function listChats({ limit, before }) {
  const kept = orders.get(before?.list);
  const order = kept ?? orderOfChats();
  const isLater = ({ at, id }) => at < before.at || (at === before.at && id > before.id);
  const first = before ? order.findIndex(isLater) : 0;
  const page = first < 0 ? [] : order.slice(first, first + limit);
  const hasMore = first >= 0 && first + limit < order.length;
  const chats = use('WAWebCollections.Chat');
  const found = page.map(({ id }) => chats.get(widOf(id))).filter(Boolean);
  return {
    chats: await Promise.all(
      found.map((chat) => summaryOf(chat).catch((error) => bareSummaryOf(chat, error))),
    ),
    next: hasMore ? { list: kept ? before.list : keepOrder(order), ...page.at(-1) } : null,
  };
}

/** A message with how far it got, if it is our own. */
async function messageOfChat(message) {
  const { fromMe } = message.id;
  return { ...(await plain(message)), id: originalId(message), ack: fromMe ? (message.ack ?? 0) : null };
}

/** Those of the messages that are older than the end of the page before. */
function olderThan(messages, before) {
  if (!before) return messages;
  const end = messages.findLastIndex((message) => originalId(message) === before.id);
  return end < 0 ? messages.filter(({ t }) => t < before.at) : messages.slice(0, end);
}

/** A page of the messages of a chat; loads older ones as long as they are missing. */
async function listMessages(address, { limit, before }) {
  const chat = loadedChat(address);
  if (!chat) throw new PageError('NO_CHAT', 'there is no such chat');
  let loaded = chat.msgs.getModelsArray();
  let older = olderThan(shown(loaded), before);
  while (older.length <= limit) {
    const earlier = await invoke('WAWebChatLoadMessages.loadEarlierMsgs', { chat });
    if (!earlier?.length) break;
    loaded = [...new Set([...earlier, ...loaded])];
    older = olderThan(shown(loaded), before);
  }
  const page = older.slice(-limit).reverse();
  const messages = await Promise.all(
    page.map((message) =>
      messageOfChat(message).catch((error) => {
        notify('failed', { where: 'messages', error: describeError(error) });
      }),
    ),
  );
  const last = page.at(-1);
  return {
    messages: messages.filter(Boolean),
    next: older.length > limit ? { at: last.t, id: originalId(last) } : null,
  };
}

/** A message of a chat; null when it is not there. */
async function readMessage(address, messageId) {
  const message = await findMessage(messageId);
  const isThere = message && isSameChat(addressOf(message.id.remote), address);
  return isThere ? messageOfChat(message) : null;
}

/** Both addresses of a person, and the name. */
async function contact(address) {
  const { chatId, lid } = await identify(address);
  const people = find('WAWebCollections.Contact');
  const known = addressesOf(chatId).flatMap((one) => people?.get(widOf(one)) ?? []);
  const named = (name) => known.map((person) => person[name]).find(Boolean);
  return { jid: chatId, lid, name: named('name') ?? named('verifiedName') ?? named('pushname') ?? null };
}

offer('listChats', listChats);
offer('listMessages', listMessages);
offer('readMessage', readMessage);
offer('contact', contact);
