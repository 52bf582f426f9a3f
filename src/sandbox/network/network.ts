import type { KeyObject } from 'node:crypto';
import { EventEmitter } from 'eventemitter3';
import type { Jid } from '../../actors/domain/identity.ts';
import type { WebAuthnJson } from '../../actors/domain/ports/whatsapp.ts';
import { AdvanceableClock } from './advanceable-clock.ts';
import type { Faults } from './faults.ts';
import { Journal } from './journal.ts';
import { beginLife, type Life } from './life.ts';
import type { SavedTokens } from './saved-tokens.ts';
import {
  type Account,
  type CallView,
  type ChatMessage,
  type ChatView,
  type ContactView,
  DEFAULT_SETTINGS,
  type Device,
  type Draft,
  type DraftFile,
  type Group,
  type NetworkSettings,
  type SandboxNetworkEvents,
  type SandboxNetworkOptions,
  type WireEntry,
} from './types.ts';
import { chatsOf, messagesOf } from './views.ts';
import { accountOf, addressOf, contactOf, findAccount, saveGroup, toJid } from './world.ts';

/**
 * A small WhatsApp, simulated in this process. Numbers may be given as `62811…` or as `62811…@c.us`; every number
 * except the fixed 15550000001 has an account, created when it is first named.
 */
export class SandboxNetwork {
  readonly events = new EventEmitter<SandboxNetworkEvents>();
  readonly clock: AdvanceableClock;
  readonly #options: SandboxNetworkOptions;
  readonly #journal: Journal | null;
  readonly #settings: NetworkSettings = { ...DEFAULT_SETTINGS };
  #life: Life;

  constructor(options: SandboxNetworkOptions = {}) {
    this.#options = options;
    this.clock = options.clock ?? new AdvanceableClock();
    this.#journal = options.journal === undefined ? null : new Journal(options.journal);
    this.#life = this.#begin(options.seed ?? 'sandbox');
  }

  // ── Devices ──

  /** A new device: connects with a linked token, else shows refs. Subscribe to its events before the next tick. */
  openDevice(options: { token?: string | null } = {}): Device {
    return this.#life.devices.open(options.token ?? null);
  }

  devicesOf(number: string): Device[] {
    return this.#life.devices.of(toJid(number));
  }

  // ── Phones ──

