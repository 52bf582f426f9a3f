import type { MessageOutcome } from '../domain/ports/stores.ts';
import type { Ack } from '../domain/ports/whatsapp.ts';
import type { ActorSettings } from '../domain/settings.ts';
import { AckTracker } from './ack-tracker.ts';
import type { DeliveryContext } from './deliver.ts';
import type { Entry } from './outbound-queue.ts';
import { Retries } from './retries.ts';

/** What sends in one session needs of its outbox. */
export interface SessionSendsDeps
  extends Pick<DeliveryContext, 'client' | 'log' | 'clock' | 'whatsAppClock' | 'claimed' | 'handing'> {
  settings: Pick<ActorSettings, 'sendTimeoutMs' | 'messageTtlMs' | 'limits'>;
  /** A send ended in doubt: is the client still alive? */
  suspect(): void;
}

/** The sending of one session: with its client, its acks, and an end of its own. */
export class SessionSends {
  readonly #acks = new AckTracker();
  readonly #over = new AbortController();
  readonly #attempts: Retries;

  constructor({ settings, ...deps }: SessionSendsDeps) {
    const { sendTimeoutMs, messageTtlMs, limits } = settings;
    this.#attempts = new Retries({
      ...deps,
      sendTimeoutMs,
      messageTtlMs,
      againMs: limits.probeAgainMs,
      acks: this.#acks,
      closed: this.#over.signal,
    });
  }

  /** Aborted when the session is over. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** One message to its end; null when it has to stay because the session is over. */
  settle(entry: Entry): Promise<MessageOutcome | null> {
    return this.#attempts.settle(entry);
  }

  /** An acknowledgement came. */
  acked(ack: Ack): void {
    this.#acks.note(ack);
  }

  /** The session is over: what is in flight waits for the next one. */
  end(): void {
    this.#over.abort();
    this.#acks.abandon();
  }
}
