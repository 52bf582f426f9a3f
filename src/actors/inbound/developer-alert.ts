import type { Jid } from '../domain/identity.ts';
import type { Clock } from '../domain/ports/clock.ts';
import type { InboundMessage, WhatsAppClient } from '../domain/ports/whatsapp.ts';
import type { Sender } from '../outbound/sender.ts';

/** What failure reports need of the world and of their agent. */
export interface DeveloperAlertDeps {
  agentId: string;
  developer: Jid;
  clock: Clock;
  sender: Pick<Sender, 'acceptUnawaited'>;
  client: WhatsAppClient | null;
  fault(error: unknown): void;
}

/** Why a message got no reply: the AI was late or failed, or a machine answered our replies again and again. */
export type AlertReason = 'TIMEOUT' | 'ERROR' | 'LOOP';

/** Reports a message that got no reply to the developer; a report never causes a report. */
export class DeveloperAlert {
  readonly #deps: DeveloperAlertDeps;

  constructor(deps: DeveloperAlertDeps) {
    this.#deps = deps;
  }

  /** Queues the report; never rejects. */
  async send(message: InboundMessage, reason: AlertReason, traceId: string): Promise<void> {
    const { agentId, developer, clock, sender } = this.#deps;
    if (await this.#isDeveloper(message.chatId)) return;
    const text = [
      reason === 'LOOP' ? '⚠️ Reply loop cut' : '⚠️ AI failure',
      `agentId: ${agentId}`,
      `from: ${message.senderId}`,
      `text: ${message.body}`,
      `reason: ${reason}`,
      `traceId: ${traceId}`,
      `timestamp: ${new Date(clock.now()).toISOString()}`,
    ].join('\n');
    try {
      await sender.acceptUnawaited({ to: developer, kind: 'text', text, origin: 'report', traceId });
    } catch (failure) {
      this.#deps.fault(failure);
    }
  }

  /** True for the developer's chat, also where WhatsApp names it by a LID. */
  async #isDeveloper(chatId: Jid): Promise<boolean> {
    const { developer, client } = this.#deps;
    if (chatId === developer) return true;
    return chatId === (await client?.resolveRecipient(developer).catch(() => null));
  }
}
