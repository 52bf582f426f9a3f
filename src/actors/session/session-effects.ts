import type { EventEmitter } from 'eventemitter3';
import { TEXTS } from '../domain/error-texts.ts';
import { GatewayError } from '../domain/errors.ts';
import type { GatewayEvents } from '../domain/gateway-events.ts';
import type { AgentRef } from '../domain/identity.ts';
import type { Scheduler } from '../domain/ports/clock.ts';
import type { Ack, InboundMessage, Me, WhatsAppClient, WhatsAppDriver } from '../domain/ports/whatsapp.ts';
import { redact } from '../domain/redact.ts';
import type { ReleaseSlot, Semaphore } from '../domain/semaphore.ts';
import type { ActorLimits, ActorSettings } from '../domain/settings.ts';
import { withTimeout } from '../domain/timeout.ts';
import type { AccountRestriction } from './account-restriction.ts';
import type { Connection } from './connection.ts';
import type { DeviceLink } from './device-link.ts';
import { InstrumentedClient } from './instrumented-client.ts';
import type { StartCircuitBreaker } from './start-circuit-breaker.ts';

/** What the sessions of all agents share. */
export interface SessionDeps {
  driver: WhatsAppDriver;
  semaphore: Semaphore;
  circuitBreaker: StartCircuitBreaker;
  clock: Scheduler;
  settings: Pick<ActorSettings, 'limits' | 'qrMaxRefreshes'>;
  events: EventEmitter<GatewayEvents>;
}

/** What a session of one agent works with. */
export interface SessionParts {
  agent: AgentRef;
  connection: Connection;
  link: DeviceLink;
  restriction: AccountRestriction;
  /** Sends while a session lasts; `suspect` is called when a send leaves it open whether the client still works. */
  dispatcher: {
    open(session: { client: WhatsAppClient; me: Me; suspect(): void }): void;
    close(): void;
    acked(ack: Ack): void;
  };
  /** Receives while a session lasts; `linkedAt` is the monotonic moment of its link, null for a restored session. */
  inbound: {
    open(client: WhatsAppClient, linkedAt: number | null): Promise<void>;
    receive(message: InboundMessage): void;
  };
  /** A QR can be scanned. */
  onQr(): void;
  /** The trace id of the request that the session runs for. */
  traceId(): string | undefined;
}

/** What the charts and their tests see of `SessionEffects`. */
export type Effects = Pick<SessionEffects, keyof SessionEffects>;

/**
 * What the charts of one agent do to the world: its client, its QR, its slot among the starting ones. The charts
 * decide, this executes, within limits. Nothing here throws into them, except that a promise for one of their actors
 * may reject.
 */
export class SessionEffects {
  readonly link: DeviceLink;
  readonly limits: ActorLimits;
  readonly qrMaxRefreshes: number;
  readonly #deps: SessionDeps;
  readonly #parts: SessionParts;
  readonly #connection: Connection;
  #releaseSlot: ReleaseSlot | null = null;
  #isClosing = false;
  #lastError: string | undefined;

  constructor(deps: SessionDeps, parts: SessionParts) {
    this.link = parts.link;
    this.limits = deps.settings.limits;
    this.qrMaxRefreshes = deps.settings.qrMaxRefreshes;
    this.#deps = deps;
    this.#parts = parts;
    this.#connection = parts.connection;
  }

  /** The device is linked: the session is restored without a request. */
  get isLinked(): boolean {
    return this.link.isLinked;
  }

  /** Its client only waits to be linked, or is closing: a requested start creates another one. */
  get isReplaceable(): boolean {
    const { qr, passkey } = this.#connection;
    return qr !== null || passkey !== null || this.#isClosing;
  }

  /** The newest error, for people. */
  get lastError(): string | undefined {
    return this.#lastError;
  }

