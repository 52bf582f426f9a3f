import type { Jid } from '../../actors/domain/identity.ts';
import type { Restriction } from '../../actors/domain/ports/whatsapp.ts';
import type { Composer, Post } from './composer.ts';
import { type Behaviour, behaviourOf } from './fixed-numbers.ts';
import { type Account, type ChatMessage, type Device, type Draft, SandboxRefusal } from './types.ts';
import { addressOf, findAccount, type World } from './world.ts';

/** WhatsApp's code of a refusal by restriction. */
const RESTRICTION_CODES: Record<Restriction['kind'], number> = { reachout_timelock: 463, message_cap: 475 };

/** What sending does to the sender's own line. */
export interface SenderFaults {
  drop(pn: Jid, forMs: number): void;
  ban(pn: Jid): void;
}

/**
 * WhatsApp's server: takes messages from accounts in order, refuses or acknowledges them, and brings copies to
 * the others. An own message at ack 0 is one that the server hasn't seen; `flush` sends those that wait.
 */
export class Delivery {
  readonly #world: World;
  readonly #faults: SenderFaults;
  readonly #composer: Composer;
  /** `account|stanza` of what is on its way, and of what is not to drop the line or be refused a second time. */
  readonly #onTheWay = new Set<string>();
  readonly #once = new Set<string>();

  constructor(world: World, composer: Composer, faults: SenderFaults) {
    this.#world = world;
    this.#composer = composer;
    this.#faults = faults;
  }

  /**
   * Takes a message into the sender's chat at ack 0 and, unless the device is offline, on its way.
   * @throws SandboxRefusal UNKNOWN_CHAT, UNKNOWN_QUOTE
   */
  handOver(sender: Account, draft: Draft, sentBy: Device | null): ChatMessage {
    const message = this.#composer.own(sender, draft);
    this.#keep(sender.pn, message, sentBy);
    this.#world.wire('send', sender.pn, { id: message.stanzaId, to: message.chatId, type: message.type });
    if (!sentBy || sentBy.state === 'CONNECTED') this.#transmit(sender, message, sentBy === null);
    return message;
  }

  /** The account's connection is back: sends what waits, in order. */
  flush(pn: Jid): void {
    const sender = findAccount(this.#world, pn);
    if (!sender) return;
    for (const message of this.#world.store.pending(pn)) {
      if (!this.#onTheWay.has(`${pn}|${message.stanzaId}`)) this.#transmit(sender, message, false);
    }
  }

  /** A message that comes from no chat partner; it goes to one account. */
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
   * The author changes the text of a message, or (`null`) takes it back, for all who have it.
   * @throws SandboxRefusal UNKNOWN_MESSAGE
   */
  change(author: Account, id: string, text: string | null): ChatMessage {
    const { store, schedule } = this.#world;
    const own = store.message(author.pn, id);
    if (!own?.fromMe || own.type === 'revoked')
      throw new SandboxRefusal('UNKNOWN_MESSAGE', 'There is no such message of this author.');
    const change = text === null ? { type: 'revoked' as const, body: '' } : { body: text };
    const peers = store.groups.get(own.chatId)?.participants ?? [findAccount(this.#world, own.chatId)?.pn];
    this.#world.wire(text === null ? 'revoke' : 'edit', author.pn, { id: own.stanzaId });
    for (const owner of new Set([author.pn, ...peers])) {
      const message = owner && store.message(owner, own.stanzaId);
      if (!message) continue;
      const changed = { ...message, ...change, ...(text !== null && { editedAt: schedule.timestamp() }) };
      store.commit({ kind: 'edit', owner, message: changed });
      this.#world.events.emit('edited', owner, { ...message });
    }
    return { ...own };
  }

  /** The reader has read a chat: unread is 0, and the writers see it. */
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

  /** Stores a copy and tells of it. */
  #keep(owner: Jid, message: ChatMessage, sentBy: Device | null): void {
    this.#world.store.commit({ kind: 'message', owner, message });
    this.#world.events.emit('message', owner, { ...message }, sentBy);
  }

  /** A copy for the receiver; a direct one may come under the sender's other address as well. */
  #bringCopy(receiver: Account, sender: Account, message: ChatMessage): void {
    const copy = this.#composer.copyFor(receiver, sender, message);
    this.#keep(receiver.pn, copy, null);
    if (!this.#world.settings.twoKeys || copy.chatId.endsWith('@g.us')) return;
    const other = sender.addressedByLid ? sender.pn : sender.lid;
    const id = `false_${other}_${copy.stanzaId}`;
    this.#world.events.emit('message', receiver.pn, { ...copy, id, chatId: other, senderId: other }, null);
  }

  /** Puts a message on its way to the server; it never overtakes an earlier one. */
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
      // Lost with the connection: it is still at ack 0, and leaves with the next flush.
      if (byPhone || line.state === 'CONNECTED')
        this.#world.store.together(() => this.#arrive(sender, message));
    });
  }

