import type { Jid } from '../../actors/domain/identity.ts';
import type { WebAuthnJson } from '../../actors/domain/ports/whatsapp.ts';
import { subscribe } from '../../actors/domain/subscribe.ts';
import { type DeviceHome, NetworkDevice } from './device.ts';
import { behaviourOf } from './fixed-numbers.ts';
import type { Delivery } from './message-delivery.ts';
import { Pairing } from './pairing.ts';
import type { Passkeys } from './passkeys.ts';
import { type Account, SandboxRefusal } from './types.ts';
import type { Typing } from './typing.ts';
import type { World } from './world.ts';

/** All open devices, how they are linked, and the forwarding of the network's events to them. */
export class Devices {
  readonly #world: World;
  readonly #passkeys: Passkeys;
  readonly #pairing: Pairing<NetworkDevice>;
  readonly #home: DeviceHome;
  readonly #open = new Set<NetworkDevice>();
  readonly #byAccount = new Map<Jid, Set<NetworkDevice>>();
  /** Accounts with an unanswered notice; what cancels their logout. */
  readonly #notices = new Map<Jid, () => void>();
  readonly #unsubscribe: () => void;

  constructor(
    parts: { world: World; delivery: Delivery; typing: Typing; passkeys: Passkeys },
    times: { refLifetimeMs: number; connectMs: number },
  ) {
    this.#world = parts.world;
    this.#passkeys = parts.passkeys;
    this.#pairing = new Pairing(parts.world);
    this.#home = {
      ...parts,
      ...times,
      pairing: this.#pairing,
      claim: (device) => this.#claim(device),
      link: (device, account) => this.#link(device, account),
      unlink: (token) => this.#unlink(token),
      unlinkAll: (pn) => this.unlinkAll(pn),
      hasNotice: (pn) => this.#notices.has(pn),
      answerNotice: (pn) => this.#answerNotice(pn),
      release: (device) => this.#release(device),
    };
    this.#unsubscribe = this.#subscribe();
  }

  /** A new device; one whose token isn't linked shows refs. */
  open(token: string | null): NetworkDevice {
    const { store, seeded } = this.#world;
    const pn = token === null ? undefined : store.tokens.get(token);
    const account = pn === undefined ? undefined : store.accounts.get(pn);
    const keys = {
      static: seeded.hex('key', 44),
      identity: seeded.hex('key', 44),
      adv: seeded.hex('key', 44),
      platform: '1',
    };
    const device = new NetworkDevice(this.#home, keys, token !== null && account ? { token, account } : null);
    this.#open.add(device);
    this.#world.wire('open', account?.pn ?? null);
    return device;
  }

  /** The open devices of an account. */
  of(pn: Jid): NetworkDevice[] {
    return [...(this.#byAccount.get(pn) ?? [])];
  }

  /** Links the device that shows this QR. @throws SandboxRefusal EXPIRED_REF, UNKNOWN_REF, ALREADY_SCANNED */
  scan(qr: string, account: Account): void {
    const device = this.#pairing.takeRef(qr);
    this.#world.wire('scan', account.pn);
    this.#accept(device, account);
  }

  /** Links the device whose code is typed into the phone of an account. @throws SandboxRefusal WRONG_CODE */
  enterCode(account: Account, code: string): void {
    const device = this.#pairing.takeCode(code, account.pn);
    this.#world.wire('code', account.pn);
    this.#accept(device, account);
  }

  /** Declines a QR. @throws SandboxRefusal as `scan` */
  refuse(qr: string): void {
    const device = this.#pairing.deviceOf(qr);
    this.#world.wire('refuse', null);
    device.emit('refused');
  }

  /** The passkey of an account that is being linked, signed by its phone. @throws SandboxRefusal NOT_OPEN, WRONG_PASSKEY */
  signPasskey(pn: Jid): WebAuthnJson {
    for (const device of this.#open) {
      const challenge = device.challengeOf(pn);
      if (challenge !== null) return this.#passkeys.sign(pn, challenge);
    }
    throw new SandboxRefusal('NOT_OPEN', 'No device waits for a passkey of this account.');
  }

  /** Answers the notice of an account: it stays linked. */
  #answerNotice(pn: Jid): void {
    if (!this.#dropNotice(pn)) return;
    this.#world.wire('notice', pn, { shown: false });
    for (const device of this.of(pn)) device.updateNotice();
  }

  /** Links a device to an account, under a new token. */
  #link(device: NetworkDevice, account: Account): void {
    const { store, seeded, lines, settings, schedule } = this.#world;
    const token = seeded.hex('token', 32);
    store.commit({ kind: 'link', token, pn: account.pn });
    if (settings.noticeMs !== null) {
      this.#dropNotice(account.pn);
      const cancelLogout = schedule.after(settings.noticeMs, () => this.unlinkAll(account.pn));
      this.#notices.set(account.pn, cancelLogout);
    }
    if (behaviourOf(account.pn).bans)
      Object.assign(lines.of(account.pn), { state: 'TOS_BLOCK', banned: true });
    device.pair(token, account);
  }

  /** A device connects under its token: another one that uses it gets a CONFLICT. */
  #claim(device: NetworkDevice): void {
    const pn = device.account!.pn;
    const others = this.#byAccount.get(pn) ?? new Set();
    this.#byAccount.set(pn, others);
    for (const other of others) if (other.token === device.token) other.setState('CONFLICT');
    others.add(device);
  }

  /** Makes a token unusable. */
  #unlink(token: string): void {
    const pn = this.#world.store.tokens.get(token);
    if (pn === undefined) return;
    this.#world.store.commit({ kind: 'unlink', token });
    this.#world.wire('unlink', pn);
  }

  /** Unlinks every device of an account: open ones end with `closed LOGOUT`. */
  unlinkAll(pn: Jid): void {
    for (const [token, owner] of [...this.#world.store.tokens]) if (owner === pn) this.#unlink(token);
    this.#dropNotice(pn);
    for (const device of this.of(pn)) device.end('LOGOUT');
  }

  /** Forgets a closed device. */
  #release(device: NetworkDevice): void {
    this.#open.delete(device);
    this.#pairing.release(device);
    const pn = device.account?.pn;
    const siblings = pn === undefined ? undefined : this.#byAccount.get(pn);
    siblings?.delete(device);
    if (pn !== undefined && siblings?.size === 0) this.#byAccount.delete(pn);
  }

  /** Ends every device with `closed RESET`. */
  end(): void {
    for (const device of [...this.#open]) device.end('RESET');
    this.#unsubscribe();
  }

  /** Closes every device, without events. */
  close(): void {
    for (const device of [...this.#open]) device.close();
    this.#unsubscribe();
  }

  /** Links a device that the phone has accepted, after a passkey if WhatsApp wants one. */
  #accept(device: NetworkDevice, account: Account): void {
    const { passkey } = this.#world.settings;
    if (passkey === 'off') this.#link(device, account);
    else {
      this.#world.wire('passkey', account.pn);
      device.awaitPasskey(account, passkey === 'refs_go_on');
    }
  }

  /** Cancels the logout of an unanswered notice; false when there was none. */
  #dropNotice(pn: Jid): boolean {
    this.#notices.get(pn)?.();
    return this.#notices.delete(pn);
  }

  /** Forwards the network's events to the opened devices of the account that they are about. */
  #subscribe(): () => void {
    const opened = (pn: Jid) => this.of(pn).filter(({ me }) => me !== null);
    return subscribe(this.#world.events, {
      message: (owner, message, sentBy) => {
        for (const device of opened(owner)) if (device !== sentBy) device.emit('message', message);
      },
      ack: (owner, ack) => {
        for (const device of opened(owner)) device.emit('ack', ack);
      },
      edited: (owner, message) => {
        for (const device of opened(owner)) device.emit('edited', message);
      },
      reaction: (owner, reaction) => {
        for (const device of opened(owner)) device.emit('reaction', reaction);
      },
      call: (owner, call) => {
        for (const device of opened(owner)) device.emit('call', call);
      },
      typing: ({ reader, ...change }) => {
        for (const device of opened(reader)) if (device.state === 'CONNECTED') device.emit('typing', change);
      },
    });
  }
}
