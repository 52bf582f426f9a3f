import type { AgentPorts } from '../agent/agent.ts';
import type { AgentView, MailboxView, QrView, TransitionRecord } from '../domain/agent-view.ts';
import type { MachineName, NextTransition } from '../domain/chart-graph.ts';
import type { Command, Reply } from '../domain/commands.ts';
import { TEXTS } from '../domain/error-texts.ts';
import { GatewayError } from '../domain/errors.ts';
import type { GatewayApi } from '../domain/gateway-api.ts';
import type { AgentStore, ApiKeyStore } from '../domain/ports/stores.ts';
import type { WebAuthnJson } from '../domain/ports/whatsapp.ts';
import { Semaphore } from '../domain/semaphore.ts';
import { OwnReplies } from '../inbound/loop-guard.ts';
import { OwnStanzas } from '../outbound/own-stanzas.ts';
import { sessionMachine } from '../session/session.machine.ts';
import { StartCircuitBreaker } from '../session/start-circuit-breaker.ts';
import { supervisorMachine } from '../session/supervisor.machine.ts';
import { chartGraph } from '../statechart/graph.ts';
import { AgentRegistry } from './agent-registry.ts';
import { ApiKeyRefresh } from './api-key-refresh.ts';
import { type RouteContext, routeOf } from './command-routes.ts';
import { passkeyChallenge } from './device-linking.ts';
import { EventBus } from './event-bus.ts';
import { Lifecycle } from './lifecycle.ts';
import { StatusProjection } from './status-projection.ts';
import { UserKeys } from './user-keys.ts';

/** The ports that a gateway works with. */
export interface GatewayDeps extends AgentPorts {
  agents: AgentStore;
  apiKeys: ApiKeyStore;
}

/** Creates the gateway, the one way to reach agents. */
export function createGateway(deps: GatewayDeps): GatewayApi {
  return new Gateway(deps);
}

class Gateway implements GatewayApi {
  readonly events = new EventBus();
  readonly charts = { agent: chartGraph(sessionMachine), supervisor: chartGraph(supervisorMachine) };
  readonly #agents: AgentRegistry;
  readonly #lifecycle: Lifecycle;
  readonly #context: RouteContext;

  constructor(deps: GatewayDeps) {
    const circuitBreaker = new StartCircuitBreaker(deps.clock, () => this.#agents.size, {
      fault: (reason, agents) => this.events.emit('fleet', { state: 'fault', reason, agents }),
      recovered: (reason) => this.events.emit('fleet', { state: 'recovered', reason }),
    });
    const semaphore = new Semaphore(deps.settings.startConcurrency);
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
      ownStanzas: new OwnStanzas(),
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
    this.#lifecycle = new Lifecycle({
      ...deps,
      registry: this.#agents,
      circuitBreaker,
      projection,
      events: this.events,
    });
    this.#context = {
      ...deps,
      agents: this.#agents,
      lifecycle: this.#lifecycle,
      keys: new ApiKeyRefresh({ agents, keys }, fault('key-refresh')),
      events: this.events,
    };
  }

  restore(): Promise<void> {
    return this.#lifecycle.restore();
  }

  ask<C extends Command>(agentId: string, command: C): Promise<Reply<C>> {
    return routeOf(command).handle(this.#context, agentId, command);
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
    const { qr } = this.#agents.get(agentId).connection;
    if (qr) return qr;
    throw new GatewayError('SESSION_NOT_READY', TEXTS.SESSION_NOT_READY.noQr);
  }

  passkey(agentId: string): WebAuthnJson {
    return passkeyChallenge(this.#agents.get(agentId));
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

  stop(graceMs: number): Promise<void> {
    return this.#lifecycle.stop(graceMs);
  }
}
