import type { Jid } from '../../actors/domain/identity.ts';
import type { WebhookEventType } from '../../actors/domain/ports/webhooks.ts';

/** An event as it is delivered to one webhook. */
export interface DeliveredEvent {
  /** A UUID, the same in every attempt. */
  id: string;
  type: WebhookEventType | 'webhook.test';
  agentId: string;
  at: Date;
  /** Its number among the events of the webhook; 0 for a test. */
  sequence: number;
  data: unknown;
}

/** What is known of an agent beside an event. */
export interface EventContext {
  /** The linked account; null before the first link. */
  account: Jid | null;
  /** Our id of a message that this agent has sent; null when there is none. @throws GatewayError `DATABASE_UNAVAILABLE` */
  idOfStanza(stanzaId: string): Promise<string | null>;
}
