import { isDeepStrictEqual } from 'node:util';
import type { EventEmitter } from 'eventemitter3';
import type { PasskeyView } from '../domain/agent-view.ts';
import type { GatewayEvents } from '../domain/gateway-events.ts';
import type { AgentRef, Jid } from '../domain/identity.ts';
import type { Scheduler } from '../domain/ports/clock.ts';
import type {
  Ack,
  Compatibility,
  InboundMessage,
  Me,
  Restriction,
  WebAuthnJson,
  WhatsAppClient,
  WhatsAppDriver,
} from '../domain/ports/whatsapp.ts';
import { redact } from '../domain/redact.ts';
import type { ActorLimits, ActorSettings } from '../domain/settings.ts';
import { AccountRestriction } from './account-restriction.ts';
import { ClientCalls } from './client-calls.ts';
import { ConnectionInfo } from './connection-info.ts';
import { InstrumentedClient } from './instrumented-client.ts';
import { LinkMoment } from './link-moment.ts';
import type { StartCircuitBreaker } from './start-circuit-breaker.ts';
import type { ReleaseSlot, StartSemaphore } from './start-semaphore.ts';
import type { SupervisedAgent } from './supervisor.machine.ts';

/** What the sessions of all agents share. */
export interface SessionDeps {
  driver: WhatsAppDriver;
  semaphore: StartSemaphore;
  circuitBreaker: StartCircuitBreaker;
  clock: Scheduler;
  random(): number;
  settings: Pick<ActorSettings, 'limits' | 'qrMaxRefreshes'>;
  events: EventEmitter<GatewayEvents>;
}

/** The agent that a session belongs to, and what it is told. */
export interface SessionOwner {
  readonly agentId: string;
  readonly record: AgentRef;
  /** Of the request that the client was started for. */
  readonly traceId: string | undefined;
  message(message: InboundMessage): void;
  acked(ack: Ack): void;
  qrShown(): void;
  /** `linkedAt` is the monotonic moment of the link that made it ready; null for a session that came back. */
  opened(client: WhatsAppClient, me: Me, linkedAt: number | null): void;
  closed(): void;
  connected(): void;
  /** Its machine died, and is made anew. */
  died(): void;
  faltering(reason: string): void;
  /** `missing`: what the page lacks, when it ended for that. */
  down(reason: string, missing: string[]): void;
}

/**
 * The hands of the two machines: the client of one agent, its QR, its place among the starting ones. The machines
 * decide; this does what they say, within limits, and never throws into them.
 */
export class SessionEffects implements SupervisedAgent {
  readonly live = new ConnectionInfo();
  readonly restriction: AccountRestriction;
  /** The number that is linked, also while its connection is lost; null until it was connected once. */
  account: Jid | null = null;
  readonly #deps: SessionDeps;
  readonly #owner: SessionOwner;
  readonly #calls: ClientCalls;
  readonly #link: LinkMoment;
  #client: WhatsAppClient | null = null;
  #release: ReleaseSlot | null = null;
  #isEnding = false;
  #isLinked = false;
  /** The phone may list the device: not so once it was logged out. */
  #isKnownToPhone = false;
  #isUnlinked = true;
  #lastError: string | undefined;

  constructor(deps: SessionDeps, owner: SessionOwner) {
    this.#deps = deps;
    this.#owner = owner;
    const { driver, clock, settings } = deps;
    this.#link = new LinkMoment(clock);
    const fault = (where: string, error: unknown) => this.#fault(where, error);
    this.#calls = new ClientCalls({ driver, clock, limits: settings.limits, fault });
    this.restriction = new AccountRestriction(clock, settings.limits.refusalMs, (restriction) =>
      deps.events.emit('restriction', { agentId: this.agentId, restriction }),
    );
  }

  get agentId(): string {
    return this.#owner.agentId;
  }

  get agent(): AgentRef {
    return this.#owner.record;
  }

  get driver(): WhatsAppDriver {
    return this.#deps.driver;
  }

  get limits(): ActorLimits {
    return this.#deps.settings.limits;
  }

  get qrMaxRefreshes(): number {
    return this.#deps.settings.qrMaxRefreshes;
  }

