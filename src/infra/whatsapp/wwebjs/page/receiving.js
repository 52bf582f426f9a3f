import { comparedOf, partsOf } from './contents.js';
import { describeError, invoke, notify, offer, report, use } from './core.js';
import {
  addressesOf,
  addressOf,
  identify,
  learn,
  lidOf,
  loadedChat,
  messageIdOf,
  personOf,
} from './people.js';
import { refusalCode } from './sending.js';
import { watchSignals } from './signals.js';

/** Chats that are answered. Reading the status at the wrong moment has ended sessions. */
export const isAnswered = (address) => /@(c\.us|lid|g\.us)$/.test(address);

/** Types whose body is a picture of the map, or a vCard. */
const WORDLESS = ['location', 'vcard', 'multi_vcard'];

/** The text of a message, or the caption of its file. */
export function textOf({ type, body, caption, directPath }) {
  if (type === 'chat') return body ?? '';
  return caption ?? (directPath || WORDLESS.includes(type) ? '' : body) ?? '';
}

/** What a message carries of the one that it quotes; null when it quotes none. */
function quoteOf({ id, quotedStanzaID, quotedMsg, quotedParticipant }) {
  if (!quotedStanzaID || !quotedMsg) return null;
  const remote = addressOf(id.remote);
  const author = addressOf(quotedParticipant);
  const own = [
    addressOf(invoke('WAWebUserPrefsMeUser.getMaybeMePnUser')),
    addressOf(invoke('WAWebUserPrefsMeUser.getMaybeMeLidUser')),
  ];
  const fromMe = author !== '' && own.includes(author);
  const participant = remote.endsWith('@g.us') ? `_${author}` : '';
  const messageId = `${fromMe}_${remote}_${quotedStanzaID}${participant}`;
  return { messageId, fromMe, type: quotedMsg.type ?? 'chat', text: textOf({ type: 'chat', ...quotedMsg }) };
}

/** What a message has beside words; nothing when the page has changed so that it can't be read. */
function extrasOf(message) {
  try {
    return { ...partsOf(message), quoted: quoteOf(message) };
  } catch (error) {
    notify('failed', { where: 'extras', error: describeError(error) });
    return {};
  }
}

/** The address under which a message came from its author. */
function authorOf({ id, author, from }) {
  const remote = addressOf(id.remote);
  const isDirect = !/@(g\.us|broadcast|newsletter)$/.test(remote);
  return isDirect && !id.fromMe ? remote : addressOf(author ?? id.participant ?? from ?? remote);
}

/** The author by number where the message itself, the page or a look-up has it; by LID otherwise. */
async function senderOf(message) {
  const said = addressOf(message.senderPn);
  const author = authorOf(message);
  if (!said.endsWith('@c.us')) return personOf(author);
  if (author.endsWith('@lid')) learn(said, author);
  return said;
}

/** The title of a chat that is loaded; null otherwise. A message without it is answered all the same. */
function titleOf(address) {
  try {
    return (isAnswered(address) && loadedChat(address)?.formattedTitle) || null;
  } catch {
    return null;
  }
}

/** What is read of a message: plain data, since getters and prototypes do not cross to the service. */
export async function plain(message) {
  const remote = addressOf(message.id.remote);
  const author = authorOf(message);
  const senderId = await senderOf(message);
  const lid = (author.endsWith('@lid') ? author : lidOf(senderId)) ?? null;
  const isSender = author === remote;
  const chat = isSender ? { chatId: senderId, lid } : await identify(remote);
  return {
    id: messageIdOf(message.id),
    fromMe: message.id.fromMe,
    chatId: chat.chatId,
    senderId,
    lid,
    chatLid: chat.lid,
    type: message.type,
    body: textOf(message),
    ...extrasOf(message),
    t: message.t,
    mentionedIds: (message.mentionedJidList ?? []).map(addressOf),
    senderName: message.notifyName ?? null,
    chatName: titleOf(remote),
  };
}

/** Messages that the service has not taken yet, own ones of other devices too: when each was seen first and reported last, by id. */
const pending = new Map();
const taken = new Set();
const MAX_TAKEN = 10_000;

/** The service has a message. */
function confirm(id) {
  pending.delete(id);
  taken.add(id);
  if (taken.size > MAX_TAKEN) taken.delete(taken.values().next().value);
}

let line = Promise.resolve();

/** Reports about messages in the order in which they came, though some need a look-up first. */
function inOrder(name, message, fields) {
  const read = line.then(() => plain(message));
  line = read.then(
    (data) => {
      const reported = report(name, fields(data));
      reported.then(
        () => name === 'message' && confirm(data.id),
        (error) => notify('failed', { where: name, error: describeError(error) }),
      );
    },
    (error) => notify('failed', { where: name, error: describeError(error) }),
  );
}

/** Reports a message that was added. */
function announce(message) {
  const id = messageIdOf(message.id);
  const now = Date.now();
  pending.set(id, { seenAt: pending.get(id)?.seenAt ?? now, reportedAt: now });
  inOrder('message', message, (data) => data);
}

/** A message was added: an encrypted one is reported once its text is there. */
function onAdd(message) {
  if (!message.isNewMsg || message.type === 'gp2') return;
  if (message.type === 'ciphertext') message.once('change:type', () => announce(message));
  else announce(message);
}

/** The acknowledgement of an own message moved on; a refusal comes with the server's code. */
async function onAck(message, ack) {
  if (!message.id.fromMe) return;
  const errorCode = ack < 0 ? await refusalCode(message) : undefined;
  notify('ack', { messageId: messageIdOf(message.id), ack, errorCode });
}