  /** The account of a number, with these fields set. @throws SandboxRefusal UNKNOWN_CHAT: 15550000001, or no number */
  account(number: string, fields: Partial<Omit<Account, 'pn'>> = {}): Account {
    return accountOf(this.#life.world, number, fields);
  }

  /** What others may know of the person with a number or LID. */
  contact(jid: Jid): ContactView {
    return contactOf(this.#life.world, jid);
  }

  accounts(): Account[] {
    return [...this.#life.world.store.accounts.values()];
  }

  /** Creates a group, or replaces name and participants of the one with this id. */
  group(options: { id?: Jid; name: string; participants: string[] }): Group {
    return saveGroup(this.#life.world, options);
  }

  groups(): Group[] {
    return [...this.#life.world.store.groups.values()];
  }

  /** Scans a QR with the phone of `number`. @throws SandboxRefusal EXPIRED_REF, UNKNOWN_REF, ALREADY_SCANNED */
  scan(qr: string, number: string): Account {
    const account = this.account(number);
    this.#life.devices.scan(qr, account);
    this.events.emit('changed');
    return account;
  }

  /** Types a pairing code into the phone of `number`. @throws SandboxRefusal WRONG_CODE */
  enterCode(number: string, code: string): Account {
    const account = this.account(number);
    this.#life.devices.enterCode(account, code.toUpperCase().replace(/[^0-9A-Z]/g, ''));
    this.events.emit('changed');
    return account;
  }

  /** Sets the passkey of `number`, which is on an authenticator other than its phone. */
  registerPasskey(number: string, passkey: { id: string; publicKey: KeyObject }): void {
    this.#life.passkeys.register(this.account(number).pn, passkey);
  }

  /** Signs with the passkey on the phone of `number`, for the device that waits for it. @throws SandboxRefusal NOT_OPEN */
  signPasskey(number: string): WebAuthnJson {
    return this.#life.devices.signPasskey(this.account(number).pn);
  }

  /** Declines a QR on the phone: the device emits `refused`. @throws SandboxRefusal as scan */
  refuse(qr: string): void {
    this.#life.devices.refuse(qr);
  }

  /** Unlinks every device of the account on its phone, open or not. */
  unlink(number: string): void {
    this.#life.devices.unlinkAll(this.account(number).pn);
    this.events.emit('changed');
  }

  /**
   * Writes a message on the phone of `from`; returns the writer's copy.
   * @throws SandboxRefusal UNKNOWN_CHAT, UNKNOWN_QUOTE
   */
  write(from: string, draft: Draft): ChatMessage {
    return { ...this.#life.delivery.handOver(this.account(from), draft, null) };
  }

  /** Edits an own text or caption. @throws SandboxRefusal as `Device.edit` */
  edit(author: string, messageId: string, text: string): ChatMessage {
    return this.#life.delivery.change(this.account(author), messageId, text);
  }

  /** Revokes an own message for everyone. @throws SandboxRefusal as `Device.revoke` */
  revoke(author: string, messageId: string): ChatMessage {
    return this.#life.delivery.change(this.account(author), messageId, null);
  }

  /** Reacts to a message; an empty emoji takes the reaction back. @throws SandboxRefusal UNKNOWN_MESSAGE */
  react(number: string, messageId: string, emoji: string): ChatMessage {
    return this.#life.delivery.react(this.account(number), messageId, emoji);
  }

  /** Calls a person or a group. @throws SandboxRefusal UNKNOWN_CHAT */
  call(from: string, to: Jid, isVideo = false): CallView {
    return this.#life.delivery.call(this.account(from), toJid(to), isVideo);
  }

  /** Votes in a poll, in place of an earlier vote. @throws SandboxRefusal UNKNOWN_MESSAGE, UNKNOWN_OPTION */
  vote(number: string, messageId: string, options: string[]): ChatMessage {
    return this.#life.delivery.vote(this.account(number), messageId, options);
  }

  /** Posts a status that `to` sees. */
  postStatus(from: string, to: string, text: string): ChatMessage {
    const author = this.account(from);
    const post = { chatId: 'status@broadcast', name: 'Status', author, text };
    return { ...this.#life.delivery.broadcast(this.account(to), post) };
  }

  /** Posts in a channel (`…@newsletter`) that `to` follows. */
  postChannel(channel: Jid, to: string, text: string): ChatMessage {
    const post = { chatId: channel, name: 'Channel', author: null, text };
    return { ...this.#life.delivery.broadcast(this.account(to), post) };
  }

  /** Reads a chat on the account's phone, which sends read receipts. */
  read(number: string, chatId: Jid): void {
    this.#life.delivery.read(this.account(number), chatId);
  }

  /** Plays a received voice note on the phone of `number`. @throws SandboxRefusal UNKNOWN_MESSAGE: it has no such note */
  play(number: string, messageId: string): void {
    this.#life.delivery.play(this.account(number), messageId);
  }

  type(number: string, chatId: Jid, typing: boolean): void {
    this.#life.typing.set(this.account(number), toJid(chatId), typing);
  }

  /** Whether `number` sees a typing indicator in a chat, given by number or by LID. */
  isTyping(number: string, chatId: Jid): boolean {
    return this.#life.typing.isShown(this.account(number).pn, this.#chatId(chatId));
  }

  chats(number: string): ChatView[] {
    return chatsOf(this.#life.world, this.#life.typing, this.account(number).pn);
  }

  /** The newest `limit` messages of a chat, given by number or by LID, or of all chats; oldest first. */
  messages(number: string, chatId?: Jid, limit?: number): ChatMessage[] {
    const id = chatId && this.#chatId(chatId);
    return messagesOf(this.#life.world, this.account(number).pn, id, limit);
  }

  /** The id of a chat; that of a person may be given by number or by LID. */
  #chatId(id: Jid): Jid {
    const person = findAccount(this.#life.world, id);
    return person ? addressOf(person) : id;
  }

  /** A file with its bytes; null when it is not among the newest. */
  mediaFile(sha256: string): DraftFile | null {
    return this.#life.composer.file(sha256);
  }

  /** A file that a device downloads; null when WhatsApp refuses it, or does not have it any more. */
  download(sha256: string): DraftFile | null {
    return this.#life.composer.download(sha256);
  }

  /** Faults of an account's connection. */
  get faults(): Faults {
    return this.#life.faults;
  }

  get tokens(): SavedTokens {
    return this.#life.tokens;
  }

  /** Whether the token belongs to a linked device. */
  isLinked(token: string): boolean {
    return this.#life.world.store.tokens.has(token);
  }

  // ── Network ──

  get settings(): Readonly<NetworkSettings> {
    return this.#settings;
  }

  configure(changes: Partial<NetworkSettings>): void {
    const { lidForAll } = { ...this.#settings, ...changes };
    const isReaddressed = lidForAll !== this.#settings.lidForAll;
    Object.assign(this.#settings, changes);
    if (isReaddressed) for (const { pn } of this.accounts()) this.account(pn, { addressedByLid: lidForAll });
    this.events.emit('configured', this.#settings);
    this.events.emit('changed');
  }

  /** The newest lines of what was transmitted, oldest first. */
  wireLog(): WireEntry[] {
    return this.#life.log.list();
  }

  /** Ends all devices (`closed RESET`), deletes everything, and restarts from the seed. */
  reset(seed?: string): void {
    this.#life.devices.end();
    this.#life.world.schedule.clear();
    this.#journal?.rewrite([]);
    Object.assign(this.#settings, DEFAULT_SETTINGS);
    this.#life = this.#begin(seed ?? this.#options.seed ?? 'sandbox');
    this.events.emit('reset');
  }

  /** Closes all devices without events, stops all timers, closes the journal. Idempotent. */
  close(): void {
    this.#life.devices.close();
    this.#life.world.schedule.clear();
    this.#life.world.store.close();
  }

  #begin(seed: string): Life {
    const { clock, events } = this;
    const outside = { clock, events, journal: this.#journal, settings: this.#settings };
    return beginLife(seed, this.#options, outside);
  }
}
