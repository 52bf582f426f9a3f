import type { Jid } from '../../actors/domain/identity.ts';
import type { WebAuthnJson } from '../../actors/domain/ports/whatsapp.ts';
import { type DeviceHome, NetworkDevice } from './device.ts';
import { behaviourOf } from './fixed-numbers.ts';
import type { Delivery } from './message-delivery.ts';
import type { Passkeys } from './passkeys.ts';
import { type Account, type RefusalReason, SandboxRefusal } from './types.ts';
import type { Typing } from './typing.ts';
import type { World } from './world.ts';

const REMEMBERED_REFS = 10_000;
const CODE_LETTERS = '123456789ABCDEFGHJKLMNPQRSTVWXYZ';
const CODE_LENGTH = 8;
const CODE_LIFETIME_MS = 180_000;

/** All open devices, their pairing refs, and the way of events from the network to them. */
export class Devices implements DeviceHome {
  readonly world: World;
  readonly delivery: Delivery;
  readonly typing: Typing;
  readonly passkeys: Passkeys;
  readonly refLifetimeMs: number;
  readonly connectMs: number;
  readonly #open = new Set<NetworkDevice>();
  readonly #byAccount = new Map<Jid, Set<NetworkDevice>>();
  readonly #refs = new Map<string, NetworkDevice>();
  /** Refs that can't be scanned any more, the newest ones, and why. */
  readonly #spentRefs = new Map<string, RefusalReason>();
  /** Codes that can be typed into a phone now. */
  readonly #codes = new Map<string, { device: NetworkDevice; pn: Jid; cancel: () => void }>();
  /** Accounts with a notice that isn't answered; what cancels their logout. */
  readonly #notices = new Map<Jid, () => void>();
  readonly #unsubscribe: () => void;

  constructor(
    parts: { world: World; delivery: Delivery; typing: Typing; passkeys: Passkeys },
    times: { refLifetimeMs: number; connectMs: number },
  ) {
    this.world = parts.world;
    this.delivery = parts.delivery;
    this.typing = parts.typing;
    this.passkeys = parts.passkeys;
    this.refLifetimeMs = times.refLifetimeMs;
    this.connectMs = times.connectMs;
    this.#unsubscribe = this.#subscribe();
  }

  /** A new device; one whose token isn't linked shows refs. */
  open(token: string | null): NetworkDevice {
    const { store, seeded } = this.world;
    const pn = token === null ? undefined : store.tokens.get(token);
    const account = pn === undefined ? undefined : store.accounts.get(pn);
    const keys = {
      static: seeded.hex('key', 44),
      identity: seeded.hex('key', 44),
      adv: seeded.hex('key', 44),
      platform: '1',
    };
    const device = new NetworkDevice(this, keys, token !== null && account ? { token, account } : null);
    this.#open.add(device);
    this.world.wire('open', account?.pn ?? null);
    return device;
  }

