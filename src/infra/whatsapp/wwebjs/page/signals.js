import { describeError, find, invoke, notify, offer, PageError } from './core.js';
import { addressOf, identify, lidOf, loadedChat, messageIdOf, personOf } from './people.js';

// What arrives or leaves beside messages: reactions, calls, read receipts.

/** How old a reaction may be that is reported: the page also stores those of its history. */
const REACTIONS_FOR_MS = 86_400_000;

let signals = Promise.resolve();

/** Reports signals in the order in which they came, though some need a look-up first. */
function signal(name, data) {
  data.catch(() => undefined);
  signals = signals
    .then(() => data)
    .then(
      (read) => notify(name, read),
      (error) => notify('failed', { where: name, error: describeError(error) }),
    );
}

/** A person with the LID, where it is known. */
async function personWithLid(wid) {
  const address = addressOf(wid);
  const person = await personOf(address);
  return { person, lid: (address.endsWith('@lid') ? address : lidOf(person)) ?? null };
}

/** A reaction as the page stores it; without a text it was taken back. */
async function reactionOf({ id, reactionParentKey, reactionText, reactionTimestamp, author, from }) {
  const { person, lid } = await personWithLid(author ?? id.participant ?? from ?? id.remote);
  return {
    messageId: messageIdOf(reactionParentKey),
    chatId: (await identify(addressOf(reactionParentKey.remote))).chatId,
    senderId: person,
    lid,
    fromMe: id.fromMe,
    emoji: reactionText ?? '',
    timestamp: reactionTimestamp,
  };
}

/** A call that rings. */
async function callOf({ id, peerJid, isVideo, isGroup, offerTime }) {
  const { person, lid } = await personWithLid(peerJid);
  const timestamp = offerTime ? offerTime * 1000 : Date.now();
  return {
    id: String(id),
    from: person,
    lid,
    isVideo: Boolean(isVideo),
    isGroup: Boolean(isGroup),
    timestamp,
  };
}

/** Calls `see` with what a method is called with, before it runs; whatever `see` does, the method runs. */
function onCall(owner, name, see) {
  const method = owner?.[name];
  if (typeof method !== 'function') return;
  owner[name] = function (...args) {
    try {
      see(...args);
    } catch (error) {
      notify('failed', { where: name, error: describeError(error) });
    }
    return method.apply(this ?? owner, args);
  };
}

/** Reactions reach the page as rows of a table, and no event announces them. */
function watchReactions() {
  const isRecent = ({ reactionTimestamp }) => reactionTimestamp >= Date.now() - REACTIONS_FOR_MS;
  onCall(find('WAWebAddonReactionTableMode.reactionTableMode'), 'bulkUpsert', (rows) => {
    for (const row of rows.filter(isRecent)) signal('reaction', reactionOf(row));
  });
}

/** Calls are kept in a Map of their collection, and no event announces them. */
function watchCalls() {
  const calls = Object.values(find('WAWebCallCollection') ?? {}).find((value) => value instanceof Map);
  onCall(calls, 'set', (key, call) => {
    if (!call.outgoing && !calls.has(key)) signal('call', callOf(call));
  });
}

/** Listens for reactions and calls from now on, where the page lets them be watched. */
export function watchSignals() {
  for (const watchThem of [watchReactions, watchCalls]) {
    try {
      watchThem();
    } catch (error) {
      notify('failed', { where: 'signals', error: describeError(error) });
    }
  }
}

/** Marks a chat read. WhatsApp Web sends receipts only while it is in use, as the account seems to be meanwhile. */
async function markRead(address) {
  const chat = loadedChat(address);
  if (!chat) throw new PageError('NO_CHAT', 'there is no such chat');
  const stream = find('WAWebStreamModel.Stream');
  const wasAvailable = stream?.available;
  stream?.markAvailable?.();
  try {
    await invoke('WAWebUpdateUnreadChatAction.sendSeen', { chat, threadId: undefined });
  } finally {
    if (!wasAvailable) stream?.markUnavailable?.();
  }
}

offer('markRead', markRead);