  /** The server has the message: refuses it, or acknowledges it and brings it on. */
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
    for (const pn of readers) this.#bring(sender, message, pn);
  }

  /** Whether the server says no, by the number, its first time, or chance. */
  #refuses(sender: Account, message: ChatMessage, behaviour: Behaviour): boolean {
    if (!behaviour.exists || behaviour.bans) return true;
    if (behaviour.refusesFirst && this.#first(`refuse|${sender.pn}|${message.chatId}`)) return true;
    const { failureRate } = this.#world.lines.of(sender.pn);
    return failureRate > 0 && this.#world.seeded.share(`failure:${sender.pn}`) < failureRate;
  }

  /** WhatsApp's code for a message that the sender may not write now: to someone who never wrote. */
  #restrictionOf(sender: Account, { chatId }: ChatMessage): number | undefined {
    const { restriction } = this.#world.lines.of(sender.pn);
    if (!restriction || !/@(c\.us|lid)$/.test(chatId)) return undefined;
    const hasWritten = this.#world.store.chat(sender.pn, chatId)?.messages.some(({ fromMe }) => !fromMe);
    return hasWritten ? undefined : RESTRICTION_CODES[restriction.kind];
  }

  /** Brings a message to one account, when its phone can be reached. */
  #bring(sender: Account, message: ChatMessage, pn: Jid): void {
    const { reachable, deliversAfterMs } = behaviourOf(pn);
    if (!reachable) return;
    if (deliversAfterMs === 0) this.#deliver(sender, message, pn);
    else this.#world.schedule.after(deliversAfterMs, () => this.#deliver(sender, message, pn));
  }

  /** The copy comes into the receiver's chat; the receiver may read it and answer by itself. */
  #deliver(sender: Account, message: ChatMessage, pn: Jid): void {
    const receiver = findAccount(this.#world, pn);
    if (!receiver) return;
    if (pn !== sender.pn) this.#bringCopy(receiver, sender, message);
    this.#acknowledge(sender, message.stanzaId, 2);
    const { readsAfterMs, reply } = behaviourOf(pn);
    const chatId = message.chatId.endsWith('@g.us') ? message.chatId : addressOf(sender);
    if (readsAfterMs !== null) this.#world.schedule.after(readsAfterMs, () => this.read(receiver, chatId));
    // A bot that answers by repeating would have it answer for ever.
    const isAnswer = reply !== null && message.body.includes(reply);
    if (reply !== null && !isAnswer && pn !== sender.pn && chatId !== message.chatId)
      this.handOver(receiver, { to: chatId, text: reply }, null);
  }

  /** The writer learns how far a message got; ticks only grow. */
  #acknowledge(writer: Account, stanzaId: string, ack: number, errorCode?: number): void {
    const { store, events } = this.#world;
    const message = store.message(writer.pn, stanzaId);
    if (!message?.fromMe || message.ack < 0 || (ack > 0 && ack <= message.ack)) return;
    const why: { errorCode?: number } = errorCode === undefined ? {} : { errorCode };
    store.commit({ kind: 'ack', owner: writer.pn, stanzaId, ack, ...why });
    this.#world.wire('ack', writer.pn, { id: stanzaId, ack, ...(errorCode !== undefined && { errorCode }) });
    events.emit('ack', writer.pn, { messageId: message.id, ack, chatId: message.chatId, ...why });
  }

  /** True the first time only. */
  #first(key: string): boolean {
    if (this.#once.has(key)) return false;
    this.#once.add(key);
    return true;
  }
}
