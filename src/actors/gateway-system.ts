import { agentMachine } from './agent.machine.ts';
import type { Agent } from './agent.ts';
import { AgentRegistry } from './agent-registry.ts';
import { Announcer } from './announcer.ts';
import { chartGraph } from './chart-graph.ts';
import { withDeadline } from './deadline.ts';
import { whyDown } from './down-reasons.ts';
import { GatewayError } from './errors.ts';
import { Fleet } from './fleet.ts';
import { KeyRefresh } from './key-refresh.ts';
import type {
  AgentStore,
  AiBackend,
  AiRequest,
  ApiKeyStore,
  InboundLog,
  MessageLog,
  OutgoingMessage,
  Scheduler,
  StoredMessage,
  Timer,
  WhatsAppDriver,
} from './ports.ts';
import type {
  AgentView,
  GatewaySystem,
  MailboxView,
  QrView,
  RunOptions,
  RunOutcome,
  SendOptions,
  SendOutcome,
  SessionSpec,
  StartOutcome,
  TransitionRecord,
} from './protocol.ts';
import type { MachineName, NextTransition } from './protocol-chart.ts';
import { Recycler } from './recycler.ts';
import type { ActorSettings } from './settings.ts';
import { StartGate } from './start-gate.ts';
import { StatusProjection } from './status-projection.ts';
import { supervisorMachine } from './supervisor.machine.ts';

/** The ports that a gateway is made of. */
export interface GatewayDeps {
  driver: WhatsAppDriver;
  ai: AiBackend;
  agents: AgentStore;
  apiKeys: ApiKeyStore;
  messages: MessageLog;
  inbound: InboundLog;
  clock: Scheduler;
  random(): number;
  newTraceId(): string;
  settings: ActorSettings;
}

/** Makes the gateway: the one door to all agents. */
export function createGatewaySystem(deps: GatewayDeps): GatewaySystem {
  return new Gateway(deps);
}

class Gateway implements GatewaySystem {
  readonly events = new Announcer();
  readonly charts = { agent: chartGraph(agentMachine), supervisor: chartGraph(supervisorMachine) };
  readonly #deps: GatewayDeps;
  readonly #agents: AgentRegistry;
  readonly #fleet: Fleet;
  readonly #recycler: Recycler | null;
  readonly #projection: StatusProjection;
  readonly #keys: KeyRefresh;
  #probes: Timer | null = null;
  #restored: Promise<void> = Promise.resolve();
  #stopping = false;

