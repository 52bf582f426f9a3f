import { Collection, Model } from './model.js';

/** Presences of the chats that were subscribed to. */
class Presences extends Collection {
  /** `find`: the presence of a chat, subscribed to when there was none. */
  async find(wid) {
    if (this.get(wid)) return this.get(wid);
    const chatstate = new Model({ id: wid, type: 'unavailable' });
    chatstate.on('change:type', (...change) => this.trigger('change:chatstate.type', ...change));
    return this.add(new Model({ id: wid, isSubscribed: true, chatstate }));
  }

  async reSubscribeWhenActive() {}
}

/** `WAWebPresenceCollection.PresenceCollection`. */
export const PresenceCollection = new Presences();

/** The customer of a chat types, or types no more; nothing is known of a chat that was not subscribed to. */
export function showTyping({ chatId, typing }) {
  PresenceCollection.get(chatId)?.chatstate.set({ type: typing ? 'typing' : 'available' });
}
