import { find, notify, offer } from './core.js';
import { addressesOf, addressOf, loadedChat, widOf } from './people.js';

// What customers do in their chats: WhatsApp reports it of chats that were subscribed to.

/** Chats that are watched, as the service names them, by each address; the newest last. */
const watched = new Map();
const MAX_WATCHED = 2_000;

const TYPING = ['typing', 'recording_audio'];

/** The collection that is listened to, once the first chat is watched. */
let listened = null;

/** A customer does something else from now on; the page itself drops typing that is not renewed. */
function onChange(chatstate) {
  const isOfIt = (presence) => presence.chatstate === chatstate;
  const chatId = watched.get(addressOf(listened.getModelsArray().find(isOfIt)?.id));
  if (chatId) notify('typing', { chatId, typing: TYPING.includes(chatstate.type) });
}

/** Subscribes to the presence of a direct chat; a page that has changed leaves it at that. */
async function watchTyping(chatId) {
  const presences = find('WAWebPresenceCollection.PresenceCollection');
  if (!presences?.find || chatId.endsWith('@g.us')) return;
  if (listened !== presences) presences.on('change:chatstate.type', onChange);
  listened = presences;
  for (const address of addressesOf(chatId)) {
    watched.delete(address);
    watched.set(address, chatId);
  }
  while (watched.size > MAX_WATCHED) watched.delete(watched.keys().next().value);
  const wid = loadedChat(chatId)?.id ?? widOf(chatId);
  // What is known already is found without asking WhatsApp again.
  if (presences.get(wid)) await presences.reSubscribeWhenActive?.(wid);
  else await presences.find(wid);
  const isTyping = TYPING.includes(presences.get(wid)?.chatstate?.type);
  if (isTyping) notify('typing', { chatId, typing: true });
}

offer('watchTyping', watchTyping);
