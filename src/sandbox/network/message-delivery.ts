import type { Jid } from '../../actors/domain/identity.ts';
import type { Restriction } from '../../actors/domain/ports/whatsapp.ts';
import type { Composer, Post } from './composer.ts';
import { type Behaviour, behaviourOf } from './fixed-numbers.ts';
import {
  type Account,
  type CallView,
  type ChatMessage,
  type Device,
  type Draft,
  SandboxRefusal,
} from './types.ts';
import { addressOf, findAccount, type World } from './world.ts';

const RESTRICTION_CODES: Record<Restriction['kind'], number> = { reachout_timelock: 463, message_cap: 475 };

/** How long after a message its author may edit it, and revoke it. */
const EDIT_WINDOW_MS = 15 * 60_000;
const REVOKE_WINDOW_MS = 2.5 * 24 * 60 * 60_000;

const EDITABLE_TYPES = new Set<ChatMessage['type']>(['chat', 'image', 'video', 'document']);

/** Faults that a send causes on the sender's line. */
export interface SenderFaults {
  drop(pn: Jid, forMs: number): void;
  ban(pn: Jid): void;
}

/**
 * WhatsApp's server: accepts messages of accounts in order, refuses or acknowledges them, and delivers copies. An own
 * message at ack 0 has not reached the server; `flush` sends those.
 */
export class Delivery {
  readonly #world: World;
  readonly #faults: SenderFaults;
  readonly #composer: Composer;
  /** `account|stanza` of messages on their way to the server. */
  readonly #onTheWay = new Set<string>();
  /** Keys of faults that happen once: a dropped line, a refused first message. */
  readonly #once = new Set<string>();

  constructor(world: World, composer: Composer, faults: SenderFaults) {
    this.#world = world;
    this.#composer = composer;
    this.#faults = faults;
  }

  /**
   * Adds a message to the sender's chat at ack 0 and, unless the device is offline, transmits it.
   * @throws SandboxRefusal UNKNOWN_CHAT, UNKNOWN_QUOTE
   */
  handOver(sender: Account, draft: Draft, sentBy: Device | null): ChatMessage {
    const message = this.#composer.own(sender, draft);
    this.#keep(sender.pn, message, sentBy);
    this.#world.wire('send', sender.pn, { id: message.stanzaId, to: message.chatId, type: message.type });
    if (!sentBy || sentBy.state === 'CONNECTED') this.#transmit(sender, message, sentBy === null);
    return message;
  }

  /** Transmits an account's messages at ack 0, in order. */
  flush(pn: Jid): void {
    const sender = findAccount(this.#world, pn);
    if (!sender) return;
    for (const message of this.#world.store.pending(pn)) {
      if (!this.#onTheWay.has(`${pn}|${message.stanzaId}`)) this.#transmit(sender, message, false);
    }
  }

  /** Delivers a status or a channel's post to one account. */
  broadcast(to: Account, post: Post): ChatMessage {
    const message = this.#composer.post(post);
    this.#keep(to.pn, message, null);
    this.#world.wire('broadcast', to.pn, {
      id: message.stanzaId,
      from: message.senderId,
      chat: message.chatId,
    });
    return message;
  }

  /**
   * Edits the text of an own message, or revokes it (`null`), for all who have it.
   * @throws SandboxRefusal UNKNOWN_MESSAGE, NOT_OWN_MESSAGE, NOT_EDITABLE, TOO_LATE
   */
  change(author: Account, id: string, text: string | null): ChatMessage {
    const own = this.#message(author, id);
    const now = this.#world.schedule.timestamp();
    if (!own.fromMe) throw new SandboxRefusal('NOT_OWN_MESSAGE', 'Another account wrote this message.');
    if (text !== null && !EDITABLE_TYPES.has(own.type))
      throw new SandboxRefusal('NOT_EDITABLE', 'Only texts and captions can be edited.');
    if (now - own.timestamp > (text === null ? REVOKE_WINDOW_MS : EDIT_WINDOW_MS))
      throw new SandboxRefusal('TOO_LATE', 'The message is too old.');
    const changeStanzaId = this.#composer.newStanza(author.pn);
    const change =
      text === null
        ? { type: 'revoked' as const, body: '', changeStanzaId }
        : { body: text, editedAt: now, changeStanzaId };
    this.#world.wire(text === null ? 'revoke' : 'edit', author.pn, { id: own.stanzaId });
    for (const [owner, message] of this.#copies(author, own)) {
      this.#world.store.commit({ kind: 'edit', owner, message: { ...message, ...change } });
      this.#world.events.emit('edited', owner, { ...message });
    }
    return { ...own };
  }

