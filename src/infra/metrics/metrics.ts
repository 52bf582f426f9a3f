import { readFileSync } from 'node:fs';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { GatewayApi } from '../../actors/domain/gateway-api.ts';
import type { Clock } from '../../actors/domain/ports/clock.ts';
import type { WhatsAppDriver } from '../../actors/domain/ports/whatsapp.ts';
import { AgentGauges } from './agent-gauges.ts';
import { countGateway } from './gateway-counters.ts';

const HTTP_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const DB_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
/** Measuring the browsers takes a read per process. */
const MEMORY_HOLDS_MS = 5_000;
/** What a request line may ask; anything else is one label. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const DELIVERY_OUTCOMES = ['delivered', 'failed', 'dead'] as const;
const IDEMPOTENCY_OUTCOMES = ['new', 'replayed', 'in_flight', 'mismatch'] as const;
/** Gauges of prom-client with a counter's suffix; their sums stay available by type. */
const MISNAMED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
];

/** Connections of the database pool; `waiting` are callers that have none yet. */
export interface PoolStats {
  total: number;
  idle: number;
  waiting: number;
}

/** Sources of the gauges besides the gateway. */
interface GatewaySources {
  /** The clock of the agents' times. */
  clock?: Pick<Clock, 'now'>;
  /** How many messages a mailbox holds. */
  mailboxCapacity: number;
  /** The memory of the agents' browsers. */
  memory?: WhatsAppDriver['memory'];
}

/**
 * All metrics of `/metrics` (docs/metrics.md). Gauges are read at each scrape. `agent_id` is a label of gauges alone, so
 * that an agent's series end with it.
 */
export class Metrics {
  readonly #registry = new Registry();
  readonly #ready: Gauge;
  readonly #requestSeconds: Histogram<'http_request_method' | 'http_route' | 'http_response_status_code'>;
  readonly #activeRequests: Gauge;
  readonly #idempotency: Counter<'outcome'>;
  readonly #querySeconds: Histogram<'operation'>;
  readonly #deliveries: Counter<'outcome'>;
  #refresh: () => Promise<void> = async () => undefined;
  #readFiles: () => Promise<void> = async () => undefined;
  #readWebhooks: () => Promise<void> = async () => undefined;

