import { EventEmitter } from 'eventemitter3';
import type { Jid } from '../../actors/domain/identity.ts';
import type { Me, WebAuthnJson } from '../../actors/domain/ports/whatsapp.ts';
import { Hold } from './hold.ts';
import type { Delivery } from './message-delivery.ts';
import type { Pairing } from './pairing.ts';
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

/** What a device needs of the network. */
export interface DeviceHome {
  readonly world: World;
  readonly delivery: Delivery;
  readonly typing: Typing;
  readonly pairing: Pairing<NetworkDevice>;
  readonly passkeys: Passkeys;
  readonly refLifetimeMs: number;
  readonly connectMs: number;
  /** The device connects under its token: another one that uses it gets a CONFLICT. */
  claim(device: NetworkDevice): void;
  /** Links the device to the account, under a new token. */
  link(device: NetworkDevice, account: Account): void;
  unlink(token: string): void;
  unlinkAll(pn: Jid): void;
  /** Whether the account has an unanswered notice. */
  hasNotice(pn: Jid): boolean;
  answerNotice(pn: Jid): void;
  /** Forgets a closed device. */
  release(device: NetworkDevice): void;
}

/** Events that come from the server, and so wait for the connection. */
const FROM_SERVER = new Set<keyof DeviceEvents>(['message', 'ack', 'edited', 'reaction', 'call', 'typing']);
/** Cancels nothing. What was scheduled has run; keeping its canceller would keep what it refers to. */
const NOTHING = () => undefined;

