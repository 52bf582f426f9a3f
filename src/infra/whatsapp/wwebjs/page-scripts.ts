import type { Jid } from '../../../actors/ports.ts';

// Expressions for the page, in the words of WhatsApp Web's modules and of what the library injects there. They are
// text, not functions: a function would carry the build's own additions into the page.

/** Who may be asked for a name or a history: reading the status at the wrong moment has ended sessions (FAULTS F2). */
const PEOPLE = String.raw`/@(c\.us|lid|g\.us)$/`;

/**
 * The page function that answers a chat's messages of one direction, oldest first, at least `limit` if there are so
 * many. The library's own `fetchMessages` turns messages of the same second around.
 */
const COLLECT = `async (chat, fromMe, limit) => {
  const { loadEarlierMsgs } = window.require('WAWebChatLoadMessages');
  const wanted = (message) => !message.isNotification && message.id.fromMe === fromMe;
  let messages = chat.msgs.getModelsArray().filter(wanted);
  while (messages.length < limit) {
    const earlier = await loadEarlierMsgs({ chat });
    if (!earlier?.length) break;
    messages = [...earlier.filter(wanted), ...messages];
  }
  const byTime = [...new Set(messages)].sort((one, other) => one.t - other.t);
  return byTime.slice(-limit).map((message) => window.WWebJS.getMessageModel(message));
}`;

/** Shows or hides that we are typing; the library's own way wants a look-up of the chat before. */
export function typingScript(chatId: Jid, typing: boolean): string {
  return `window.WWebJS.sendChatstate('${typing ? 'typing' : 'stop'}', ${JSON.stringify(chatId)})`;
}

/**
 * The socket's state; `OPENING` for a page that is connected but, after a reload of its own, without the library:
 * it neither sends nor hears.
 */
export function stateScript(): string {
  return `(() => {
    const { state } = window.require('WAWebSocketModel').Socket;
    return state === 'CONNECTED' && !window.WWebJS ? 'OPENING' : (state ?? 'UNLAUNCHED');
  })()`;
}

/** Our LID, or an empty text. */
export function ownLidScript(): string {
  return `window.require('WAWebUserPrefsMeUser').getMaybeMeLidUser()?._serialized ?? ''`;
}

/** The title of a chat that is loaded, or an empty text. Asks the network for nothing. */
export function chatNameScript(chatId: Jid): string {
  return `(() => {
    const id = ${JSON.stringify(chatId)};
    if (!${PEOPLE}.test(id)) return '';
    const wid = window.require('WAWebWidFactory').createWid(id);
    return window.require('WAWebCollections').Chat.get(wid)?.formattedTitle ?? '';
  })()`;
}

/** The chat of a message that can be quoted; null when there is no such message or it can't be quoted. */
export function quotableScript(messageId: string): string {
  return `(async () => {
    const id = ${JSON.stringify(messageId)};
    const { Msg } = window.require('WAWebCollections');
    const message = Msg.get(id) ?? (await Msg.getMessagesById([id]))?.messages?.[0];
    const reply = window.require('WAWebMsgReply');
    const isQuotable = message && (reply ? reply.canReplyMsg(message.unsafe()) : message.canReply());
    return isQuotable ? String(message.id.remote?._serialized ?? message.id.remote) : null;
  })()`;
}

/** Models of the newest own messages of a chat, oldest first; none where there is no chat. */
export function ownMessagesScript(chatId: Jid, limit: number): string {
  return `(async () => {
    const chat = await window.WWebJS.getChat(${JSON.stringify(chatId)}, { getAsModel: false });
    return chat ? (${COLLECT})(chat, true, ${limit}) : [];
  })()`;
}

/** Of each chat with unread messages its name and their models, oldest first, or why they can't be had. */
export function unreadScript(perChat: number): string {
  return `(async () => {
    const collect = ${COLLECT};
    const chats = window.require('WAWebCollections').Chat.getModelsArray();
    const unread = chats.filter(({ id, unreadCount }) => unreadCount > 0 && ${PEOPLE}.test(id._serialized));
    return Promise.all(unread.map(async (chat) => {
      const limit = Math.min(chat.unreadCount, ${perChat});
      const name = chat.formattedTitle ?? '';
      return collect(chat, false, limit).then((messages) => ({ name, messages }), (error) => ({ error: String(error) }));
    }));
  })()`;
}
