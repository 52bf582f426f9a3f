import { LRUCache } from 'lru-cache';
import type { Jid } from '../../actors/domain/identity.ts';
import { type RefusalReason, SandboxRefusal } from './types.ts';
import type { World } from './world.ts';

const REMEMBERED_REFS = 10_000;
const CODE_LETTERS = '123456789ABCDEFGHJKLMNPQRSTVWXYZ';
const CODE_LENGTH = 8;
const CODE_LIFETIME_MS = 180_000;
const UNUSABLE: Partial<Record<RefusalReason, string>> = {
  EXPIRED_REF: 'This QR has expired.',
  ALREADY_SCANNED: 'This QR was scanned already.',
};

/** The refs of QRs, and the pairing codes, by which devices are linked. */
export class Pairing<Device extends { readonly ref: string | null }> {
  readonly #world: World;
  readonly #refs = new Map<string, Device>();
  /** The newest refs that can no longer be scanned, and why. */
  readonly #spentRefs = new LRUCache<string, RefusalReason>({ max: REMEMBERED_REFS });
  readonly #codes = new Map<string, { device: Device; pn: Jid; cancelExpiry: () => void }>();

  constructor(world: World) {
    this.#world = world;
  }

  /** A new ref of a device; its former one expires. */
  issueRef(device: Device): string {
    if (device.ref) this.#spend(device.ref, 'EXPIRED_REF');
    const ref = `2@${this.#world.seeded.hex('ref', 40)}`;
    this.#refs.set(ref, device);
    this.#world.wire('ref', null, { ref: ref.slice(0, 10) });
    return ref;
  }

  /** The device that shows this QR now. @throws SandboxRefusal EXPIRED_REF, UNKNOWN_REF, ALREADY_SCANNED */
  deviceOf(qr: string): Device {
    const ref = qr.split(',')[0]!.trim();
    const device = this.#refs.get(ref);
    if (device) return device;
    const reason = this.#spentRefs.get(ref) ?? 'UNKNOWN_REF';
    throw new SandboxRefusal(reason, UNUSABLE[reason] ?? 'This is no QR of the sandbox.');
  }

  /** The device that shows this QR, which can't be scanned again. @throws SandboxRefusal as `deviceOf` */
  takeRef(qr: string): Device {
    const device = this.deviceOf(qr);
    this.#spend(device.ref!, 'ALREADY_SCANNED');
    return device;
  }

  /** A new code that links a device when it is typed into the phone of `pn`; its former code expires. */
  issueCode(device: Device, pn: Jid): string {
    this.#dropCodes(device);
    const drawn = Buffer.from(this.#world.seeded.hex('code', CODE_LENGTH * 2), 'hex');
    const code = Array.from(drawn, (byte) => CODE_LETTERS[byte % CODE_LETTERS.length]).join('');
    const cancelExpiry = this.#world.schedule.after(CODE_LIFETIME_MS, () => this.#codes.delete(code));
    this.#codes.set(code, { device, pn, cancelExpiry });
    this.#world.wire('pairing-code', pn);
    return code;
  }

  /** The device with this code for the phone of `pn`; the code can't be typed again. @throws SandboxRefusal WRONG_CODE */
  takeCode(code: string, pn: Jid): Device {
    const issued = this.#codes.get(code);
    if (issued?.pn !== pn) throw new SandboxRefusal('WRONG_CODE', 'This code is wrong or has expired.');
    this.#dropCodes(issued.device);
    return issued.device;
  }

  /** Expires the ref and the code of a device. */
  release(device: Device): void {
    if (device.ref) this.#spend(device.ref, 'EXPIRED_REF');
    this.#dropCodes(device);
  }

  #dropCodes(device: Device): void {
    for (const [code, issued] of this.#codes) {
      if (issued.device !== device) continue;
      issued.cancelExpiry();
      this.#codes.delete(code);
    }
  }

  #spend(ref: string, reason: RefusalReason): void {
    this.#refs.delete(ref);
    this.#spentRefs.set(ref, reason);
  }
}
