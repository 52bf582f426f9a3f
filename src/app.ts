import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { createHttpTerminator } from 'http-terminator';
import type { Logger } from 'pino';
import { settingsOf } from './actor-settings.ts';
import { createGatewaySystem } from './actors/gateway-system.ts';
import type { Scheduler } from './actors/ports.ts';
import type { GatewaySystem } from './actors/protocol.ts';
import type { ActorLimits } from './actors/settings.ts';
import { createHttpApp, createHttpServer } from './http/app.ts';
import { isLoopback } from './http/security.ts';
import { HttpAiBackend } from './infra/ai/http-ai-backend.ts';
import type { Config } from './infra/config.ts';
import { lockFolder } from './infra/folder-lock.ts';
import type { Lookup } from './infra/guarded-lookup.ts';
import { parseJid } from './infra/jid.ts';
import { logGateway } from './infra/log-events.ts';
import { Spool } from './infra/media/spool.ts';
import { SpooledMedia } from './infra/media/spooled-media.ts';
import { Metrics } from './infra/metrics.ts';
import { openDatabase } from './infra/postgres/database.ts';
import { ownDatabase } from './infra/postgres/database-owner.ts';
import { TempFiles } from './infra/temp-files.ts';
import { openWhatsApp, type WhatsAppSide } from './whatsapp-side.ts';

/** What tests replace; everything else comes from the configuration. */
export interface Overrides {
  logger: Logger;
  clock?: Scheduler;
  side?: WhatsAppSide;
  limits?: Partial<ActorLimits>;
  /** Resolves the names in the URLs of media and of AI backends; the system's by default. */
  lookup?: Lookup;
  /** Told when another service has the database: the process has to end. */
  onEvicted?(): void;
}

/** The running service. `stop` may be called at any time, and again. */
export interface App {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Where it listens, once started: `http://127.0.0.1:3000`. */
  readonly url: string;
  /** The actors, once started: for tests that look inside. */
  readonly system: GatewaySystem;
  /** Counts and logs an error that nobody owns; the process goes on. */
  fault(where: string, error: unknown): void;
}

const PURGE_EVERY_MS = 3_600_000;
/** From the end of a predecessor's drain to the end of its connection. */
const OWNERSHIP_MARGIN_MS = 5_000;
const OWNERSHIP_LEVELS = { waiting: 'warn', lost: 'error', regained: 'info', taken: 'fatal' } as const;

/** The composition root: the only place that knows actors, HTTP and infrastructure (DESIGN §1). */
export function createApp(config: Config, overrides: Overrides): App {
  return new Service(config, overrides);
}

/** What is undone at the stop, in reverse order. */
type Release = () => Promise<void> | void;

class Service implements App {
  readonly #config: Config;
  readonly #overrides: Overrides;
  readonly #logger: Logger;
  readonly #releases: Release[] = [];
  /** Aborted when the stop begins: streams end, so that their connections can. */
  readonly #stopping = new AbortController();
  #system: GatewaySystem | null = null;
  #url = '';
  #stopped: Promise<void> | null = null;

  constructor(config: Config, overrides: Overrides) {
    this.#config = config;
    this.#overrides = overrides;
    this.#logger = overrides.logger;
  }

  get url(): string {
    return this.#url;
  }

