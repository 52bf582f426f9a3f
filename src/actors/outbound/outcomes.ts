import type { Scheduler } from '../domain/ports/clock.ts';
import type { MessageLog, MessageOutcome, MessageStatus, StoredMessage } from '../domain/ports/stores.ts';
import type { Ack } from '../domain/ports/whatsapp.ts';
import { acknowledged } from './deliver.ts';
import type { Waiter } from './outbound-queue.ts';

/** What outcomes need; `reports.status` publishes them. */
export interface OutcomeDeps {
  clock: Scheduler;
  log: Pick<MessageLog, 'settle'>;
  reports: {
    status(message: StoredMessage, status: MessageStatus): void;
    fault(where: string, error: unknown): void;
  };
}

const REMEMBERED_IDS = 1_000;

/** The outcomes of an agent's messages: logged, published, and remembered as long as later events may refer to them. */
export class Outcomes {
  readonly #deps: OutcomeDeps;
  /** Newest own WhatsApp ids: a look-up in a chat finds those messages, too. */
  readonly #claimed = new Set<string>();
  /** Messages of unknown outcome by WhatsApp id: a late ack still makes them sent or failed. */
  readonly #unknown = new Map<string, StoredMessage>();

  constructor(deps: OutcomeDeps) {
    this.#deps = deps;
  }

  /** True for the WhatsApp id of a known message: equal texts must not be confused. */
  isClaimed(messageId: string): boolean {
    return this.#claimed.has(messageId);
  }

  /** Logs the outcome of a message, and publishes it. */
  record(message: StoredMessage, outcome: MessageOutcome, waiter?: Waiter): void {
    const recorded = withOutcome(message, outcome);
    if (recorded.messageId) this.#claim(recorded.messageId);
    if (outcome.status === 'unknown' && outcome.messageId) this.#unknown.set(outcome.messageId, recorded);
    // The write is not awaited: after a crash the row still says `sending`, and the message is looked up in its chat.
    this.#deps.log
      .settle(message.id, outcome)
      .catch((error: unknown) => this.#deps.reports.fault('outbox.settle', error));
    this.publish(recorded, waiter);
  }

  /** Publishes the status of a message, and resolves its waiting caller. */
  publish(message: StoredMessage, waiter?: Waiter): void {
    this.#deps.reports.status(message, message.status);
    waiter?.(message);
  }

  /** A late ack resolves an unknown outcome: sent, or refused. */
  acked(ack: Ack): void {
    const late = this.#unknown.get(ack.messageId);
    if (!late || ack.ack === 0) return;
    this.#unknown.delete(ack.messageId);
    this.record(late, acknowledged(ack, this.#deps.clock));
  }

  /** Remembers a WhatsApp id as ours, the newest thousand. */
  #claim(messageId: string): void {
    this.#claimed.add(messageId);
    if (this.#claimed.size <= REMEMBERED_IDS) return;
    const [oldest] = this.#claimed;
    this.#claimed.delete(oldest!);
    this.#unknown.delete(oldest!);
  }
}

/** A message with its outcome. Pure. */
function withOutcome(message: StoredMessage, outcome: MessageOutcome): StoredMessage {
  if (outcome.status === 'sent') {
    const { status, messageId, at: sentAt } = outcome;
    return { ...message, status, messageId, sentAt, error: null };
  }
  const messageId = outcome.status === 'unknown' ? outcome.messageId : null;
  return { ...message, status: outcome.status, messageId, error: outcome.error };
}