  /** It was linked and nobody logged it out: it comes back by itself. */
  get isLinked(): boolean {
    return this.#isLinked;
  }

  /** Credentials of an earlier process are there, or not. */
  restoreLink(isLinked: boolean): void {
    this.#isLinked = isLinked;
    this.#isKnownToPhone = isLinked;
  }

  /** False when the newest log-out has left the device linked: its owner has to unlink it on the phone. */
  get isUnlinked(): boolean {
    return this.#isUnlinked;
  }

  // ── what is told of it ────────────────────────────────────────────────────────────────────────────────

  /** The client of this generation, or null. */
  get client(): WhatsAppClient | null {
    return this.#client;
  }

  /** Its client only waits to be linked, or is being ended: a start that is asked for makes another one. */
  get givesWay(): boolean {
    return this.live.qr !== null || this.live.passkey !== null || this.#isEnding;
  }

  /** The newest error, for people. */
  get lastError(): string | undefined {
    return this.#lastError;
  }

  // ── AgentPort: what the agent's machine does ──────────────────────────────────────────────────────────

  /** Takes the client of a new generation, or null when there is none any more. */
  attach(client: WhatsAppClient | null): void {
    this.#client =
      client &&
      new InstrumentedClient(client, this.#deps.clock, (call) =>
        this.#deps.events.emit('operation', { agentId: this.agentId, ...call }),
      );
    this.live.attach(client);
    this.#link.follow(client);
  }

  /** A message came in: past the machine, it is the hot path. */
  onMessage(message: InboundMessage): void {
    this.#owner.message(message);
  }

  /** An acknowledgement came: past the machine, too. */
  onAck(ack: Ack): void {
    this.#owner.acked(ack);
  }

  /** A self-check has ended. */
  onCompatibility(report: Compatibility): void {
    this.#setCompatibility(report);
  }

  /** WhatsApp restricts the account, or no longer does. */
  onRestriction(restriction: Restriction | null): void {
    this.restriction.report(restriction);
  }

  /** Messages reached the page and were not reported. */
  onUnreported(count: number): void {
    this.#deps.events.emit('unreported', { agentId: this.agentId, count });
  }

  /** Waits for a place among the clients that may start at once; one that nobody asked for also for the fleet. */
  async takeSlot(signal: AbortSignal, isAsked: boolean): Promise<void> {
    if (!isAsked) await this.#deps.circuitBreaker.admit(this.agentId, signal);
    const release = await this.#deps.semaphore.acquire(signal);
    // The start was given up in the moment of its turn.
    if (signal.aborted) release();
    else this.#release = release;
  }

  /** The start is over, one way or the other. */
  freeSlot(): void {
    this.#release?.();
    this.#release = null;
  }

  /** Shows a code, or none. */
  showQr(code: string | null): void {
    const issuedAt = this.#deps.clock.now();
    const qr = code === null ? null : { code, issuedAt, expiresAt: issuedAt + this.limits.qrStallMs };
    this.live.showQr(qr);
    this.#deps.events.emit('qr', { agentId: this.agentId, qr, traceId: this.#owner.traceId });
    if (!qr) return;
    this.#forgetAccount();
    this.#owner.qrShown();
  }

  /** Linking waits for a passkey, or its challenge has come. */
  askPasskey(challenge: WebAuthnJson | null): void {
    const since = this.live.passkey?.since ?? this.#deps.clock.now();
    this.#setPasskey({ challenge, since });
  }

  /** No passkey is asked for any more. */
  endPasskey(): void {
    this.#setPasskey(null);
  }

  /** Keeps what the page lacks as the newest error. */
  noteIncompatibility(): void {
    this.#lastError = `WhatsApp Web lacks ${this.#missing().join(', ')}.`;
  }

  /** The phone knows the device from here on. */
  linking(): void {
    this.#isKnownToPhone = true;
  }

  /** From now on it comes back by itself. */
  linked(): void {
    this.#isLinked = true;
    this.#isKnownToPhone = true;
  }

  /** The phone knows the device no more. */
  unlinked(): void {
    this.#isKnownToPhone = false;
  }

