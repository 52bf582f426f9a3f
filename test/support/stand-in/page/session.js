import { addToChat, findChat, loadChats } from './chats.js';
import { Cmd, Conn, keys, Socket, setMe } from './connection.js';
import { Contact } from './contacts.js';
import { connect, disconnect } from './line.js';
import { editOf, keep, Msg } from './messages.js';
import { setRestriction } from './restrictions.js';
import { showNotice, showPasskey } from './screens.js';
import { acknowledge } from './sending.js';
import { switches } from './switches.js';
import { loadToken, removeToken, saveToken } from './token.js';

/** What the device hears about the session. */
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
    // The network has forgotten everything, and this device with it.
    if (reason === 'RESET') Socket.set({ state: 'UNPAIRED' });
  },
};

/** What is left of a message that was taken back. */
const REVOKED = { type: 'revoked', subtype: 'sender', body: undefined, caption: undefined };

/** What the device hears about messages. */
const traffic = {
  message: announce,
  ack: acknowledge,
  edited: change,
};

/** The library never asks whether it is synced: it has to hear it. */
async function announceSynced() {
  if (switches.syncedEarly) {
    Socket.hasSynced = true;
    return;
  }
  await Socket.whenHeard('change:hasSynced');
  Socket.set({ hasSynced: true });
}

/** A message came while the page was open. */
async function announce(view) {
  const isKnown = Msg.get(view.id) !== undefined;
  const chat = view.chatId === 'status@broadcast' ? null : await findChat(view.chatId);
  const message = keep(view, { isNewMsg: true });
  if (chat) addToChat(chat, message);
  if (!isKnown) return;
  // It was loaded with the chat's history before the word of it came.
  message.isNewMsg = true;
  Msg.trigger('add', message);
}

/** The author changed a message, or took it back; one that isn't loaded shows up as taken back. */
function change(view) {
  const message = Msg.get(view.id);
  if (view.type !== 'revoked') return message?.set(editOf(view));
  if (message) return message.set(REVOKED);
  keep(view, { ...REVOKED, isNewMsg: true });
}

/** Handles events one after the other; one that fails doesn't stop the next. */
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
  const onTraffic = inOrder(traffic, Msg.whenHeard('add'));
  const hear = (name, data) => (name in traffic ? onTraffic : onSession)(name, data);
  const open = async () => connect(await loadToken(), hear);
  Socket.on('reconnect', open);
  await open();
}
