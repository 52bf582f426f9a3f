import { TEXTS } from '../domain/error-texts.ts';
import { type GatewayError, toGatewayError } from '../domain/errors.ts';
import type { MessageOutcome } from '../domain/ports/stores.ts';
import type { ActorSettings } from '../domain/settings.ts';
import { pause } from '../domain/timeout.ts';
import { AckTracker } from './ack-tracker.ts';
import {
  type DeliveryContext,
  type DeliveryResult,
  deliver,
  isOutcome,
  lookUp,
  messageError,
} from './deliver.ts';
import type { Entry } from './outbound-queue.ts';

/** What the sends of one session need; `suspect` is called when one leaves it open whether the client still works. */
export interface SessionSendsDeps extends Omit<DeliveryContext, 'acks' | 'ended' | 'sendTimeoutMs'> {
  settings: Pick<ActorSettings, 'sendTimeoutMs' | 'messageTtlMs' | 'limits'>;
  suspect(): void;
}

/** Attempts within one session of a message that does not get as far as the hand-over. */
const MAX_ATTEMPTS = 3;

/** True when the message has waited longer than it may; `now` is monotonic. */
export function hasExpired({ acceptedAt }: Entry, now: number, ttlMs: number): boolean {
  return now - acceptedAt >= ttlMs;
}

/** The outcome of an expired message: unknown when it may have left. */
export function expiry({ mayHaveLeft }: Entry): MessageOutcome {
  const error = { code: 'EXPIRED', message: TEXTS.EXPIRED.tooLate };
  return mayHaveLeft ? { status: 'unknown', messageId: null, error } : { status: 'failed', error };
}

/**
 * Sends messages within one session, each as often as it takes to know its outcome. A message whose session ends under
 * it has not failed: it stays queued for the next one.
 */
export class SessionSends {
  readonly acks = new AckTracker();
  readonly #session = new AbortController();
  readonly #deps: SessionSendsDeps;
  readonly #context: DeliveryContext;

  constructor(deps: SessionSendsDeps) {
    this.#deps = deps;
    const { sendTimeoutMs } = deps.settings;
    this.#context = { ...deps, sendTimeoutMs, acks: this.acks, ended: this.ended };
  }

  /** Aborted at the end of the session. */
  get ended(): AbortSignal {
    return this.#session.signal;
  }

  /** The session has ended. */
  end(): void {
    this.#session.abort();
    this.acks.abandon();
  }

  /** Sends a message to its outcome; null when its session ends first. */
  async send(entry: Entry): Promise<MessageOutcome | null> {
    const { clock, settings } = this.#deps;
    for (let attempts = 0; ; ) {
      if (hasExpired(entry, clock.monotonic(), settings.messageTtlMs)) return expiry(entry);
      const result = await this.#attempt(entry);
      if (isOutcome(result)) return result;
      if (result.status === 'indeterminate') entry.mayHaveLeft = true;
      if (!(await this.#recovers(result.error))) return null;
      // An unavailable database is no fault of the message: it waits until it expires.
      if (result.error.code === 'DATABASE_UNAVAILABLE') continue;
      attempts += 1;
      if (result.status === 'not_sent' && attempts < MAX_ATTEMPTS) continue;
      return this.#giveUp(entry, result.error);
    }
  }

  /** Delivers a message; one that may have left is looked up in the chat first. */
  async #attempt(entry: Entry): Promise<DeliveryResult> {
    if (!entry.mayHaveLeft) return deliver(entry, this.#context);
    try {
      return (await lookUp(entry.message, this.#context)) ?? (await deliver(entry, this.#context));
    } catch (thrown) {
      return { status: 'indeterminate', error: toGatewayError(thrown, 'BAD_GATEWAY') };
    }
  }

  /** The page answers, but the message did not get through: found in the chat after all, unknown, or failed. */
  async #giveUp(entry: Entry, cause: GatewayError): Promise<MessageOutcome> {
    const error = messageError(cause);
    if (!entry.mayHaveLeft) return { status: 'failed', error };
    const found = await lookUp(entry.message, this.#context).catch(() => null);
    if (found && isOutcome(found)) return found;
    return { status: 'unknown', messageId: null, error };
  }

  /** Waits until another attempt makes sense: true then, false when the session ends first. */
  async #recovers(error: GatewayError): Promise<boolean> {
    if (error.code === 'DATABASE_UNAVAILABLE') return this.#pause();
    const { client, suspect } = this.#deps;
    if (this.ended.aborted) return false;
    suspect();
    for (;;) {
      const state = await client.probe().catch(() => null);
      if (this.ended.aborted) return false;
      if (state === 'CONNECTED') return true;
      if (!(await this.#pause())) return false;
    }
  }

  /** Pauses between two attempts; false when the session ended meanwhile. */
  async #pause(): Promise<boolean> {
    await pause(this.#deps.clock, this.#deps.settings.limits.probeAgainMs, this.ended);
    return !this.ended.aborted;
  }
}
