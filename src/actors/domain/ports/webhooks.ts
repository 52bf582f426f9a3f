import type { AgentRef } from '../identity.ts';

// Webhooks: what happens to an agent is posted to the URLs that its owner has named. `infra/` implements it.

/** The events that a webhook can be given. */
export const WEBHOOK_EVENTS = [
  'message.received',
  'message.status',
  'message.edited',
  'message.revoked',
  'message.reaction',
  'chat.mode',
  'session.state',
  'session.restriction',
  'call.received',
] as const;

export type WebhookEventType = (typeof WEBHOOK_EVENTS)[number];

/** The shapes of bodies that a webhook can be given; `cloud`: those of Meta's Cloud API. */
export const WEBHOOK_FORMATS = ['native', 'cloud'] as const;

export type WebhookFormat = (typeof WEBHOOK_FORMATS)[number];

/** How many webhooks an agent may have. */
export const MAX_WEBHOOKS = 10;

/** An event that no row reports: it is a row of the outbox itself. */
export interface WebhookEvent {
  type: WebhookEventType;
  at: Date;
  data: object;
  /** Of events that may be reported twice: a second one with this key is not recorded, for seven days. */
  key?: string;
}

/** What is to be delivered to webhooks. */
export interface WebhookOutbox {
  /** True when a webhook of the agent wants such events. */
  wants(agent: AgentRef, type: WebhookEventType): boolean;
  /** Records an event for each webhook that wants it. @throws GatewayError `DATABASE_UNAVAILABLE` */
  record(agent: AgentRef, event: WebhookEvent): Promise<void>;
  /** Those of the keys under which such an event was recorded. @throws GatewayError `DATABASE_UNAVAILABLE` */
  recorded(agent: AgentRef, type: WebhookEventType, keys: string[]): Promise<Set<string>>;
}

/** A webhook as it is stored. */
export interface StoredWebhook extends AgentRef {
  /** A UUID. */
  id: string;
  url: string;
  events: (WebhookEventType | '*')[];
  format: WebhookFormat;
  /** Sealed. */
  secret: string;
  /** Sealed; null for formats without a handshake. */
  verifyToken: string | null;
  /** Null until its handshake has succeeded: nothing is recorded for it before. */
  verifiedAt: Date | null;
  createdAt: Date;
}

/** `dead`: given up; only a manual retry delivers it. A delivered event is deleted. */
export const DELIVERY_STATUSES = ['waiting', 'dead'] as const;

export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

/** An event for one webhook. */
export interface Delivery {
  /** Of event and webhook, a UUID: `X-Webhook-Id`. */
  id: string;
  agentId: string;
  type: WebhookEventType;
  at: Date;
  /** Its number among the events of the webhook, from 1, in the order of delivery; null until it was first taken. */
  sequence: number | null;
  data: unknown;
  status: DeliveryStatus;
  /** How many attempts have failed. */
  attempts: number;
  /** Why the last attempt failed. */
  error: string | null;
  /** Orders a listing. */
  position: string;
}

/** A delivery that is taken: it is attempted until it succeeds or is given up. */
export interface TakenDelivery extends Delivery {
  sequence: number;
  /** From when on its age counts. */
  since: Date;
}

/** How many events of a webhook wait, and how many were given up. */
export interface Backlog {
  waiting: number;
  dead: number;
  /** When the oldest waiting one happened; null when none waits. */
  oldestAt: Date | null;
}

/** The webhooks of all agents and their outbox. All methods reject with `DATABASE_UNAVAILABLE`. */
export interface WebhookStore {
  load(): Promise<StoredWebhook[]>;
  /** False when the agent is deleted. */
  insert(webhook: StoredWebhook): Promise<boolean>;
  update(webhook: StoredWebhook): Promise<void>;
  /** Deletes the webhook and what waits for it. */
  remove(id: string): Promise<void>;
  backlogs(ids: string[]): Promise<Map<string, Backlog>>;
  /** Inserts an event for each webhook of the agent that wants it. */
  record(agent: AgentRef, event: WebhookEvent): Promise<void>;
  recorded: WebhookOutbox['recorded'];
  /** Those of the webhooks for which events wait. */
  waiting(ids: string[]): Promise<string[]>;
  /** The next events of a webhook, in order, numbered. */
  take(id: string, limit: number): Promise<TakenDelivery[]>;
  /** Deletes a delivery that has arrived. */
  delivered(deliveryId: string): Promise<void>;
  failed(deliveryId: string, error: string): Promise<void>;
  /** Gives up every waiting event of the webhook whose age counts from then or earlier; returns their number. */
  giveUp(id: string, since: Date): Promise<number>;
  /** Newest first, those before a position. */
  deliveries(
    id: string,
    page: { status: DeliveryStatus; before?: string | undefined; limit: number },
  ): Promise<Delivery[]>;
  /** Makes a dead delivery wait again, its age counted from `at`; null when there is no such delivery. */
  redrive(id: string, deliveryId: string, at: Date): Promise<Delivery | null>;
}

/** Receives which agents may have new events of a type in the outbox, once they are written. */
export type OnPublished = (type: WebhookEventType, agents: readonly AgentRef[]) => void;
