import type { EventEmitter } from 'eventemitter3';
import { type ActorRefFrom, createActor } from 'xstate';
import type { agentMachine } from './agent.machine.ts';
import { withDeadline } from './deadline.ts';
import { GatewayError } from './errors.ts';
import { Inbox } from './inbox.ts';
import { observe } from './observe.ts';
import type {
  Ack,
  AgentRecord,
  AiBackend,
  Clock,
  InboundLog,
  InboundMessage,
  Me,
  MessageLog,
  WhatsAppClient,
  WhatsAppDriver,
} from './ports.ts';
import type { AgentView, GatewayEvents, LiveView, QrView, TransitionRecord } from './protocol.ts';
import { Sender } from './sender.ts';
import type { ActorSettings } from './settings.ts';
import type { ReleaseSlot, StartGate } from './start-gate.ts';
import { pathsOf } from './state-paths.ts';
import { type SupervisedAgent, type SupervisorEvent, supervisorMachine } from './supervisor.machine.ts';
import { timed } from './timed-client.ts';

/** What all agents of a gateway share. */
export interface AgentDeps {
  driver: WhatsAppDriver;
  ai: AiBackend;
  messages: MessageLog;
  inbound: InboundLog;
  clock: Clock;
  random(): number;
  newTraceId(): string;
  settings: ActorSettings;
  gate: StartGate;
  events: EventEmitter<GatewayEvents>;
}

/** The moments that a start request waits for. */
export type Milestone = { kind: 'qr' } | { kind: 'connected' } | { kind: 'down'; reason: string };

const HISTORY_LENGTH = 200;

/**
 * One agent: its record, its client, its two halves and its supervisor. The machines decide, this does what
 * they say; it never throws into them.
 */
export class Agent implements SupervisedAgent {
  readonly agentId: string;
  readonly driver: WhatsAppDriver;
  readonly limits: ActorSettings['limits'];
  readonly qrMaxRefreshes: number;
  readonly sender: Sender;
  readonly inbox: Inbox;
  readonly history: TransitionRecord[] = [];
  record: AgentRecord;
  isLinked = false;
  readonly #deps: AgentDeps;
  readonly #supervisor: ReturnType<typeof this.makeSupervisor>;
  readonly #milestones = new Set<(milestone: Milestone) => void>();
  readonly #stopping = new AbortController();
  #client: WhatsAppClient | null = null;
  #me: Me | null = null;
  #qr: QrView | null = null;
  #socket: string | null = null;
  #release: ReleaseSlot | null = null;
  #booted: Promise<void> | null = null;
  #lastError: string | undefined;
  #since: number;
  #status: AgentRecord['status'];

  constructor(record: AgentRecord, deps: AgentDeps) {
    this.#deps = deps;
    this.agentId = record.agentId;
    this.driver = deps.driver;
    this.limits = deps.settings.limits;
    this.qrMaxRefreshes = deps.settings.qrMaxRefreshes;
    this.record = record;
    this.#status = record.status;
    this.#since = deps.clock.now();
    this.sender = new Sender({
      agentId: record.agentId,
      settings: deps.settings,
      clock: deps.clock,
      log: deps.messages,
      events: deps.events,
      onMode: (mode) => this.#tellMachine({ type: `outbox.${mode}` }),
      onSuspect: () => this.#tellMachine({ type: 'probe.due' }),
    });
    this.inbox = new Inbox({
      agentId: record.agentId,
      settings: deps.settings,
      clock: deps.clock,
      ai: deps.ai,
      log: deps.inbound,
      events: deps.events,
      sender: this.sender,
      newTraceId: deps.newTraceId,
      identity: () => ({
        agentId: this.agentId,
        apiKey: this.record.apiKey,
        endpointUrl: this.record.endpointUrlRun,
      }),
      client: () => this.#client,
      me: () => this.#me,
    });
    this.#supervisor = this.makeSupervisor();
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

  async #boot(): Promise<void> {
    this.isLinked = await this.driver.hasCredentials(this.agentId);
    await this.sender.restore();
    this.#supervisor.start();
  }

  /** After a restart of the service: connects when it was linked; else what the row claims is over. */
  comeBack(): void {
    if (this.record.status === 'auth_failed') return;
    if (this.isLinked) this.command({ type: 'session.restore' });
    else if (this.record.status !== 'disconnected') this.#changeStatus('disconnected', null);
  }

  /** Gives the supervisor a command. */
  command(event: SupervisorEvent): void {
    this.#supervisor.send(event);
  }

