import type { WebhookFormat } from '../../actors/domain/ports/webhooks.ts';
import { cloudBody } from './cloud-format.ts';
import type { DeliveredEvent, EventContext } from './delivered-event.ts';

/** The body of a delivery, the same in every attempt; null for an event that the format has no words for. */
type BodyOf = (event: DeliveredEvent, context: EventContext) => string | null | Promise<string | null>;

/** How each format says an event. */
export const EVENT_BODIES: Record<WebhookFormat, BodyOf> = {
  native: ({ id, type, agentId, at, sequence, data }) =>
    JSON.stringify({ id, type, agentId, at, sequence, data }),
  cloud: cloudBody,
};
