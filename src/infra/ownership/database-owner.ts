import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { GatewayError } from '../../actors/domain/errors.ts';
import { withTimeout } from '../../actors/domain/timeout.ts';
import { HOST_CLOCK } from '../host-clock.ts';
import { toDatabaseError, toStartError } from '../postgres/database-error.ts';

/** The advisory lock of this service in its database; a number of its own. */
const LOCK = 1_463_894_097;
const POLL_MS = 250;
/** How long a stop waits for an unresponsive database. */
const RELEASE_MS = 1_000;
/** Heartbeat, timeout of a query, and the longest pause between two attempts to retake the lock. */
const TIMES = { heartbeatMs: 5_000, timeoutMs: 5_000, pauseMs: 5_000 };

/**
 * Settings of the lock's transaction: it may be idle permanently, and ends 25 s after its client's host has died. The
 * client notices a dead server sooner, before another service can have the lock.
 */
const SETTINGS = {
  idle_in_transaction_session_timeout: '0',
  transaction_timeout: '0',
  tcp_keepalives_idle: '10',
  tcp_keepalives_interval: '5',
  tcp_keepalives_count: '3',
};

/** The holder of the lock: its server process, and its application name where this user may read it. */
interface Holder {
  pid: number;
  name: string | null;
}

/** Changes of the ownership. */
export type OwnershipEvent = 'waiting' | 'lost' | 'regained' | 'taken';

export interface OwnershipOptions {
  dbUrl: string;
  /** How long to wait for another service to exit, in ms: a predecessor may still be draining. */
  waitMs: number;
  /** Stops the wait. */
  signal: AbortSignal;
  times?: typeof TIMES;
  /** After `taken` this process must exit: another one has the database. */
  onEvent(event: OwnershipEvent, text: string): void;
}

/**
 * Locks the database for this process, as the folders are: two services on one database would start every agent and send
 * every message twice.
 *
 * An idle transaction on its own connection holds an advisory lock: it costs nothing per query, is released however the
 * process ends, and works through a pooler in transaction mode. When the connection breaks, the lock is retaken as soon
 * as the database answers, unless another service was faster (`taken`).
 *
 * @returns what releases it; safe to repeat
 * @throws GatewayError `DATABASE_UNAVAILABLE` that names the holder, after `waitMs`
 */
export async function ownDatabase(options: OwnershipOptions): Promise<() => Promise<void>> {
  const owner = new DatabaseOwner(options);
  await owner.take().catch((thrown: unknown) => {
    throw toStartError(thrown, { connectionString: options.dbUrl });
  });
  return () => owner.release();
}

class DatabaseOwner {
  readonly #options: OwnershipOptions;
  readonly #times: typeof TIMES;
  readonly #name =
    `whatsapp-gateway ${process.pid}@${hostname().slice(0, 30)} ${randomBytes(3).toString('hex')}`;
  readonly #ending = new AbortController();
  #client: pg.Client | null = null;
  /** The server process that held the lock for us last: it may outlive our end of the connection. */
  #pid = 0;
  #keeping: Promise<void> = Promise.resolve();

  constructor(options: OwnershipOptions) {
    this.#options = options;
    this.#times = options.times ?? TIMES;
  }

  /** Waits for the lock, then keeps it. */
  async take(): Promise<void> {
    const { waitMs, signal, onEvent } = this.#options;
    const client = await this.#connect();
    try {
      let holder = await this.#tryLock(client);
      if (holder) onEvent('waiting', `${usedBy(holder)}: waiting up to ${waitMs} ms for its end.`);
      for (const until = performance.now() + waitMs; holder; holder = await this.#tryLock(client)) {
        if (performance.now() > until) throw refusal(holder);
        await sleep(POLL_MS, undefined, { signal });
      }
    } catch (thrown) {
      await close(client);
      throw toDatabaseError(thrown, 'its lock');
    }
    this.#keeping = this.#keep(client);
  }

  /** Releases the lock and closes its connection. */
  async release(): Promise<void> {
    // A rollback frees the lock at once; the end of the connection alone, some time later.
    const released = this.#client?.query('rollback');
    if (released) await withTimeout(HOST_CLOCK, released, RELEASE_MS, () => new Error()).catch(() => {});
    this.#ending.abort();
    await this.#keeping;
  }

