import type { WebhookEventType, WebhookFormat } from '../../actors/domain/ports/webhooks.ts';

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

/** The body of a delivery, the same in every attempt; null for an event that the format has no words for. */
type BodyOf = (event: DeliveredEvent) => string | null;

/** How each format says an event. */
export const EVENT_BODIES: Record<WebhookFormat, BodyOf> = {
  native: ({ id, type, agentId, at, sequence, data }) =>
    JSON.stringify({ id, type, agentId, at, sequence, data }),
};
