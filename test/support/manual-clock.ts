import type { Scheduler } from '../../src/actors/domain/ports/clock.ts';

interface Alarm {
  due: number;
  ring: () => void;
}

/** A clock that is advanced by a test. */
export class ManualClock implements Scheduler {
  #time = 1_700_000_000_000;
  #stepped = 0;
  readonly #alarms = new Set<Alarm>();

  now(): number {
    return this.#time + this.#stepped;
  }

  monotonic(): number {
    return this.#time;
  }

  setTimeout(ring: () => void, ms: number): Alarm {
    const alarm = { due: this.#time + Math.max(0, ms), ring };
    this.#alarms.add(alarm);
    return alarm;
  }

  clearTimeout(alarm: object): void {
    this.#alarms.delete(alarm as Alarm);
  }

  /** Steps the wall time alone, as NTP does to a host's clock. */
  step(ms: number): void {
    this.#stepped += ms;
  }

  /** The number of pending timers. */
  get size(): number {
    return this.#alarms.size;
  }

  /** Advances the time; timers fire in order, each after the effects of the one before. */
  async pass(ms: number): Promise<void> {
    const until = this.#time + ms;
    for (let next = this.#next(until); next; next = this.#next(until)) {
      this.#alarms.delete(next);
      this.#time = Math.max(this.#time, next.due);
      next.ring();
      await settled();
    }
    this.#time = until;
    await settled();
  }

  /** The first timer that is due by then. */
  #next(until: number): Alarm | undefined {
    let first: Alarm | undefined;
    for (const alarm of this.#alarms)
      if (alarm.due <= until && (first === undefined || alarm.due < first.due)) first = alarm;
    return first;
  }
}

/** Lets all pending promises settle. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
