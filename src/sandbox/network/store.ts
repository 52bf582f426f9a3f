import type { Jid } from '../../actors/domain/identity.ts';
import type { Journal } from './journal.ts';
import type { StoreRecord } from './records.ts';
import type { Account, ChatMessage, Group } from './types.ts';

/** A chat of one account. */
export interface Chat {
  id: Jid;
  name: string;
  unread: number;
  messages: ChatMessage[];
}

/** What one account has on its phone. */
interface Box {
  chats: Map<Jid, Chat>;
  byStanza: Map<string, ChatMessage>;
}

/**
 * All that the simulated WhatsApp remembers. `commit` is the only way to change it: it writes the record to the
 * journal (if there is one), then folds it in. Objects handed out are the store's own: read, don't write.
 */
export class Store {
  readonly accounts = new Map<Jid, Account>();
  readonly byLid = new Map<Jid, Account>();
  readonly groups = new Map<Jid, Group>();
  /** Linked device token → account. */
  readonly tokens = new Map<string, Jid>();
  /** agentId → the token that the in-process driver keeps for it, and whose it is. */
  readonly saved = new Map<string, { userId?: number; token: string }>();
  /** How often the service has come up on this journal. */
  life = 0;
  readonly #boxes = new Map<Jid, Box>();
  readonly #journal: Journal | null;
  readonly #chatSize: number;

  constructor(options: { journal: Journal | null; chatSize: number }) {
    this.#journal = options.journal;
    this.#chatSize = options.chatSize;
  }

  /** Reads the journal back, shortens it to what still counts, and begins a new life. */
  restore(): void {
    for (const record of this.#journal?.read() ?? []) this.#fold(record);
    this.#fold({ kind: 'start', life: this.life + 1 });
    this.#journal?.rewrite(this.#records());
  }

  /** Makes a change: on disk first, then in memory. */
  commit(record: StoreRecord): void {
    this.#journal?.append(record);
    this.#fold(record);
  }

  /** Makes several changes that belong together, with one write. */
  together(change: () => void): void {
    if (this.#journal) this.#journal.together(change);
    else change();
  }

  /** Closes the journal. */
  close(): void {
    this.#journal?.close();
  }

  /** All chats on an account's phone. */
  chats(owner: Jid): Chat[] {
    return [...(this.#boxes.get(owner)?.chats.values() ?? [])];
  }

  /** One of them, if it is there. */
  chat(owner: Jid, chatId: Jid): Chat | undefined {
    return this.#boxes.get(owner)?.chats.get(chatId);
  }

  /** By the account's own `id`, or by the stanza id that is its third part. */
  message(owner: Jid, id: string): ChatMessage | undefined {
    return this.#boxes.get(owner)?.byStanza.get(id.split('_')[2] ?? id);
  }

  /** Own messages that the server has not seen, in the order of writing. */
  pending(owner: Jid): ChatMessage[] {
    const all = [...(this.#boxes.get(owner)?.byStanza.values() ?? [])];
    return all.filter((message) => message.fromMe && message.ack === 0);
  }

  /** Puts one record into the picture. */
  #fold(record: StoreRecord): void {
    switch (record.kind) {
      case 'start':
        this.life = record.life;
        break;
      case 'account':
        this.accounts.set(record.account.pn, record.account);
        this.byLid.set(record.account.lid, record.account);
        break;
      case 'group':
        this.groups.set(record.group.id, record.group);
        break;
      case 'link':
        this.tokens.set(record.token, record.pn);
        break;
      case 'unlink':
        this.tokens.delete(record.token);
        break;
      case 'save':
        this.saved.set(record.agentId, { userId: record.userId, token: record.token });
        break;
      case 'forget':
        this.saved.delete(record.agentId);
        break;
      case 'message':
        this.#addMessage(record.owner, record.message);
        break;
      case 'ack':
        this.#setAck(record);
        break;
      case 'edit':
        this.#replaceMessage(record.owner, record.message);
        break;
      case 'unread': {
        const chat = this.chat(record.owner, record.chatId);
        if (chat) chat.unread = record.count;
      }
    }
  }

  /** A message comes into the owner's chat; the oldest make room. */
  #addMessage(owner: Jid, message: ChatMessage): void {
    const box = this.#box(owner);
    const name = message.chatName ?? message.chatId;
    let chat = box.chats.get(message.chatId);
    if (!chat) {
      chat = { id: message.chatId, name, unread: 0, messages: [] };
      box.chats.set(chat.id, chat);
    }
    chat.name = name;
    chat.messages.push(message);
    if (!message.fromMe) chat.unread += 1;
    box.byStanza.set(message.stanzaId, message);
    // A few more than are wanted, so that they go in one step now and then.
    if (chat.messages.length <= this.#chatSize + Math.floor(this.#chatSize / 8)) return;
    for (const { stanzaId } of chat.messages.splice(0, chat.messages.length - this.#chatSize)) {
      box.byStanza.delete(stanzaId);
    }
  }

  /** An own message's ack changes; it waits no longer. */
  #setAck({ owner, stanzaId, ack, errorCode }: Extract<StoreRecord, { kind: 'ack' }>): void {
    const message = this.#box(owner).byStanza.get(stanzaId);
    if (message) Object.assign(message, { ack }, errorCode !== undefined && { errorCode });
  }

  /** A message's content changes, where it stands. */
  #replaceMessage(owner: Jid, { stanzaId, type, body, editedAt }: ChatMessage): void {
    const message = this.#box(owner).byStanza.get(stanzaId);
    if (!message) return;
    Object.assign(message, { type, body }, editedAt !== undefined && { editedAt });
    if (type === 'revoked') delete message.media;
  }

  /** The account's box, made when it is first needed. */
  #box(owner: Jid): Box {
    let box = this.#boxes.get(owner);
    if (!box) {
      box = { chats: new Map(), byStanza: new Map() };
      this.#boxes.set(owner, box);
    }
    return box;
  }

  /** The shortest list of records that folds to this picture. */
  *#records(): Generator<StoreRecord> {
    yield { kind: 'start', life: this.life };
    for (const account of this.accounts.values()) yield { kind: 'account', account };
    for (const group of this.groups.values()) yield { kind: 'group', group };
    for (const [token, pn] of this.tokens) yield { kind: 'link', token, pn };
    for (const [agentId, kept] of this.saved) yield { kind: 'save', agentId, ...kept };
    for (const [owner, box] of this.#boxes) {
      for (const chat of box.chats.values()) {
        for (const message of chat.messages) yield { kind: 'message', owner, message };
        yield { kind: 'unread', owner, chatId: chat.id, count: chat.unread };
      }
    }
  }
}
