import { randomBytes, randomUUID } from 'node:crypto';
import { TEXTS } from '../../actors/domain/error-texts.ts';
import { GatewayError } from '../../actors/domain/errors.ts';
import type { AgentRef } from '../../actors/domain/identity.ts';
import type { Scheduler } from '../../actors/domain/ports/clock.ts';
import {
  type Backlog,
  type Delivery,
  MAX_WEBHOOKS,
  type OnPublished,
  type StoredWebhook,
  type WebhookEvent,
  type WebhookEventType,
  type WebhookOutbox,
  type WebhookStore,
} from '../../actors/domain/ports/webhooks.ts';
import type {
  CreatedWebhook,
  DeliveryPage,
  NewWebhook,
  TestOutcome,
  VerifyOutcome,
  WebhookApi,
  WebhookChange,
  WebhookView,
} from '../../http/ports.ts';
import { requestUrl, UrlGuard } from '../net/url-guard.ts';
import type { DeliveryReport } from './delivery-loop.ts';
import type { SealedSecrets } from './sealed-secrets.ts';
import { type DeliveryLimits, type DispatcherDeps, WebhookDispatcher } from './webhook-dispatcher.ts';

/** Below the second after which the hastiest servers close an idle connection. */
const IDLE_CONNECTION_MS = 500;
const NOTHING_WAITS: Backlog = { waiting: 0, dead: 0, oldestAt: null };

/** What webhooks work with. */
export interface WebhookOptions {
  store: WebhookStore;
  secrets: SealedSecrets;
  /** Origins that may be private (`WEBHOOK_ALLOWED_ORIGINS`). */
  allowedOrigins: string[];
  lookup?: ConstructorParameters<typeof UrlGuard>[0]['lookup'];
  clock: Scheduler;
  limits: DeliveryLimits;
  random(): number;
  context: DispatcherDeps['context'];
  onReport(report: DeliveryReport): void;
  onFault(error: unknown): void;
}

/** A webhook with its backlog, for gauges. */
export interface WebhookGauge extends Backlog {
  id: string;
  agentId: string;
}

/**
 * The webhooks of all agents: in memory, so that it costs nothing to know that an event is not wanted, and in the
 * database. This process alone changes them.
 */
export class WebhookDirectory implements WebhookApi, WebhookOutbox {
  readonly #store: WebhookStore;
  readonly #clock: Scheduler;
  readonly #secrets: SealedSecrets;
  readonly #guard: UrlGuard;
  readonly #dispatcher: WebhookDispatcher;
  readonly #byId = new Map<string, StoredWebhook>();
  readonly #byAgent = new Map<string, StoredWebhook[]>();
  /** Ends with the newest change. */
  #changes: Promise<unknown> = Promise.resolve();

