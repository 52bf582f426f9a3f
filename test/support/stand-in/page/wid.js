import { pageError } from './page-error.js';
import { switches } from './switches.js';

/** An address. Own properties and `toJSON` differ on purpose: results and event arguments travel differently. */
class Wid {
  constructor(user, server) {
    this.server = server;
    this.user = user;
    this._serialized = `${user}@${server}`;
  }

  isLid() {
    return this.server === 'lid';
  }

  isUser() {
    return this.server === 'c.us' || this.server === 'lid';
  }

  isGroup() {
    return this.server === 'g.us';
  }

  isStatus() {
    return this._serialized === 'status@broadcast';
  }

  isNewsletter() {
    return this.server === 'newsletter';
  }

  /** The address on the wire. */
  toJid() {
    return this._serialized.replace('@c.us', '@s.whatsapp.net');
  }

  toString() {
    return this._serialized;
  }

  toJSON() {
    return this._serialized;
  }
}

/** A Wid of a string, or the Wid it was given. Throws on anything else, in WhatsApp Web's words. */
export function createWid(wid) {
  if (wid instanceof Wid) return wid;
  const [, user, server] = /^([\w.-]+)@(c\.us|lid|g\.us|broadcast|newsletter)$/.exec(String(wid)) ?? [];
  if (user === undefined) throw pageError('wid error: invalid wid');
  return new Wid(user, server);
}

/** A Wid of anything that looks like one. */
export function createWidFromWidLike(wid) {
  return createWid(wid?._serialized ?? wid);
}

/** The Wid of a person; throws for groups and the like. */
export function asUserWidOrThrow(wid) {
  if (!wid?.isUser()) throw pageError('wid error: not a user wid');
  return wid;
}

/** The id of a message: `fromMe_chat_stanza[_participant]`. */
class Key {
  /** `selfDir: 'out'` makes the key of an own message to `to`. */
  constructor({ from, to, id, participant, selfDir }) {
    this.fromMe = selfDir === 'out';
    this.remote = this.fromMe ? to : from;
    this.id = id;
    if (participant) this.participant = participant;
  }

  /** A fresh stanza id. */
  static async newId() {
    const bytes = crypto.getRandomValues(new Uint8Array(9));
    return `3EB0${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`.toUpperCase();
  }

  /** The key of a serialised id. */
  static fromString(text) {
    const [fromMe, chat, id, participant] = text.split('_');
    const remote = createWid(chat);
    return new MsgKey({
      from: remote,
      to: remote,
      id,
      participant: participant && createWid(participant),
      selfDir: fromMe === 'true' ? 'out' : 'in',
    });
  }
}

/** The text of a key. */
const textOf = ({ fromMe, remote, id, participant }) =>
  [fromMe, remote, id, ...(participant ? [participant] : [])].join('_');

/** The key as it was until July 2026. */
class NamedKey extends Key {
  constructor(parts) {
    super(parts);
    this._serialized = textOf(this);
  }

  toString() {
    return this._serialized;
  }
}

/** The same, minified with its property. */
class MinifiedKey extends Key {
  constructor(parts) {
    super(parts);
    this.$1 = textOf(this);
  }

  toString() {
    return this.$1;
  }
}

/** `WAWebMsgKey` of this build. */
export const MsgKey = switches.msgKey === '$1' ? MinifiedKey : NamedKey;
