import { me } from './connection.js';
import { attributesOfContent } from './contents.js';
import { call } from './line.js';
import { Collection, Model } from './model.js';
import { pageError } from './page-error.js';
import { createWid, MsgKey } from './wid.js';

// What IndexedDB says of a key that is none.
const NO_KEY = "Failed to execute 'get' on 'IDBObjectStore': No key or key range specified.";

/** All messages that the page has loaded. */
class Messages extends Collection {
  modelClass = Model;

  /** The messages of these ids, from the network when they aren't loaded. */
  async getMessagesById(ids) {
    if (ids.includes(undefined)) throw pageError(NO_KEY, { name: 'DataError' });
    const messages = await Promise.all(ids.map((id) => this.get(id) ?? this.#load(id)));
    return { messages: messages.filter(Boolean) };
  }

  /** A message that was revoked gets its new key, here and in its chat. */
  revoke(message, revocation) {
    for (const collection of message.collections) collection.replaceId(message.id, revocation.id);
    message.set(revocation);
  }

  /** Loads one message without announcing it; one that was revoked has another key than before. */
  async #load(id) {
    const view = await call('find', { id: String(id) });
    const message = view && keep(view);
    return String(message?.id) === String(id) ? message : undefined;
  }
}

export const Msg = new Messages();

/** The message of a view, added when it isn't loaded yet. */
export function keep(view, extra = {}) {
  return Msg.get(keyOf(view)) ?? Msg.add(new MessageModel({ ...attributesOf(view), ...extra }));
}

/** The key of a view: that of its revocation, for one that was taken back. */
function keyOf({ id, type, stanzaId, changeStanzaId }) {
  return MsgKey.fromString(type === 'revoked' && changeStanzaId ? id.replace(stanzaId, changeStanzaId) : id);
}

/** A message. */
class MessageModel extends Model {
  /** What an answer that quotes this message carries. */
  msgContextInfo() {
    return {
      quotedMsg: { type: this.type, body: this.body },
      quotedParticipant: this.author ?? this.from,
      quotedStanzaID: this.id.id,
    };
  }
}

/** A message of the network as WhatsApp Web's attributes. Times are whole seconds. */
function attributesOf(view) {
  const chat = createWid(view.chatId);
  const self = chat.isLid() && me.lid ? me.lid : me.pn;
  const hasAuthor = chat.isGroup() || chat.isStatus();
  return {
    id: keyOf(view),
    type: view.type,
    t: Math.floor(view.timestamp / 1000),
    from: view.fromMe ? self : chat,
    to: view.fromMe ? chat : self,
    ...(hasAuthor && { author: createWid(view.senderId) }),
    self: view.fromMe ? 'out' : 'in',
    ack: view.ack,
    ...(view.ack < 0 && failureOf(view)),
    notifyName: view.senderName,
    mentionedJidList: view.mentionedIds.map(createWid),
    isNewMsg: false,
    isStatusV3: chat.isStatus(),
    star: false,
    ...(view.quotedId && quoteOf(view.quotedId)),
    ...(view.editedAt !== undefined && editOf(view)),
    ...(view.type === 'revoked' ? revocationOf(view) : attributesOfContent(view)),
  };
}

/** What a message has that WhatsApp refused; of the codes only that of the cap is kept. */
export function failureOf({ errorCode }) {
  return { isSendFailure: true, ...(errorCode === 475 && { errorCode }) };
}

/** What changes with a message whose author has edited it; its key is that of the edit. */
export function editOf(view) {
  const latestEditMsgKey = MsgKey.fromString(view.id.replace(view.stanzaId, view.changeStanzaId));
  return {
    latestEditMsgKey,
    latestEditSenderTimestampMs: view.editedAt,
    ...(view.media ? { caption: view.body } : { body: view.body }),
  };
}

/** Attributes of a revoked message, which has the key of its revocation. */
export function revocationOf(view) {
  return {
    id: keyOf(view),
    protocolMessageKey: MsgKey.fromString(view.id),
    type: 'revoked',
    subtype: 'sender',
    ...{ body: undefined, caption: undefined, directPath: undefined, mediaData: undefined },
    ...{ loc: undefined, lat: undefined, lng: undefined, vcardList: undefined },
  };
}

/** What a message carries of the one it quotes. */
function quoteOf(id) {
  const quoted = Msg.get(id);
  return {
    quotedMsg: {
      type: quoted?.type ?? 'chat',
      body: quoted?.body ?? '',
      caption: quoted?.caption,
      directPath: quoted?.directPath,
    },
    quotedStanzaID: MsgKey.fromString(id).id,
    quotedParticipant: quoted?.author ?? quoted?.from,
  };
}
