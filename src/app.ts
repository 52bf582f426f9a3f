import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createHttpTerminator } from 'http-terminator';
import type { Logger } from 'pino';
import type { GatewayApi } from './actors/domain/gateway-api.ts';
import type { Jid } from './actors/domain/identity.ts';
import type { Scheduler } from './actors/domain/ports/clock.ts';
import type { ContentIntake } from './actors/domain/ports/files.ts';
import type { ActorLimits } from './actors/domain/settings.ts';
import { createGateway } from './actors/gateway/gateway.ts';
import { createHttpApp, createHttpServer } from './http/http-app.ts';
import { isLoopback } from './http/middleware/host-and-origin.ts';
import { settingsOf } from './infra/actor-settings.ts';
import { HttpAiBackend } from './infra/ai/http-ai-backend.ts';
import { HttpTranscriber } from './infra/ai/http-transcriber.ts';
import type { Config } from './infra/config.ts';
import { FolderFileStore } from './infra/files/folder-file-store.ts';
import { SignedFileLinks } from './infra/files/signed-file-links.ts';
import { TempFiles } from './infra/files/temp-files.ts';
import { logDelivery } from './infra/logging/log-deliveries.ts';
import { logGateway } from './infra/logging/log-events.ts';
import { MediaFetcher } from './infra/media/media-fetcher.ts';
import { FileIntake } from './infra/media/media-intake.ts';
import { Metrics } from './infra/metrics/metrics.ts';
import type { Lookup } from './infra/net/guarded-lookup.ts';
import { takeOwnership } from './infra/ownership/ownership.ts';
import { type Database, openDatabase } from './infra/postgres/database.ts';
import { ReleaseStack } from './infra/release-stack.ts';
import { SealedSecrets } from './infra/webhooks/sealed-secrets.ts';
import { WebhookDirectory } from './infra/webhooks/webhook-directory.ts';
import { parseJid } from './infra/whatsapp/phone-number.ts';
import type { WhatsAppBackend } from './infra/whatsapp/whatsapp-backend.ts';

/** What tests replace; everything else comes from the configuration. */
export interface Overrides {
  logger: Logger;
  clock?: Scheduler;
  whatsapp?: WhatsAppBackend;
  limits?: Partial<ActorLimits>;
  /** Resolves the names in the URLs of media, AI backends and voice to text; the system's by default. */
  lookup?: Lookup;
  /** Another service has taken the database: the process must exit. */
  onEvicted?(): void;
}

/** The running service. `stop` is safe at any time and to repeat. */
export interface App {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Where it listens, once started: `http://127.0.0.1:3000`. */
  readonly url: string;
  /** The actors, once started: for tests that look inside. */
  readonly system: GatewayApi;
  /** Counts and logs an error without a caller; the process goes on. */
  fault(where: string, error: unknown): void;
}

const PURGE_EVERY_MS = 3_600_000;
/** One delivery to a webhook, from the call to the head of the answer. */
const WEBHOOK_DEADLINE_MS = 10_000;

/** The composition root: the only place that knows actors, HTTP and infrastructure. */
export function createApp(config: Config, overrides: Overrides): App {
  return new Service(config, overrides);
}

class Service implements App {
  readonly #config: Config;
  readonly #overrides: Overrides;
  readonly #logger: Logger;
  readonly #releases = new ReleaseStack();
  /** Aborted when the stop begins: streams end, so that their connections can. */
  readonly #stopping = new AbortController();
  #system: GatewayApi | null = null;
  #url = '';
  #started: Promise<void> = Promise.resolve();
  #stopped: Promise<void> | null = null;

