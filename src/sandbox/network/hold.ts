import { SandboxRefusal } from './types.ts';

const MAX_EVENTS = 1_000;

/** How a device is at this moment. */
interface HoldConditions {
  isClosed(): boolean;
  isConnected(): boolean;
  /** It was connected, and is not now. */
  isOffline(): boolean;
}

/** An event that waits; `messageId` is that of a message that the device has not received. */
interface HeldEvent {
  emit: () => void;
  online: boolean;
  messageId: string | undefined;
}

/** Holds a device's events and calls while it is frozen and, where they need the server, while it is offline. */
export class Hold {
  readonly #device: HoldConditions;
  #frozen = false;
  #events: HeldEvent[] = [];
  #calls: { retry: () => void; fail: (error: Error) => void }[] = [];

  constructor(device: HoldConditions) {
    this.#device = device;
  }

  /** Emits now, or once the device is thawed and, if `online`, connected. */
  emit(emit: () => void, online: boolean, messageId?: string): void {
    if (this.#device.isClosed()) return;
    if (!this.#frozen && (!online || this.#device.isConnected())) emit();
    else if (this.#events.length < MAX_EVENTS) this.#events.push({ emit, online, messageId });
  }

  /** Whether a message waits to be received. */
  isHeld(messageId: string): boolean {
    return this.#events.some((event) => event.messageId === messageId);
  }

  /** Runs a call now, or once the device is thawed and, if `online`, connected. @throws SandboxRefusal CLOSED */
  async call<T>(run: () => T, online = false): Promise<T> {
    while (!this.#device.isClosed() && (this.#frozen || (online && this.#device.isOffline())))
      await new Promise<void>((retry, fail) => this.#calls.push({ retry, fail }));
    if (this.#device.isClosed()) throw new SandboxRefusal('CLOSED', 'The device is closed.');
    return run();
  }

  freeze(frozen: boolean): void {
    this.#frozen = frozen;
    if (!frozen) this.retry();
  }

  /** Retries all that is held, in order. */
  retry(): void {
    for (const { emit, online, messageId } of this.#events.splice(0)) this.emit(emit, online, messageId);
    for (const { retry } of this.#calls.splice(0)) retry();
  }

  /** Discards held events and fails held calls. */
  close(): void {
    this.#events = [];
    for (const { fail } of this.#calls.splice(0)) fail(new SandboxRefusal('CLOSED', 'The device is closed.'));
  }
}
