import pg, { type PoolConfig, type QueryResultRow } from 'pg';
import { toDatabaseError } from './database-error.ts';

const CONNECT_TIMEOUT_MS = 5_000;
// The server gives up first, so that it does not work on for nobody; the second bounds a connection gone silent.
const STATEMENT_TIMEOUT_MS = 8_000;
const QUERY_TIMEOUT_MS = 10_000;
const IDLE_TIMEOUT_MS = 30_000;

/** Told of every query: what it was for, and how long it took, failed ones included. */
export type QueryObserver = (operation: string, seconds: number) => void;

/** Connections of the pool; `waiting` are callers that have none yet. */
export type PoolStats = Record<'total' | 'idle' | 'waiting', number>;

/** The door to Postgres: bounded connections, a deadline on everything, and `GatewayError` as its only failure. */
export class DatabasePool {
  readonly #pool: pg.Pool;
  readonly #onQuery: QueryObserver;

  /** `config` says where; the limits are the pool's own. */
  constructor(config: PoolConfig, onQuery: QueryObserver = () => {}) {
    this.#onQuery = onQuery;
    this.#pool = new pg.Pool({
      max: 10,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      statement_timeout: STATEMENT_TIMEOUT_MS,
      query_timeout: QUERY_TIMEOUT_MS,
      idleTimeoutMillis: IDLE_TIMEOUT_MS,
      keepAlive: true,
      application_name: 'whatsapp-gateway',
      ...config,
    });
    // An idle connection that breaks has no caller; the pool drops it, and the next query tells what is wrong.
    this.#pool.on('error', () => {});
  }

  /**
   * Runs one parameterised statement and gives its rows; `operation` names it for metrics and errors. A statement
   * that is `prepared` is parsed once a connection; its operation has that one text.
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
      const name = options.prepared ? operation : undefined;
      return (await this.#pool.query<Row>({ name, text, values })).rows;
    } catch (thrown) {
      throw toDatabaseError(thrown, operation);
    } finally {
      this.#onQuery(operation, (performance.now() - start) / 1_000);
    }
  }

  /** How many connections there are, rest, and are waited for. */
  stats(): PoolStats {
    const { totalCount, idleCount, waitingCount } = this.#pool;
    return { total: totalCount, idle: idleCount, waiting: waitingCount };
  }

  /** Waits for running queries and closes every connection. */
  async close(): Promise<void> {
    await this.#pool.end();
  }
}
