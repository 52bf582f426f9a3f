import type { EventEmitter } from 'eventemitter3';
import type { Agent } from '../agent/agent.ts';
import { BOOT_BACKOFF, backoffMs } from '../domain/backoff.ts';
import { TEXTS } from '../domain/error-texts.ts';
import { GatewayError } from '../domain/errors.ts';
import type { GatewayEvents } from '../domain/gateway-events.ts';
import type { Scheduler } from '../domain/ports/clock.ts';
import type { AgentStore } from '../domain/ports/stores.ts';
import type { WhatsAppDriver } from '../domain/ports/whatsapp.ts';
import type { ActorSettings } from '../domain/settings.ts';
import { pause, withTimeout } from '../domain/timeout.ts';
import type { StartCircuitBreaker } from '../session/start-circuit-breaker.ts';
import type { AgentRegistry } from './agent-registry.ts';
import { startHealthProber } from './health-prober.ts';
import { MemoryRecycler } from './memory-recycler.ts';
import { RecordSync } from './record-sync.ts';
import type { StatusProjection } from './status-projection.ts';

const BOOTED_TOGETHER = 100;

/** What a lifecycle starts and stops. */
export interface LifecycleDeps {
  registry: AgentRegistry;
  circuitBreaker: StartCircuitBreaker;
  projection: StatusProjection;
  agents: Pick<AgentStore, 'list' | 'has' | 'version'>;
  driver: WhatsAppDriver;
  clock: Scheduler;
  settings: ActorSettings;
  random(): number;
  newTraceId(): string;
  events: EventEmitter<GatewayEvents>;
}

/** Start and stop of the gateway: restores the agents, runs what supervises all of them, and stops them. */
export class Lifecycle {
  readonly #deps: LifecycleDeps;
  readonly #records: RecordSync;
  #restored: Promise<unknown> = Promise.resolve();
  /** Aborted when the stop begins. */
  readonly #stopping = new AbortController();

  constructor(deps: LifecycleDeps) {
    this.#deps = deps;
    const { signal } = this.#stopping;
    this.#records = new RecordSync({ ...deps, signal, onAdded: (agents) => this.#restoreAll(agents) });
  }

  /** Adds every stored agent; they are restored in the background. @throws GatewayError `DATABASE_UNAVAILABLE` */
  async restore(): Promise<void> {
    const { registry, clock, settings } = this.#deps;
    const { signal } = this.#stopping;
    const everyMs = settings.limits.probeEveryMs;
    startHealthProber({ clock, everyMs, agents: () => registry.all(), signal });
    this.#startRecycler();
    this.#restoreAll(await this.#records.restore());
  }

  get isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  /** @throws GatewayError `SHUTTING_DOWN` once the stop has begun */
  assertOpen(): void {
    if (!this.isStopping) return;
    throw new GatewayError('SHUTTING_DOWN', TEXTS.SHUTTING_DOWN.service, {
      details: { retryAfterSeconds: 5 },
    });
  }

  /** Stops all agents within `graceMs`; those that take longer are killed. Never rejects. */
  async stop(graceMs: number): Promise<void> {
    const { registry, circuitBreaker, projection, clock, settings, events } = this.#deps;
    this.#stopping.abort();
    circuitBreaker.close();
    await this.#restored;
    const agents = registry.all();
    // The grace without the time that closing a client may take, but at least half of it.
    const patienceMs = Math.max(graceMs / 2, graceMs - settings.limits.closeMs);
    const stopped = Promise.all(agents.map((agent) => agent.shutdown.stop(patienceMs)));
    const late = () => new GatewayError('INTERNAL', TEXTS.INTERNAL.agentsNotStopped);
    await withTimeout(clock, stopped, graceMs, late).catch((error: unknown) => {
      for (const agent of agents) agent.actorSystem.kill();
      events.emit('fault', { agentId: null, where: 'stop', error });
    });
    await projection.flushed(1_000);
    projection.close();
  }

  /** Restores agents in the background. */
  #restoreAll(agents: Agent[]): void {
    this.#restored = Promise.all([this.#restored, this.#bootAll(agents)]);
  }

  /** Boots agents in groups: the queues of a group are read in one query. */
  async #bootAll(agents: Agent[]): Promise<void> {
    for (let first = 0; first < agents.length && !this.isStopping; first += BOOTED_TOGETHER) {
      await Promise.all(agents.slice(first, first + BOOTED_TOGETHER).map((agent) => this.#boot(agent)));
    }
  }

  /** Boots and restores one agent; after a failure it retries in the background. Never rejects. */
  async #boot(agent: Agent, attempt = 1): Promise<void> {
    try {
      await agent.boot();
      if (!this.isStopping) agent.restore();
    } catch (error) {
      this.#deps.events.emit('fault', { agentId: agent.agentId, where: 'restore', error });
      void this.#bootLater(agent, attempt);
    }
  }

  /** Retries after a growing wait, unless the agent or the service stops first. */
  async #bootLater(agent: Agent, attempt: number): Promise<void> {
    const { clock, random } = this.#deps;
    const stopped = AbortSignal.any([this.#stopping.signal, agent.shutdown.signal]);
    await pause(clock, backoffMs(attempt, BOOT_BACKOFF, random), stopped);
    if (!stopped.aborted) await this.#boot(agent, attempt + 1);
  }

  /** Recycles clients, where there is a memory limit. */
  #startRecycler(): void {
    const { driver, clock, settings, registry, events } = this.#deps;
    if (settings.memoryLimitBytes === undefined) return;
    new MemoryRecycler({
      driver,
      clock,
      limitBytes: settings.memoryLimitBytes,
      find: (agentId) => registry.find(agentId),
      fault: (error) => events.emit('fault', { agentId: null, where: 'recycle', error }),
      signal: this.#stopping.signal,
    }).start();
  }
}
