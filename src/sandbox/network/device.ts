import { EventEmitter } from 'eventemitter3';
import type { Jid } from '../../actors/domain/identity.ts';
import type { Me, WebAuthnJson } from '../../actors/domain/ports/whatsapp.ts';
import type { Delivery } from './message-delivery.ts';
import type { Passkeys } from './passkeys.ts';
import {
  type Account,
  type ChatMessage,
  type ChatView,
  type Device,
  type DeviceEvents,
  type DeviceKeys,
  type Draft,
  SandboxRefusal,
} from './types.ts';
import type { Typing } from './typing.ts';
import { chatsOf, messagesOf } from './views.ts';
import { addressOf, findAccount, type World } from './world.ts';

/** What a device needs of whoever opened it. */
export interface DeviceHome {
  readonly world: World;
  readonly delivery: Delivery;
  readonly typing: Typing;
  readonly refLifetimeMs: number;
  readonly connectMs: number;
  /** A new ref of this device; its former one is expired. */
  issueRef(device: NetworkDevice): string;
  /** The device connects under its token: another one that uses it gets a CONFLICT. */
  claim(device: NetworkDevice): void;
  unlink(token: string): void;
  /** A code that links the device when it is typed into the phone of the number. */
  issueCode(device: NetworkDevice, pn: Jid): string;
  readonly passkeys: Passkeys;
  /** The device belongs to the account from now on. */
  link(device: NetworkDevice, account: Account): void;
  /** Whether the account has a notice that isn't answered. */
  hasNotice(pn: Jid): boolean;
  answerNotice(pn: Jid): void;
  /** It is closed: nothing is to be known of it any more. */
  release(device: NetworkDevice): void;
}

const HELD_EVENTS = 1_000;
/** Cancels nothing: what was planned has happened, and is not to be kept for its cancelling. */
const NOTHING = () => undefined;

/** A device of the simulated WhatsApp; `types.ts` says what it does. */
export class NetworkDevice implements Device {
  readonly events = new EventEmitter<DeviceEvents>();
  readonly keys: DeviceKeys;
  state = 'UNLAUNCHED';
  ref: string | null = null;
  token: string | null;
  me: Me | null = null;
  closed = false;
  /** Who this device is linked to; null while unpaired. */
  account: Account | null;
  /** The account whose passkey is waited for, and the challenge that was given last. */
  #passkey: { account: Account; challenge: string | null } | null = null;
  /** How many refs may still be shown; null: as many as it takes. */
  #refsLeft: number | null;
  #noticeShown = false;
  #frozen = false;
  readonly #home: DeviceHome;
  #cancelNext: () => void;
  /** Told once the device is thawed and, if `live`, connected. */
  #held: { tell: () => void; live: boolean }[] = [];
  /** Calls that wait for the same. */
  #waiting: { wake: () => void; fail: (error: Error) => void }[] = [];

  constructor(home: DeviceHome, keys: DeviceKeys, link: { token: string; account: Account } | null) {
    this.#home = home;
    this.keys = keys;
    this.token = link?.token ?? null;
    this.account = link?.account ?? null;
    this.#refsLeft = home.world.settings.refsPerDevice;
    this.#cancelNext = home.world.schedule.after(0, () => (link ? this.#connect() : this.#showRef()));
  }

  get qr(): string | null {
    const { static: noise, identity, adv, platform } = this.keys;
    return this.ref && [this.ref, noise, identity, adv, platform].join(',');
  }

