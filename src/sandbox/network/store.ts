import type { Jid } from '../../actors/domain/identity.ts';
import type { Journal } from './journal.ts';
import type { StoreRecord } from './records.ts';
import type { Account, ChatMessage, Group } from './types.ts';

/** The parts of a message that are gone when it is revoked. */
const CONTENT_PARTS = ['media', 'location', 'contacts', 'poll', 'previewUrl', 'reactions'] as const;

export interface Chat {
  id: Jid;
  name: string;
  unread: number;
  messages: ChatMessage[];
}

/** The chats of one account. */
interface Box {
  chats: Map<Jid, Chat>;
  byStanza: Map<string, ChatMessage>;
}

/**
 * The state of the simulated WhatsApp. Changed by `commit` only, which writes a record to the journal (if any), then
 * applies it. Returned objects are the store's own: don't write to them.
 */
export class Store {
  readonly accounts = new Map<Jid, Account>();
  readonly byLid = new Map<Jid, Account>();
  readonly groups = new Map<Jid, Group>();
  /** Linked device token → account. */
  readonly tokens = new Map<string, Jid>();
  /** agentId → the token that the in-process driver keeps for it, and the agent's user. */
  readonly saved = new Map<string, { userId?: number; token: string }>();
  /** How often the service has started on this journal. */
  life = 0;
  readonly #boxes = new Map<Jid, Box>();
  readonly #journal: Journal | null;
  readonly #chatSize: number;

  constructor(options: { journal: Journal | null; chatSize: number }) {
    this.#journal = options.journal;
    this.#chatSize = options.chatSize;
  }

  /** Replays and compacts the journal, and counts a new life. */
  restore(): void {
    for (const record of this.#journal?.read() ?? []) this.#apply(record);
    this.#apply({ kind: 'start', life: this.life + 1 });
    this.#journal?.rewrite(this.#records());
  }

  /** Applies a change: on disk first, then in memory. */
  commit(record: StoreRecord): void {
    this.#journal?.append(record);
    this.#apply(record);
  }

  /** Writes the changes of `change` to the journal at once. */
  together(change: () => void): void {
    if (this.#journal) this.#journal.together(change);
    else change();
  }

  close(): void {
    this.#journal?.close();
  }

  chats(owner: Jid): Chat[] {
    return [...(this.#boxes.get(owner)?.chats.values() ?? [])];
  }

  chat(owner: Jid, chatId: Jid): Chat | undefined {
    return this.#boxes.get(owner)?.chats.get(chatId);
  }

  /** A message by the account's own `id`, or by the stanza id that is its third part. */
  message(owner: Jid, id: string): ChatMessage | undefined {
    return this.#boxes.get(owner)?.byStanza.get(id.split('_')[2] ?? id);
  }

  /** Own messages at ack 0, oldest first. */
  pending(owner: Jid): ChatMessage[] {
    const all = [...(this.#boxes.get(owner)?.byStanza.values() ?? [])];
    return all.filter((message) => message.fromMe && message.ack === 0);
  }

  #apply(record: StoreRecord): void {
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

  /** Adds a message to the owner's chat; the oldest are dropped. */
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
    // Dropped an eighth at a time: removing one per message costs more.
    if (chat.messages.length <= this.#chatSize + Math.floor(this.#chatSize / 8)) return;
    for (const { stanzaId } of chat.messages.splice(0, chat.messages.length - this.#chatSize)) {
      box.byStanza.delete(stanzaId);
    }
  }

  #setAck({ owner, stanzaId, ack, errorCode }: Extract<StoreRecord, { kind: 'ack' }>): void {
    const message = this.#box(owner).byStanza.get(stanzaId);
    if (message) Object.assign(message, { ack }, errorCode !== undefined && { errorCode });
  }

  #replaceMessage(owner: Jid, changed: ChatMessage): void {
    const message = this.#box(owner).byStanza.get(changed.stanzaId);
    if (!message) return;
    // How far it got is another record's matter.
    Object.assign(message, { ...changed, ack: message.ack });
    if (changed.type !== 'revoked') return;
    for (const part of CONTENT_PARTS) delete message[part];
  }

  #box(owner: Jid): Box {
    let box = this.#boxes.get(owner);
    if (!box) {
      box = { chats: new Map(), byStanza: new Map() };
      this.#boxes.set(owner, box);
    }
    return box;
  }

  /** The shortest list of records that gives this state. */
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