  /** Creates the client of a session. What is not for the chart is wired here: messages are the hot path. */
  createClient(): WhatsAppClient {
    const { driver, clock, events } = this.#deps;
    const { agent, dispatcher, inbound, restriction } = this.#parts;
    const { agentId } = agent;
    const client = driver.create(agent);
    this.#connection.attach(
      new InstrumentedClient(client, clock, (call) => events.emit('operation', { agentId, ...call })),
    );
    this.link.watch(client);
    client.events
      .on('message', (message) => inbound.receive(message))
      .on('ack', (ack) => dispatcher.acked(ack))
      .on('restriction', (restricted) => restriction.report(restricted))
      .on('unreported', (count) => events.emit('unreported', { agentId, count }));
    return client;
  }

  /** Detaches the client, whose events reach nothing any more. */
  releaseClient(): void {
    this.#connection.detach();
  }

  /** Waits for a slot among the clients that start at once; a start without a request also for the circuit breaker. */
  async acquireSlot(signal: AbortSignal, isRequested: boolean): Promise<void> {
    const { circuitBreaker, semaphore } = this.#deps;
    if (!isRequested) await circuitBreaker.admit(this.#parts.agent.agentId, signal);
    const release = await semaphore.acquire(signal);
    // The start was cancelled at the moment of its turn.
    if (signal.aborted) release();
    else this.#releaseSlot = release;
  }

  /** Frees the slot; safe to repeat. */
  releaseSlot(): void {
    this.#releaseSlot?.();
    this.#releaseSlot = null;
  }

  /** Shows a QR, or none. */
  showQr(code: string | null): void {
    this.#connection.showQr(code, this.limits.qrStallMs, this.#parts.traceId());
    if (code === null) return;
    this.#parts.restriction.forget();
    this.#parts.onQr();
  }

  /** Shows that linking requires a passkey, with its challenge once there is one. */
  showPasskey(challenge: Parameters<Connection['showPasskey']>[0]): void {
    this.#connection.showPasskey(challenge);
  }

  /** No passkey is requested any more. */
  hidePasskey(): void {
    this.#connection.hidePasskey();
  }

  /** Keeps what the page lacks as the newest error. */
  recordIncompatibility(): void {
    this.#lastError = `WhatsApp Web lacks ${this.#connection.missing.join(', ')}.`;
  }

  /** Keeps the newest error, and reports it. */
  recordError(error: unknown): void {
    this.#lastError = redact(error instanceof Error ? error.message : String(error));
    this.#fault('client', error);
  }

  /** The session is ready: receiving starts. */
  openSession(me: Me): void {
    const { client } = this.#connection;
    this.#connection.open(me);
    this.#deps.circuitBreaker.connected(this.#parts.agent.agentId);
    if (!client) return;
    this.#parts.inbound
      .open(client, this.link.takeLinkedAt())
      .catch((error: unknown) => this.#fault('catch-up', error));
  }

  /** The session is not ready any more. */
  closeSession(): void {
    this.#connection.me = null;
  }

  /** Starts sending with the ready session; the returned function stops it. */
  startDispatcher(suspect: () => void): () => void {
    const { dispatcher } = this.#parts;
    const { client, me } = this.#connection;
    if (client && me) dispatcher.open({ client, me, suspect });
    return () => dispatcher.close();
  }

  /** Unlinks the device, if there is a client for it; never rejects. */
  async logOut(): Promise<void> {
    const { client } = this.#connection;
    if (client && (await this.#bounded('logout', () => client.logout(), this.limits.logoutMs)))
      this.link.unlinked();
  }

  /** Closes the client, if there is one; never rejects. */
  async closeClient(): Promise<void> {
    const { client } = this.#connection;
    this.#isClosing = true;
    if (client) await this.#bounded('destroy', () => client.destroy(), this.limits.closeMs);
  }

  /** Deletes what the driver stores of the agent; never rejects. */
  async deleteCredentials(): Promise<void> {
    const { agent, restriction } = this.#parts;
    this.link.forget();
    this.#connection.account = null;
    restriction.forget();
    this.#connection.setCompatibility(null);
    const remove = () => this.#deps.driver.removeCredentials(agent);
    await this.#bounded('forget', remove, this.limits.closeMs);
  }

  /** The socket's state. @throws GatewayError `BAD_GATEWAY` without an answer in time, `SESSION_NOT_READY` */
  async probe(): Promise<string> {
    const late = () => new GatewayError('BAD_GATEWAY', TEXTS.BAD_GATEWAY.probeUnanswered);
    return withTimeout(this.#deps.clock, this.#client().probe(), this.limits.probeMs, late);
  }

  /** Reloads the page, with a start slot: pages of many agents don't load at once. @throws GatewayError as `probe` */
  async reload(signal: AbortSignal): Promise<void> {
    const release = await this.#deps.semaphore.acquire(signal);
    const late = () => new GatewayError('BAD_GATEWAY', TEXTS.BAD_GATEWAY.reloadTimeout);
    const reloading = async () =>
      withTimeout(this.#deps.clock, this.#client().reload(), this.limits.startMs, late);
    await reloading().finally(release);
  }

  /** The session ended and has no client any more. */
  sessionDown(reason: string): void {
    const { agent, restriction } = this.#parts;
    this.#isClosing = false;
    if (reason === 'LOGGED_OUT') this.link.loggedOut();
    if (reason === 'STOPPED') restriction.close();
    const missing = reason === 'INCOMPATIBLE' ? this.#connection.missing : [];
    this.#deps.circuitBreaker.down(agent.agentId, reason, missing);
  }

  /** Frees what a crashed session held: a chart that crashed neither stops its actors nor runs its exit actions. */
  releaseCrashed(error: unknown): void {
    const { client } = this.#connection;
    this.#isClosing = false;
    this.recordError(error);
    this.releaseSlot();
    this.showQr(null);
    this.hidePasskey();
    this.closeSession();
    this.#parts.dispatcher.close();
    this.releaseClient();
    // Never rejects.
    void client?.destroy();
  }

  /** Waits for a call within its limit: true when it is done. A failure is reported, never thrown. */
  async #bounded(operation: string, call: () => Promise<unknown>, ms: number): Promise<boolean> {
    const late = () => new GatewayError('BAD_GATEWAY', TEXTS.BAD_GATEWAY.tooLong(operation));
    try {
      await withTimeout(this.#deps.clock, call(), ms, late);
      return true;
    } catch (error) {
      this.#fault(operation, error);
      return false;
    }
  }

  /** The client. @throws GatewayError `SESSION_NOT_READY` when there is none */
  #client(): WhatsAppClient {
    if (this.#connection.client) return this.#connection.client;
    throw new GatewayError('SESSION_NOT_READY', TEXTS.SESSION_NOT_READY.noClient);
  }

  /** Publishes an error without a caller. */
  #fault(where: string, error: unknown): void {
    this.#deps.events.emit('fault', { agentId: this.#parts.agent.agentId, where, error });
  }
}