  /** Someone reacts to a message, or (`''`) takes the reaction back. @throws SandboxRefusal UNKNOWN_MESSAGE */
  react(person: Account, id: string, emoji: string): ChatMessage {
    const own = this.#message(person, id);
    const stanza = this.#composer.newStanza(person.pn);
    const senderId = addressOf(person);
    const timestamp = this.#world.schedule.timestamp();
    this.#world.wire('reaction', person.pn, { id: own.stanzaId, emoji });
    for (const [owner, message] of this.#copies(person, own)) {
      const fromMe = owner === person.pn;
      const others = (message.reactions ?? []).filter((other) => other.senderId !== senderId);
      const inGroup = message.chatId.endsWith('@g.us') ? `_${senderId}` : '';
      const reaction = { id: `${fromMe}_${message.chatId}_${stanza}${inGroup}`, senderId, fromMe, emoji };
      this.#annotate(owner, message, { reactions: emoji === '' ? others : [...others, reaction] });
      const { id: messageId, chatId } = message;
      this.#world.events.emit('reaction', owner, { ...reaction, messageId, chatId, timestamp });
    }
    return { ...own };
  }

  /** Someone calls a person or the other members of a group. @throws SandboxRefusal UNKNOWN_CHAT */
  call(caller: Account, to: Jid, isVideo: boolean): CallView {
    const group = this.#world.store.groups.get(to);
    const person = group ? null : findAccount(this.#world, to);
    const called = group ? group.participants.filter((pn) => pn !== caller.pn) : person ? [person.pn] : [];
    if (called.length === 0) throw new SandboxRefusal('UNKNOWN_CHAT', 'There is no account to call.');
    const id = this.#world.seeded.hex(`call:${caller.pn}`, 32).toUpperCase();
    const timestamp = this.#world.schedule.timestamp();
    const call = { id, from: addressOf(caller), isVideo, isGroup: group !== undefined, timestamp };
    this.#world.wire('call', caller.pn, { to, isVideo });
    for (const pn of called) this.#world.events.emit('call', pn, call);
    return call;
  }

  /** Someone votes in a poll, in place of an earlier vote. @throws SandboxRefusal UNKNOWN_MESSAGE, UNKNOWN_OPTION */
  vote(person: Account, id: string, options: string[]): ChatMessage {
    const own = this.#message(person, id);
    const known = own.poll?.options ?? [];
    const most = own.poll?.selectableCount || known.length;
    if (options.length > most || !options.every((option) => known.includes(option)))
      throw new SandboxRefusal(
        'UNKNOWN_OPTION',
        `The poll has no such option, or allows no more than ${most}.`,
      );
    const voterId = addressOf(person);
    this.#world.wire('vote', person.pn, { id: own.stanzaId });
    for (const [owner, message] of this.#copies(person, own)) {
      if (!message.poll) continue;
      const others = message.poll.votes.filter((vote) => vote.voterId !== voterId);
      const vote = { voterId, fromMe: owner === person.pn, options };
      const votes = options.length === 0 ? others : [...others, vote];
      this.#annotate(owner, message, { poll: { ...message.poll, votes } });
    }
    return { ...own };
  }

  /** Someone plays a voice note of another: its writer sees it as played. @throws SandboxRefusal UNKNOWN_MESSAGE */
  play(listener: Account, id: string): void {
    const note = this.#message(listener, id);
    const writer = note.fromMe ? null : findAccount(this.#world, note.senderId);
    if (!writer || note.type !== 'ptt')
      throw new SandboxRefusal('UNKNOWN_MESSAGE', 'There is no such voice note of another person.');
    this.#world.wire('play', listener.pn, { id: note.stanzaId });
    this.#acknowledge(writer, note.stanzaId, 4);
  }

  /** A message of an account's chats. @throws SandboxRefusal UNKNOWN_MESSAGE */
  #message(account: Account, id: string): ChatMessage {
    const message = this.#world.store.message(account.pn, id);
    if (message && message.type !== 'revoked') return message;
    throw new SandboxRefusal('UNKNOWN_MESSAGE', 'There is no such message.');
  }

  /** Each copy of a message that an account has, with its owner. */
  #copies(account: Account, own: ChatMessage): [Jid, ChatMessage][] {
    const { store } = this.#world;
    const peers = store.groups.get(own.chatId)?.participants ?? [findAccount(this.#world, own.chatId)?.pn];
    return [...new Set([account.pn, ...peers])].flatMap((owner) => {
      const message = owner && store.message(owner, own.stanzaId);
      return message ? [[owner, message]] : [];
    });
  }

  /** The reactions or votes of a copy change. */
  #annotate(owner: Jid, message: ChatMessage, addons: Pick<ChatMessage, 'reactions' | 'poll'>): void {
    this.#world.store.commit({ kind: 'edit', owner, message: { ...message, ...addons } });
    this.#world.events.emit('addon', owner, { ...message });
  }

  /** Marks a chat read, and sends read receipts to the writers. */
  read(reader: Account, chatId: Jid): void {
    const { store } = this.#world;
    const chat = store.chat(reader.pn, chatId);
    if (!chat || chat.unread === 0) return;
    const unread = chat.messages.filter((message) => !message.fromMe).slice(-chat.unread);
    store.commit({ kind: 'unread', owner: reader.pn, chatId, count: 0 });
    this.#world.events.emit('read', reader.pn, chatId);
    for (const message of unread) {
      const writer = findAccount(this.#world, message.senderId);
      if (writer) this.#acknowledge(writer, message.stanzaId, 3);
    }
  }

  /** Stores a copy and emits it. */
  #keep(owner: Jid, message: ChatMessage, sentBy: Device | null): void {
    this.#world.store.commit({ kind: 'message', owner, message });
    this.#world.events.emit('message', owner, { ...message }, sentBy);
  }

  /** Stores the receiver's copy; a direct one may also be emitted under the sender's other address. */
  #storeCopy(receiver: Account, sender: Account, message: ChatMessage): void {
    const copy = this.#composer.copyFor(receiver, sender, message);
    this.#keep(receiver.pn, copy, null);
    if (!this.#world.settings.twoKeys || copy.chatId.endsWith('@g.us')) return;
    const other = sender.addressedByLid ? sender.pn : sender.lid;
    const id = `false_${other}_${copy.stanzaId}`;
    this.#world.events.emit('message', receiver.pn, { ...copy, id, chatId: other, senderId: other }, null);
  }

  /** Sends a message to the server; it does not overtake an earlier one. */
  #transmit(sender: Account, message: ChatMessage, byPhone: boolean): void {
    const { schedule, lines } = this.#world;
    const { dropsSenderForMs } = behaviourOf(message.chatId);
    if (dropsSenderForMs !== null && !byPhone && this.#first(`drop|${message.stanzaId}`)) {
      this.#faults.drop(sender.pn, dropsSenderForMs);
      return;
    }
    const line = lines.of(sender.pn);
    const key = `${sender.pn}|${message.stanzaId}`;
    line.lastArrival = Math.max(schedule.now() + (byPhone ? 0 : line.latencyMs), line.lastArrival);
    this.#onTheWay.add(key);
    schedule.at(line.lastArrival, () => {
      this.#onTheWay.delete(key);
      // Otherwise lost with the connection: it stays at ack 0 until the next flush.
      if (byPhone || line.state === 'CONNECTED')
        this.#world.store.together(() => this.#arrive(sender, message));
    });
  }