/** A device of the simulated WhatsApp; `Device` has its contract. */
export class NetworkDevice implements Device {
  readonly events = new EventEmitter<DeviceEvents>();
  readonly keys: DeviceKeys;
  state = 'UNLAUNCHED';
  ref: string | null = null;
  token: string | null;
  me: Me | null = null;
  closed = false;
  /** Null while unpaired. */
  account: Account | null;
  /** The account whose passkey is awaited, and the newest challenge. */
  #passkey: { account: Account; challenge: string | null } | null = null;
  /** How many refs may still be shown; null: no limit. */
  #refsLeft: number | null;
  #noticeShown = false;
  readonly #home: DeviceHome;
  readonly #hold = new Hold({
    isClosed: () => this.closed,
    isConnected: () => this.state === 'CONNECTED',
    isOffline: () => this.me !== null && this.state !== 'CONNECTED',
  });
  #cancelNext: () => void;

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
    return this.#hold.call(() => {
      const sender = this.#opened();
      const message = { ...this.#home.delivery.handOver(sender, draft, this) };
      // As the page's own send job does, whatever its caller asks for.
      this.#home.delivery.read(sender, message.chatId);
      return message;
    });
  }

  react(messageId: string, emoji: string): Promise<void> {
    return this.#change((own) => this.#home.delivery.react(own, messageId, emoji));
  }

  edit(messageId: string, text: string): Promise<void> {
    return this.#change((own) => this.#home.delivery.change(own, messageId, text));
  }

  revoke(messageId: string): Promise<void> {
    return this.#change((own) => this.#home.delivery.change(own, messageId, null));
  }

  setTyping(chatId: Jid, typing: boolean): Promise<void> {
    return this.#hold.call(() => this.#home.typing.set(this.#opened(), chatId, typing), true);
  }

  async queryExists(jid: Jid): Promise<Jid | null> {
    const found = await this.#hold.call(() => {
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
    return this.#hold.call(() => this.#home.delivery.read(this.#opened(), chatId));
  }

  chats(): Promise<ChatView[]> {
    return this.#hold.call(() => chatsOf(this.#home.world, this.#home.typing, this.#opened().pn));
  }

  messages(chatId: Jid, limit?: number): Promise<ChatMessage[]> {
    return this.#hold.call(() =>
      messagesOf(this.#home.world, this.#opened().pn, chatId, limit).filter(
        ({ id }) => !this.#hold.isHeld(id),
      ),
    );
  }

  findMessage(id: string): Promise<ChatMessage | null> {
    return this.#hold.call(() => {
      const message = this.#home.world.store.message(this.#opened().pn, id);
      return message ? { ...message } : null;
    });
  }

  refresh(): Promise<void> {
    return this.#hold.call(() => {
      if (this.state !== 'UNPAIRED_IDLE') return;
      this.#refsLeft = this.#home.world.settings.refsPerDevice;
      this.#showRef();
    });
  }

  requestPairingCode(number: string): Promise<string> {
    return this.#hold.call(() => {
      const account = findAccount(this.#home.world, number);
      if (this.account) throw new SandboxRefusal('NOT_OPEN', 'This device is linked already.');
      if (!account) throw new SandboxRefusal('UNKNOWN_CHAT', 'This number has no WhatsApp account.');
      this.#home.unlinkAll(account.pn);
      return this.#home.pairing.issueCode(this, account.pn);
    });
  }

  passkeyChallenge(): Promise<WebAuthnJson> {
    return this.#hold.call(() => {
      const waiting = this.#awaitedPasskey();
      const options = this.#home.passkeys.challenge(waiting.account.pn);
      waiting.challenge = options.challenge;
      return options;
    });
  }

  answerPasskey(assertion: unknown): Promise<void> {
    return this.#hold.call(() => {
      const { account, challenge } = this.#awaitedPasskey();
      if (challenge === null) throw new SandboxRefusal('NOT_OPEN', 'There is no challenge to answer.');
      this.#home.passkeys.check(account.pn, challenge, assertion);
      this.#home.link(this, account);
    });
  }

  cancelPasskey(): Promise<void> {
    return this.#hold.call(() => {
      this.#awaitedPasskey();
      this.#endPasskey();
      if (this.ref === null) this.#showRef();
    });
  }

  answerNotice(): Promise<void> {
    return this.#hold.call(() => this.#home.answerNotice(this.#opened().pn), true);
  }

  probe(): Promise<string> {
    return this.#hold.call(() => this.state);
  }

  async logout(): Promise<void> {
    await this.#hold.call(() => undefined, true);
    if (this.token) this.#home.unlink(this.token);
    this.close();
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.#cancelNext();
    this.#hold.close();
    this.#home.release(this);
    this.ref = null;
    this.#home.world.wire('close', this.account?.pn ?? null);
  }

  // ── For the network ──

  /** The phone scanned the QR: connects under the new token. */
  pair(token: string, account: Account): void {
    this.#cancelNext();
    this.#endPasskey();
    this.ref = null;
    this.token = token;
    this.account = account;
    this.emit('paired', token);
    this.#connect();
  }

  /** The phone has accepted, but WhatsApp wants the account's passkey first. */
  awaitPasskey(account: Account, refsGoOn: boolean): void {
    this.#cancelNext();
    this.ref = null;
    this.#passkey = { account, challenge: null };
    this.emit('passkey', true);
    if (refsGoOn) this.#showRef();
  }

  /** The challenge for this account's passkey, or null. */
  challengeOf(pn: Jid): string | null {
    return this.#passkey?.account.pn === pn ? this.#passkey.challenge : null;
  }

  /** Shows or hides the account's notice, as it is now. */
  updateNotice(): void {
    const shown = this.account !== null && this.#home.hasNotice(this.account.pn);
    if (shown === this.#noticeShown) return;
    this.#noticeShown = shown;
    this.emit('notice', shown);
  }

  /** Emits the account's current restriction. */
  showRestriction(): void {
    if (!this.account || !this.me) return;
    const { restriction } = this.#home.world.lines.of(this.account.pn);
    this.emit('restriction', restriction);
  }

  /** Emits an event as soon as it can reach the device. */
  emit<Name extends keyof DeviceEvents>(
    name: Name,
    ...payload: EventEmitter.EventArgs<DeviceEvents, Name>
  ): void {
    const [first] = payload as [ChatMessage?];
    const messageId = name === 'message' ? first?.id : undefined;
    this.#hold.emit(() => this.events.emit(name, ...payload), FROM_SERVER.has(name), messageId);
  }

  /** Takes a state of the line; the first CONNECTED opens the session, each sends what was held. */
  setState(state: string): void {
    if (this.closed || this.state === state) return;
    this.state = state;
    this.emit('state', state);
    if (state !== 'CONNECTED' || !this.account) return;
    if (!this.me) {
      const { pn, lid, name } = this.account;
      const me = { pn, lid, name };
      this.me = me;
      this.emit('opened', me);
      this.updateNotice();
      if (this.#home.world.lines.of(this.account.pn).restriction) this.showRestriction();
    }
    this.#hold.retry();
    this.#home.delivery.flush(this.account.pn);
  }

  freeze(frozen: boolean): void {
    this.#hold.freeze(frozen);
  }

  /** The network ends the device; a frozen one is notified, too. */
  end(reason: string): void {
    if (this.closed) return;
    if (reason === 'LOGOUT') this.events.emit('loggedOut');
    this.events.emit('closed', reason);
    this.close();
  }

  /** Shows a new ref, and the next one when it expires; none once all are used up. */
  #showRef(): void {
    if (this.#refsLeft === 0) {
      this.ref = null;
      this.setState('UNPAIRED_IDLE');
      return;
    }
    if (this.#refsLeft !== null) this.#refsLeft -= 1;
    this.ref = this.#home.pairing.issueRef(this);
    const { ref, qr } = this;
    this.#cancelNext = this.#home.world.schedule.after(this.#home.refLifetimeMs, () => this.#showRef());
    this.emit('ref', ref, qr!);
    this.setState('UNPAIRED');
  }

  /** Connects under the token, then takes the state of the account's line. */
  #connect(): void {
    this.#home.claim(this);
    this.setState('OPENING');
    this.setState('PAIRING');
    this.#cancelNext = this.#home.world.schedule.after(this.#home.connectMs, () => {
      this.#cancelNext = NOTHING;
      if (this.account) this.setState(this.#home.world.lines.of(this.account.pn).state);
    });
  }

  /** @throws SandboxRefusal NOT_OPEN when no passkey is awaited */
  #awaitedPasskey(): { account: Account; challenge: string | null } {
    if (this.#passkey) return this.#passkey;
    throw new SandboxRefusal('NOT_OPEN', 'No passkey is awaited.');
  }

  #endPasskey(): void {
    if (!this.#passkey) return;
    this.#passkey = null;
    this.emit('passkey', false);
  }

  /** The account of the opened device. @throws SandboxRefusal NOT_OPEN */
  #opened(): Account {
    if (this.me && this.account) return this.account;
    throw new SandboxRefusal('NOT_OPEN', 'The device is not linked and connected.');
  }

  /** Changes a message once the server can be reached. */
  #change(run: (own: Account) => unknown): Promise<void> {
    return this.#hold.call(() => {
      run(this.#opened());
    }, true);
  }
}