  /** The devices that are open under an account. */
  of(pn: Jid): NetworkDevice[] {
    return [...(this.#byAccount.get(pn) ?? [])];
  }

  /** Links the device that shows this QR. @throws SandboxRefusal EXPIRED_REF, UNKNOWN_REF, ALREADY_SCANNED */
  scan(qr: string, account: Account): void {
    const device = this.#shows(qr);
    this.#spend(device.ref!, 'ALREADY_SCANNED');
    this.world.wire('scan', account.pn);
    this.#accept(device, account);
  }

  /** Links the device whose code is typed into the phone of an account. @throws SandboxRefusal WRONG_CODE */
  enterCode(account: Account, code: string): void {
    const asked = this.#codes.get(code);
    if (asked?.pn !== account.pn)
      throw new SandboxRefusal('WRONG_CODE', 'This code is wrong or has expired.');
    this.#dropCodes(asked.device);
    this.world.wire('code', account.pn);
    this.#accept(asked.device, account);
  }

  /** The passkey of an account that is being linked, signed by its phone. @throws SandboxRefusal WRONG_PASSKEY */
  signPasskey(pn: Jid): WebAuthnJson {
    const waiting = [...this.#open].find((device) => device.passkeyOf(pn) !== null);
    if (!waiting) throw new SandboxRefusal('NOT_OPEN', 'No device waits for a passkey of this account.');
    return this.passkeys.sign(pn, waiting.passkeyOf(pn)!);
  }

  issueCode(device: NetworkDevice, pn: Jid): string {
    this.#dropCodes(device);
    this.unlinkAll(pn);
    const drawn = Buffer.from(this.world.seeded.hex('code', CODE_LENGTH * 2), 'hex');
    const code = Array.from(drawn, (byte) => CODE_LETTERS[byte % CODE_LETTERS.length]).join('');
    const cancel = this.world.schedule.after(CODE_LIFETIME_MS, () => this.#codes.delete(code));
    this.#codes.set(code, { device, pn, cancel });
    this.world.wire('pairing-code', pn);
    return code;
  }

  hasNotice(pn: Jid): boolean {
    return this.#notices.has(pn);
  }

  answerNotice(pn: Jid): void {
    this.#notices.get(pn)?.();
    if (!this.#notices.delete(pn)) return;
    this.world.wire('notice', pn, { shown: false });
    for (const device of this.of(pn)) device.showNotice();
  }

  /** The phone has agreed: links the device, after a passkey if WhatsApp wants one. */
  #accept(device: NetworkDevice, account: Account): void {
    if (this.world.settings.passkey === 'off') this.link(device, account);
    else {
      this.world.wire('passkey', account.pn);
      device.awaitPasskey(account, this.world.settings.passkey === 'refs_go_on');
    }
  }

  link(device: NetworkDevice, account: Account): void {
    const { store, seeded, lines, settings, schedule } = this.world;
    const token = seeded.hex('token', 32);
    store.commit({ kind: 'link', token, pn: account.pn });
    if (settings.noticeMs !== null) {
      this.#notices.get(account.pn)?.();
      const logOut = schedule.after(settings.noticeMs, () => this.unlinkAll(account.pn));
      this.#notices.set(account.pn, logOut);
    }
    if (behaviourOf(account.pn).bans)
      Object.assign(lines.of(account.pn), { state: 'TOS_BLOCK', banned: true });
    device.pair(token, account);
  }

  /** Declines a QR. @throws SandboxRefusal as `scan` */
  refuse(qr: string): void {
    const device = this.#shows(qr);
    this.world.wire('refuse', null);
    device.tell(() => device.events.emit('refused'));
  }

  issueRef(device: NetworkDevice): string {
    if (device.ref) this.#spend(device.ref, 'EXPIRED_REF');
    const ref = `2@${this.world.seeded.hex('ref', 40)}`;
    this.#refs.set(ref, device);
    this.world.wire('ref', null, { ref: ref.slice(0, 10) });
    return ref;
  }

  claim(device: NetworkDevice): void {
    const pn = device.account!.pn;
    const others = this.#byAccount.get(pn) ?? new Set();
    this.#byAccount.set(pn, others);
    for (const other of others) if (other.token === device.token) other.setState('CONFLICT');
    others.add(device);
  }

  unlink(token: string): void {
    const pn = this.world.store.tokens.get(token);
    if (pn === undefined) return;
    this.world.store.commit({ kind: 'unlink', token });
    this.world.wire('unlink', pn);
  }

  /** Unlinks every device of an account: those that are open end with `closed LOGOUT`. */
  unlinkAll(pn: Jid): void {
    for (const [token, owner] of [...this.world.store.tokens]) if (owner === pn) this.unlink(token);
    this.#notices.get(pn)?.();
    this.#notices.delete(pn);
    for (const device of this.of(pn)) device.end('LOGOUT');
  }

  release(device: NetworkDevice): void {
    this.#open.delete(device);
    if (device.ref) this.#spend(device.ref, 'EXPIRED_REF');
    this.#dropCodes(device);
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

  /** Closes every device, silently. */
  close(): void {
    for (const device of [...this.#open]) device.close();
    this.#unsubscribe();
  }

  /** The device that shows this QR now. */
  #shows(qr: string): NetworkDevice {
    const ref = qr.split(',')[0]!.trim();
    const device = this.#refs.get(ref);
    if (device) return device;
    const reason = this.#spentRefs.get(ref) ?? 'UNKNOWN_REF';
    const told = { EXPIRED_REF: 'This QR has expired.', ALREADY_SCANNED: 'This QR was scanned already.' };
    throw new SandboxRefusal(reason, told[reason as keyof typeof told] ?? 'This is no QR of the sandbox.');
  }

  /** A device's code can't be typed in any more. */
  #dropCodes(device: NetworkDevice): void {
    for (const [code, asked] of this.#codes) {
      if (asked.device !== device) continue;
      asked.cancel();
      this.#codes.delete(code);
    }
  }

  /** A ref can't be scanned any more. */
  #spend(ref: string, reason: RefusalReason): void {
    this.#refs.delete(ref);
    this.#spentRefs.set(ref, reason);
    const [oldest] = this.#spentRefs.keys();
    if (this.#spentRefs.size > REMEMBERED_REFS && oldest) this.#spentRefs.delete(oldest);
  }

  /** Brings the network's events to the devices that they concern. */
  #subscribe(): () => void {
    const { events } = this.world;
    const onMessage: Parameters<typeof events.on<'message'>>[1] = (owner, message, sentBy) => {
      for (const device of this.of(owner))
        if (device !== sentBy && device.me) device.tell(() => device.events.emit('message', message), true);
    };
    const onAck: Parameters<typeof events.on<'ack'>>[1] = (owner, ack) => {
      for (const device of this.of(owner))
        if (device.me) device.tell(() => device.events.emit('ack', ack), true);
    };
    const onEdited: Parameters<typeof events.on<'edited'>>[1] = (owner, message) => {
      for (const device of this.of(owner))
        if (device.me) device.tell(() => device.events.emit('edited', message), true);
    };
    const onTyping: Parameters<typeof events.on<'typing'>>[1] = ({ reader, ...change }) => {
      for (const device of this.of(reader))
        if (device.me && device.state === 'CONNECTED')
          device.tell(() => device.events.emit('typing', change), true);
    };
    events.on('message', onMessage).on('ack', onAck).on('edited', onEdited).on('typing', onTyping);
    return () => {
      events.off('message', onMessage).off('ack', onAck).off('edited', onEdited).off('typing', onTyping);
    };
  }
}
