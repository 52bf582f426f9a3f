import { EventEmitter } from 'eventemitter3';
import type { Jid } from '../../../actors/ports.ts';
import { Delivery } from './delivery.ts';
import { Devices } from './devices.ts';
import { Journal } from './journal.ts';
import { Lines } from './lines.ts';
import { HOST_CLOCK, HOST_TIMERS, Schedule } from './schedule.ts';
import { Seeded } from './seeded.ts';
import { Store } from './store.ts';
import {
  type Account,
  type ChatMessage,
  type ChatView,
  type Device,
  type Draft,
  type Group,
  type LineView,
  type SandboxNetworkEvents,
  type SandboxNetworkOptions,
  SandboxRefusal,
  type WireEntry,
} from './types.ts';
import { Typing } from './typing.ts';
import { chatsOf, messagesOf } from './views.ts';
import { WireLog } from './wire-log.ts';
import { findAccount, toJid, type World } from './world.ts';

/** One life of the network, from its start or a reset to the next. */
interface Life {
  world: World;
  log: WireLog;
  typing: Typing;
  delivery: Delivery;
  devices: Devices;
}

/**
 * A small simulated WhatsApp, all in this process. Numbers may be given as `62811…` or as `62811…@c.us`; every
 * number exists (and comes to be when first named) but the fixed 15550000001.
 */
export class SandboxNetwork {
  readonly events = new EventEmitter<SandboxNetworkEvents>();
  readonly #options: SandboxNetworkOptions;
  readonly #journal: Journal | null;
  #life: Life;

  constructor(options: SandboxNetworkOptions = {}) {
    this.#options = options;
    this.#journal = options.journal === undefined ? null : new Journal(options.journal);
    this.#life = this.#begin(options.seed ?? 'sandbox');
  }

  // ── Devices ──

  /** A new device; connects by itself with a good token, else shows refs. Listen before the next tick. */
  openDevice(options: { token?: string | null } = {}): Device {
    return this.#life.devices.open(options.token ?? null);
  }

  /** The devices that are open now under this account. */
  devicesOf(number: string): Device[] {
    return this.#life.devices.of(toJid(number));
  }

  // ── Phone side ──

