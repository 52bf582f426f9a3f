import type { AgentRef } from '../domain/identity.ts';
import type { Clock } from '../domain/ports/clock.ts';
import type { MessageLog, StoredMessage } from '../domain/ports/stores.ts';
import type { Ack } from '../domain/ports/whatsapp.ts';

/** What the receipts of one agent need. */
export interface ReceiptDeps {
  agent: AgentRef;
  clock: Pick<Clock, 'now'>;
  log: Pick<MessageLog, 'receive'>;
  /** True for a WhatsApp id of a message that is known to be sent. */
  isKnown(messageId: string): boolean;
  /** A message moved forward by an acknowledgement. */
  onReceipt(message: StoredMessage, ack: number): void;
  onFault(error: unknown): void;
}

/**
 * Records how far the messages of one agent got after WhatsApp's server had them. Rows are found by WhatsApp's id, so
 * that a restart loses nothing; a row gets its id with its outcome, so that acknowledgements which overtake it wait.
 */
export class Receipts {
  readonly #deps: ReceiptDeps;
  /** Each step of a message once. */
  #waiting = new Map<string, Ack>();

  constructor(deps: ReceiptDeps) {
    this.#deps = deps;
  }

  /** Takes an acknowledgement; `flush` records it. */
  add(ack: Ack): void {
    if (ack.ack >= 1) this.#waiting.set(`${ack.messageId} ${ack.ack}`, ack);
  }

  /** Records what was added. Call it while no message is between its hand-over and its outcome. */
  flush(): void {
    const acks = this.#waiting;
    this.#waiting = new Map();
    for (const { messageId, ack } of acks.values()) {
      // That the server has a message is its outcome, and news only of one whose outcome was unknown.
      if (ack === 1 && this.#deps.isKnown(messageId)) continue;
      this.#record(messageId, ack);
    }
  }

  /** Writes a receipt, and reports the message that it moved. */
  #record(messageId: string, ack: number): void {
    const { agent, clock, log, onReceipt, onFault } = this.#deps;
    log.receive(agent, { messageId, ack, at: new Date(clock.now()) }).then((moved) => {
      if (moved) onReceipt(moved, ack);
    }, onFault);
  }
}
