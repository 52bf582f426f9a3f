import type { Agent, AgentPorts } from '../agent/agent.ts';
import type { AgentView, MailboxView, QrView, TransitionRecord } from '../domain/agent-view.ts';
import type { MachineName, NextTransition } from '../domain/chart-graph.ts';
import { TEXTS } from '../domain/error-texts.ts';
import { GatewayError } from '../domain/errors.ts';
import type {
  GatewayApi,
  PairingCode,
  RemovalOutcome,
  RunOptions,
  RunOutcome,
  SendOptions,
  SendOutcome,
  SessionSpec,
  StartOutcome,
} from '../domain/gateway-api.ts';
import type { AgentRef, Jid } from '../domain/identity.ts';
import type { AiRequest } from '../domain/ports/ai.ts';
import type { AgentStore, ApiKeyStore, OutgoingMessage, StoredMessage } from '../domain/ports/stores.ts';
import type { WebAuthnJson } from '../domain/ports/whatsapp.ts';
import { whyDown } from '../domain/restart-policy.ts';
import { OwnReplies } from '../inbound/loop-guard.ts';
import { sessionMachine } from '../session/session.machine.ts';
import { StartCircuitBreaker } from '../session/start-circuit-breaker.ts';
import { StartSemaphore } from '../session/start-semaphore.ts';
import { supervisorMachine } from '../session/supervisor.machine.ts';
import { chartGraph } from '../statechart/graph.ts';
import { AgentRegistry } from './agent-registry.ts';
import { ApiKeyRefresh } from './api-key-refresh.ts';
import { DeviceLinking } from './device-linking.ts';
import { EventBus } from './event-bus.ts';
import { Lifecycle } from './lifecycle.ts';
import { StatusProjection } from './status-projection.ts';
import { UserKeys } from './user-keys.ts';

/** The ports that a gateway is made of. */
export interface GatewayDeps extends AgentPorts {
  agents: AgentStore;
  apiKeys: ApiKeyStore;
}

/** Makes the gateway: the one door to all agents. */
export function createGateway(deps: GatewayDeps): GatewayApi {
  return new Gateway(deps);
}

class Gateway implements GatewayApi {
  readonly events = new EventBus();
  readonly charts = { agent: chartGraph(sessionMachine), supervisor: chartGraph(supervisorMachine) };
  readonly #deps: GatewayDeps;
  readonly #agents: AgentRegistry;
  readonly #lifecycle: Lifecycle;
  readonly #keys: ApiKeyRefresh;
  readonly #linking: DeviceLinking;

