import { me } from './connection.js';
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

  /** Loads one message without announcing it. */
  async #load(id) {
    const view = await call('find', { id: String(id) });
    return view && keep(view);
  }
}

export const Msg = new Messages();

/** The message of a view, added when it isn't loaded yet. */
export function keep(view, extra = {}) {
  return Msg.get(view.id) ?? Msg.add(new MessageModel({ ...attributesOf(view), ...extra }));
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
    id: MsgKey.fromString(view.id),
    type: view.type,
    body: view.body,
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
    ...(view.media ? mediaOf(view) : previewOf(view)),
  };
}

/** What a text with a link carries of the link's preview. */
function previewOf({ body, id }) {
  return body.includes('https://') ? { directPath: `/preview/${id}`, thumbnail: 'AAAA' } : {};
}

/** What a message has that WhatsApp refused; of the codes only that of the cap is kept. */
export function failureOf({ errorCode }) {
  return { isSendFailure: true, ...(errorCode === 475 && { errorCode }) };
}

/** What changes with a message whose author has edited it; its key is that of the edit. */
export function editOf(view) {
  const latestEditMsgKey = MsgKey.fromString(view.id.replace(view.stanzaId, `${view.stanzaId}E`));
  return {
    latestEditMsgKey,
    latestEditSenderTimestampMs: view.editedAt,
    ...(view.media ? { caption: view.body } : { body: view.body }),
  };
}

/** What a message carries of the one it quotes. */
function quoteOf(id) {
  const quoted = Msg.get(id);
  return {
    quotedMsg: { type: quoted?.type ?? 'chat', body: quoted?.body ?? '' },
    quotedStanzaID: MsgKey.fromString(id).id,
    quotedParticipant: quoted?.author ?? quoted?.from,
  };
}

/** What a message with media carries beside the text, which is its caption. */
function mediaOf({ body, media }) {
  return {
    body: '',
    caption: body,
    mimetype: media.mimetype,
    size: media.size,
    filehash: media.sha256,
    filename: media.filename,
    directPath: `/media/${media.sha256}`,
    mediaKey: 'stand-in',
    mediaObject: {},
    mediaData: { mediaStage: 'RESOLVED' },
  };
}