  /** The server has the message: refuses it, or acknowledges and delivers it. */
  #arrive(sender: Account, message: ChatMessage): void {
    const { store } = this.#world;
    const group = store.groups.get(message.chatId);
    const peer = group ? null : findAccount(this.#world, message.chatId);
    const behaviour = behaviourOf(peer?.pn ?? message.chatId);
    const errorCode = this.#restrictionOf(sender, message);
    if (errorCode !== undefined || this.#refuses(sender, message, behaviour)) {
      this.#acknowledge(sender, message.stanzaId, -1, errorCode);
      if (behaviour.bans) this.#faults.ban(sender.pn);
      return;
    }
    this.#acknowledge(sender, message.stanzaId, 1);
    const readers = group ? group.participants.filter((pn) => pn !== sender.pn) : peer ? [peer.pn] : [];
    for (const pn of readers) this.#route(sender, message, pn);
  }

  /** Whether the server refuses: by the number, the first time, or by chance. */
  #refuses(sender: Account, message: ChatMessage, behaviour: Behaviour): boolean {
    if (!behaviour.exists || behaviour.bans) return true;
    if (behaviour.refusesFirst && this.#first(`refuse|${sender.pn}|${message.chatId}`)) return true;
    const { failureRate } = this.#world.lines.of(sender.pn);
    return failureRate > 0 && this.#world.seeded.share(`failure:${sender.pn}`) < failureRate;
  }

