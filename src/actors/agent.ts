import type { EventEmitter } from 'eventemitter3';
import type { Fleet } from './fleet.ts';
import { Inbox } from './inbox.ts';
import { Milestones } from './milestones.ts';
import type {
  Ack,
  AiBackend,
  InboundMessage,
  Me,
  Scheduler,
  WhatsAppClient,
  WhatsAppDriver,
} from './ports.ts';
import type { AgentRecord, InboundLog, MessageLog } from './ports-stores.ts';
import type { AgentView, GatewayEvents, QrView, TransitionRecord } from './protocol.ts';
import { Sender } from './sender.ts';
import { Session, type SessionOwner } from './session.ts';
import type { ActorSettings } from './settings.ts';
import type { StartGate } from './start-gate.ts';
import { Supervision } from './supervision.ts';
import type { SupervisorEvent } from './supervisor.machine.ts';

/** The ports and settings that every agent works with. */
export interface AgentPorts {
  driver: WhatsAppDriver;
  ai: AiBackend;
  messages: MessageLog;
  inbound: InboundLog;
  clock: Scheduler;
  random(): number;
  newTraceId(): string;
  settings: ActorSettings;
}

/** What all agents of a gateway share. */
export interface AgentDeps extends AgentPorts {
  gate: StartGate;
  fleet: Fleet;
  events: EventEmitter<GatewayEvents>;
}

/**
 * One agent: its record, its session, its sending and receiving halves, and the supervisor that decides about them.
 */
export class Agent implements SessionOwner {
  readonly agentId: string;
  readonly sender: Sender;
  readonly inbox: Inbox;
  readonly milestones: Milestones;
  readonly supervision: Supervision;
  record: AgentRecord;
  readonly #deps: AgentDeps;
  readonly #session: Session;
  #stopping: AbortController | null = null;
  #booted: Promise<void> | null = null;
  #since: number;
  /** When it last sent or got a message, by the monotonic clock. */
  #activeAt: number;
  #status: AgentRecord['status'];

