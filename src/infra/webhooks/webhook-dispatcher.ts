import { isDatabaseAway } from '../../actors/domain/errors.ts';
import type { AgentRef } from '../../actors/domain/identity.ts';
import type { Scheduler } from '../../actors/domain/ports/clock.ts';
import type { StoredWebhook, WebhookStore } from '../../actors/domain/ports/webhooks.ts';
import { Semaphore } from '../../actors/domain/semaphore.ts';
import { pause, repeat } from '../../actors/domain/timeout.ts';
import { HOST_CLOCK } from '../host-clock.ts';
import type { UrlGuard } from '../net/url-guard.ts';
import type { DeliveredEvent, EventContext } from './delivered-event.ts';
import { DeliveryLoop, type DeliveryLoopDeps, type DeliveryReport } from './delivery-loop.ts';
import { EVENT_BODIES } from './event-body.ts';
import type { SealedSecrets } from './sealed-secrets.ts';
import { verifyReceiver } from './webhook-handshake.ts';
import { type Attempt, postEvent } from './webhook-request.ts';

/** Requests at once, of all webhooks; and of those among them whose last attempt failed. */
const REQUESTS_AT_ONCE = 200;
const FAILING_AT_ONCE = 50;
/** Between two looks for events that no writer of this process has announced, for all webhooks in one query. */
const POLL_EVERY_MS = 5_000;
/** How long a stop waits for requests in progress. */
const STOP_PATIENCE_MS = 2_000;

/** The limits of deliveries, in milliseconds. */
export interface DeliveryLimits {
  /** From the call to the head of the answer. */
  deadlineMs: number;
  /** The first wait after a failure, and the longest. */
  retryBaseMs: number;
  retryMaxMs: number;
  giveUpMs: number;
}

/** What a dispatcher works with. */
export interface DispatcherDeps {
  store: WebhookStore;
  guard: UrlGuard;
  secrets: SealedSecrets;
  clock: Scheduler;
  limits: DeliveryLimits;
  random(): number;
  /** What bodies are made from beside the event. */
  context(agent: AgentRef): EventContext;
  /** The ids of all webhooks. */
  ids(): string[];
  find(id: string): StoredWebhook | undefined;
  onReport(report: DeliveryReport): void;
  onFault(error: unknown): void;
}

/** Runs a loop for each webhook for which events wait. It alone decides which webhooks this process delivers to. */
export class WebhookDispatcher {
  readonly #deps: DispatcherDeps;
  readonly #loopDeps: DeliveryLoopDeps;
  readonly #loops = new Map<string, { loop: DeliveryLoop; done: Promise<void> }>();
  /** The newest request to each receiver that a caller waits for. */
  readonly #asked = new Map<string, Promise<unknown>>();
  readonly #stopping = new AbortController();
  readonly #requests = new AbortController();

  constructor(deps: DispatcherDeps) {
    this.#deps = deps;
    const { retryBaseMs: firstMs, retryMaxMs: maxMs, giveUpMs } = deps.limits;
    this.#loopDeps = {
      ...deps,
      slots: {
        working: new Semaphore(REQUESTS_AT_ONCE - FAILING_AT_ONCE),
        failing: new Semaphore(FAILING_AT_ONCE),
      },
      backoff: { firstMs, maxMs, factor: 2, jitter: 0.2 },
      giveUpMs,
      attempt: (webhook, delivery) => this.post(webhook, delivery),
    };
  }

  /** Looks for what an earlier process left, and then now and again for what others have written. */
  start(): void {
    const poll = () =>
      this.#poll().catch((error: unknown) => {
        // During an outage it looks again after the interval.
        if (!isDatabaseAway(error)) this.#deps.onFault(error);
      });
    void poll();
    void repeat(this.#deps.clock, POLL_EVERY_MS, this.#stopping.signal, poll);
  }

  /** Events were written for a webhook. */
  wake(id: string): void {
    if (this.#stopping.signal.aborted) return;
    const running = this.#loops.get(id);
    if (running) {
      running.loop.wake();
      return;
    }
    const loop = new DeliveryLoop(this.#loopDeps, id, this.#stopping.signal);
    const done = loop.run().then(() => {
      this.#loops.delete(id);
      // It was woken between its last look and its end.
      if (loop.isWoken) this.wake(id);
    });
    this.#loops.set(id, { loop, done });
  }

  /** The webhook was changed, or a delivery is to be retried: tries at once. */
  hurry(id: string): void {
    this.wake(id);
    this.#loops.get(id)?.loop.hurry();
  }

  /** Posts one event to a webhook, once. Never rejects. */
  async post(webhook: StoredWebhook, event: DeliveredEvent): Promise<Attempt> {
    const { guard, secrets, limits, context, onFault } = this.#deps;
    const { id, url, format } = webhook;
    if (!webhook.verifiedAt) return { isDelivered: false, error: 'NOT_VERIFIED' };
    const secret = secrets.unseal(webhook.secret, id);
    // Its key is lost: a change of the secret repairs it.
    if (secret === null) return { isDelivered: false, error: 'SECRET_UNREADABLE' };
    let body: string | null;
    try {
      body = await EVENT_BODIES[format](event, context(webhook));
    } catch (error) {
      if (isDatabaseAway(error)) return { isDelivered: false, error: 'DATABASE_UNAVAILABLE' };
      onFault(error);
      return { isDelivered: false, error: 'FAILED' };
    }
    if (body === null) return { isDelivered: true, status: 204 };
    const bounds = { deadlineMs: limits.deadlineMs, signal: this.#requests.signal };
    return postEvent(guard, { url, secret, id: event.id, body, isMeta: format === 'cloud', ...bounds });
  }

  /** Posts a test event, whatever waits. Never rejects. */
  test(webhook: StoredWebhook, event: DeliveredEvent): Promise<Attempt> {
    return this.#ask(webhook, () => this.post(webhook, event));
  }

  /** Verifies a receiver: null when it knows the token, else why not, in a word. Never rejects. */
  verify(webhook: StoredWebhook): Promise<string | null> {
    return this.#ask(webhook, () => this.#verify(webhook));
  }

  /** Makes a request that a caller waits for; one at a time per webhook, so that callers open no more connections. */
  async #ask<T>({ id }: StoredWebhook, request: () => Promise<T>): Promise<T> {
    const asked = (this.#asked.get(id) ?? Promise.resolve()).then(request);
    this.#asked.set(id, asked);
    const outcome = await asked;
    if (this.#asked.get(id) === asked) this.#asked.delete(id);
    return outcome;
  }

  async #verify({ id, url, verifyToken }: StoredWebhook): Promise<string | null> {
    const { guard, secrets, limits } = this.#deps;
    const token = secrets.unseal(verifyToken ?? '', id);
    if (token === null) return 'SECRET_UNREADABLE';
    const { signal } = this.#requests;
    return verifyReceiver(guard, { url, token, deadlineMs: limits.deadlineMs, signal });
  }

  /** Takes nothing more, gives requests in progress two seconds, then cancels them. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    const done = Promise.all([...this.#loops.values()].map((running) => running.done));
    const patience = new AbortController();
    const late = pause(HOST_CLOCK, STOP_PATIENCE_MS, patience.signal);
    await Promise.race([done, late]);
    patience.abort();
    this.#requests.abort();
    await done;
    this.#deps.guard.close();
  }

  /** Starts the loops of webhooks for which events wait. */
  async #poll(): Promise<void> {
    const idle = this.#deps.ids().filter((id) => !this.#loops.has(id));
    if (idle.length === 0) return;
    for (const id of await this.#deps.store.waiting(idle)) this.wake(id);
  }
}