  /** The session is ready: sending and receiving begin. */
  openSession(me: Me): void {
    this.live.open(me);
    this.account = me.pn;
    if (this.#client) this.#owner.opened(this.#client, me, this.#link.take());
  }

  /** The session is over: nothing more is sent with it. */
  closeSession(): void {
    this.live.close();
    this.#owner.closed();
  }

  /** Unlinks the device, as far as there is a client to do it. */
  async logOut(): Promise<void> {
    if (await this.#calls.logOut(this.#client)) this.unlinked();
  }

  /** Ends the client, if there is one. */
  closeClient(): Promise<void> {
    this.#isEnding = true;
    return this.#calls.close(this.#client);
  }

  /** Deletes what the driver keeps of the agent. */
  async forgetCredentials(): Promise<void> {
    this.#isLinked = false;
    this.#forgetAccount();
    this.#setCompatibility(null);
    await this.#calls.forgetCredentials(this.agent);
  }

  /** The socket's state, asked of the page; rejects when it doesn't answer in time. */
  probe(): Promise<string> {
    return this.#calls.probe(this.#client);
  }

  /** Reloads the page, in its turn among those who start: a fleet's pages don't all load at once. */
  async reload(signal: AbortSignal): Promise<void> {
    const release = await this.#deps.semaphore.acquire(signal);
    await this.#calls.reload(this.#client).finally(release);
  }

  /** The session is lost, its client whole. */
  reportFaltering(reason: string): void {
    this.#owner.faltering(reason);
  }

  /** There is no client any more. */
  reportDown(reason: string): void {
    this.#isEnding = false;
    if (reason === 'LOGGED_OUT') this.#isUnlinked = !this.#isKnownToPhone;
    if (reason === 'STOPPED') this.restriction.close();
    this.#owner.down(reason, reason === 'INCOMPATIBLE' ? this.#missing() : []);
  }

  /** The session is connected. */
  reportConnected(): void {
    this.#owner.connected();
  }

  /** Keeps the newest error for whoever asks why. */
  noteError(error: unknown): void {
    this.#lastError = redact(error instanceof Error ? error.message : String(error));
    this.#fault('client', error);
  }

  // ── SupervisedAgent: what the supervisor does ─────────────────────────────────────────────────────────

  /** Lets go what a machine held that died of a bug: it can't close its client any more (XSTATE.md, "the hole"). */
  abandon(error: unknown): void {
    const client = this.#client;
    this.#isEnding = false;
    this.noteError(error);
    this.freeSlot();
    this.showQr(null);
    this.endPasskey();
    this.closeSession();
    this.attach(null);
    this.#owner.died();
    // Never rejects.
    void client?.destroy();
  }

  /** The time that waits and windows are measured by. */
  monotonic(): number {
    return this.#deps.clock.monotonic();
  }

  /** Tells that the next start is planned. */
  announceRestart(restart: { reason: string; attempt: number; delayMs: number }): void {
    this.#deps.events.emit('restart', { agentId: this.agentId, ...restart });
  }

  /** Chance in [0, 1), for the jitter of the waits. */
  random(): number {
    return this.#deps.random();
  }

  /** The time of display. */
  now(): number {
    return this.#deps.clock.now();
  }

  // ── inner ─────────────────────────────────────────────────────────────────────────────────────────────

  /** Nobody is linked: what was known of the account is void. */
  #forgetAccount(): void {
    this.account = null;
    this.restriction.forget();
  }

  /** What the page lacks, by name. */
  #missing(): string[] {
    return this.live.compatibility?.missing ?? [];
  }

  /** Replaces the result of the self-check, and publishes a change. */
  #setCompatibility(report: Compatibility | null): void {
    if (isDeepStrictEqual(report, this.live.compatibility)) return;
    this.live.compatibility = report;
    this.#deps.events.emit('compatibility', { agentId: this.agentId, report });
  }

  /** Replaces what is asked of a passkey, and publishes a change. */
  #setPasskey(passkey: PasskeyView | null): void {
    if (isDeepStrictEqual(passkey, this.live.passkey)) return;
    this.live.passkey = passkey;
    this.#deps.events.emit('passkey', { agentId: this.agentId, passkey });
  }

  /** An error that nobody waits for. */
  #fault(where: string, error: unknown): void {
    this.#deps.events.emit('fault', { agentId: this.agentId, where, error });
  }
}