/** The author of a message has changed its text. */
function onText(message, _text, before) {
  if (message.id.fromMe || message.type === 'revoked' || !before) return;
  inOrder('edited', message, ({ id, chatId, body }) => ({ messageId: id, chatId, body }));
}

/** The author of a message has taken it back. */
function onType(message, type) {
  if (message.id.fromMe || type !== 'revoked') return;
  // A revoked message takes the key of its revocation.
  const { protocolMessageKey: key } = message;
  inOrder('revoked', message, ({ id, chatId }) => ({ messageId: key ? messageIdOf(key) : id, chatId }));
}

const RECEIPTS_FOR_S = 86_400;

/** Reports how far the loaded messages of the last day got: no event announces what came before we listened. */
function reportReceipts(messages, now) {
  for (const { id, ack, t } of messages.getModelsArray())
    if (id.fromMe && ack >= 2 && t >= now - RECEIPTS_FOR_S)
      notify('ack', { messageId: messageIdOf(id), ack });
}

let listensTo = null;
let listensSince = 0;

/** Listens for messages and for the state of the connection from now on; once in a document. */
function listen() {
  const messages = use('WAWebCollections.Msg');
  if (listensTo) return;
  listensTo = messages;
  use('WAWebSocketModel.Socket').on('change:state', (_socket, state) => notify('state', state));
  listensSince = Math.floor(Date.now() / 1000);
  watchSignals();
  messages.on('add', onAdd);
  messages.on('change:ack', onAck);
  messages.on('change:type', onType);
  messages.on('change:body', onText);
  messages.on('change:caption', onText);
  reportReceipts(messages, listensSince);
}

const AGAIN_MS = 10_000;
const ALARM_MS = 60_000;

/** True for a message that was added since we listen and has a text. */
const isAdded = ({ t, isNewMsg, type }) =>
  isNewMsg && t >= listensSince && type !== 'ciphertext' && type !== 'gp2';

/**
 * Reports again what the service has not taken, and what no event announced: the collection itself is looked through,
 * since an event that never came is counted nowhere.
 */
export function reportPending() {
  if (!listensTo) return;
  const due = Date.now() - AGAIN_MS;
  for (const message of listensTo.getModelsArray().filter(isAdded)) {
    const id = messageIdOf(message.id);
    if (taken.has(id)) continue;
    const known = pending.get(id);
    if (!known) pending.set(id, { seenAt: Date.now(), reportedAt: Date.now() });
    else if (known.reportedAt <= due) announce(message);
  }
}

/** How many messages have been in the page for a minute without reaching the service. */
export function countUnreported() {
  const late = Date.now() - ALARM_MS;
  return [...pending.values()].filter(({ seenAt }) => seenAt <= late).length;
}

/** Loaded messages of a chat that fit, oldest first; loads older ones until `enough` says so or there are none. */
async function collect(chat, fits, enough) {
  let messages = chat.msgs.getModelsArray();
  while (!enough(messages)) {
    const earlier = await invoke('WAWebChatLoadMessages.loadEarlierMsgs', { chat });
    if (!earlier?.length) break;
    messages = [...new Set([...earlier, ...messages])];
  }
  return messages
    .filter((message) => !message.isNotification && fits(message))
    .sort((one, other) => one.t - other.t);
}

/** The newest own messages of a chat, oldest first, or the one with the stanza id alone when it is there. */
async function ownMessages({ to, stanzaId, since, limit }) {
  const chat = loadedChat(to);
  const isOwn = ({ id }) => id.fromMe;
  const keyOf = ({ id, protocolMessageKey }) => protocolMessageKey ?? id;
  const isWanted = (message) => message.id.fromMe && keyOf(message).id === stanzaId;
  const enough = (all) =>
    all.some((message) => isWanted(message) || message.t < since) || all.filter(isOwn).length >= limit;
  const own = chat ? await collect(chat, isOwn, enough) : [];
  const found = own.some(isWanted) ? own.filter(isWanted) : [...(await byStanza(to, stanzaId)), ...own];
  return found.slice(-limit).map((message) => ({
    messageId: messageIdOf(keyOf(message)),
    isExact: isWanted(message),
    chatId: addressOf(message.id.remote),
    compared: comparedOf(message),
    t: message.t,
    ack: message.ack ?? 0,
  }));
}

/** An own message that is stored but not loaded with its chat. */
async function byStanza(to, stanzaId) {
  if (!stanzaId) return [];
  const ids = addressesOf(to).map((address) => `true_${address}_${stanzaId}`);
  const found = await use('WAWebCollections.Msg').getMessagesById(ids);
  return (found?.messages ?? []).filter(Boolean);
}

/** Messages since `since` (seconds), of a chat at most `perChat` each way; or why a chat can't be read. */
async function missed({ since, perChat }) {
  const chats = use('WAWebCollections.Chat')
    .getModelsArray()
    .filter((chat) => isAnswered(addressOf(chat.id)) && (chat.t ?? since) >= since);
  const isMissed = ({ t }) => t >= since;
  const written = (messages, own) =>
    messages.filter((message) => isMissed(message) && message.id.fromMe === own);
  const enough = (all) =>
    all.some(({ t }) => t < since) || [true, false].every((own) => written(all, own).length >= perChat);
  return Promise.all(
    chats.map(async (chat) => {
      try {
        const all = await collect(chat, isMissed, enough);
        const found = [true, false].flatMap((own) => written(all, own).slice(-perChat));
        return { messages: await Promise.all(found.map(plain)) };
      } catch (error) {
        return { error: describeError(error) };
      }
    }),
  );
}

offer('listen', listen);
offer('ownMessages', ownMessages);
offer('missed', missed);