  /** WhatsApp's code for a restricted sender's message to a person who never wrote; undefined: allowed. */
  #restrictionOf(sender: Account, { chatId }: ChatMessage): number | undefined {
    const { restriction } = this.#world.lines.of(sender.pn);
    if (!restriction || !/@(c\.us|lid)$/.test(chatId)) return undefined;
    const hasWritten = this.#world.store.chat(sender.pn, chatId)?.messages.some(({ fromMe }) => !fromMe);
    return hasWritten ? undefined : RESTRICTION_CODES[restriction.kind];
  }

  /** Delivers a message to one account once its phone is reachable. */
  #route(sender: Account, message: ChatMessage, pn: Jid): void {
    const { reachable, deliversAfterMs } = behaviourOf(pn);
    if (!reachable) return;
    if (deliversAfterMs === 0) this.#deliver(sender, message, pn);
    else this.#world.schedule.after(deliversAfterMs, () => this.#deliver(sender, message, pn));
  }

  /** Stores the receiver's copy; a fixed number may read and answer it. */
  #deliver(sender: Account, message: ChatMessage, pn: Jid): void {
    const receiver = findAccount(this.#world, pn);
    if (!receiver) return;
    if (pn !== sender.pn) this.#storeCopy(receiver, sender, message);
    this.#acknowledge(sender, message.stanzaId, 2);
    const { readsAfterMs, reply } = behaviourOf(pn);
    const chatId = message.chatId.endsWith('@g.us') ? message.chatId : addressOf(sender);
    if (readsAfterMs !== null) this.#world.schedule.after(readsAfterMs, () => this.read(receiver, chatId));
    // Else a bot that repeats the reply would be answered without end.
    const isAnswer = reply !== null && message.body.includes(reply);
    if (reply !== null && !isAnswer && pn !== sender.pn && chatId !== message.chatId)
      this.handOver(receiver, { to: chatId, text: reply }, null);
  }

  /** Raises the ack of the writer's message; lower ones are ignored. */
  #acknowledge(writer: Account, stanzaId: string, ack: number, errorCode?: number): void {
    const { store, events } = this.#world;
    const message = store.message(writer.pn, stanzaId);
    if (!message?.fromMe || message.ack < 0 || (ack > 0 && ack <= message.ack)) return;
    const why: { errorCode?: number } = errorCode === undefined ? {} : { errorCode };
    store.commit({ kind: 'ack', owner: writer.pn, stanzaId, ack, ...why });
    this.#world.wire('ack', writer.pn, { id: stanzaId, ack, ...(errorCode !== undefined && { errorCode }) });
    events.emit('ack', writer.pn, { messageId: message.id, ack, chatId: message.chatId, ...why });
  }

  /** True for the first call with a key. */
  #first(key: string): boolean {
    if (this.#once.has(key)) return false;
    this.#once.add(key);
    return true;
  }
}