  private constructor(options: WebhookOptions) {
    const { store, clock, secrets, allowedOrigins, lookup } = options;
    this.#store = store;
    this.#clock = clock;
    this.#secrets = secrets;
    this.#guard = new UrlGuard({ allowedOrigins, lookup, idleMs: IDLE_CONNECTION_MS });
    this.#dispatcher = new WebhookDispatcher({
      ...options,
      guard: this.#guard,
      ids: () => [...this.#byId.keys()],
      find: (id) => this.#byId.get(id),
    });
  }

  /** Loads all webhooks. @throws GatewayError `DATABASE_UNAVAILABLE` */
  static async open(options: WebhookOptions): Promise<WebhookDirectory> {
    const directory = new WebhookDirectory(options);
    for (const webhook of await options.store.load()) directory.#put(webhook);
    return directory;
  }

  /** Starts the deliveries. */
  start(): void {
    this.#dispatcher.start();
  }

  /** Stops the deliveries; what waits is delivered after the next start. */
  stop(): Promise<void> {
    return this.#dispatcher.stop();
  }

  wants({ userId, agentId }: AgentRef, type: WebhookEventType): boolean {
    return this.#wanting(userId, agentId, type).length > 0;
  }

  async record(agent: AgentRef, event: WebhookEvent): Promise<void> {
    if (this.wants(agent, event.type)) await this.#store.record(agent, event);
  }

  recorded(agent: AgentRef, type: WebhookEventType, keys: string[]): Promise<Set<string>> {
    return this.#store.recorded(agent, type, keys);
  }

  /** Wakes the webhooks that may have new events. */
  readonly published: OnPublished = (type, agents) => {
    if (this.#byId.size === 0) return;
    for (const { userId, agentId } of agents)
      for (const { id } of this.#wanting(userId, agentId, type)) this.#dispatcher.wake(id);
  };

  /** Drops what is in memory of a deleted agent. */
  forget(agentId: string): void {
    for (const webhook of [...this.#byId.values()]) if (webhook.agentId === agentId) this.#drop(webhook);
  }

  /** The backlogs of all webhooks. */
  async gauges(): Promise<WebhookGauge[]> {
    if (this.#byId.size === 0) return [];
    const backlogs = await this.#store.backlogs([...this.#byId.keys()]);
    return [...this.#byId.values()].map(({ id, agentId }) => ({
      id,
      agentId,
      ...(backlogs.get(id) ?? NOTHING_WAITS),
    }));
  }

  async list(agent: AgentRef): Promise<WebhookView[]> {
    const webhooks = this.#of(agent);
    const backlogs = await this.#store.backlogs(webhooks.map(({ id }) => id));
    return webhooks.map((webhook) => viewOf(webhook, backlogs.get(webhook.id)));
  }

  async create(agent: AgentRef, spec: NewWebhook): Promise<CreatedWebhook> {
    this.#assertUrl(spec.url);
    const { userId, agentId } = agent;
    const id = randomUUID();
    const { url, events, format, secret = newSecret() } = spec;
    const createdAt = new Date(this.#clock.now());
    const verifyToken = format === 'cloud' ? (spec.verifyToken ?? newSecret()) : undefined;
    const webhook: StoredWebhook = {
      ...{ id, userId, agentId, url, events, format, createdAt },
      secret: this.#secrets.seal(secret, id),
      verifyToken: verifyToken === undefined ? null : this.#secrets.seal(verifyToken, id),
      verifiedAt: verifyToken === undefined ? createdAt : null,
    };
    await this.#inTurn(async () => {
      if (this.#of(agent).length >= MAX_WEBHOOKS)
        throw invalid('webhooks', TEXTS.INVALID_PAYLOAD.tooManyWebhooks(MAX_WEBHOOKS));
      if (!(await this.#store.insert(webhook)))
        throw new GatewayError('SESSION_NOT_FOUND', TEXTS.SESSION_NOT_FOUND.noAgent);
      this.#put(webhook);
    });
    await this.#handshake(webhook);
    return { ...viewOf(this.#byId.get(id) ?? webhook), secret, ...(verifyToken && { verifyToken }) };
  }

  async verify(agent: AgentRef, id: string): Promise<VerifyOutcome> {
    const error = await this.#handshake(this.#get(agent, id));
    return error === null ? { verified: true } : { verified: false, error };
  }

  async find(agent: AgentRef, id: string): Promise<WebhookView> {
    const webhook = this.#get(agent, id);
    return viewOf(webhook, (await this.#store.backlogs([webhook.id])).get(webhook.id));
  }

  async change(
    agent: AgentRef,
    id: string,
    change: WebhookChange,
  ): Promise<WebhookView & { secret?: string }> {
    const { url, events } = change;
    if (url !== undefined) this.#assertUrl(url);
    const secret = change.secret === null ? newSecret() : change.secret;
    const moved = await this.#inTurn(async () => {
      const former = this.#get(agent, id);
      const isMoved = url !== undefined && url !== former.url;
      const webhook = {
        ...former,
        ...(url !== undefined && { url }),
        ...(events && { events }),
        ...(secret !== undefined && { secret: this.#secrets.seal(secret, former.id) }),
        ...(isMoved && former.verifyToken && { verifiedAt: null }),
      };
      await this.#update(webhook);
      return isMoved ? webhook : null;
    });
    if (moved) await this.#handshake(moved);
    return { ...(await this.find(agent, id)), ...(change.secret === null && { secret }) };
  }

  async remove(agent: AgentRef, id: string): Promise<void> {
    const webhook = this.#get(agent, id);
    await this.#store.remove(webhook.id);
    this.#drop(webhook);
  }

  async test(agent: AgentRef, id: string): Promise<TestOutcome> {
    const webhook = this.#get(agent, id);
    const at = new Date(this.#clock.now());
    const event = { id: randomUUID(), type: 'webhook.test', agentId: agent.agentId, at } as const;
    const attempt = await this.#dispatcher.test(webhook, { ...event, sequence: 0, data: {} });
    return attempt.isDelivered
      ? { id: event.id, delivered: true, status: attempt.status }
      : { id: event.id, delivered: false, error: attempt.error };
  }

  async deliveries(agent: AgentRef, id: string, page: DeliveryPage): Promise<Delivery[]> {
    return this.#store.deliveries(this.#get(agent, id).id, page);
  }

  async redrive(agent: AgentRef, id: string, deliveryId: string): Promise<Delivery> {
    const webhook = this.#get(agent, id);
    const delivery = await this.#store.redrive(webhook.id, deliveryId, new Date(this.#clock.now()));
    if (!delivery) throw new GatewayError('NOT_FOUND', TEXTS.NOT_FOUND.delivery);
    this.#dispatcher.hurry(webhook.id);
    return delivery;
  }

  /** Stores a webhook as it is now, and tries what waits for it at once. */
  async #update(webhook: StoredWebhook): Promise<void> {
    await this.#store.update(webhook);
    // It may have been deleted meanwhile.
    if (this.#byId.has(webhook.id)) this.#put(webhook);
    this.#dispatcher.hurry(webhook.id);
  }

  /** Verifies the receiver of a webhook that wants that: null once it is verified, else why not, in a word. */
  async #handshake(webhook: StoredWebhook): Promise<string | null> {
    if (webhook.verifyToken === null) return null;
    const error = await this.#dispatcher.verify(webhook);
    if (error !== null) return error;
    await this.#inTurn(async () => {
      // Another URL may have been set meanwhile.
      const current = this.#byId.get(webhook.id);
      if (current?.url === webhook.url)
        await this.#update({ ...current, verifiedAt: new Date(this.#clock.now()) });
    });
    return null;
  }

  /** Runs a change after those before it, so that it starts from what they have left. */
  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const done = this.#changes.then(change);
    this.#changes = done.catch(() => undefined);
    return done;
  }

  /** @throws GatewayError `INVALID_PAYLOAD` for a URL that would never be requested */
  #assertUrl(text: string): void {
    const url = requestUrl(text);
    if (!url || !this.#guard.route(url)) throw invalid('url', TEXTS.INVALID_PAYLOAD.webhookUrl);
  }

  /** The agent's webhook. @throws GatewayError `NOT_FOUND` */
  #get({ userId, agentId }: AgentRef, id: string): StoredWebhook {
    const webhook = this.#byId.get(id.toLowerCase());
    if (webhook?.userId === userId && webhook.agentId === agentId) return webhook;
    throw new GatewayError('NOT_FOUND', TEXTS.NOT_FOUND.webhook);
  }

  #of({ userId, agentId }: AgentRef): StoredWebhook[] {
    return this.#byAgent.get(keyOf(userId, agentId)) ?? [];
  }

  /** The webhooks of an agent that are given such events. */
  #wanting(userId: number, agentId: string, type: WebhookEventType): StoredWebhook[] {
    const webhooks = this.#byAgent.get(keyOf(userId, agentId)) ?? [];
    return webhooks.filter(
      ({ events, verifiedAt }) => verifiedAt !== null && (events.includes('*') || events.includes(type)),
    );
  }

  /** Keeps a webhook, or its new form in its place. */
  #put(webhook: StoredWebhook): void {
    const key = keyOf(webhook.userId, webhook.agentId);
    const webhooks = this.#byAgent.get(key) ?? [];
    const isKnown = this.#byId.has(webhook.id);
    this.#byId.set(webhook.id, webhook);
    this.#byAgent.set(
      key,
      isKnown ? webhooks.map((each) => (each.id === webhook.id ? webhook : each)) : [...webhooks, webhook],
    );
  }

  #drop({ id, userId, agentId }: StoredWebhook): void {
    const key = keyOf(userId, agentId);
    const others = (this.#byAgent.get(key) ?? []).filter((each) => each.id !== id);
    this.#byId.delete(id);
    if (others.length > 0) this.#byAgent.set(key, others);
    else this.#byAgent.delete(key);
  }
}

/** An agent as a key. */
function keyOf(userId: number, agentId: string): string {
  return `${userId} ${agentId}`;
}

/** A request that names what is wrong with it. */
function invalid(path: string, message: string): GatewayError {
  const details = { issues: [{ path, message }] };
  return new GatewayError('INVALID_PAYLOAD', TEXTS.INVALID_PAYLOAD.seeDetails, { details });
}

/** 256 random bits. */
function newSecret(): string {
  return randomBytes(32).toString('base64url');
}

/** A webhook as its owner sees it: without its secrets. */
function viewOf(webhook: StoredWebhook, backlog: Backlog = NOTHING_WAITS): WebhookView {
  const { id, url, events, format, verifiedAt, createdAt } = webhook;
  const { waiting, dead } = backlog;
  return { id, url, events, format, verified: verifiedAt !== null, createdAt, waiting, dead };
}
