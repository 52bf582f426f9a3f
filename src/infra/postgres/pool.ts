import pg, { type PoolConfig, type QueryConfig, type QueryResultRow } from 'pg';
import { toDatabaseError } from './database-error.ts';

const CONNECT_TIMEOUT_MS = 5_000;
// The server's timeout is shorter, so that it stops first; the client's covers an unresponsive connection.
const STATEMENT_TIMEOUT_MS = 8_000;
const QUERY_TIMEOUT_MS = 10_000;
const IDLE_TIMEOUT_MS = 30_000;
/** Settings of a session, as startup parameters. pg parses timestamps in ISO form only. */
const STARTUP = { statement_timeout: STATEMENT_TIMEOUT_MS, options: '-c DateStyle=ISO' };
/** The same settings for one transaction, for poolers that refuse or ignore startup parameters. */
const BEGIN = `begin; set local statement_timeout = ${STATEMENT_TIMEOUT_MS}; set local datestyle = 'ISO'`;
const PROTOCOL_VIOLATION = '08P01';
/** A prepared statement is missing or exists already: a pooler has switched sessions. */
const NOT_PREPARED = ['26000', '42P05'];

/** Receives every query's purpose and duration, failed ones included. */
export type QueryObserver = (operation: string, seconds: number) => void;

/** Connections of the pool; `waiting` are callers that have none yet. */
export type PoolStats = Record<'total' | 'idle' | 'waiting', number>;

/** Access to Postgres: bounded connections, deadlines, and `GatewayError` as the only failure. */
export class DatabasePool {
  readonly #pool: pg.Pool;
  readonly #onQuery: QueryObserver;
  readonly #keepsSettings: boolean;
  #canPrepare: boolean;

  /** `keepsSettings` is false behind a pooler such as pgbouncer. */
  constructor(config: PoolConfig, onQuery: QueryObserver = () => {}, keepsSettings = true) {
    this.#onQuery = onQuery;
    this.#keepsSettings = keepsSettings;
    this.#canPrepare = keepsSettings;
    this.#pool = new pg.Pool({
      max: 10,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      ...(keepsSettings && STARTUP),
      query_timeout: QUERY_TIMEOUT_MS,
      idleTimeoutMillis: IDLE_TIMEOUT_MS,
      keepAlive: true,
      application_name: 'whatsapp-gateway',
      ...config,
    });
    // A broken idle connection has no caller; the pool drops it, and the next query reports the error.
    this.#pool.on('error', () => {});
    // Neither has one that breaks between the statements of a transaction.
    this.#pool.on('connect', (client) => client.on('error', () => {}));
  }

  /**
   * A pool for PostgreSQL itself or for a pooler, whichever answers.
   * @throws GatewayError `DATABASE_UNAVAILABLE` or `INTERNAL`
   */
  static async open(config: PoolConfig, onQuery?: QueryObserver): Promise<DatabasePool> {
    return new DatabasePool(config, onQuery, await keepsSettings(config));
  }

  /**
   * Runs one parameterised statement and returns its rows; `operation` names it for metrics and errors. A `prepared`
   * statement is parsed once per connection where possible; its operation must have one text.
   * @throws GatewayError `DATABASE_UNAVAILABLE` or `INTERNAL`.
   */
  async query<Row extends QueryResultRow>(
    operation: string,
    text: string,
    values: unknown[] = [],
    options: { prepared?: boolean } = {},
  ): Promise<Row[]> {
    const start = performance.now();
    try {
      return await this.#run<Row>({ name: options.prepared ? operation : undefined, text, values });
    } catch (thrown) {
      throw toDatabaseError(thrown, operation);
    } finally {
      this.#onQuery(operation, (performance.now() - start) / 1_000);
    }
  }

  /** Runs a statement, prepared when it has a name and the connection allows it. */
  async #run<Row extends QueryResultRow>(query: QueryConfig): Promise<Row[]> {
    if (!this.#keepsSettings) return this.#runInTransaction<Row>({ ...query, name: undefined });
    const name = this.#canPrepare ? query.name : undefined;
    try {
      return (await this.#pool.query<Row>({ ...query, name })).rows;
    } catch (thrown) {
      if (!name || !(thrown instanceof pg.DatabaseError) || !NOT_PREPARED.includes(thrown.code ?? ''))
        throw thrown;
      // The statement did not run.
      this.#canPrepare = false;
      return this.#run<Row>(query);
    }
  }

  /** Runs a statement in its own transaction, with the settings that the session can't keep. */
  async #runInTransaction<Row extends QueryResultRow>(query: QueryConfig): Promise<Row[]> {
    const client = await this.#pool.connect();
    try {
      await client.query(BEGIN);
      const { rows } = await client.query<Row>(query);
      await client.query('commit');
      client.release();
      return rows;
    } catch (thrown) {
      client.release(true);
      throw thrown;
    }
  }

  /** Connections in all, idle ones, and callers that wait for one. */
  stats(): PoolStats {
    const { totalCount, idleCount, waitingCount } = this.#pool;
    return { total: totalCount, idle: idleCount, waiting: waitingCount };
  }

  /** Waits for running queries and closes every connection. */
  async close(): Promise<void> {
    await this.#pool.end();
  }
}

/** True when a session starts with our settings and keeps them; poolers refuse or ignore them. */
async function keepsSettings(config: PoolConfig): Promise<boolean> {
  const client = new pg.Client({
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    ...STARTUP,
    ...config,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query<{ kept: boolean }>(
      `select current_setting('statement_timeout') <> '0' and current_setting('DateStyle') like 'ISO%' as kept`,
    );
    return rows[0]!.kept;
  } catch (thrown) {
    if (thrown instanceof pg.DatabaseError && thrown.code === PROTOCOL_VIOLATION) return false;
    throw toDatabaseError(thrown, 'a connection');
  } finally {
    await client.end().catch(() => {});
  }
}