  send(draft: Draft): Promise<ChatMessage> {
    return this.#call(() => {
      const sender = this.#opened();
      const message = { ...this.#home.delivery.handOver(sender, draft, this) };
      // As the page's own send job does, whatever its caller asks for.
      this.#home.delivery.read(sender, message.chatId);
      return message;
    });
  }

  setTyping(chatId: Jid, typing: boolean): Promise<void> {
    return this.#call(() => this.#home.typing.set(this.#opened(), chatId, typing), true);
  }

  async queryExists(jid: Jid): Promise<Jid | null> {
    const found = await this.#call(() => {
      const { store } = this.#home.world;
      if (jid.endsWith('@g.us')) return store.groups.has(jid) ? jid : null;
      const account = findAccount(this.#home.world, jid);
      return account && addressOf(account);
    }, true);
    const latency = this.account ? this.#home.world.lines.of(this.account.pn).latencyMs : 0;
    if (latency > 0) await new Promise<void>((resolve) => this.#home.world.schedule.after(latency, resolve));
    return found;
  }

  markSeen(chatId: Jid): Promise<void> {
    return this.#call(() => this.#home.delivery.read(this.#opened(), chatId));
  }

  chats(): Promise<ChatView[]> {
    return this.#call(() => chatsOf(this.#home.world, this.#home.typing, this.#opened().pn));
  }

  messages(chatId: Jid, limit?: number): Promise<ChatMessage[]> {
    return this.#call(() => messagesOf(this.#home.world, this.#opened().pn, chatId, limit));
  }

  findMessage(id: string): Promise<ChatMessage | null> {
    return this.#call(() => {
      const message = this.#home.world.store.message(this.#opened().pn, id);
      return message ? { ...message } : null;
    });
  }

  refresh(): Promise<void> {
    return this.#call(() => {
      if (this.state !== 'UNPAIRED_IDLE') return;
      this.#refsLeft = this.#home.world.settings.refsPerDevice;
      this.#showRef();
    });
  }

  requestPairingCode(number: string): Promise<string> {
    return this.#call(() => {
      const account = findAccount(this.#home.world, number);
      if (this.account) throw new SandboxRefusal('NOT_OPEN', 'This device is linked already.');
      if (!account) throw new SandboxRefusal('UNKNOWN_CHAT', 'This number has no WhatsApp account.');
      return this.#home.issueCode(this, account.pn);
    });
  }

  passkeyChallenge(): Promise<WebAuthnJson> {
    return this.#call(() => {
      const waiting = this.#awaited();
      const options = this.#home.passkeys.challenge(waiting.account.pn);
      waiting.challenge = options.challenge;
      return options;
    });
  }

  answerPasskey(assertion: unknown): Promise<void> {
    return this.#call(() => {
      const { account, challenge } = this.#awaited();
      if (challenge === null) throw new SandboxRefusal('NOT_OPEN', 'There is no challenge to answer.');
      this.#home.passkeys.check(account.pn, challenge, assertion);
      this.#home.link(this, account);
    });
  }

  cancelPasskey(): Promise<void> {
    return this.#call(() => {
      this.#awaited();
      this.#endPasskey();
      if (this.ref === null) this.#showRef();
    });
  }

  answerNotice(): Promise<void> {
    return this.#call(() => this.#home.answerNotice(this.#opened().pn), true);
  }

  probe(): Promise<string> {
    return this.#call(() => this.state);
  }

  async logout(): Promise<void> {
    await this.#call(() => undefined, true);
    if (this.token) this.#home.unlink(this.token);
    this.close();
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.#cancelNext();
    this.#held = [];
    for (const { fail } of this.#waiting.splice(0))
      fail(new SandboxRefusal('CLOSED', 'The device is closed.'));
    this.#home.release(this);
    this.ref = null;
    this.#home.world.wire('close', this.account?.pn ?? null);
  }

  // ── The network's side ──

  /** The phone scanned the QR: connects under the new token. */
  pair(token: string, account: Account): void {
    this.#cancelNext();
    this.#endPasskey();
    this.ref = null;
    this.token = token;
    this.account = account;
    this.tell(() => this.events.emit('paired', token));
    this.#connect();
  }

  /** The phone has agreed, but WhatsApp wants the account's passkey first. */
  awaitPasskey(account: Account, refsGoOn: boolean): void {
    this.#cancelNext();
    this.ref = null;
    this.#passkey = { account, challenge: null };
    this.tell(() => this.events.emit('passkey', true));
    if (refsGoOn) this.#showRef();
  }

  /** The challenge that waits for this account's passkey. */
  passkeyOf(pn: Jid): string | null {
    return this.#passkey?.account.pn === pn ? this.#passkey.challenge : null;
  }

  /** Shows the account's notice, or takes it away. */
  showNotice(): void {
    const shown = this.account !== null && this.#home.hasNotice(this.account.pn);
    if (shown === this.#noticeShown) return;
    this.#noticeShown = shown;
    this.tell(() => this.events.emit('notice', shown));
  }

  /** Tells of the account's restriction of now. */
  showRestriction(): void {
    if (!this.account || !this.me) return;
    const { restriction } = this.#home.world.lines.of(this.account.pn);
    this.tell(() => this.events.emit('restriction', restriction));
  }

  /** Emits now, or when the device is thawed; what is `live` waits for the connection too. */
  tell(emit: () => void, live = false): void {
    if (this.closed) return;
    if (!this.#frozen && (!live || this.state === 'CONNECTED')) emit();
    else if (this.#held.length < HELD_EVENTS) this.#held.push({ tell: emit, live });
  }

  /** Goes to a state of the line; the first CONNECTED opens the session, each sends what waited. */
  setState(state: string): void {
    if (this.closed || this.state === state) return;
    this.state = state;
    this.tell(() => this.events.emit('state', state));
    if (state !== 'CONNECTED' || !this.account) return;
    if (!this.me) {
      const { pn, lid, name } = this.account;
      const me = { pn, lid, name };
      this.me = me;
      this.tell(() => this.events.emit('opened', me));
      this.showNotice();
      if (this.#home.world.lines.of(this.account.pn).restriction) this.showRestriction();
    }
    this.#wake();
    this.#home.delivery.flush(this.account.pn);
  }

  freeze(frozen: boolean): void {
    this.#frozen = frozen;
    if (!frozen) this.#wake();
  }

  /** The network ends it; told even to a frozen one. */
  end(reason: string): void {
    if (this.closed) return;
    this.#frozen = false;
    if (reason === 'LOGOUT') this.events.emit('loggedOut');
    this.events.emit('closed', reason);
    this.close();
  }

  /** Shows a new ref, and the next one when this expires; none when all are used up. */
  #showRef(): void {
    if (this.#refsLeft === 0) {
      this.ref = null;
      this.setState('UNPAIRED_IDLE');
      return;
    }
    if (this.#refsLeft !== null) this.#refsLeft -= 1;
    this.ref = this.#home.issueRef(this);
    const { ref, qr } = this;
    this.#cancelNext = this.#home.world.schedule.after(this.#home.refLifetimeMs, () => this.#showRef());
    this.tell(() => this.events.emit('ref', ref, qr!));
    this.setState('UNPAIRED');
  }

  /** Connects under the token; ends in whatever state the account's line is. */
  #connect(): void {
    this.#home.claim(this);
    this.setState('OPENING');
    this.setState('PAIRING');
    this.#cancelNext = this.#home.world.schedule.after(this.#home.connectMs, () => {
      this.#cancelNext = NOTHING;
      if (this.account) this.setState(this.#home.world.lines.of(this.account.pn).state);
    });
  }

  /** Whose passkey is waited for. @throws SandboxRefusal NOT_OPEN */
  #awaited(): { account: Account; challenge: string | null } {
    if (this.#passkey) return this.#passkey;
    throw new SandboxRefusal('NOT_OPEN', 'No passkey is waited for.');
  }

  /** No passkey is waited for any more. */
  #endPasskey(): void {
    if (!this.#passkey) return;
    this.#passkey = null;
    this.tell(() => this.events.emit('passkey', false));
  }

  /** The account of an opened device. @throws SandboxRefusal NOT_OPEN */
  #opened(): Account {
    if (this.me && this.account) return this.account;
    throw new SandboxRefusal('NOT_OPEN', 'The device is not linked and connected.');
  }

  /** Runs a call now, or when the device is thawed (and `online`). */
  async #call<T>(run: () => T, online = false): Promise<T> {
    while (!this.closed && (this.#frozen || (online && this.me !== null && this.state !== 'CONNECTED')))
      await new Promise<void>((wake, fail) => this.#waiting.push({ wake, fail }));
    if (this.closed) throw new SandboxRefusal('CLOSED', 'The device is closed.');
    return run();
  }

  /** Lets everything that waited try again, in order. */
  #wake(): void {
    for (const { tell, live } of this.#held.splice(0)) this.tell(tell, live);
    for (const { wake } of this.#waiting.splice(0)) wake();
  }
}
