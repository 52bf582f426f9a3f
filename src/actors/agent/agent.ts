import type { EventEmitter } from 'eventemitter3';
import type { AgentView, PasskeyView, QrView } from '../domain/agent-view.ts';
import type { GatewayEvents } from '../domain/gateway-events.ts';
import type { Jid } from '../domain/identity.ts';
import type { AiBackend } from '../domain/ports/ai.ts';
import type { Scheduler } from '../domain/ports/clock.ts';
import type { ImageFiles } from '../domain/ports/files.ts';
import type { AgentRecord, InboundLog, MessageLog } from '../domain/ports/stores.ts';
import type {
  Ack,
  InboundMessage,
  Me,
  Restriction,
  WhatsAppClient,
  WhatsAppDriver,
} from '../domain/ports/whatsapp.ts';
import type { ActorSettings } from '../domain/settings.ts';
import { AiReplies, type LiveAgent } from '../inbound/ai-reply.ts';
import { Inbound } from '../inbound/inbound.ts';
import type { OwnReplies } from '../inbound/loop-guard.ts';
import { Sender } from '../outbound/sender.ts';
import { ActorSystem } from '../session/actor-system.ts';
import { SessionEffects, type SessionOwner } from '../session/session-effects.ts';
import type { StartCircuitBreaker } from '../session/start-circuit-breaker.ts';
import type { StartSemaphore } from '../session/start-semaphore.ts';
import type { SupervisorEvent } from '../session/supervisor.machine.ts';
import { AgentStatus, type StatusWriter } from './agent-status.ts';
import { Shutdown } from './shutdown.ts';
import { StartWaiters } from './start-waiters.ts';

/** The ports and settings that every agent works with. */
export interface AgentPorts {
  driver: WhatsAppDriver;
  ai: AiBackend;
  messages: MessageLog;
  inbound: InboundLog;
  files: ImageFiles;
  clock: Scheduler;
  random(): number;
  newTraceId(): string;
  /** An id for a message to come, of WhatsApp's own shape. */
  newStanzaId(agentId: string): string;
  settings: ActorSettings;
}

/** What all agents of a gateway share. */
export interface AgentDeps extends AgentPorts {
  semaphore: StartSemaphore;
  circuitBreaker: StartCircuitBreaker;
  ownReplies: OwnReplies;
  projection: StatusWriter;
  events: EventEmitter<GatewayEvents>;
}

/**
 * One agent: its record, its session, its sending and receiving halves, and the supervisor that decides about them.
 */
export class Agent implements SessionOwner {
  readonly agentId: string;
  readonly sender: Sender;
  readonly aiReplies: AiReplies;
  readonly inbound: Inbound;
  readonly startWaiters: StartWaiters;
  readonly actorSystem: ActorSystem;
  readonly shutdown: Shutdown;
  record: AgentRecord;
  readonly #deps: AgentDeps;
  readonly #session: SessionEffects;
  #booted: Promise<void> | null = null;
  readonly #state: AgentStatus;
  /** Of the request that is being carried out by the machines; none once it has led where it could. */
  #traceId: string | undefined;
  /** When it last sent or got a message, by the monotonic clock. */
  #activeAt: number;

