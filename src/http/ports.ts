import type { Router } from 'express';
import type { Logger } from 'pino';
import type { GatewayApi } from '../actors/domain/gateway-api.ts';
import type { AgentRef, Jid } from '../actors/domain/identity.ts';
import type { MediaFile } from '../actors/domain/message-content.ts';
import type { ContentIntake, FileLinks, FileStore } from '../actors/domain/ports/files.ts';
import type {
  Delivery,
  DeliveryStatus,
  StoredWebhook,
  WebhookFormat,
} from '../actors/domain/ports/webhooks.ts';

// What the HTTP edge needs besides the actors. `infra/` implements it, `app.ts` injects it.

/** The intake of files, with what requests alone need. */
export interface MediaIntake extends ContentIntake {
  /** Copies an image into `TEMP_DIR`; returns the copy's path. */
  preview(image: MediaFile): Promise<string>;
  /** Deletes the file of a message that was not stored. Never rejects, safe to repeat. */
  discard(agent: AgentRef, file: MediaFile): Promise<void>;
}

/**
 * Normalises a number or JID as callers write it; national numbers count as `defaultCountry`'s.
 * @throws Error (any) when it is none of the accepted forms.
 */
type ParseJid = (text: string, defaultCountry: string) => Jid;

/** The stored answer of a finished request, with its own headers. */
export interface IdempotentAnswer {
  status: number;
  headers: Record<string, string>;
  body: unknown;
}

/** One use of a key: the scope is the operation and the agent, so that keys of two agents never meet. */
export interface IdempotencyKey extends AgentRef {
  /** `messages`, `media` or `run`. */
  operation: string;
  /** The caller's `Idempotency-Key`, at most 255 characters. */
  key: string;
  /** SHA-256 in hex of the canonical body. */
  bodyHash: string;
}

/** A key that a request holds: its message is stored under `storedId`. */
export interface HeldKey extends IdempotencyKey {
  storedId: string;
}

/**
 * What a store knows of a key when a request begins. A `new` request stores its message under `storedId`. `cut_off`:
 * no living request holds the key, but the first one had stored that message before it was cut off.
 */
export type IdempotencyState =
  | { state: 'new'; storedId: string }
  | { state: 'in_flight' }
  | { state: 'cut_off'; storedId: string }
  | { state: 'mismatch' }
  | { state: 'done'; answer: IdempotentAnswer };

/** Remembers answers for 24 h. */
export interface IdempotencyStore {
  /**
   * Atomic: of two callers with one key exactly one gets `new`, and holds the key until `complete` or `abandon`.
   * @throws GatewayError `DATABASE_UNAVAILABLE`; then the key is not held
   */
  begin(key: IdempotencyKey): Promise<IdempotencyState>;
  /** Keeps the answer. While the database is away this is deferred, and resolves nevertheless. */
  complete(key: HeldKey, answer: IdempotentAnswer): Promise<void>;
  /** Releases a key whose request did nothing, so that it can be retried; deferred like `complete`. */
  abandon(key: HeldKey): Promise<void>;
}

/** A webhook as its owner sees it. */
export interface WebhookView extends Pick<StoredWebhook, 'id' | 'url' | 'events' | 'format' | 'createdAt'> {
  /** False while nothing is recorded for it, because its handshake has not succeeded. */
  verified: boolean;
  /** Events that are yet to be delivered. */
  waiting: number;
  /** Events that were given up. */
  dead: number;
}

/** A webhook that was created; its secrets are shown once. */
export interface CreatedWebhook extends WebhookView {
  secret: string;
  /** What the receiver is verified by, of a format with a handshake. */
  verifyToken?: string;
}

/** A webhook to be created; what is secret of it is generated when none is given. */
export interface NewWebhook {
  url: string;
  events: StoredWebhook['events'];
  format: WebhookFormat;
  secret?: string | undefined;
  /** For formats with a handshake. */
  verifyToken?: string | undefined;
}

/** What is changed of a webhook; `secret: null` generates another one. */
export interface WebhookChange {
  url?: string | undefined;
  events?: StoredWebhook['events'] | undefined;
  secret?: string | null | undefined;
}

/** What became of a test event; `error` is a word such as `TIMEOUT` or `HTTP_500`. */
export type TestOutcome =
  | { id: string; delivered: true; status: number }
  | { id: string; delivered: false; error: string };

