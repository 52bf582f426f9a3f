import type { Jid } from '../../actors/domain/identity.ts';
import type { Restriction } from '../../actors/domain/ports/whatsapp.ts';
import type { Devices } from './devices.ts';
import type { LineView, WireEntry } from './types.ts';
import type { World } from './world.ts';

/** Breaks and mends the line of an account, as `LineView` names the faults. */
export class Faults {
  readonly #world: World;
  readonly #devices: Devices;

  constructor(world: World, devices: Devices) {
    this.#world = world;
    this.#devices = devices;
  }

  /** The faults of the account's line. */
  view(pn: Jid): LineView {
    return this.#world.lines.view(pn);
  }

  /** Loses the connection: devices go to OPENING, messages wait; back by `restore` or after `forMs`. */
  drop(pn: Jid, forMs?: number): void {
    this.setState(pn, 'OPENING');
    if (forMs === undefined) return;
    const { lines, schedule } = this.#world;
    lines.of(pn).cancelReturn = schedule.after(forMs, () => this.setState(pn, 'CONNECTED'));
  }

  /** Ends every fault of the account: online, thawed, no latency, no failures, not banned, not restricted. */
  restore(pn: Jid): void {
    Object.assign(this.#world.lines.of(pn), { latencyMs: 0, failureRate: 0, banned: false });
    this.freeze(pn, false);
    if (this.#world.lines.of(pn).restriction) this.restrict(pn, null);
    this.setState(pn, 'CONNECTED');
  }

  /** WhatsApp bans the account: what is linked is blocked, now and later. */
  ban(pn: Jid): void {
    this.#world.lines.of(pn).banned = true;
    this.setState(pn, 'TOS_BLOCK');
  }

  /** Refuses the account's messages to people who never wrote, until the restriction's own end or a `null`. */
  restrict(pn: Jid, restriction: Restriction | null): void {
    const { lines, schedule } = this.#world;
    const line = lines.of(pn);
    line.cancelRelease?.();
    const wait = restriction?.until === undefined ? null : schedule.msUntil(restriction.until);
    line.cancelRelease = wait === null ? null : schedule.after(wait, () => this.restrict(pn, null));
    line.restriction = restriction;
    this.#note(pn, { restriction: restriction?.kind ?? null });
    for (const device of this.#devices.of(pn)) device.showRestriction();
  }

  /** How long each message of the account takes to the server, and each question. */
  setLatency(pn: Jid, latencyMs: number): void {
    this.#world.lines.of(pn).latencyMs = latencyMs;
    this.#note(pn, { latencyMs });
  }

  /** The share (0…1) of the account's messages that WhatsApp refuses. */
  setFailureRate(pn: Jid, failureRate: number): void {
    this.#world.lines.of(pn).failureRate = failureRate;
    this.#note(pn, { failureRate });
  }

  /** The devices that are open now answer and hear nothing until thawed. */
  freeze(pn: Jid, frozen: boolean): void {
    this.#world.lines.of(pn).frozen = frozen;
    this.#note(pn, { frozen });
    for (const device of this.#devices.of(pn)) device.freeze(frozen);
  }

  /**
   * Puts devices into any named state: TIMEOUT, PROXYBLOCK, TOS_BLOCK, …; CONNECTED brings back. The line stays
   * in it for devices to come, but for CONFLICT: the next device takes over.
   */
  setState(pn: Jid, state: string): void {
    const line = this.#world.lines.of(pn);
    line.cancelReturn?.();
    line.cancelReturn = null;
    line.state = state === 'CONFLICT' ? 'CONNECTED' : state;
    this.#note(pn, { state });
    for (const device of this.#devices.of(pn)) device.setState(state);
  }

  /** Devices end with `closed CRASH`: the browser is gone. */
  crash(pn: Jid): void {
    this.#note(pn, { crash: true });
    for (const device of this.#devices.of(pn)) device.end('CRASH');
  }

  /** Notes a fault in the wire log and tells observers. */
  #note(pn: Jid, detail: WireEntry['detail']): void {
    this.#world.wire('fault', pn, detail);
    this.#world.events.emit('changed');
  }
}
