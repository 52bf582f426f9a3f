import { Collection, Model } from './model.js';

/** Chats whose customer types, as WhatsApp's server knows them. */
const typingIn = new Set();

/** Presences of the chats that were subscribed to. */
class Presences extends Collection {
  /** `find`: the presence of a chat, subscribed to when there was none. */
  async find(wid) {
    if (this.get(wid)) return this.get(wid);
    const chatstate = new Model({ id: wid, type: typingIn.has(String(wid)) ? 'typing' : 'unavailable' });
    chatstate.on('change:type', (...change) => this.trigger('change:chatstate.type', ...change));
    return this.add(new Model({ id: wid, isSubscribed: true, chatstate }));
  }

  async reSubscribeWhenActive() {}
}

/** `WAWebPresenceCollection.PresenceCollection`. */
export const PresenceCollection = new Presences();

/** The customer of a chat types, or types no more; the page is not informed of chats without a subscription. */
export function showTyping({ chatId, typing }) {
  if (typing) typingIn.add(chatId);
  else typingIn.delete(chatId);
  PresenceCollection.get(chatId)?.chatstate.set({ type: typing ? 'typing' : 'available' });
}
