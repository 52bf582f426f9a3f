import type { Jid } from '../../../actors/ports.ts';
import type { Delivery } from './delivery.ts';
import { type DeviceHome, NetworkDevice } from './device.ts';
import { behaviourOf } from './fixed-numbers.ts';
import { type Account, type RefusalReason, SandboxRefusal } from './types.ts';
import type { Typing } from './typing.ts';
import type { World } from './world.ts';

const REMEMBERED_REFS = 10_000;

/** All open devices, their pairing refs, and the way of events from the network to them. */
export class Devices implements DeviceHome {
  readonly world: World;
  readonly delivery: Delivery;
  readonly typing: Typing;
  readonly refLifetimeMs: number;
  readonly connectMs: number;
  readonly #open = new Set<NetworkDevice>();
  readonly #byAccount = new Map<Jid, Set<NetworkDevice>>();
  readonly #refs = new Map<string, NetworkDevice>();
  /** Refs that can't be scanned any more, the newest ones, and why. */
  readonly #spentRefs = new Map<string, RefusalReason>();
  readonly #unsubscribe: () => void;

  constructor(
    parts: { world: World; delivery: Delivery; typing: Typing },
    times: { refLifetimeMs: number; connectMs: number },
  ) {
    this.world = parts.world;
    this.delivery = parts.delivery;
    this.typing = parts.typing;
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
    const { store, seeded, lines } = this.world;
    const device = this.#shows(qr);
    this.#spend(device.ref!, 'ALREADY_SCANNED');
    const token = seeded.hex('token', 32);
    store.commit({ kind: 'link', token, pn: account.pn });
    this.world.wire('scan', account.pn);
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
    for (const device of this.of(pn)) device.end('LOGOUT');
  }

  release(device: NetworkDevice): void {
    this.#open.delete(device);
    if (device.ref) this.#spend(device.ref, 'EXPIRED_REF');
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
    const onTyping: Parameters<typeof events.on<'typing'>>[1] = ({ reader, ...change }) => {
      for (const device of this.of(reader))
        if (device.me && device.state === 'CONNECTED')
          device.tell(() => device.events.emit('typing', change), true);
    };
    events.on('message', onMessage).on('ack', onAck).on('typing', onTyping);
    return () => {
      events.off('message', onMessage).off('ack', onAck).off('typing', onTyping);
    };
  }
}