  constructor(deps: GatewayDeps) {
    this.#deps = deps;
    const circuitBreaker = new StartCircuitBreaker(deps.clock, () => this.#agents.size, {
      fault: (reason, agents) => this.events.emit('fleet', { state: 'fault', reason, agents }),
      recovered: (reason) => this.events.emit('fleet', { state: 'recovered', reason }),
    });
    const semaphore = new StartSemaphore(deps.settings.startConcurrency);
    const { agents } = deps;
    const fault = (where: string) => (agentId: string, error: unknown) =>
      this.events.emit('fault', { agentId, where, error });
    const keys = new UserKeys(deps.apiKeys, (error) =>
      this.events.emit('fault', { agentId: null, where: 'api_keys', error }),
    );
    const projection = new StatusProjection(agents, fault('projection'));
    const agentDeps = {
      ...deps,
      semaphore,
      circuitBreaker,
      ownReplies: new OwnReplies(),
      projection,
      events: this.events,
    };
    this.#agents = new AgentRegistry({
      agents,
      keys,
      events: this.events,
      onRemove: (agentId) => projection.forget(agentId),
      agentDeps,
    });
    this.#keys = new ApiKeyRefresh({ agents, keys }, fault('key-refresh'));
    this.#linking = new DeviceLinking(this.#agents, deps.clock, deps.settings.limits);
    this.#lifecycle = new Lifecycle({
      ...deps,
      registry: this.#agents,
      circuitBreaker,
      projection,
      events: this.events,
    });
  }

  restore(): Promise<void> {
    return this.#lifecycle.restore();
  }

  async create(spec: SessionSpec, traceId: string): Promise<StartOutcome> {
    this.#lifecycle.assertOpen();
    const { agent, created } = await this.#agents.obtain(spec, traceId);
    if (agent.isConnected) return { agent: agent.view(), qr: null, created, outcome: 'connected' };
    return this.#start(agent, created, () => agent.command({ type: 'session.start', traceId }));
  }

  async reconnect(agentId: string, traceId: string): Promise<StartOutcome> {
    this.#lifecycle.assertOpen();
    const agent = this.#agents.get(agentId);
    const started = await this.#start(agent, false, () =>
      agent.command({ type: 'session.reconnect', traceId }),
    );
    return { ...started, isUnlinked: agent.isUnlinked };
  }

  async remove(agentId: string, traceId: string): Promise<RemovalOutcome> {
    return this.#agents.remove(agentId, traceId);
  }

  list(): AgentView[] {
    return this.#agents.all().map((agent) => agent.view());
  }

  describe(agentId: string): AgentView {
    return this.#agents.get(agentId).view();
  }

  mailbox(agentId: string): MailboxView {
    return this.#agents.get(agentId).sender.dispatcher.view();
  }

  qr(agentId: string): QrView {
    const { qr } = this.#agents.get(agentId);
    if (qr) return qr;
    throw new GatewayError('SESSION_NOT_READY', TEXTS.SESSION_NOT_READY.noQr);
  }

  passkey(agentId: string): WebAuthnJson {
    return this.#linking.challenge(agentId);
  }

  async answerPasskey(agentId: string, assertion: WebAuthnJson): Promise<void> {
    await this.#linking.answer(agentId, assertion);
  }

  async requestPairingCode(agentId: string, number: Jid): Promise<PairingCode> {
    return this.#linking.pairingCode(agentId, number);
  }

  history(agentId: string): TransitionRecord[] {
    return [...this.#agents.get(agentId).actorSystem.history];
  }

  next(agentId: string): Record<MachineName, NextTransition[]> {
    return this.#agents.get(agentId).actorSystem.next();
  }

  credentials(agentId: string): { userId: number; apiKey: string } | undefined {
    return this.#agents.find(agentId)?.record;
  }

  refreshApiKey(agentId: string): void {
    const agent = this.#agents.find(agentId);
    if (agent) this.#keys.refresh(agent);
  }

  assertCanSend(ref: AgentRef, traceId: string): void {
    const { agentId } = ref;
    const agent = this.#agents.getOwned(ref);
    if (this.#lifecycle.isStopping) this.events.emit('rejected', { agentId, reason: 'draining', traceId });
    this.#lifecycle.assertOpen();
    if (!agent.isConnected) {
      this.events.emit('rejected', { agentId, reason: 'not_ready', traceId });
      const { status } = agent.view();
      throw new GatewayError('SESSION_NOT_READY', TEXTS.SESSION_NOT_READY.notConnected(status));
    }
    agent.sender.assertRoom(traceId);
  }

  async send(ref: AgentRef, message: OutgoingMessage, options: SendOptions): Promise<SendOutcome> {
    this.assertCanSend(ref, message.traceId);
    return this.#agents.getOwned(ref).sender.send(message, options);
  }

  async run(ref: AgentRef, request: AiRequest, options: RunOptions): Promise<RunOutcome> {
    this.assertCanSend(ref, options.traceId);
    const agent = this.#agents.getOwned(ref);
    return agent.aiReplies.run(request, options, agent.shutdown.signal);
  }

  async outcome(ref: AgentRef, id: string): Promise<SendOutcome> {
    const message = await this.message(ref, id);
    return this.#agents.getOwned(ref).sender.outcome(message);
  }

  async message(ref: AgentRef, id: string): Promise<StoredMessage> {
    this.#agents.getOwned(ref);
    const message = await this.#deps.messages.find(ref, id);
    if (message) return message;
    throw new GatewayError('NOT_FOUND', TEXTS.NOT_FOUND.message);
  }

  stop(graceMs: number): Promise<void> {
    return this.#lifecycle.stop(graceMs);
  }

  /** Gives a start command and waits for what comes of it, `QR_WAIT_MS` at most. */
  async #start(agent: Agent, created: boolean, command: () => void): Promise<StartOutcome> {
    await agent.boot();
    // A stop, or a delete, may have begun while the database was asked, and may while the start is waited for.
    this.#lifecycle.assertOpen();
    agent.shutdown.signal.throwIfAborted();
    const reached = agent.startWaiters.next(this.#deps.settings.qrWaitMs);
    command();
    const progress = await reached;
    agent.shutdown.signal.throwIfAborted();
    if (progress?.kind === 'down') {
      const { lastError } = agent.view().supervisor;
      throw new GatewayError('SESSION_START_FAILED', whyDown(progress.reason, lastError));
    }
    const outcome = progress?.kind ?? 'pending';
    return { agent: agent.view(), qr: agent.qr, created, outcome };
  }
}