  constructor(record: AgentRecord, deps: AgentDeps) {
    const { agentId } = record;
    this.agentId = agentId;
    this.#deps = deps;
    this.record = record;
    this.#state = new AgentStatus(deps, this);
    this.#activeAt = deps.clock.monotonic();
    this.startWaiters = new StartWaiters(deps.clock);
    this.#session = new SessionEffects(deps, this);
    this.sender = new Sender(deps, this);
    const live: LiveAgent = { record: () => this.record, client: () => this.client, me: () => this.me };
    this.aiReplies = new AiReplies(deps, live, this.sender);
    this.inbound = new Inbound(deps, live, { sender: this.sender, aiReplies: this.aiReplies });
    this.actorSystem = new ActorSystem(this.#session, deps.clock, {
      onTransition: (transition) => deps.events.emit('transition', agentId, transition),
      traceId: () => this.#traceId,
      onState: (state, reason) => this.#moved(state, reason),
      onError: (error) => this.#fault('actor', error),
    });
    this.shutdown = new Shutdown(deps, this);
  }

  // ── commands ──────────────────────────────────────────────────────────────────────────────────────────

  /** It could be taken up, or is being: its supervisor answers. */
  get isBooted(): boolean {
    return this.#booted !== null;
  }

  /** Takes up what is stored of the agent and starts the supervisor; once, however often it is called. */
  boot(): Promise<void> {
    this.#booted ??= this.#boot().catch((error: unknown) => {
      this.#booted = null;
      throw error;
    });
    return this.#booted;
  }

  /** Reads credentials and queue, then lets the supervisor begin. */
  async #boot(): Promise<void> {
    this.#session.restoreLink(await this.#deps.driver.hasCredentials(this.record));
    await this.sender.restore();
    this.actorSystem.start();
  }

  /** Entered into the registry: whatever its row says, there is no connection yet. */
  begin(): void {
    if (this.#state.status === 'connected') this.#state.become('disconnected', null);
  }

  /** Takes over what another system has changed in its row. */
  update({ agentName, apiKey, endpointUrlRun }: AgentRecord): void {
    this.record = { ...this.record, agentName, apiKey, endpointUrlRun };
  }

  /** After a restart of the service: connects when it was linked; else what the row claims is over. */
  comeBack(): void {
    if (this.record.status === 'auth_failed') return;
    if (this.#session.isLinked) this.command({ type: 'session.restore' });
    // Somebody may have asked for a start meanwhile.
    else if (this.actorSystem.isAtRest) this.#state.become('disconnected', null);
  }

  /** Gives the supervisor a command; what comes of a request's carries its trace id. */
  command(event: SupervisorEvent): void {
    if ('traceId' in event && this.actorSystem.accepts(event)) this.#traceId = event.traceId;
    this.actorSystem.command(event);
  }

  // ── what is told of it ────────────────────────────────────────────────────────────────────────────────

  get traceId(): string | undefined {
    return this.#traceId;
  }

  /** The QR that can be scanned now, or null. */
  get qr(): QrView | null {
    return this.#session.live.qr;
  }

  /** What a passkey has to sign now, or null. */
  get passkey(): PasskeyView | null {
    return this.#session.live.passkey;
  }

  /** The number that is linked, also while its connection is lost; null when none is known. */
  get account(): Jid | null {
    return this.#session.account;
  }

  /** The client of this moment, and who is linked while the session is ready. */
  get client(): WhatsAppClient | null {
    return this.#session.client;
  }

  get me(): Me | null {
    return this.#session.live.me;
  }

  /** False when the newest log-out has left the device linked at the phone. */
  get isUnlinked(): boolean {
    return this.#session.isUnlinked;
  }

  /** True when a message can be sent now. */
  get isConnected(): boolean {
    return this.actorSystem.is('connected');
  }

  /** It is connected, has nothing to do, and has had nothing for `ms`. */
  isQuiet(ms: number): boolean {
    const quietFor = this.#deps.clock.monotonic() - this.#activeAt;
    return this.isConnected && quietFor >= ms && this.sender.dispatcher.isIdle && this.inbound.isIdle;
  }

  /**
   * A probe is due. It passes by the machine, which hears only of a page that isn't well, and asks it again: two
   * transitions for each probe of a healthy page were most of what idle agents cost, and of what their history told.
   */
  probeDue(): void {
    if (!this.isConnected) return;
    const doubt = () => this.actorSystem.sendToSession({ type: 'probe.due' });
    this.#session.probe().then((state) => {
      if (state !== 'CONNECTED') doubt();
    }, doubt);
  }

  /** Everything to be told of it at this moment; never its key. */
  view(): AgentView {
    const { apiKey: _apiKey, status: _status, ...told } = this.record;
    const { restarts, nextStartAt, ...states } = this.actorSystem.view();
    return {
      ...told,
      ...states,
      status: this.#state.status,
      since: this.#state.since,
      live: this.#session.live.view(this.isConnected),
      qr: this.qr,
      passkey: this.passkey,
      restriction: this.#session.restriction.current,
      mailbox: this.sender.dispatcher.view(),
      supervisor: {
        restarts,
        lastError: this.#session.lastError,
        nextStartAt: nextStartAt ?? undefined,
      },
    };
  }

  // ── SessionOwner: what the session tells ─────────────────────────────────────────────────────────────

  /** WhatsApp refused a send for such a restriction. */
  refused(kind: Restriction['kind']): void {
    this.#session.restriction.refused(kind);
  }

  /** A message came in. */
  message(message: InboundMessage): void {
    this.#activeAt = this.#deps.clock.monotonic();
    this.inbound.receive(message);
  }

  /** An acknowledgement came. */
  acked(ack: Ack): void {
    this.#activeAt = this.#deps.clock.monotonic();
    this.sender.dispatcher.acked(ack);
  }

  /** A QR can be scanned. */
  qrShown(): void {
    this.startWaiters.reach({ kind: 'qr' });
  }

  /** The session is ready. */
  opened(client: WhatsAppClient, me: Me, linkedAt: number | null): void {
    this.sender.dispatcher.open(client, me);
    this.inbound.open(client, linkedAt).catch((error: unknown) => this.#fault('catch-up', error));
  }

  /** Nothing more is sent with this session. */
  closed(): void {
    this.sender.dispatcher.close();
  }

  /** The session is lost, its client whole. */
  faltering(reason: string): void {
    this.command({ type: 'agent.faltered', reason });
  }

  /** The session is connected, and known to be. */
  connected(): void {
    this.#deps.circuitBreaker.connected(this.agentId);
    this.command({ type: 'agent.connected' });
    this.startWaiters.reach({ kind: 'connected' });
  }

  /** The machine is made anew: it begins where there is no client. */
  died(): void {
    this.#state.become('disconnected', 'ACTOR_CRASH');
  }

  /** There is no client any more. */
  down(reason: string, missing: string[]): void {
    this.#deps.circuitBreaker.down(this.agentId, reason, missing);
    this.command({ type: 'agent.down', reason });
    // The end of a client that another one follows at once answers nobody.
    if (this.actorSystem.isAtRest) this.startWaiters.reach({ kind: 'down', reason });
  }

  // ── inner ─────────────────────────────────────────────────────────────────────────────────────────────

  /** The machine is in this state. Connected or at rest, a request has been carried out. */
  #moved(state: string, reason: string | null): void {
    this.#state.become(state, reason);
    if (state === 'connected' || this.actorSystem.isAtRest) this.#traceId = undefined;
  }

  /** An error that nobody waits for. */
  #fault(where: string, error: unknown): void {
    this.#deps.events.emit('fault', { agentId: this.agentId, where, error });
  }
}
