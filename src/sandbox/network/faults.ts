import type { Restriction } from '../../actors/domain/ports/whatsapp.ts';
import type { Devices } from './devices.ts';
import type { Line } from './lines.ts';
import type { LineView, WireEntry } from './types.ts';
import { accountOf, type World } from './world.ts';

/** Faults of an account's connection, by its number; `LineView` describes them. */
export class Faults {
  readonly #world: World;
  readonly #devices: Devices;

  constructor(world: World, devices: Devices) {
    this.#world = world;
    this.#devices = devices;
  }

  view(number: string): LineView {
    return this.#world.lines.view(accountOf(this.#world, number).pn);
  }

  /** Loses the connection: devices go to OPENING and messages wait, until `restore` or for `forMs`. */
  drop(number: string, forMs?: number): void {
    this.setState(number, 'OPENING');
    if (forMs === undefined) return;
    const reconnect = () => this.setState(number, 'CONNECTED');
    this.#line(number).cancelReconnect = this.#world.schedule.after(forMs, reconnect);
  }

  /** Ends every fault: online, thawed, no latency, no failures, not banned, not restricted. */
  restore(number: string): void {
    Object.assign(this.#line(number), { latencyMs: 0, failureRate: 0, banned: false });
    this.freeze(number, false);
    if (this.#line(number).restriction) this.restrict(number, null);
    this.setState(number, 'CONNECTED');
  }

  /** Bans the account: its devices are blocked, and later ones too, until restored. */
  ban(number: string): void {
    this.#line(number).banned = true;
    this.setState(number, 'TOS_BLOCK');
  }

  /** Refuses messages to people who never wrote, until the restriction expires or is set to null. */
  restrict(number: string, restriction: Restriction | null): void {
    const { schedule } = this.#world;
    const line = this.#line(number);
    line.cancelExpiry?.();
    const wait = restriction?.until === undefined ? null : schedule.msUntil(restriction.until);
    line.cancelExpiry = wait === null ? null : schedule.after(wait, () => this.restrict(number, null));
    line.restriction = restriction;
    for (const device of this.#log(number, { restriction: restriction?.kind ?? null }))
      device.showRestriction();
  }

  /** Delays each message and look-up of the account on its way to the server, ms. */
  setLatency(number: string, latencyMs: number): void {
    this.#line(number).latencyMs = latencyMs;
    this.#log(number, { latencyMs });
  }

  /** Refuses this share (0…1) of the account's messages. */
  setFailureRate(number: string, failureRate: number): void {
    this.#line(number).failureRate = failureRate;
    this.#log(number, { failureRate });
  }

  /** Makes the devices that are open now hang, until thawed. */
  freeze(number: string, frozen: boolean): void {
    this.#line(number).frozen = frozen;
    for (const device of this.#log(number, { frozen })) device.freeze(frozen);
  }

  /**
   * Puts devices into a socket state: TIMEOUT, PROXYBLOCK, TOS_BLOCK, CONNECTED, …; devices opened later go to it as
   * well, except for CONFLICT: the next device takes over.
   */
  setState(number: string, state: string): void {
    const line = this.#line(number);
    line.cancelReconnect?.();
    line.cancelReconnect = null;
    line.state = state === 'CONFLICT' ? 'CONNECTED' : state;
    for (const device of this.#log(number, { state })) device.setState(state);
  }

  /** Ends the account's devices as a browser crash does. */
  crash(number: string): void {
    for (const device of this.#log(number, { crash: true })) device.end('CRASH');
  }

  #line(number: string): Line {
    return this.#world.lines.of(accountOf(this.#world, number).pn);
  }

  /** Writes a fault to the wire log; returns the account's open devices. */
  #log(number: string, detail: WireEntry['detail']): ReturnType<Devices['of']> {
    const { pn } = accountOf(this.#world, number);
    this.#world.wire('fault', pn, detail);
    this.#world.events.emit('changed');
    return this.#devices.of(pn);
  }
}