  constructor(deps: GatewayDeps) {
    this.#deps = deps;
    this.#fleet = new Fleet(deps.clock, () => this.#agents.size, {
      fault: (reason, agents) => this.events.emit('fleet', { state: 'fault', reason, agents }),
      recovered: (reason) => this.events.emit('fleet', { state: 'recovered', reason }),
    });
    const gate = new StartGate(deps.settings.startConcurrency);
    const { agents, apiKeys } = deps;
    const agentDeps = { ...deps, gate, fleet: this.#fleet, events: this.events };
    this.#agents = new AgentRegistry({ agents, apiKeys, events: this.events, agentDeps });
    this.#recycler = this.#makeRecycler();
    const fault = (where: string) => (agentId: string, error: unknown) =>
      this.events.emit('fault', { agentId, where, error });
    this.#projection = new StatusProjection(deps.agents, fault('projection'));
    this.#keys = new KeyRefresh(deps, fault('key-refresh'));
    this.events.on('state', ({ agentId, to, at }) => this.#projection.write(agentId, to, new Date(at)));
  }

  async restore(): Promise<void> {
    this.#probeLater();
    this.#recycler?.start();
    const records = await this.#deps.agents.list();
    const agents = records.map((record) => this.#agents.add(record));
    this.#restored = this.#bootAll(agents);
  }

  async create(spec: SessionSpec, traceId: string): Promise<StartOutcome> {
    this.#assertOpen();
    const { agent, created } = await this.#agents.obtain(spec);
    if (agent.isConnected) return { agent: agent.view(), qr: null, created, outcome: 'connected' };
    return this.#start(agent, created, () => agent.command({ type: 'session.start', traceId }));
  }

  async reconnect(agentId: string, traceId: string): Promise<StartOutcome> {
    this.#assertOpen();
    const agent = this.#agents.get(agentId);
    return this.#start(agent, false, () => agent.command({ type: 'session.reconnect', traceId }));
  }

  async remove(agentId: string, traceId: string): Promise<void> {
    const agent = this.#agents.get(agentId);
    const gone = new GatewayError('SESSION_NOT_FOUND', 'The session was deleted.');
    // First what may be refused: without a database nothing is touched.
    await this.#deps.messages.failPending(agentId, { code: gone.code, message: gone.message });
    agent.sender.outbox.failAll(gone);
    const ended = agent.supervision.ended();
    agent.command({ type: 'session.remove', traceId });
    const { logoutMs, closeMs } = this.#deps.settings.limits;
    await withDeadline(
      this.#deps.clock,
      ended,
      2 * (logoutMs + closeMs),
      () => new GatewayError('INTERNAL', 'The client did not end.'),
    );
    await agent.inbox.stop(0);
    this.#projection.forget(agentId);
    await this.#deps.agents.remove(agentId);
    this.#agents.delete(agent);
  }

  list(): AgentView[] {
    return this.#agents.all().map((agent) => agent.view());
  }

  describe(agentId: string): AgentView {
    return this.#agents.get(agentId).view();
  }

  mailbox(agentId: string): MailboxView {
    return this.#agents.get(agentId).sender.outbox.view();
  }

  qr(agentId: string): QrView {
    const { qr } = this.#agents.get(agentId);
    if (qr) return qr;
    throw new GatewayError('SESSION_NOT_READY', 'There is no QR to scan now.');
  }

  history(agentId: string): TransitionRecord[] {
    return [...this.#agents.get(agentId).supervision.history];
  }

  next(agentId: string): Record<MachineName, NextTransition[]> {
    return this.#agents.get(agentId).supervision.next();
  }

  apiKey(agentId: string): string | undefined {
    return this.#agents.find(agentId)?.record.apiKey;
  }

  refreshApiKey(agentId: string): void {
    const agent = this.#agents.find(agentId);
    if (agent) this.#keys.refresh(agent);
  }

  assertCanSend(agentId: string): void {
    this.#assertOpen();
    const agent = this.#agents.get(agentId);
    if (!agent.isConnected) {
      this.events.emit('rejected', { agentId, reason: 'not_ready' });
      const { status } = agent.view();
      throw new GatewayError('SESSION_NOT_READY', `The agent is not connected: it is ${status}.`);
    }
    agent.sender.outbox.assertRoom();
  }

  async send(agentId: string, message: OutgoingMessage, options: SendOptions): Promise<SendOutcome> {
    this.assertCanSend(agentId);
    return this.#agents.get(agentId).sender.send(message, options);
  }

  async run(agentId: string, request: AiRequest, options: RunOptions): Promise<RunOutcome> {
    this.assertCanSend(agentId);
    const agent = this.#agents.get(agentId);
    return agent.inbox.run(request, options, agent.stopSignal);
  }

  async outcome(agentId: string, id: string): Promise<SendOutcome> {
    const message = await this.message(agentId, id);
    return this.#agents.get(agentId).sender.outcome(message);
  }

  async message(agentId: string, id: string): Promise<StoredMessage> {
    this.#agents.get(agentId);
    const message = await this.#deps.messages.find(agentId, id);
    if (message) return message;
    throw new GatewayError('NOT_FOUND', 'The agent has no such message.');
  }

  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    this.#fleet.close();
    this.#recycler?.stop();
    if (this.#probes) this.#deps.clock.clearTimeout(this.#probes);
    await this.#restored;
    const agents = this.#agents.all();
    const stopped = Promise.all(agents.map((agent) => agent.stop(graceMs / 2)));
    await withDeadline(
      this.#deps.clock,
      stopped,
      graceMs,
      () => new GatewayError('INTERNAL', 'Not all agents stopped in time.'),
    ).catch((error: unknown) => {
      for (const agent of agents) agent.supervision.kill();
      this.events.emit('fault', { agentId: null, where: 'stop', error });
    });
    await this.#projection.flushed(1_000);
    this.#projection.close();
  }

  /** Gives a start command and waits for what comes of it, `QR_WAIT_MS` at most. */
  async #start(agent: Agent, created: boolean, command: () => void): Promise<StartOutcome> {
    await agent.boot();
    const reached = agent.milestones.next(this.#deps.settings.qrWaitMs);
    command();
    const milestone = await reached;
    if (milestone?.kind === 'down') {
      const { lastError } = agent.view().supervisor;
      throw new GatewayError('SESSION_START_FAILED', whyDown(milestone.reason, lastError));
    }
    const outcome = milestone?.kind ?? 'pending';
    return { agent: agent.view(), qr: agent.qr, created, outcome };
  }

  /** Boots agents one by one; one that can't be booted now is told, and comes with the next request. */
  async #bootAll(agents: Agent[]): Promise<void> {
    for (const agent of agents) {
      if (this.#stopping) return;
      try {
        await agent.boot();
        agent.comeBack();
      } catch (error) {
        this.events.emit('fault', { agentId: agent.agentId, where: 'restore', error });
      }
    }
  }

  /** Who replaces clients that have grown too large, when there is a limit. */
  #makeRecycler(): Recycler | null {
    const { driver, clock, settings } = this.#deps;
    if (settings.memoryLimitBytes === undefined) return null;
    return new Recycler({
      driver,
      clock,
      limitBytes: settings.memoryLimitBytes,
      find: (agentId) => this.#agents.find(agentId),
      fault: (error) => this.events.emit('fault', { agentId: null, where: 'recycle', error }),
    });
  }

  /** One timer rings for the probes of all. */
  #probeLater(): void {
    this.#probes = this.#deps.clock.setTimeout(() => {
      for (const agent of this.#agents.all()) agent.probeDue();
      this.#probeLater();
    }, this.#deps.settings.limits.probeEveryMs);
  }

  /** @throws GatewayError `SHUTTING_DOWN` */
  #assertOpen(): void {
    if (!this.#stopping) return;
    throw new GatewayError('SHUTTING_DOWN', 'The service is stopping.', {
      details: { retryAfterSeconds: 5 },
    });
  }
}
