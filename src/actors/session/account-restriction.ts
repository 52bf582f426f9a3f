import type { RestrictionView } from '../domain/agent-view.ts';
import type { EpochMs, Scheduler, Timer } from '../domain/ports/clock.ts';
import type { Restriction } from '../domain/ports/whatsapp.ts';

/** The longest delay of a timer; a longer one would fire at once. */
const LONGEST_MS = 2_147_483_647;

/**
 * What an account may not do for now: reported by the client, or inferred from a refused send. It ends when the client
 * reports so, at its `until`, or with the link; an inferred one `refusalMs` after the newest refusal.
 */
export class AccountRestriction {
  readonly #clock: Scheduler;
  readonly #refusalMs: number;
  readonly #onChange: (restriction: RestrictionView | null) => void;
  #current: RestrictionView | null = null;
  #timer: Timer | null = null;
  /** The client has reported it, and will report its end. */
  #isReported = false;

  constructor(clock: Scheduler, refusalMs: number, onChange: (restriction: RestrictionView | null) => void) {
    this.#clock = clock;
    this.#refusalMs = refusalMs;
    this.#onChange = onChange;
  }

  /** The restriction that holds now, or null. */
  get current(): RestrictionView | null {
    return this.#current;
  }

  /** The client reports the restriction of the account, or that there is none. */
  report(restriction: Restriction | null): void {
    this.#isReported = restriction !== null;
    this.#set(restriction);
    this.#endAt(restriction?.until);
  }

  /** WhatsApp has refused a send because of such a restriction. */
  refused(kind: Restriction['kind']): void {
    if (this.#isReported && this.#current?.kind === kind) return;
    this.#isReported = false;
    this.#set({ kind });
    this.#endAt(this.#clock.now() + this.#refusalMs);
  }

  /** The account is not linked any more. */
  forget(): void {
    this.report(null);
  }

  /** Clears the timer: the agent stops. */
  close(): void {
    if (this.#timer) this.#clock.clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** Replaces the restriction, and publishes a change. */
  #set(restriction: Restriction | null): void {
    const before = this.#current;
    if (before?.kind === restriction?.kind && before?.until === restriction?.until) return;
    const since = before && before.kind === restriction?.kind ? before.since : this.#clock.now();
    this.#current = restriction && { ...restriction, since };
    this.#onChange(this.#current);
  }

  /** Ends the restriction at a time of the display clock; never when there is none. */
  #endAt(time: EpochMs | undefined): void {
    this.close();
    if (time === undefined) return;
    const left = time - this.#clock.now();
    if (left <= 0) this.forget();
    else this.#timer = this.#clock.setTimeout(() => this.#endAt(time), Math.min(left, LONGEST_MS));
  }
}