  /** Gets or makes an account; given fields are set. @throws SandboxRefusal UNKNOWN_CHAT: 15550000001, or no number */
  account(number: string, fields: Partial<Omit<Account, 'pn'>> = {}): Account {
    const account = findAccount(this.#life.world, number);
    if (!account) throw new SandboxRefusal('UNKNOWN_CHAT', 'This number has no WhatsApp account.');
    if (Object.keys(fields).length === 0) return account;
    // Changed in place: open devices hold it.
    Object.assign(account, fields);
    this.#life.world.store.commit({ kind: 'account', account });
    this.events.emit('changed');
    return account;
  }

  accounts(): Account[] {
    return [...this.#life.world.store.accounts.values()];
  }

  /** Makes a group, or replaces name and participants of the one with this id. */
  group(options: { id?: Jid; name: string; participants: string[] }): Group {
    const { store, seeded } = this.#life.world;
    const id =
      options.id ??
      `120363${BigInt(`0x${seeded.hex('group', 12)}`)
        .toString()
        .padStart(12, '0')
        .slice(0, 12)}@g.us`;
    const participants = options.participants.map((number) => this.account(number).pn);
    const group = { id, name: options.name, participants };
    store.commit({ kind: 'group', group });
    this.events.emit('changed');
    return group;
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

  /** Declines a QR on the phone: the device hears `refused`. @throws SandboxRefusal as scan */
  refuse(qr: string): void {
    this.#life.devices.refuse(qr);
  }

  /** Unlinks every device of the account on its phone (LOGOUT), open or not. */
  unlink(number: string): void {
    const { pn } = this.account(number);
    const { devices, world } = this.#life;
    for (const [token, owner] of [...world.store.tokens]) if (owner === pn) devices.unlink(token);
    for (const device of devices.of(pn)) device.end('LOGOUT');
    this.events.emit('changed');
  }

  /**
   * Writes as a person from their phone; returns the writer's copy. `to` is a number, LID or group.
   * @throws SandboxRefusal UNKNOWN_CHAT, UNKNOWN_QUOTE
   */
  write(from: string, draft: Draft): ChatMessage {
    return { ...this.#life.delivery.handOver(this.account(from), draft, null) };
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

  /** Reads a chat on the account's phone: read receipts go out. */
  read(number: string, chatId: Jid): void {
    this.#life.delivery.read(this.account(number), chatId);
  }

  /** Types (or stops) on the account's phone. */
  type(number: string, chatId: Jid, typing: boolean): void {
    this.#life.typing.set(this.account(number), toJid(chatId), typing);
  }

  /** Whether `number` sees someone typing in a chat of theirs now. */
  isTyping(number: string, chatId: Jid): boolean {
    return this.#life.typing.isShown(this.account(number).pn, chatId);
  }

  chats(number: string): ChatView[] {
    return chatsOf(this.#life.world, this.#life.typing, this.account(number).pn);
  }

  /** The newest `limit` of a chat or of all; oldest first. */
  messages(number: string, chatId?: Jid, limit?: number): ChatMessage[] {
    return messagesOf(this.#life.world, this.account(number).pn, chatId, limit);
  }

  /** The bytes of one of the newest images, or null when they were let go. */
  mediaBytes(sha256: string): Uint8Array | null {
    return this.#life.delivery.imageBytes(sha256);
  }

  // ── Faults, by account ──

  line(number: string): LineView {
    return this.#life.world.lines.view(this.account(number).pn);
  }

  /** Loses the connection: devices go to OPENING, messages wait; back by `restore` or after `forMs`. */
  drop(number: string, forMs?: number): void {
    const { pn } = this.account(number);
    this.setState(pn, 'OPENING');
    if (forMs === undefined) return;
    const { lines, schedule } = this.#life.world;
    lines.of(pn).cancelReturn = schedule.after(forMs, () => this.setState(pn, 'CONNECTED'));
  }

  /** Ends every fault of the account: online, thawed, no latency, no failures, not banned. */
  restore(number: string): void {
    const { pn } = this.account(number);
    Object.assign(this.#life.world.lines.of(pn), { latencyMs: 0, failureRate: 0, banned: false });
    this.freeze(pn, false);
    this.setState(pn, 'CONNECTED');
  }

  /** How long each message of the account takes to the server, and each question. */
  setLatency(number: string, ms: number): void {
    this.#life.world.lines.of(this.account(number).pn).latencyMs = ms;
    this.#fault(number, { latencyMs: ms });
  }

  /** The share (0…1) of the account's messages that WhatsApp refuses. */
  setFailureRate(number: string, share: number): void {
    this.#life.world.lines.of(this.account(number).pn).failureRate = share;
    this.#fault(number, { failureRate: share });
  }

  /** The devices that are open now answer and hear nothing until thawed. */
  freeze(number: string, frozen: boolean): void {
    const { pn } = this.account(number);
    this.#life.world.lines.of(pn).frozen = frozen;
    this.#fault(number, { frozen });
    for (const device of this.#life.devices.of(pn)) device.freeze(frozen);
  }

  /**
   * Puts devices into any named state: TIMEOUT, PROXYBLOCK, TOS_BLOCK, …; CONNECTED brings back. The line stays
   * in it for devices to come, but for CONFLICT: the next device takes over.
   */
  setState(number: string, state: string): void {
    const { pn } = this.account(number);
    const line = this.#life.world.lines.of(pn);
    line.cancelReturn?.();
    line.cancelReturn = null;
    line.state = state === 'CONFLICT' ? 'CONNECTED' : state;
    this.#fault(number, { state });
    for (const device of this.#life.devices.of(pn)) device.setState(state);
  }

  /** Devices end with `closed CRASH`: the browser is gone. */
  crash(number: string): void {
    this.#fault(number, { crash: true });
    for (const device of this.#life.devices.of(this.account(number).pn)) device.end('CRASH');
  }

  // ── Device storage of the in-process driver ──

  savedToken(agentId: string): string | null {
    return this.#life.world.store.saved.get(agentId) ?? null;
  }

  saveToken(agentId: string, token: string): void {
    this.#life.world.store.commit({ kind: 'save', agentId, token });
    this.events.emit('changed');
  }

  forgetToken(agentId: string): void {
    if (this.savedToken(agentId) === null) return;
    this.#life.world.store.commit({ kind: 'forget', agentId });
    this.events.emit('changed');
  }

  /** True when the token belongs to a device that is still linked. */
  isLinked(token: string): boolean {
    return this.#life.world.store.tokens.has(token);
  }

  /** The agents that keep a token, with the account it links them to (null: unlinked since). */
  agents(): { agentId: string; account: Account | null }[] {
    const { saved, tokens, accounts } = this.#life.world.store;
    return [...saved].map(([agentId, token]) => ({
      agentId,
      account: accounts.get(tokens.get(token) ?? '') ?? null,
    }));
  }

  // ── The whole ──

  wireLog(): WireEntry[] {
    return this.#life.log.list();
  }

  /** Lets virtual time pass at once: everything due in it happens, in order. */
  advance(ms: number): void {
    this.#life.world.schedule.advance(ms);
  }

  /** Ends all devices (`closed RESET`), forgets everything, and starts again from the seed. */
  reset(seed?: string): void {
    this.#life.devices.end();
    this.#life.world.schedule.clear();
    this.#journal?.rewrite([]);
    this.#life = this.#begin(seed ?? this.#options.seed ?? 'sandbox');
    this.events.emit('changed');
  }

  /** Closes all devices silently, stops all timers, closes the journal. Idempotent. */
  close(): void {
    this.#life.devices.close();
    this.#life.world.schedule.clear();
    this.#life.world.store.close();
  }

  /** Notes a fault in the wire log and tells observers. */
  #fault(number: string, detail: WireEntry['detail']): void {
    this.#life.world.wire('fault', toJid(number), detail);
    this.events.emit('changed');
  }

  /** Builds the parts of a new life on what the journal holds. */
  #begin(seed: string): Life {
    const { clock = HOST_CLOCK, timers = HOST_TIMERS, wireLogSize = 1_000, chatSize = 500 } = this.#options;
    const schedule = new Schedule(clock, timers);
    const store = new Store({ journal: this.#journal, chatSize });
    store.restore();
    const log = new WireLog(wireLogSize);
    const world: World = {
      store,
      schedule,
      // A later life on the same journal must not draw the ids of a former one again.
      seeded: new Seeded(`${seed}/${store.life}`),
      lines: new Lines(),
      events: this.events,
      wire: (kind, account, detail = {}) => {
        this.events.emit('wire', log.add({ kind, account, detail }, schedule.timestamp()));
      },
    };
    const typing = new Typing(world);
    const delivery = new Delivery(world, {
      drop: (pn, forMs) => this.drop(pn, forMs),
      ban: (pn) => {
        world.lines.of(pn).banned = true;
        this.setState(pn, 'TOS_BLOCK');
      },
    });
    const { refLifetimeMs = 20_000, connectMs = 20 } = this.#options;
    const devices = new Devices({ world, delivery, typing }, { refLifetimeMs, connectMs });
    return { world, log, typing, delivery, devices };
  }
}
