import type { EventEmitter } from 'eventemitter3';
import type { Agent } from '../agent/agent.ts';
import { BOOT_BACKOFF, backoffMs } from '../domain/backoff.ts';
import { TEXTS } from '../domain/error-texts.ts';
import { GatewayError } from '../domain/errors.ts';
import type { GatewayEvents } from '../domain/gateway-events.ts';
import type { Scheduler, Timer } from '../domain/ports/clock.ts';
import type { AgentStore } from '../domain/ports/stores.ts';
import type { WhatsAppDriver } from '../domain/ports/whatsapp.ts';
import type { ActorSettings } from '../domain/settings.ts';
import { pause, withTimeout } from '../domain/timeout.ts';
import type { StartCircuitBreaker } from '../session/start-circuit-breaker.ts';
import type { AgentRegistry } from './agent-registry.ts';
import { MemoryRecycler } from './memory-recycler.ts';
import { RecordSync } from './record-sync.ts';
import type { StatusProjection } from './status-projection.ts';

const BOOTED_TOGETHER = 100;
const PROBE_SLICES = 15;

/** What a lifecycle begins and ends. */
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

/** The gateway from its start to its stop: brings the agents back, looks after all of them, and ends them. */
export class Lifecycle {
  readonly #deps: LifecycleDeps;
  readonly #recycler: MemoryRecycler | null;
  #probes: Timer | null = null;
  readonly #records: RecordSync;
  #restored: Promise<unknown> = Promise.resolve();
  /** Aborted when the stop begins. */
  readonly #over = new AbortController();

  constructor(deps: LifecycleDeps) {
    this.#deps = deps;
    this.#recycler = this.#makeRecycler();
    this.#records = new RecordSync({ ...deps, onAdded: (agents) => this.#bringAll(agents) });
  }

  /** Enters every stored agent; they come back in the background. @throws GatewayError `DATABASE_UNAVAILABLE` */
  async restore(): Promise<void> {
    this.#probeLater();
    this.#recycler?.start();
    this.#bringAll(await this.#records.restore());
  }

  /** True from the moment that the stop begins. */
  get isStopping(): boolean {
    return this.#over.signal.aborted;
  }

  /** @throws GatewayError `SHUTTING_DOWN` from the moment that the stop begins */
  assertOpen(): void {
    if (!this.isStopping) return;
    throw new GatewayError('SHUTTING_DOWN', TEXTS.SHUTTING_DOWN.service, {
      details: { retryAfterSeconds: 5 },
    });
  }

  /** Stops all agents, within `graceMs`; those that take longer are killed. Never rejects. */
  async stop(graceMs: number): Promise<void> {
    const { registry, circuitBreaker, projection, clock, settings, events } = this.#deps;
    this.#over.abort();
    circuitBreaker.close();
    this.#recycler?.stop();
    this.#records.stop();
    if (this.#probes) clock.clearTimeout(this.#probes);
    await this.#restored;
    const agents = registry.all();
    // All of the grace but what closing a client may take, and half of a short one.
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

  /** Brings agents back in the background. */
  #bringAll(agents: Agent[]): void {
    this.#restored = Promise.all([this.#restored, this.#bootAll(agents)]);
  }

  /** Boots agents, some at a time: their queues are read in one query. */
  async #bootAll(agents: Agent[]): Promise<void> {
    for (let first = 0; first < agents.length && !this.isStopping; first += BOOTED_TOGETHER) {
      await Promise.all(agents.slice(first, first + BOOTED_TOGETHER).map((agent) => this.#bring(agent)));
    }
  }

  /** Boots one agent; one that can't be booted now is tried again later, which nobody waits for. */
  async #bring(agent: Agent, attempt = 1): Promise<void> {
    try {
      await agent.boot();
      if (!this.isStopping) agent.restore();
    } catch (error) {
      this.#deps.events.emit('fault', { agentId: agent.agentId, where: 'restore', error });
      void this.#bringLater(agent, attempt);
    }
  }

  /** Tries again after a growing wait, unless the agent or the service ends before. */
  async #bringLater(agent: Agent, attempt: number): Promise<void> {
    const { clock, random } = this.#deps;
    const over = AbortSignal.any([this.#over.signal, agent.shutdown.signal]);
    await pause(clock, backoffMs(attempt, BOOT_BACKOFF, random), over);
    if (!over.aborted) await this.#bring(agent, attempt + 1);
  }

  /** Who replaces clients that have grown too large, when there is a limit. */
  #makeRecycler(): MemoryRecycler | null {
    const { driver, clock, settings, registry, events } = this.#deps;
    if (settings.memoryLimitBytes === undefined) return null;
    return new MemoryRecycler({
      driver,
      clock,
      limitBytes: settings.memoryLimitBytes,
      find: (agentId) => registry.find(agentId),
      fault: (error) => events.emit('fault', { agentId: null, where: 'recycle', error }),
    });
  }

  /** One timer rings for the probes of all: for a slice of them at a time, so that they don't hold up the others. */
  #probeLater(slice = 0): void {
    const { registry, clock, settings } = this.#deps;
    this.#probes = clock.setTimeout(() => {
      registry.all().forEach((agent, index) => {
        if (index % PROBE_SLICES === slice) agent.probe();
      });
      this.#probeLater((slice + 1) % PROBE_SLICES);
    }, settings.limits.probeEveryMs / PROBE_SLICES);
  }
}