  /** Resolves with the next milestone that counts, or null after `ms`. Register before the command is given. */
  nextMilestone(counts: (milestone: Milestone) => boolean, ms: number): Promise<Milestone | null> {
    return new Promise((resolve) => {
      const settle = (milestone: Milestone | null) => {
        if (milestone && !counts(milestone)) return;
        clearTimeout(timer);
        this.#milestones.delete(settle);
        resolve(milestone);
      };
      const timer = setTimeout(() => settle(null), ms);
      this.#milestones.add(settle);
    });
  }

  /** Resolves when the supervisor has ended, by a removal or a stop. */
  ended(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#supervisor.getSnapshot().status !== 'active') return resolve();
      this.#supervisor.subscribe({ complete: resolve, error: () => resolve() });
    });
  }

  /** Takes nothing new, lets what is in flight end for `patienceMs`, then closes the client. */
  async stop(patienceMs: number): Promise<void> {
    this.sender.outbox.close();
    const impatience = setTimeout(() => this.#stopping.abort(), patienceMs);
    await Promise.all([this.inbox.stop(patienceMs), this.sender.outbox.drained()]);
    clearTimeout(impatience);
    this.#stopping.abort();
    this.sender.outbox.releaseWaiters();
    const ended = this.ended();
    this.command({ type: 'supervisor.stop' });
    await ended;
  }

  /** Ends everything at once, for a process that can't wait. */
  kill(): void {
    this.#supervisor.stop();
  }

  /** Aborted when the agent stops: what runs for a caller ends with it. */
  get stopSignal(): AbortSignal {
    return this.#stopping.signal;
  }

  // ── what is told of it ────────────────────────────────────────────────────────────────────────────────

  get qr(): QrView | null {
    return this.#qr;
  }

  get isShowingQr(): boolean {
    return this.#qr !== null;
  }

  get isConnected(): boolean {
    return this.#status === 'connected' && this.#me !== null;
  }

  /** Probes are due: one timer of the gateway rings for all. */
  probeDue(): void {
    if (this.isConnected) this.#tellMachine({ type: 'probe.due' });
  }

  view(): AgentView {
    const {
      userId,
      agentId,
      agentName,
      endpointUrlRun,
      lastConnectedAt,
      lastDisconnectedAt,
      createdAt,
      updatedAt,
    } = this.record;
    const supervisor = this.#supervisor.getSnapshot();
    return {
      userId,
      agentId,
      agentName,
      endpointUrlRun,
      status: this.#status,
      states: statePaths(supervisor.children.agent),
      since: this.#since,
      reason: supervisor.children.agent?.getSnapshot().context.reason ?? null,
      lastConnectedAt,
      lastDisconnectedAt,
      createdAt,
      updatedAt,
      live: this.#live(),
      mailbox: this.sender.outbox.view(),
      supervisor: {
        restarts: supervisor.context.restarts,
        lastError: this.#lastError,
        nextStartAt: supervisor.context.nextStartAt ?? undefined,
      },
    };
  }

  // ── AgentPort: what the machines do to the world ──────────────────────────────────────────────────────

  attach(client: WhatsAppClient | null): void {
    this.#client = client && timed(client, this.#deps.clock, (operation) => this.#tellOperation(operation));
    this.#socket = null;
    client?.events.on('state', (state) => {
      this.#socket = state;
    });
  }

  onMessage(message: InboundMessage): void {
    this.inbox.receive(message);
  }

  onAck(ack: Ack): void {
    this.sender.outbox.acked(ack);
  }

  async takeSlot(signal: AbortSignal): Promise<void> {
    const release = await this.#deps.gate.acquire(signal);
    if (signal.aborted) return release();
    this.#release = release;
  }

  freeSlot(): void {
    this.#release?.();
    this.#release = null;
  }

  showQr(code: string | null): void {
    if (code !== null) this.#socket = 'UNPAIRED';
    this.#qr = code === null ? null : { code, issuedAt: this.#deps.clock.now() };
    this.#deps.events.emit('qr', { agentId: this.agentId, qr: this.#qr });
    if (this.#qr) this.#reach({ kind: 'qr' });
  }

  linked(): void {
    this.isLinked = true;
  }

  openSession(me: Me): void {
    this.#me = me;
    this.#socket = 'CONNECTED';
    const client = this.#client;
    if (!client) return;
    this.sender.outbox.open(client);
    this.inbox.catchUp(client).catch((error: unknown) => this.#fault('catch-up', error));
  }

  closeSession(): void {
    this.#me = null;
    this.sender.outbox.close();
  }

  async logOut(): Promise<void> {
    const client = this.#client;
    if (!client) return;
    await this.#bounded('logout', client.logout(), this.limits.logoutMs);
  }

  async closeClient(): Promise<void> {
    const client = this.#client;
    if (!client) return;
    await this.#bounded('destroy', client.destroy(), this.limits.closeMs);
  }

  async forgetCredentials(): Promise<void> {
    this.isLinked = false;
    await this.#bounded('forget', this.driver.removeCredentials(this.agentId), this.limits.closeMs);
  }

  probe(): Promise<string> {
    const client = this.#client;
    if (!client) return Promise.reject(new GatewayError('SESSION_NOT_READY', 'There is no client.'));
    return withDeadline(
      client.probe(),
      this.limits.probeMs,
      () => new GatewayError('BAD_GATEWAY', 'The page is mute.'),
    );
  }

  reportDown(reason: string): void {
    this.command({ type: 'agent.down', reason });
    this.#reach({ kind: 'down', reason });
  }

  reportConnected(): void {
    this.command({ type: 'agent.connected' });
    this.#reach({ kind: 'connected' });
  }

  noteError(error: unknown): void {
    this.#lastError = error instanceof Error ? error.message : String(error);
    this.#fault('client', error);
  }

  abandon(error: unknown): void {
    this.noteError(error);
    this.freeSlot();
    this.showQr(null);
    this.closeSession();
    // The machine that died can't close its client any more (XSTATE.md, "the hole").
    void this.#client?.destroy();
    this.#client = null;
  }

  announceRestart(restart: { reason: string; attempt: number; delayMs: number }): void {
    this.#deps.events.emit('restart', { agentId: this.agentId, ...restart });
  }

  random(): number {
    return this.#deps.random();
  }

  now(): number {
    return this.#deps.clock.now();
  }

  // ── inner ─────────────────────────────────────────────────────────────────────────────────────────────

  /** The root of this agent's actor system, watched by the one hook. */
  private makeSupervisor() {
    return createActor(supervisorMachine, {
      input: { agent: this },
      inspect: observe({
        now: () => this.#deps.clock.now(),
        onTransition: (record, reason) => this.#noteTransition(record, reason),
        onError: (error) => this.#fault('actor', error),
      }),
    });
  }

  /** Keeps the newest transitions, and notices a change of the stored state. */
  #noteTransition(record: TransitionRecord, reason: string | null): void {
    this.history.push(record);
    if (this.history.length > HISTORY_LENGTH) this.history.shift();
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

  /** Sends the agent's machine an event of its own, if it lives. */
  #tellMachine(event: { type: 'probe.due' | 'outbox.idle' | 'outbox.sending' | 'outbox.throttled' }): void {
    const child = this.#supervisor.getSnapshot().children.agent;
    if (child?.getSnapshot().status === 'active') child.send(event);
  }

  /** Tells whoever waits for a milestone. */
  #reach(milestone: Milestone): void {
    for (const settle of [...this.#milestones]) settle(milestone);
  }

  /** The live side, as SPEC §3 names it. */
  #live(): LiveView {
    return {
      isConnected: this.isConnected,
      sessionState: this.#client ? (this.#socket ?? 'OPENING') : null,
      isReady: this.#me !== null,
      hasClient: this.#client !== null,
    };
  }

  /** Waits for a call into the library within its limit; what goes wrong is told, never thrown. */
  async #bounded(operation: string, call: Promise<void>, ms: number): Promise<void> {
    try {
      await withDeadline(call, ms, () => new GatewayError('BAD_GATEWAY', `${operation} took too long.`));
    } catch (error) {
      this.#fault(operation, error);
    }
  }

  /** Tells how long a call into the library took. */
  #tellOperation(operation: Omit<Parameters<GatewayEvents['operation']>[0], 'agentId'>): void {
    this.#deps.events.emit('operation', { agentId: this.agentId, ...operation });
  }

  /** An error that nobody waits for. */
  #fault(where: string, error: unknown): void {
    this.#deps.events.emit('fault', { agentId: this.agentId, where, error });
  }
}

/** The live leaf states of the agent's machine as paths: `connected.link.healthy`. */
function statePaths(child: ActorRefFrom<typeof agentMachine> | undefined): string[] {
  const snapshot = child?.getSnapshot();
  return snapshot ? pathsOf(snapshot.value) : [];
}
