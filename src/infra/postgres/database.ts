import { randomUUID } from 'node:crypto';
import type { PoolConfig } from 'pg';
import type { OnPublished } from '../../actors/domain/ports/webhooks.ts';
import { toStartError } from './database-error.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './embedded/embedded.ts';
import { migrate } from './migrate.ts';
import { DatabasePool, type PoolStats, type QueryObserver } from './pool.ts';
import { PgAgentStore } from './stores/agent-store.ts';
import { PgApiKeyStore } from './stores/api-key-store.ts';
import { PgChatStore } from './stores/chat-store.ts';
import { PgFileRows } from './stores/file-rows.ts';
import { PgIdempotencyStore } from './stores/idempotency-keys.ts';
import { PgInboundLog } from './stores/inbound-log.ts';
import { PgMessageLog } from './stores/message-log.ts';
import { PgSecretStore } from './stores/secret-store.ts';
import { PgSettingsStore } from './stores/settings-store.ts';
import { PgWebhookStore } from './stores/webhook-store.ts';
import { verifyEncoding, verifyTables } from './verify.ts';

const HOUR_MS = 3_600_000;
// Retention: messages can be asked about, deliveries repeated, answers replayed.
const MESSAGES_KEPT_MS = 30 * 24 * HOUR_MS;
const INBOUND_KEPT_MS = 7 * 24 * HOUR_MS;
const ANSWERS_KEPT_MS = 24 * HOUR_MS;

/** Which database is opened. */
export interface DatabaseOptions {
  /** A Postgres URL; without one the embedded server in `dataDir` is started. */
  dbUrl?: string | undefined;
  dataDir: string;
  /** Receives every query, for metrics. */
  onQuery?: QueryObserver;
  /** Receives a sentence for the operator about each row of `whatsapp_user` that is skipped. */
  onUnusableRow?(text: string): void;
  /** Receives which agents may have new events for their webhooks. */
  onPublished?: OnPublished;
}

/** All stores on one database, with its readiness, purge and close. */
export class Database {
  readonly agents: PgAgentStore;
  readonly apiKeys: PgApiKeyStore;
  readonly messages: PgMessageLog;
  readonly inbound: PgInboundLog;
  readonly idempotency: PgIdempotencyStore;
  readonly files: PgFileRows;
  readonly secrets: PgSecretStore;
  readonly chats: PgChatStore;
  readonly agentSettings: PgSettingsStore;
  readonly webhooks: PgWebhookStore;
  readonly #pool: DatabasePool;
  readonly #server: EmbeddedPostgres | null;
  #readiness: Promise<Record<string, string>> | null = null;
  #closed: Promise<void> | null = null;

  constructor(
    pool: DatabasePool,
    server: EmbeddedPostgres | null,
    { onUnusableRow, onPublished }: Pick<DatabaseOptions, 'onUnusableRow' | 'onPublished'> = {},
  ) {
    this.#pool = pool;
    this.#server = server;
    this.agents = new PgAgentStore(pool, onUnusableRow, onPublished);
    this.apiKeys = new PgApiKeyStore(pool);
    const processId = randomUUID();
    this.messages = new PgMessageLog(pool, processId, onPublished);
    this.inbound = new PgInboundLog(pool, processId);
    this.idempotency = new PgIdempotencyStore(pool);
    this.files = new PgFileRows(pool);
    this.secrets = new PgSecretStore(pool);
    this.chats = new PgChatStore(pool, onPublished);
    this.agentSettings = new PgSettingsStore(pool);
    this.webhooks = new PgWebhookStore(pool, onPublished);
  }

  /** Resolves when the database answers; `DATABASE_UNAVAILABLE` otherwise. */
  async ping(): Promise<void> {
    await this.#pool.query('ping', 'select 1');
  }

  /** Its state for `/readyz`. Concurrent callers share one query. */
  readiness(): Promise<Record<string, string>> {
    this.#readiness ??= this.#askReadiness();
    return this.#readiness;
  }

  /** Deletes expired rows: finished messages, those kept for the AI and dead letters after 30 days, inbound ids after 7, answers after 24 h. */
  async purge(): Promise<void> {
    const before = (ms: number) => new Date(Date.now() - ms);
    await this.messages.purge(before(MESSAGES_KEPT_MS));
    await this.chats.purge(before(MESSAGES_KEPT_MS));
    await this.webhooks.purge(before(MESSAGES_KEPT_MS));
    await this.inbound.purge(before(INBOUND_KEPT_MS));
    await this.idempotency.purge(before(ANSWERS_KEPT_MS));
  }

  /** Connections, and callers that wait for one. */
  poolStats(): PoolStats {
    return this.#pool.stats();
  }

  /** Waits for running writes, closes every connection, stops the embedded server; safe to repeat. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** Pings the database; never rejects. */
  async #askReadiness(): Promise<Record<string, string>> {
    const database = await this.ping().then(
      () => 'ok',
      () => 'unavailable',
    );
    this.#readiness = null;
    return { database };
  }

  /** Closes the stores, then the pool, then the server. */
  async #close(): Promise<void> {
    const { messages, inbound, idempotency, webhooks } = this;
    await Promise.all([messages, inbound, idempotency, webhooks].map((store) => store.close()));
    await this.#pool.close();
    await this.#server?.stop();
  }
}

/**
 * Opens the configured database: starts the embedded server when there is no URL, migrates, and verifies the tables.
 * @throws GatewayError or Error for the operator; then nothing is left running.
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const { dbUrl, dataDir } = options;
  const server = dbUrl ? null : await startEmbeddedPostgres({ dataDir });
  const config: PoolConfig = server ? server.connection : { connectionString: dbUrl };
  try {
    return await openOn(config, server, options);
  } catch (error) {
    await server?.stop();
    throw toStartError(error, config);
  }
}

/** Opens the database at `config`; when that fails, its connections are closed. */
async function openOn(
  config: PoolConfig,
  server: EmbeddedPostgres | null,
  options: DatabaseOptions,
): Promise<Database> {
  const pool = await DatabasePool.open(config, options.onQuery);
  try {
    await verifyEncoding(pool);
    await migrate(config);
    await verifyTables(pool);
    return new Database(pool, server, options);
  } catch (error) {
    await pool.close();
    throw error;
  }
}
