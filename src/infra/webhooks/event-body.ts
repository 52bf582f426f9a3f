import type { Jid } from '../../actors/domain/identity.ts';
import type { WebhookEventType, WebhookFormat } from '../../actors/domain/ports/webhooks.ts';
import { cloudBody } from './cloud-body.ts';

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

/** The body of a delivery, the same in every attempt; null for an event that the format has no words for. */
type BodyOf = (event: DeliveredEvent, context: EventContext) => string | null | Promise<string | null>;

/** How each format says an event. */
export const EVENT_BODIES: Record<WebhookFormat, BodyOf> = {
  native: ({ id, type, agentId, at, sequence, data }) =>
    JSON.stringify({ id, type, agentId, at, sequence, data }),
  cloud: cloudBody,
};
