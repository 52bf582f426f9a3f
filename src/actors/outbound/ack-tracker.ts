import { TEXTS } from '../domain/error-texts.ts';
import { GatewayError } from '../domain/errors.ts';
import type { Scheduler } from '../domain/ports/clock.ts';
import type { Ack } from '../domain/ports/whatsapp.ts';
import { withTimeout } from '../domain/timeout.ts';

/** The acks of the message in flight: they may come before the send resolves, or long after. */
export class AckTracker {
  /** A few at a time, a new list for each message: a map would leave its outgrown tables behind (see `Entry`). */
  #seen: Ack[] = [];
  #waiter: { messageId: string; resolve(ack: Ack): void; fail(error: Error): void } | null = null;

  /** Keeps an ack, and resolves the wait for it. */
  note(ack: Ack): void {
    this.#seen.push(ack);
    if (this.#waiter?.messageId === ack.messageId && ack.ack !== 0) this.#waiter.resolve(ack);
  }

  /** Resolves with the first ack other than 0 of the message; rejects after `sendTimeoutMs`, or when abandoned. */
  wait(
    messageId: string,
    context: { clock: Scheduler; sendTimeoutMs: number; ended: AbortSignal },
  ): Promise<Ack> {
    const seen = this.#seen.findLast((ack) => ack.messageId === messageId);
    if (seen && seen.ack !== 0) return Promise.resolve(seen);
    const acked = new Promise<Ack>((resolve, fail) => {
      this.#waiter = { messageId, resolve, fail };
    });
    if (context.ended.aborted) this.abandon();
    return withTimeout(
      context.clock,
      acked,
      context.sendTimeoutMs,
      () => new GatewayError('BAD_GATEWAY', TEXTS.BAD_GATEWAY.notAcknowledged),
    );
  }

  /** The session has ended: rejects the wait. */
  abandon(): void {
    this.#waiter?.fail(new GatewayError('BAD_GATEWAY', TEXTS.BAD_GATEWAY.endedBeforeAck));
  }

  /** Starts with the next message. */
  clear(): void {
    this.#seen = [];
    this.#waiter = null;
  }
}