  get system(): GatewaySystem {
    if (!this.#system) throw new Error('The service has not started.');
    return this.#system;
  }

  fault(where: string, error: unknown): void {
    if (this.#system) this.#system.events.emit('fault', { agentId: null, where, error });
    else this.#logger.error({ event: 'fault', where, err: error });
  }

  async start(): Promise<void> {
    const config = this.#config;
    await this.#lockFolders();
    await this.#ownDatabase();
    const metrics = new Metrics({ driver: config.WHATSAPP_DRIVER });
    const database = await openDatabase({
      dbUrl: config.DB_URL,
      dataDir: config.DATA_DIR,
      onQuery: (operation, seconds) => metrics.dbQuery(operation, seconds),
    });
    this.#releases.push(() => database.close());
    metrics.observePool(() => ({ ...database.poolStats() }));

    const side = this.#overrides.side ?? (await this.#openSide());
    this.#releases.push(() => side.close());
    await side.driver.prepare();
    const clock = this.#overrides.clock ?? side.clock;
    const ai = new HttpAiBackend({
      baseUrl: side.aiBackendUrl,
      timeoutMs: config.AI_TIMEOUT_MS,
      clock,
      lookup: this.#overrides.lookup,
    });
    this.#releases.push(() => ai.close());
    const system = createGatewaySystem({
      driver: side.driver,
      ai,
      agents: database.agents,
      apiKeys: database.apiKeys,
      messages: database.messages,
      inbound: database.inbound,
      clock,
      random: Math.random,
      newTraceId: () => randomUUID().replaceAll('-', ''),
      settings: settingsOf(config, this.#overrides.limits),
    });
    this.#system = system;
    logGateway(system.events, this.#logger);
    metrics.observeGateway(system, {
      clock,
      mailboxCapacity: config.MAILBOX_CAPACITY,
      memory: () => side.driver.memory(),
    });
    const media = await this.#media(system, database);
    const app = createHttpApp({
      settings: config,
      system,
      media,
      idempotency: database.idempotency,
      parseJid,
      readiness: () => database.readiness(),
      metricsText: () => metrics.text(),
      logger: this.#logger,
      observer: metrics,
      stopping: this.#stopping.signal,
      edition: side.edition,
      extraRouters: side.routers({
        system,
        stopping: this.#stopping.signal,
        forgetInbound: () => database.inbound.purge(new Date(Date.now() + PURGE_EVERY_MS)),
      }),
    });
    await system.restore();
    await this.#listen(createHttpServer(app, side.edition?.headers));
    metrics.ready(true);
    this.#ready();
  }

  stop(): Promise<void> {
    this.#stopping.abort();
    this.#stopped ??= this.#release();
    return this.#stopped;
  }

  /** Keeps other services away from our folders; before anything in them is looked at or adopted. */
  async #lockFolders(): Promise<void> {
    const { DATA_DIR, WWEBJS_AUTH_DIR, WHATSAPP_DRIVER } = this.#config;
    const dirs = WHATSAPP_DRIVER === 'wwebjs' ? [DATA_DIR, WWEBJS_AUTH_DIR] : [DATA_DIR];
    for (const dir of new Set(dirs.map((each) => resolve(each)))) {
      this.#releases.push(await lockFolder(dir));
    }
  }

  /** Keeps other services away from our database; the embedded one is in a folder that is locked already. */
  async #ownDatabase(): Promise<void> {
    const { DB_URL, SHUTDOWN_GRACE_MS } = this.#config;
    if (!DB_URL) return;
    const release = await ownDatabase({
      dbUrl: DB_URL,
      // What has it may be our predecessor, which has that long to end.
      waitMs: SHUTDOWN_GRACE_MS + OWNERSHIP_MARGIN_MS,
      signal: this.#stopping.signal,
      onEvent: (event, text) => {
        this.#logger[OWNERSHIP_LEVELS[event]]({ event: `database.${event}` }, text);
        if (event === 'taken') this.#overrides.onEvicted?.();
      },
    });
    this.#releases.push(release);
  }

  /** The WhatsApp that the configuration names. */
  #openSide(): Promise<WhatsAppSide> {
    return openWhatsApp(
      this.#config,
      (where, error) => this.fault(where, error),
      (text) => this.#logger.warn({ event: 'service.notice' }, text),
    );
  }

  /** Images in the spool, their previews, and the clean-up of both. */
  async #media(
    system: GatewaySystem,
    database: { purge(): Promise<void>; messages: { pendingFiles(): Promise<string[]> } },
  ) {
    const { DATA_DIR, TEMP_DIR, MEDIA_ALLOWED_ORIGINS } = this.#config;
    const spool = new Spool(join(DATA_DIR, 'spool'));
    const previews = new TempFiles({
      dir: TEMP_DIR,
      clock: Date,
      onFault: (error) => this.fault('temp-files', error),
    });
    system.events.on('message', ({ file }) => {
      if (file) spool.release(file).catch((error: unknown) => this.fault('spool', error));
    });
    await spool.sweep(new Set(await database.messages.pendingFiles()));
    previews.start();
    const purge = setInterval(() => {
      database.purge().catch((error: unknown) => this.fault('purge', error));
    }, PURGE_EVERY_MS).unref();
    this.#releases.push(() => clearInterval(purge));
    this.#releases.push(() => previews.stop());
    const { lookup } = this.#overrides;
    return new SpooledMedia({ spool, previews, allowedOrigins: MEDIA_ALLOWED_ORIGINS, lookup });
  }

  /** Listens, and arranges for the stop: refuse, drain the actors, then close what is still open. */
  async #listen(server: Server): Promise<void> {
    const { PORT, HOST, SHUTDOWN_GRACE_MS } = this.#config;
    const terminator = createHttpTerminator({ server, gracefulTerminationTimeout: 1_000 });
    this.#releases.push(() => terminator.terminate());
    // Before the connections, so that held requests are answered by their actors' end.
    this.#releases.push(() => this.system.stop(SHUTDOWN_GRACE_MS * 0.8));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(PORT, HOST, resolve);
    });
    const { port } = server.address() as AddressInfo;
    this.#url = `http://${HOST.includes(':') ? `[${HOST}]` : HOST}:${port}`;
  }

  /** The one line that says it is ready, and what the operator should know. */
  #ready(): void {
    const { HOST, SESSIONS_TOKEN, WHATSAPP_DRIVER } = this.#config;
    if (!SESSIONS_TOKEN) {
      const [level, reach] = isLoopback(HOST)
        ? (['info', 'everybody on this machine'] as const)
        : (['warn', 'this network'] as const);
      this.#logger[level](
        { event: 'service.open', host: HOST },
        `/sessions* is open to ${reach}: set SESSIONS_TOKEN to close it`,
      );
    }
    this.#logger.info(
      { event: 'service.ready', url: this.#url, driver: WHATSAPP_DRIVER },
      `ready on ${this.#url}`,
    );
  }

  /** Undoes everything, last first; one failure does not keep the rest from ending. */
  async #release(): Promise<void> {
    const failures: unknown[] = [];
    for (const release of this.#releases.splice(0).reverse()) {
      try {
        await release();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, 'The service did not stop cleanly.');
  }
}