  /** @param build `driver` is a label of `wa_build_info` */
  constructor(build: { driver: string }) {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    for (const name of MISNAMED) this.#registry.removeSingleMetric(name);
    new Gauge({
      name: 'wa_build_info',
      help: 'Version of the service, of Node and the WhatsApp driver; always 1.',
      labelNames: ['version', 'node_version', 'driver'],
      registers,
    }).set({ version: packageVersion(), node_version: process.version, driver: build.driver }, 1);
    this.#ready = new Gauge({ name: 'wa_ready', help: '1 while the service takes requests.', registers });
    this.#requestSeconds = new Histogram({
      name: 'http_server_request_duration_seconds',
      help: 'Time from a request’s head to the end of its response.',
      labelNames: ['http_request_method', 'http_route', 'http_response_status_code'],
      buckets: HTTP_BUCKETS,
      registers,
    });
    this.#activeRequests = new Gauge({
      name: 'http_server_active_requests',
      help: 'Requests that are being answered.',
      registers,
    });
    this.#idempotency = new Counter({
      name: 'wa_idempotency_requests_total',
      help: 'Requests with an Idempotency-Key, by what became of them.',
      labelNames: ['outcome'],
      registers,
    });
    for (const outcome of IDEMPOTENCY_OUTCOMES) this.#idempotency.inc({ outcome }, 0);
    this.#querySeconds = new Histogram({
      name: 'wa_db_query_duration_seconds',
      help: 'Time of a database query, by what it is for.',
      labelNames: ['operation'],
      buckets: DB_BUCKETS,
      registers,
    });
    this.#deliveries = new Counter({
      name: 'wa_webhook_deliveries_total',
      help: 'Attempts to deliver events to webhooks, and events that were given up.',
      labelNames: ['outcome'],
      registers,
    });
    for (const outcome of DELIVERY_OUTCOMES) this.#deliveries.inc({ outcome }, 0);
  }

  /** Sets `wa_ready`. */
  ready(isReady: boolean): void {
    this.#ready.set(isReady ? 1 : 0);
  }

  /** A request has begun. */
  onStart(): void {
    this.#activeRequests.inc();
  }

  /** A request has ended; `route` is its pattern, never the raw path. */
  onRequest(route: string, method: string, status: number, seconds: number): void {
    this.#activeRequests.dec();
    this.#requestSeconds.observe(
      {
        http_request_method: METHODS.has(method) ? method : '_OTHER',
        http_route: route,
        http_response_status_code: status,
      },
      seconds,
    );
  }

  /** What an `Idempotency-Key` was found to be. */
  onIdempotency(outcome: (typeof IDEMPOTENCY_OUTCOMES)[number]): void {
    this.#idempotency.inc({ outcome });
  }

  /** An attempt to deliver an event has ended, or (`dead`) this many events were given up. */
  onDelivery({ outcome, count = 1 }: { outcome: (typeof DELIVERY_OUTCOMES)[number]; count?: number }): void {
    this.#deliveries.inc({ outcome }, count);
  }

  /** A database query has ended. `operation` is a name from the code, never SQL. */
  dbQuery(operation: string, seconds: number): void {
    this.#querySeconds.observe({ operation }, seconds);
  }

  /** Reads the pool's connections, by state, at each scrape. Call once. */
  observePool(stats: () => PoolStats): void {
    new Gauge({
      name: 'wa_db_pool_connections',
      help: 'Connections of the database pool, and callers that wait for one.',
      labelNames: ['state'],
      registers: [this.#registry],
      collect() {
        const { total, idle, waiting } = stats();
        this.set({ state: 'in_use' }, total - idle);
        this.set({ state: 'idle' }, idle);
        this.set({ state: 'waiting' }, waiting);
      },
    });
  }

  /**
   * Reads what the store of files holds at each scrape; while that can't be read, the last values stay. Call once.
   */
  observeFiles(usage: () => Promise<{ files: number; bytes: number; maxBytes: number }>): void {
    const registers = [this.#registry];
    const files = new Gauge({ name: 'wa_files', help: 'Files in the store.', registers });
    const bytes = new Gauge({
      name: 'wa_files_bytes',
      help: 'Bytes of the store that files take, each at least 4 KiB.',
      registers,
    });
    const capacity = new Gauge({
      name: 'wa_files_capacity_bytes',
      help: 'Bytes that the store holds at most.',
      registers,
    });
    this.#readFiles = async () => {
      const now = await usage().catch(() => null);
      if (!now) return;
      files.set(now.files);
      bytes.set(now.bytes);
      capacity.set(now.maxBytes);
    };
  }

  /**
   * Reads at each scrape what waits for webhooks, by the clock of its events; while that can't be read, the last values
   * stay. Call once.
   */
  observeWebhooks(
    backlogs: () => Promise<
      { id: string; agentId: string; waiting: number; dead: number; oldestAt: Date | null }[]
    >,
    clock: Pick<Clock, 'now'>,
  ): void {
    const registers = [this.#registry];
    const labelNames = ['agent_id', 'webhook_id'] as const;
    const waiting = new Gauge({
      name: 'wa_webhook_waiting_events',
      help: 'Events that are yet to be delivered to the webhook.',
      labelNames,
      registers,
    });
    const oldest = new Gauge({
      name: 'wa_webhook_oldest_event_age_seconds',
      help: 'How long ago the oldest event happened that is yet to be delivered to the webhook; 0 when none waits.',
      labelNames,
      registers,
    });
    const dead = new Gauge({
      name: 'wa_webhook_dead_events',
      help: 'Events for the webhook that were given up.',
      labelNames,
      registers,
    });
    this.#readWebhooks = async () => {
      const all = await backlogs().catch(() => null);
      if (!all) return;
      for (const gauge of [waiting, oldest, dead]) gauge.reset();
      for (const { id, agentId, oldestAt, ...counts } of all) {
        const labels = { agent_id: agentId, webhook_id: id };
        waiting.set(labels, counts.waiting);
        dead.set(labels, counts.dead);
        oldest.set(labels, oldestAt ? Math.max(0, clock.now() - oldestAt.getTime()) / 1_000 : 0);
      }
    };
  }

  /** Counts the gateway's events, and reads the agents at each scrape, by their clock. Call once. */
  observeGateway(
    system: Pick<GatewayApi, 'events' | 'list' | 'charts'>,
    { clock = Date, mailboxCapacity, memory = async () => new Map() }: GatewaySources,
  ): void {
    countGateway(system, this.#registry);
    const gauges = new AgentGauges(() => system.list(), mailboxCapacity, this.#registry);
    const sizes = remembered(memory, MEMORY_HOLDS_MS);
    this.#refresh = async () => gauges.refresh(clock.now(), await sizes());
  }

  /** The exposition of this moment. */
  async text(): Promise<{ contentType: string; body: string }> {
    await Promise.all([this.#refresh(), this.#readFiles(), this.#readWebhooks()]);
    return { contentType: this.#registry.contentType, body: await this.#registry.metrics() };
  }
}

/** Calls `ask` at most once in `ms`; calls in between get the last result. */
function remembered<T>(ask: () => Promise<T>, ms: number): () => Promise<T> {
  let last: { answer: Promise<T>; until: number } | undefined;
  return () => {
    const now = performance.now();
    if (!last || now >= last.until) last = { answer: ask(), until: now + ms };
    return last.answer;
  };
}

/** The version in `package.json`, which lies at the same distance from the sources and from the build. */
function packageVersion(): string {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  return String((JSON.parse(text) as { version?: unknown }).version);
}
