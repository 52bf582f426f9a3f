import type { Jid } from '../domain/identity.ts';
import type { Clock } from '../domain/ports/clock.ts';
import type { WhatsAppClient } from '../domain/ports/whatsapp.ts';
import type { Sender } from '../outbound/sender.ts';
import { contentTypeOf } from './content-types.ts';

/** Why a message got no reply: the AI was late or failed, or two machines were answering each other. */
export type AlertReason = 'TIMEOUT' | 'ERROR' | 'LOOP';

/** The message that an alert is about. */
export interface AlertedMessage {
  chatId: Jid;
  senderId: Jid;
  /** As WhatsApp names it. */
  type: string;
  body: string;
}

/** Sender, recipient and time of an alert. */
export interface AlertContext {
  agentId: string;
  developer: Jid;
  clock: Clock;
  sender: Pick<Sender, 'acceptUnawaited'>;
  client: WhatsAppClient | null;
}

/**
 * Queues a report to the developer about a message that got no reply, or not all of it; none about the developer's own
 * messages, so that an alert never causes an alert.
 * @throws GatewayError when the report can't be queued
 */
export async function alertDeveloper(
  { agentId, developer, clock, sender, client }: AlertContext,
  message: AlertedMessage,
  { reason, traceId, details = [] }: { reason: AlertReason; traceId: string; details?: string[] },
): Promise<void> {
  if (await isDeveloper(message.chatId, developer, client)) return;
  const text = [
    reason === 'LOOP' ? '⚠️ Reply loop cut' : '⚠️ AI failure',
    `agentId: ${agentId}`,
    `from: ${message.senderId}`,
    `text: ${message.body || `(${contentTypeOf(message.type)})`}`,
    `reason: ${reason}`,
    `traceId: ${traceId}`,
    `timestamp: ${new Date(clock.now()).toISOString()}`,
    ...details.map((detail) => `detail: ${detail}`),
  ].join('\n');
  await sender.acceptUnawaited({ to: developer, content: { kind: 'text', text }, origin: 'report', traceId });
}

/** True for the developer's chat, also where WhatsApp addresses it by LID. */
async function isDeveloper(chatId: Jid, developer: Jid, client: WhatsAppClient | null): Promise<boolean> {
  if (chatId === developer) return true;
  return chatId === (await client?.resolveRecipient(developer).catch(() => null));
}
