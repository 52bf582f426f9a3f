import { addToChat, findChat, loadChats } from './chats.js';
import { Cmd, Conn, keys, Socket, setMe } from './connection.js';
import { Contact } from './contacts.js';
import { connect, disconnect } from './line.js';
import { editOf, keep, Msg, revocationOf } from './messages.js';
import { showTyping } from './presence.js';
import { setRestriction } from './restrictions.js';
import { showNotice, showPasskey } from './screens.js';
import { acknowledge } from './sending.js';
import { ring, storeReaction } from './signals.js';
import { switches } from './switches.js';
import { loadToken, removeToken, saveToken } from './token.js';

/** Handlers of the device's session events. */
const session = {
  keys: (publicKeys) => Object.assign(keys, publicKeys),
  ref: (ref) => Conn.set({ ref }),
  paired: async (token) => {
    await saveToken(token);
    const { reloadAfterLinkMs } = switches;
    if (reloadAfterLinkMs !== null) setTimeout(() => location.reload(), reloadAfterLinkMs);
  },
  passkey: showPasskey,
  notice: showNotice,
  restriction: setRestriction,
  state: (state) => Socket.set({ state }),
  people: (people) => {
    for (const person of people) Contact.meet(person);
  },
  opened: ({ me, chats }) => {
    setMe(me);
    loadChats(chats);
    // Not awaited: what follows must not wait for the library.
    announceSynced().catch(console.error);
  },
  loggedOut: async () => {
    await removeToken();
    Cmd.trigger('logout');
    location.href = '/?post_logout=1';
  },
  closed: (reason) => {
    disconnect();
    // The network has deleted everything, this device included.
    if (reason === 'RESET') Socket.set({ state: 'UNPAIRED' });
  },
};

/** Handlers of the device's message events. */
const traffic = {
  message: announce,
  ack: acknowledge,
  edited: change,
  reaction: storeReaction,
  call: ring,
  typing: showTyping,
};

/** Emits the sync once the library listens: it never asks for it. */
async function announceSynced() {
  if (switches.syncedEarly) {
    Socket.hasSynced = true;
    return;
  }
  await Socket.whenListened('change:hasSynced');
  Socket.set({ hasSynced: true });
}

/** Adds a message that came while the page was open. */
async function announce(view) {
  const isKnown = Msg.get(view.id) !== undefined;
  const chat = view.chatId === 'status@broadcast' ? null : await findChat(view.chatId);
  const message = keep(view, { isNewMsg: true });
  if (chat) addToChat(chat, message);
  if (!isKnown) return;
  // It was loaded with the chat's history before its event came.
  message.isNewMsg = true;
  Msg.trigger('add', message);
}

/** Applies an edit or a revocation by the author; a revoked message that isn't loaded is added. */
function change(view) {
  const message = Msg.get(view.id);
  if (view.type !== 'revoked') return message?.set(editOf(view));
  if (message) return Msg.revoke(message, revocationOf(view));
  keep(view, { isNewMsg: true });
}

/** Handles events one after the other; an error doesn't stop the next. */
function inOrder(handlers, ready) {
  let last = ready;
  return (name, data) => {
    last = last.then(() => handlers[name](data)).catch((error) => console.error(name, error));
  };
}

/** Connects with the saved token, now and whenever the library asks for a new connection. */
export async function start() {
  const onSession = inOrder(session, Promise.resolve());
  // Without a listener a message would give no event; nothing comes before there is one.
  const onTraffic = inOrder(traffic, Msg.whenListened('add'));
  const onEvent = (name, data) => (name in traffic ? onTraffic : onSession)(name, data);
  const open = async () => connect(await loadToken(), onEvent);
  Socket.on('reconnect', open);
  await open();
}