  /** Watches the connection that holds the lock, and retakes the lock each time it breaks. */
  async #keep(held: pg.Client): Promise<void> {
    const { onEvent } = this.#options;
    for (let client: pg.Client | null = held; client; ) {
      await this.#watch(client);
      if (this.#ending.signal.aborted) return;
      onEvent('lost', 'The connection that keeps the database for this service broke: taking it again.');
      client = await this.#retake();
      if (client) onEvent('regained', 'The database is kept for this service again.');
    }
  }

  /** Resolves when the connection has broken or the release has begun; then it is closed. */
  async #watch(client: pg.Client): Promise<void> {
    const { signal } = this.#ending;
    this.#client = client;
    const broken = new AbortController();
    client.once('end', () => broken.abort());
    const either = AbortSignal.any([signal, broken.signal]);
    while (!either.aborted) {
      await sleep(this.#times.heartbeatMs, undefined, { signal: either, ref: false }).catch(() => {});
      if (!either.aborted) await client.query('select 1').catch(() => broken.abort());
    }
    this.#client = null;
    await close(client);
  }

  /** A connection that holds the lock again; null when another service has it, or this one stops. */
  async #retake(): Promise<pg.Client | null> {
    const { signal } = this.#ending;
    for (let pause = POLL_MS; !signal.aborted; pause = Math.min(2 * pause, this.#times.pauseMs)) {
      const client = await this.#connect().catch(() => null);
      const holder = client && (await this.#tryLock(client).catch(() => undefined));
      if (client && holder === null) return client;
      if (client) await close(client);
      if (holder && !this.#isOurs(holder)) {
        this.#options.onEvent('taken', `${usedBy(holder)}: this one has to end.`);
        return null;
      }
      await sleep(pause, undefined, { signal, ref: false }).catch(() => {});
    }
    return null;
  }

  /** True for our own former connection, whose end has not reached the server yet. */
  #isOurs({ pid, name }: Holder): boolean {
    return pid === this.#pid && (name === null || name === this.#name);
  }

  /** A new connection with its transaction begun. */
  async #connect(): Promise<pg.Client> {
    const client = new pg.Client({
      connectionTimeoutMillis: this.#times.timeoutMs,
      query_timeout: this.#times.timeoutMs,
      keepAlive: true,
      connectionString: this.#options.dbUrl,
    });
    // The next query or `end` reports it.
    client.on('error', () => {});
    try {
      await client.connect();
      await client.query('begin isolation level read committed read only');
      // Older servers don't know them all.
      await client.query(
        `select set_config(name, value, true) from json_each_text($1) as wanted (name, value)
         where name in (select name from pg_settings)`,
        [JSON.stringify({ ...SETTINGS, application_name: this.#name })],
      );
      return client;
    } catch (thrown) {
      await close(client);
      throw toDatabaseError(thrown, 'a connection');
    }
  }

  /**
   * Takes the lock and returns null, or returns its holder. In this isolation, and after a statement without parameters,
   * the idle transaction holds no snapshot, which would keep old rows from being vacuumed.
   */
  async #tryLock(client: pg.Client): Promise<Holder | null> {
    const sql = `select pg_try_advisory_xact_lock(${LOCK}) as taken, pg_backend_pid() as pid`;
    const [own] = (await client.query<{ taken: boolean; pid: number }>(sql)).rows;
    if (own?.taken) {
      this.#pid = own.pid;
      return null;
    }
    const { rows } = await client.query<Holder>(
      `select l.pid, a.application_name as name from pg_locks l left join pg_stat_activity a using (pid)
       where l.locktype = 'advisory' and l.classid = 0 and l.objid = $1 and l.objsubid = 1 and l.granted
         and l.database = (select oid from pg_database where datname = current_database())`,
      [LOCK],
    );
    // Without a row it was released in between, and the next attempt gets it.
    return rows[0] ?? { pid: this.#pid, name: null };
  }
}

/** Ends a connection, whatever state it is in. */
async function close(client: pg.Client): Promise<void> {
  await client.end().catch(() => {});
}

function usedBy({ name }: Holder): string {
  return `The database of DB_URL is used by another service (${name ?? 'of another database user'})`;
}

function refusal(holder: Holder): GatewayError {
  const advice = 'stop that one, or give this one a database of its own.';
  return new GatewayError('DATABASE_UNAVAILABLE', `${usedBy(holder)}: ${advice}`);
}