/** What became of a handshake; `error` is a word such as `TIMEOUT`, `HTTP_403` or `WRONG_CHALLENGE`. */
export type VerifyOutcome = { verified: true } | { verified: false; error: string };

/** A page of deliveries: those before a position, the newest first. */
export interface DeliveryPage {
  status: DeliveryStatus;
  before?: string | undefined;
  limit: number;
}

/** The webhooks of agents. `NOT_FOUND` for a webhook or a delivery that is not the agent's, `DATABASE_UNAVAILABLE`. */
export interface WebhookApi {
  list(agent: AgentRef): Promise<WebhookView[]>;
  /** `INVALID_PAYLOAD` for a URL that leads to a private address, and beyond `MAX_WEBHOOKS`. */
  create(agent: AgentRef, webhook: NewWebhook): Promise<CreatedWebhook>;
  /** Repeats the handshake, of a format that has one. */
  verify(agent: AgentRef, id: string): Promise<VerifyOutcome>;
  find(agent: AgentRef, id: string): Promise<WebhookView>;
  /** What waits is delivered as the webhook is then, at once. A generated secret is shown once. */
  change(agent: AgentRef, id: string, change: WebhookChange): Promise<WebhookView & { secret?: string }>;
  /** Deletes the webhook and what waits for it. */
  remove(agent: AgentRef, id: string): Promise<void>;
  /** Posts an event of the type `webhook.test` at once. */
  test(agent: AgentRef, id: string): Promise<TestOutcome>;
  deliveries(agent: AgentRef, id: string, page: DeliveryPage): Promise<Delivery[]>;
  /** Makes a dead delivery wait again, before all that are newer, and tries at once. */
  redrive(agent: AgentRef, id: string, deliveryId: string): Promise<Delivery>;
}

/** One finished request, for metrics: `route` is the pattern (`/agents/:agentId/run`), never the raw path. */
export interface HttpObserver {
  onStart(): void;
  onRequest(route: string, method: string, status: number, seconds: number): void;
  onIdempotency(outcome: 'new' | 'replayed' | 'in_flight' | 'mismatch'): void;
}

/** The settings that HTTP reads; a subset of the configuration. */
export interface HttpSettings {
  HOST: string;
  APP_BASE_URL: string;
  CORS_ORIGINS: string[];
  /** How many proxies are in front, or their addresses and networks: their `X-Forwarded-*` are believed. */
  TRUST_PROXY?: number | string[];
  DEFAULT_COUNTRY: string;
  SEND_RATE_PER_MINUTE: number;
  SESSIONS_TOKEN?: string | undefined;
  /** How many agents there may be at most. */
  MAX_SESSIONS: number;
  /** Megabytes of bodies that may be in memory at once. */
  UPLOAD_BUDGET_MB: number;
  WHATSAPP_DRIVER?: string;
  /** MCP has the tools that send and change something. */
  MCP_WRITE: boolean;
}

/** Marks of a service that is not the real thing. */
export interface Edition {
  /** On every answer. */
  headers: Record<string, string>;
  /** Shown on the page of the documentation. */
  notice: string;
  /** Further OpenAPI documents for that page. */
  documents: { name: string; url: string }[];
}

/** Routes below a path; `guarded` ones want `SESSIONS_TOKEN` when it is set. */
export interface ExtraRouter {
  path: string;
  router: Router;
  guarded?: boolean;
}

/** Everything `createHttpApp` is given. */
export interface HttpDeps {
  settings: HttpSettings;
  system: GatewayApi;
  media: MediaIntake;
  files: FileStore;
  fileLinks: FileLinks;
  webhooks: WebhookApi;
  idempotency: IdempotencyStore;
  parseJid: ParseJid;
  /**
   * The state of each dependency by name (`database`, `service`, …), within a few seconds; anything but `ok`
   * makes `/readyz` a 503 that shows it, so it holds no secret.
   */
  readiness(): Promise<Record<string, string>>;
  /** The Prometheus exposition and its content type. */
  metricsText(): Promise<{ contentType: string; body: string }>;
  logger: Logger;
  observer?: HttpObserver;
  /** Aborted when the service begins to stop: event streams end, so that they don't hold the drain. */
  stopping?: AbortSignal;
  edition?: Edition;
  /** Pages and APIs of others, after the service's own routes, with a content policy for pages. */
  extraRouters?: ExtraRouter[];
}
