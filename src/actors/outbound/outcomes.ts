import type { Scheduler } from '../domain/ports/clock.ts';
import type { MessageLog, MessageOutcome, MessageStatus, StoredMessage } from '../domain/ports/stores.ts';
import type { Ack } from '../domain/ports/whatsapp.ts';
import { acknowledged } from './deliver.ts';
import type { Waiter } from './outbound-queue.ts';

/** What settlements need of the world; `reports.status` tells it how a message stands now. */
export interface OutcomeDeps {
  clock: Scheduler;
  log: Pick<MessageLog, 'settle'>;
  reports: {
    status(message: StoredMessage, status: MessageStatus): void;
    fault(where: string, error: unknown): void;
  };
}

const REMEMBERED_IDS = 1_000;

/**
 * How the messages of one agent ended: written down, told to whoever waits, and remembered as long as later events
 * may refer to it.
 */
export class Outcomes {
  readonly #deps: OutcomeDeps;
  /** Newest own WhatsApp ids: a chat that is searched has them, too. */
  readonly #claimed = new Set<string>();
  /** Messages settled as unknown, by WhatsApp id: a late ack still makes them sent or failed. */
  readonly #unsettled = new Map<string, StoredMessage>();

  constructor(deps: OutcomeDeps) {
    this.#deps = deps;
  }

  /** True for a WhatsApp id that is known to be some message's, so that equal texts are told apart. */
  isClaimed(messageId: string): boolean {
    return this.#claimed.has(messageId);
  }

  /** Writes how a message ended, and tells it. */
  record(message: StoredMessage, settlement: MessageOutcome, waiter?: Waiter): void {
    const settled = settle(message, settlement);
    if (settled.messageId) this.#claim(settled.messageId);
    if (settlement.status === 'unknown' && settlement.messageId)
      this.#unsettled.set(settlement.messageId, settled);
    // Nobody waits for the write: after a crash the row still says `sending`, and the chat is asked.
    this.#deps.log
      .settle(message.id, settlement)
      .catch((error: unknown) => this.#deps.reports.fault('outbox.settle', error));
    this.tell(settled, waiter);
  }

  /** Tells the world and the waiter. */
  tell(message: StoredMessage, waiter?: Waiter): void {
    this.#deps.reports.status(message, message.status);
    waiter?.(message);
  }

  /** An ack that comes late settles what was unknown: sent, or refused. */
  acked(ack: Ack): void {
    const late = this.#unsettled.get(ack.messageId);
    if (!late || ack.ack === 0) return;
    this.#unsettled.delete(ack.messageId);
    this.record(late, acknowledged(ack, this.#deps.clock));
  }

  /** Remembers a WhatsApp id as ours, the newest thousand. */
  #claim(messageId: string): void {
    this.#claimed.add(messageId);
    if (this.#claimed.size <= REMEMBERED_IDS) return;
    const [oldest] = this.#claimed;
    this.#claimed.delete(oldest!);
    this.#unsettled.delete(oldest!);
  }
}

/** The stored message after its settlement. Pure. */
function settle(message: StoredMessage, settlement: MessageOutcome): StoredMessage {
  if (settlement.status === 'sent') {
    const { status, messageId, at: sentAt } = settlement;
    return { ...message, status, messageId, sentAt, error: null };
  }
  const messageId = settlement.status === 'unknown' ? settlement.messageId : null;
  return { ...message, status: settlement.status, messageId, error: settlement.error };
}
