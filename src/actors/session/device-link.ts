import type { Clock } from '../domain/ports/clock.ts';
import type { WhatsAppClient } from '../domain/ports/whatsapp.ts';

/** Whether the agent's device is linked, on this side and at the phone, and when that happened. */
export class DeviceLink {
  readonly #clock: Pick<Clock, 'monotonic'>;
  #isLinked = false;
  /** The phone may list the device. */
  #isKnownToPhone = false;
  #isUnlinked = true;
  #hasShownQr = false;
  #authenticatedAt: number | null = null;

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  /** It was linked and not logged out since: its session is restored without a request. */
  get isLinked(): boolean {
    return this.#isLinked;
  }

  /** False when the newest log-out has left the device linked at the phone: its owner has to unlink it there. */
  get isUnlinked(): boolean {
    return this.#isUnlinked;
  }

  /** Takes over whether an earlier process has left credentials. */
  restore(isLinked: boolean): void {
    this.#isLinked = isLinked;
    this.#isKnownToPhone = isLinked;
  }

  /** The phone knows the device from now on. */
  linking(): void {
    this.#isKnownToPhone = true;
  }

  /** The session became ready: its credentials are of use. */
  linked(): void {
    this.#isLinked = true;
    this.#isKnownToPhone = true;
  }

  /** The phone has removed the device. */
  unlinked(): void {
    this.#isKnownToPhone = false;
  }

  /** The credentials are deleted. */
  forget(): void {
    this.#isLinked = false;
  }

  /** A log-out has ended, with or without the phone. */
  loggedOut(): void {
    this.#isUnlinked = !this.#isKnownToPhone;
  }

  /** Watches whether this client links the device or restores its session. */
  watch({ events }: WhatsAppClient): void {
    this.#hasShownQr = false;
    events
      .on('qr', () => {
        this.#hasShownQr = true;
        this.#authenticatedAt = null;
      })
      .on('authenticated', () => {
        this.#authenticatedAt ??= this.#clock.monotonic();
      });
  }

  /** When the session that is ready now was linked, in monotonic ms, once; null for a restored one. */
  takeLinkedAt(): number | null {
    const isNew = this.#hasShownQr;
    this.#hasShownQr = false;
    return isNew ? (this.#authenticatedAt ?? this.#clock.monotonic()) : null;
  }
}