  constructor(config: Config, overrides: Overrides) {
    this.#config = config;
    this.#overrides = overrides;
    this.#logger = overrides.logger;
    // Each event stream listens to it.
    setMaxListeners(0, this.#stopping.signal);
  }

  get url(): string {
    return this.#url;
  }

  get system(): GatewayApi {
    if (!this.#system) throw new Error('The service has not started.');
    return this.#system;
  }

  fault(where: string, error: unknown): void {
    if (this.#system) this.#system.events.emit('fault', { agentId: null, where, error });
    else this.#logger.error({ event: 'fault', where, err: error });
  }

  start(): Promise<void> {
    this.#started = this.#start();
    return this.#started;
  }

  stop(): Promise<void> {
    this.#stopping.abort();
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  /** Closes what was opened. A start under way stops at its next step first, so that nothing it opens is left. */
  async #stop(): Promise<void> {
    await this.#started.catch(() => undefined);
    await this.#releases.release();
  }

  /** Opens everything, step by step; a stop interrupts it between two of them. */
  async #start(): Promise<void> {
    const config = this.#config;
    const { signal } = this.#stopping;
    await takeOwnership(config, {
      logger: this.#logger,
      releases: this.#releases,
      stopping: signal,
      onEvicted: () => this.#overrides.onEvicted?.(),
    });
    signal.throwIfAborted();
    const metrics = new Metrics({ driver: config.WHATSAPP_DRIVER });
    let webhooks: WebhookDirectory | undefined;
    const database = await openDatabase({
      dbUrl: config.DB_URL,
      dataDir: config.DATA_DIR,
      onQuery: (operation, seconds) => metrics.dbQuery(operation, seconds),
      onUnusableRow: (text) => this.#logger.warn({ event: 'database.row_skipped' }, text),
      onPublished: (type, agents) => webhooks?.published(type, agents),
    });
    this.#releases.push(() => database.close());
    metrics.observePool(() => ({ ...database.poolStats() }));

    const whatsapp = this.#overrides.whatsapp ?? (await this.#openWhatsApp());
    this.#releases.push(() => whatsapp.close());
    signal.throwIfAborted();
    await whatsapp.driver.prepare();
    const clock = this.#overrides.clock ?? whatsapp.clock;
    const previews = await this.#openPreviews();
    const files = await this.#openFiles(database, clock);
    const fileLinks = new SignedFileLinks({
      baseUrl: config.APP_BASE_URL,
      secret: await database.secrets.get('file-links'),
      clock,
    });
    const media = this.#openIntake(files, previews);
    webhooks = await this.#openWebhooks(database, metrics, clock);
    const system = this.#openSystem({ database, whatsapp, clock, files, fileLinks, intake: media, webhooks });
    system.events.on('removed', (agentId) => {
      webhooks.forget(agentId);
      files.sweep().catch((error) => this.fault('files', error));
    });
    metrics.observeGateway(system, {
      clock,
      mailboxCapacity: config.MAILBOX_CAPACITY,
      memory: () => whatsapp.driver.memory(),
    });
    this.#purgeRegularly(database);
    metrics.observeFiles(() => files.usage());
    metrics.observeWebhooks(() => webhooks.gauges(), clock);
    const app = createHttpApp({
      settings: config,
      system,
      media,
      files,
      fileLinks,
      webhooks,
      idempotency: database.idempotency,
      parseJid,
      readiness: () => database.readiness(),
      metricsText: () => metrics.text(),
      logger: this.#logger,
      observer: metrics,
      stopping: signal,
      edition: whatsapp.edition,
      extraRouters: whatsapp.routers({
        system,
        stopping: signal,
        forgetInbound: () => database.inbound.purge(new Date(Date.now() + PURGE_EVERY_MS)),
      }),
    });
    signal.throwIfAborted();
    await system.restore();
    webhooks.start();
    await this.#listen(createHttpServer(app, whatsapp.edition?.headers));
    metrics.ready(true);
    logReady(this.#logger, config, this.#url);
  }

  /** The WhatsApp that the configuration names; the other one is not even imported. */
  async #openWhatsApp(): Promise<WhatsAppBackend> {
    const config = this.#config;
    if (config.WHATSAPP_DRIVER === 'sandbox') {
      const { openSandbox } = await import('./sandbox/sandbox-backend.ts');
      return openSandbox(config);
    }
    const { openWwebjs } = await import('./infra/whatsapp/wwebjs/wwebjs-backend.ts');
    return openWwebjs(config, {
      onFault: (where, error) => this.fault(where, error),
      onNotice: (text) => this.#logger.warn({ event: 'service.notice' }, text),
    });
  }

  /** The actors, their AI backend, and the log of what they do. */
  #openSystem(parts: {
    database: Database;
    whatsapp: WhatsAppBackend;
    clock: Scheduler;
    files: FolderFileStore;
    fileLinks: SignedFileLinks;
    intake: ContentIntake;
    webhooks: WebhookDirectory;
  }): GatewayApi {
    const config = this.#config;
    const { database, whatsapp, clock, files, fileLinks, intake, webhooks } = parts;
    const ai = new HttpAiBackend({
      baseUrl: whatsapp.aiBackendUrl,
      timeoutMs: config.AI_TIMEOUT_MS,
      toJid: (text) => parseJid(text, config.DEFAULT_COUNTRY),
      clock,
      lookup: this.#overrides.lookup,
    });
    this.#releases.push(() => ai.close());
    const { agents, apiKeys, messages, inbound, chats, agentSettings } = database;
    const system = createGateway({
      driver: whatsapp.driver,
      ai,
      transcriber: this.#openTranscriber(clock),
      agents,
      apiKeys,
      messages,
      inbound,
      chats,
      agentSettings,
      webhooks,
      files,
      fileLinks,
      intake,
      clock,
      random: Math.random,
      newTraceId: () => randomUUID().replaceAll('-', ''),
      newStanzaId: (agentId) => whatsapp.newStanzaId(agentId),
      settings: settingsOf(config, this.#overrides.limits),
    });
    this.#system = system;
    logGateway(system.events, this.#logger);
    return system;
  }

  /** Voice to text, where it is configured. */
  #openTranscriber(clock: Scheduler): HttpTranscriber | undefined {
    const { STT_URL: url, STT_API_KEY: apiKey, STT_MODEL: model, STT_LANGUAGE: language } = this.#config;
    const { lookup } = this.#overrides;
    return url === undefined
      ? undefined
      : new HttpTranscriber({ url, apiKey, model, language, clock, lookup });
  }

  /** The previews in `TEMP_DIR`, with their clean-up. @throws Error when that is a link or another user's folder */
  async #openPreviews(): Promise<TempFiles> {
    const onFault = (error: unknown) => this.fault('temp-files', error);
    const previews = new TempFiles({ dir: this.#config.TEMP_DIR, clock: Date, onFault });
    await previews.prepare();
    previews.start();
    this.#releases.push(() => previews.stop());
    return previews;
  }

  /** What stores the files of messages. */
  #openIntake(files: FolderFileStore, previews: TempFiles): FileIntake {
    const { MEDIA_ALLOWED_ORIGINS: allowedOrigins, FFMPEG_PATH: ffmpeg } = this.#config;
    const fetcher = new MediaFetcher({ allowedOrigins, lookup: this.#overrides.lookup });
    return new FileIntake({ files, fetcher, previews, ffmpeg });
  }

  /** The webhooks; they are delivered to once the agents are there, and until the actors have stopped. */
  async #openWebhooks(database: Database, metrics: Metrics, clock: Scheduler): Promise<WebhookDirectory> {
    const { DATA_DIR, WEBHOOK_ALLOWED_ORIGINS: allowedOrigins, ...config } = this.#config;
    const log = logDelivery(this.#logger);
    const webhooks = await WebhookDirectory.open({
      store: database.webhooks,
      secrets: await SealedSecrets.open(join(DATA_DIR, 'webhooks.key')),
      allowedOrigins,
      lookup: this.#overrides.lookup,
      clock,
      limits: {
        deadlineMs: WEBHOOK_DEADLINE_MS,
        retryBaseMs: config.WEBHOOK_RETRY_BASE_MS,
        retryMaxMs: config.WEBHOOK_RETRY_MAX_MS,
        giveUpMs: config.WEBHOOK_GIVE_UP_MS,
      },
      random: Math.random,
      context: (agent) => ({
        account: this.#accountOf(agent.agentId),
        idOfStanza: (stanzaId) => database.messages.idOfStanza(agent, stanzaId),
      }),
      onReport: (report) => {
        metrics.onDelivery(report);
        log(report);
      },
      onFault: (error) => this.fault('webhooks', error),
    });
    this.#releases.push(() => webhooks.stop());
    return webhooks;
  }

  /** The account of an agent; null while it is not known. */
  #accountOf(agentId: string): Jid | null {
    return this.#system?.credentials(agentId) ? this.#system.describe(agentId).account : null;
  }

  /** The store of files; the bytes of a deleted agent's go with it. */
  async #openFiles(database: Database, clock: Scheduler): Promise<FolderFileStore> {
    const { DATA_DIR, FILES_TTL_HOURS, FILES_MAX_MB } = this.#config;
    const files = new FolderFileStore({
      dir: join(DATA_DIR, 'files'),
      rows: database.files,
      clock,
      ttlMs: FILES_TTL_HOURS * 3_600_000,
      maxBytes: FILES_MAX_MB * 1024 * 1024,
      onFault: (error) => this.fault('files', error),
    });
    await files.start();
    this.#releases.push(() => files.close());
    return files;
  }

  /** Deletes expired data now, in the background, and every hour. */
  #purgeRegularly(database: Database): void {
    const purge = () => {
      database.purge().catch((error: unknown) => {
        // A stop closes the database between two of its batches.
        if (!this.#stopping.signal.aborted) this.fault('purge', error);
      });
    };
    purge();
    const timer = setInterval(purge, PURGE_EVERY_MS).unref();
    this.#releases.push(() => clearInterval(timer));
  }

  /** Listens, and registers the stop: refuse requests, drain the actors, close what is still open. */
  async #listen(server: Server): Promise<void> {
    const { PORT, HOST, SHUTDOWN_GRACE_MS } = this.#config;
    const terminator = createHttpTerminator({ server, gracefulTerminationTimeout: 1_000 });
    // A server that could not listen has nothing to terminate, and would refuse it.
    this.#releases.push(async () => void (server.listening && (await terminator.terminate())));
    // Before the connections close, so that the actors still answer held requests.
    this.#releases.push(() => this.system.stop(SHUTDOWN_GRACE_MS * 0.8));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(PORT, HOST, resolve);
    });
    const { port } = server.address() as AddressInfo;
    this.#url = `http://${HOST.includes(':') ? `[${HOST}]` : HOST}:${port}`;
  }
}

/** Logs that the service is ready, and before that what the operator should know. */
function logReady(logger: Logger, config: Config, url: string): void {
  const { HOST, SESSIONS_TOKEN, WHATSAPP_DRIVER } = config;
  if (!SESSIONS_TOKEN) {
    const [level, reach] = isLoopback(HOST)
      ? (['info', 'everybody on this machine'] as const)
      : (['warn', 'this network'] as const);
    logger[level](
      { event: 'service.open', host: HOST },
      `/sessions* is open to ${reach}: set SESSIONS_TOKEN to close it`,
    );
  }
  logger.info({ event: 'service.ready', url, driver: WHATSAPP_DRIVER }, `ready on ${url}`);
}
