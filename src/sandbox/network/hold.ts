import type { Me } from '../../actors/domain/ports/whatsapp.ts';
import { SandboxRefusal } from './types.ts';

const MAX_EVENTS = 1_000;

/** Holds a device's events and calls while it is frozen and, where they need the server, while it is offline. */
export class Hold {
  readonly #device: { readonly state: string; readonly me: Me | null; readonly closed: boolean };
  #frozen = false;
  #events: { emit: () => void; online: boolean }[] = [];
  #calls: { retry: () => void; fail: (error: Error) => void }[] = [];

  constructor(device: { readonly state: string; readonly me: Me | null; readonly closed: boolean }) {
    this.#device = device;
  }

  /** Emits now, or once the device is thawed and, if `online`, connected. */
  emit(emit: () => void, online: boolean): void {
    const { closed, state } = this.#device;
    if (closed) return;
    if (!this.#frozen && (!online || state === 'CONNECTED')) emit();
    else if (this.#events.length < MAX_EVENTS) this.#events.push({ emit, online });
  }

  /** Runs a call now, or once the device is thawed and, if `online`, connected. @throws SandboxRefusal CLOSED */
  async call<T>(run: () => T, online = false): Promise<T> {
    while (!this.#device.closed && (this.#frozen || (online && this.#isOffline())))
      await new Promise<void>((retry, fail) => this.#calls.push({ retry, fail }));
    if (this.#device.closed) throw new SandboxRefusal('CLOSED', 'The device is closed.');
    return run();
  }

  freeze(frozen: boolean): void {
    this.#frozen = frozen;
    if (!frozen) this.retry();
  }

  /** Retries all that is held, in order. */
  retry(): void {
    for (const { emit, online } of this.#events.splice(0)) this.emit(emit, online);
    for (const { retry } of this.#calls.splice(0)) retry();
  }

  /** Discards held events and fails held calls. */
  close(): void {
    this.#events = [];
    for (const { fail } of this.#calls.splice(0)) fail(new SandboxRefusal('CLOSED', 'The device is closed.'));
  }

  #isOffline(): boolean {
    return this.#device.me !== null && this.#device.state !== 'CONNECTED';
  }
}