  constructor(record: AgentRecord, deps: AgentDeps) {
    const { agentId } = record;
    this.agentId = agentId;
    this.#deps = deps;
    this.record = record;
    this.#status = record.status;
    this.#since = deps.clock.now();
    this.#activeAt = deps.clock.monotonic();
    this.milestones = new Milestones(deps.clock);
    this.#session = new Session(deps, this);
    this.sender = new Sender(deps, this);
    this.inbox = new Inbox(deps, this);
    this.supervision = new Supervision(this.#session, deps.clock, {
      onTransition: (transition, reason) => this.#noteTransition(transition, reason),
      onError: (error) => this.#fault('actor', error),
    });
  }

  // ── commands ──────────────────────────────────────────────────────────────────────────────────────────

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
    this.#session.isLinked = await this.#deps.driver.hasCredentials(this.agentId);
    await this.sender.restore();
    this.supervision.start();
  }

  /** After a restart of the service: connects when it was linked; else what the row claims is over. */
  comeBack(): void {
    if (this.record.status === 'auth_failed') return;
    if (this.#session.isLinked) this.command({ type: 'session.restore' });
    else if (this.record.status !== 'disconnected') this.#changeStatus('disconnected', null);
  }

  /** Gives the supervisor a command. */
  command(event: SupervisorEvent): void {
    this.supervision.command(event);
  }

  /** Takes nothing new, lets what is in flight end for `patienceMs`, then closes the client. */
  async stop(patienceMs: number): Promise<void> {
    const { outbox } = this.sender;
    outbox.stopTaking();
    const impatience = setTimeout(() => {
      this.#stopper().abort();
      outbox.close();
    }, patienceMs);
    await Promise.all([this.inbox.stop(patienceMs), outbox.drained()]);
    clearTimeout(impatience);
    this.#stopper().abort();
    outbox.releaseWaiters();
    // One that could not be booted has no supervisor that would ever answer.
    if (this.#booted === null) return this.supervision.kill();
    const ended = this.supervision.ended();
    this.command({ type: 'supervisor.stop' });
    await ended;
  }

  /** Aborted when the agent stops: what runs for a caller ends with it. */
  get stopSignal(): AbortSignal {
    return this.#stopper().signal;
  }

  // ── what is told of it ────────────────────────────────────────────────────────────────────────────────

  /** The QR that can be scanned now, or null. */
  get qr(): QrView | null {
    return this.#session.live.qr;
  }

  /** The client of this moment, and who is linked while the session is ready. */
  get client(): WhatsAppClient | null {
    return this.#session.client;
  }

  get me(): Me | null {
    return this.#session.live.me;
  }

  /** True when a message can be sent now. */
  get isConnected(): boolean {
    return this.#status === 'connected' && this.me !== null;
  }

  /** It is connected, has nothing to do, and has had nothing for `ms`. */
  isQuiet(ms: number): boolean {
    const quietFor = this.#deps.clock.monotonic() - this.#activeAt;
    return this.isConnected && quietFor >= ms && this.sender.outbox.isIdle && this.inbox.isIdle;
  }

  /**
   * A probe is due. It passes by the machine, which hears only of a page that isn't well, and asks it again: two
   * transitions for each probe of a healthy page were most of what idle agents cost, and of what their history told.
   */
  probeDue(): void {
    if (!this.isConnected) return;
    const doubt = () => this.supervision.tellAgent({ type: 'probe.due' });
    this.#session.probe().then((state) => {
      if (state !== 'CONNECTED') doubt();
    }, doubt);
  }

  /** Everything to be told of it at this moment; never its key. */
  view(): AgentView {
    const { apiKey: _apiKey, status: _status, ...told } = this.record;
    const { restarts, nextStartAt, ...states } = this.supervision.view();
    return {
      ...told,
      ...states,
      status: this.#status,
      since: this.#since,
      live: this.#session.live.view(this.isConnected),
      qr: this.qr,
      mailbox: this.sender.outbox.view(),
      supervisor: {
        restarts,
        lastError: this.#session.lastError,
        nextStartAt: nextStartAt ?? undefined,
      },
    };
  }

  // ── SessionOwner: what the session tells ─────────────────────────────────────────────────────────────

  /** A message came in. */
  message(message: InboundMessage): void {
    this.#activeAt = this.#deps.clock.monotonic();
    this.inbox.receive(message);
  }

  /** An acknowledgement came. */
  acked(ack: Ack): void {
    this.#activeAt = this.#deps.clock.monotonic();
    this.sender.outbox.acked(ack);
  }

  /** A QR can be scanned. */
  qrShown(): void {
    this.milestones.reach({ kind: 'qr' });
  }

  /** The session is ready. */
  opened(client: WhatsAppClient): void {
    this.sender.outbox.open(client);
    this.inbox.catchUp(client).catch((error: unknown) => this.#fault('catch-up', error));
  }

  /** Nothing more is sent with this session. */
  closed(): void {
    this.sender.outbox.close();
  }

  /** The session is lost, its client whole. */
  faltering(reason: string): void {
    this.command({ type: 'agent.faltered', reason });
  }

  /** The session is connected, and known to be. */
  connected(): void {
    this.#deps.fleet.connected(this.agentId);
    this.command({ type: 'agent.connected' });
    this.milestones.reach({ kind: 'connected' });
  }

  /** There is no client any more. */
  down(reason: string): void {
    this.#deps.fleet.down(this.agentId, reason);
    this.command({ type: 'agent.down', reason });
    this.milestones.reach({ kind: 'down', reason });
  }

  // ── inner ─────────────────────────────────────────────────────────────────────────────────────────────

  /** What ends the runs of callers; made for the first of them. */
  #stopper(): AbortController {
    this.#stopping ??= new AbortController();
    return this.#stopping;
  }

  /** Tells the world of a transition, and notices a change of the stored state. */
  #noteTransition(record: TransitionRecord, reason: string | null): void {
    this.#deps.events.emit('transition', this.agentId, record);
    // The beginning is not a change: what the row says holds until the machine moves.
    if (record.machine !== 'agent' || record.event === 'xstate.init') return;
    const status = record.to[0]?.split('.')[0] as AgentRecord['status'] | undefined;
    if (status && status !== this.#status) this.#changeStatus(status, reason);
  }

  /** Tells the world of a new stored state. */
  #changeStatus(to: AgentRecord['status'], reason: string | null): void {
    const at = this.#deps.clock.now();
    const change = { agentId: this.agentId, from: this.#status, to, heldMs: at - this.#since, at };
    this.#status = to;
    this.#since = at;
    const stamp = new Date(at);
    this.record = { ...this.record, status: to, updatedAt: stamp };
    if (to === 'connected') this.record.lastConnectedAt = stamp;
    if (to === 'disconnected') this.record.lastDisconnectedAt = stamp;
    this.#deps.events.emit('state', { ...change, reason });
  }

  /** An error that nobody waits for. */
  #fault(where: string, error: unknown): void {
    this.#deps.events.emit('fault', { agentId: this.agentId, where, error });
  }
}
