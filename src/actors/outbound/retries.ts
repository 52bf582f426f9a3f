import { TEXTS } from '../domain/error-texts.ts';
import { type GatewayError, toGatewayError } from '../domain/errors.ts';
import type { MessageOutcome } from '../domain/ports/stores.ts';
import { pause } from '../domain/timeout.ts';
import {
  type DeliveryContext,
  type DeliveryResult,
  deliver,
  isOutcome,
  lookUp,
  messageError,
} from './deliver.ts';
import type { Entry } from './outbound-queue.ts';

/** What the attempts of one session need beside what each delivery does. */
export interface RetryDeps extends DeliveryContext {
  messageTtlMs: number;
  /** Between two looks at a page that may be dying. */
  againMs: number;
  /** A send ended in doubt: is the client still alive? */
  suspect(): void;
}

/** Attempts within one session of a message that does not get as far as the hand-over. */
const MAX_ATTEMPTS = 3;

/** True when the message has waited longer than it may; `now` is monotonic. */
export function hasExpired({ acceptedAt }: Entry, now: number, ttlMs: number): boolean {
  return now - acceptedAt >= ttlMs;
}

/** How an expired message ends: one in doubt stays in doubt. */
export function expiry({ doubtful }: Entry): MessageOutcome {
  const error = { code: 'EXPIRED', message: TEXTS.EXPIRED.tooLate };
  return doubtful ? { status: 'unknown', messageId: null, error } : { status: 'failed', error };
}

/**
 * Sends messages within one session, each as often as it takes to know how it ended. A message whose session went
 * away under it is no failure: it stays for the next one.
 */
export class Retries {
  readonly #deps: RetryDeps;

  constructor(deps: RetryDeps) {
    this.#deps = deps;
  }

  /** One message to its end; null when it has to stay because the session is over. */
  async settle(entry: Entry): Promise<MessageOutcome | null> {
    for (let attempts = 0; ; ) {
      if (hasExpired(entry, this.#deps.clock.monotonic(), this.#deps.messageTtlMs)) return expiry(entry);
      const result = await this.#try(entry);
      if (isOutcome(result)) return result;
      if (result.status === 'doubtful') entry.doubtful = true;
      if (!(await this.#recovers(result.error))) return null;
      // A database that is away is no fault of the message: it waits, as long as it may.
      if (result.error.code === 'DATABASE_UNAVAILABLE') continue;
      attempts += 1;
      if (result.status === 'stuck' && attempts < MAX_ATTEMPTS) continue;
      return this.#giveUp(entry, result.error);
    }
  }

  /** Looks for a doubtful message in the chat, then delivers what isn't there. */
  async #try(entry: Entry): Promise<DeliveryResult> {
    if (!entry.doubtful) return deliver(entry, this.#deps);
    try {
      return (await lookUp(entry.message, this.#deps)) ?? (await deliver(entry, this.#deps));
    } catch (thrown) {
      return { status: 'doubtful', error: toGatewayError(thrown, 'BAD_GATEWAY') };
    }
  }

  /** The page answers, the message did not get through: found in the chat after all, unknown, or failed. */
  async #giveUp(entry: Entry, cause: GatewayError): Promise<MessageOutcome> {
    const error = messageError(cause);
    if (!entry.doubtful) return { status: 'failed', error };
    const found = await lookUp(entry.message, this.#deps).catch(() => null);
    if (found && isOutcome(found)) return found;
    return { status: 'unknown', messageId: null, error };
  }

  /** Waits out what may be dying: true when it is worth another try, false when the session ends. */
  async #recovers(error: GatewayError): Promise<boolean> {
    if (error.code === 'DATABASE_UNAVAILABLE') return this.#pause();
    const { client, closed, suspect } = this.#deps;
    if (closed.aborted) return false;
    suspect();
    for (;;) {
      const state = await client.probe().catch(() => null);
      if (closed.aborted) return false;
      if (state === 'CONNECTED') return true;
      if (!(await this.#pause())) return false;
    }
  }

  /** Waits a little; false when the session ended meanwhile. */
  async #pause(): Promise<boolean> {
    const { clock, againMs, closed } = this.#deps;
    await pause(clock, againMs, closed);
    return !closed.aborted;
  }
}
