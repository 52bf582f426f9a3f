import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { GatewayError } from '../../actors/domain/errors.ts';
import { withTimeout } from '../../actors/domain/timeout.ts';
import { HOST_CLOCK } from '../host-clock.ts';
import { toDatabaseError, toStartError } from '../postgres/database-error.ts';

/** The advisory lock of this service in its database; a number that nobody else uses. */
const LOCK = 1_463_894_097;
const POLL_MS = 250;
/** A stop waits no longer than that for a database gone silent. */
const RELEASE_MS = 1_000;
/** The longest pause between two attempts to take it again, and how soon a connection gone silent is noticed. */
const TIMES = { heartbeatMs: 5_000, timeoutMs: 5_000, pauseMs: 5_000 };

/**
 * What holds for the lock's transaction: it may be idle for ever, and ends 25 s after its client's host did. The client
 * notices sooner that the server is gone, so that it knows before another can have the lock.
 */
const SETTINGS = {
  idle_in_transaction_session_timeout: '0',
  transaction_timeout: '0',
  tcp_keepalives_idle: '10',
  tcp_keepalives_interval: '5',
  tcp_keepalives_count: '3',
};

/** Who holds the lock: the server's process for it, and what it calls itself, where we may know. */
interface Holder {
  pid: number;
  name: string | null;
}

/** What becomes of the ownership, in words for the operator. */
export type OwnershipEvent = 'waiting' | 'lost' | 'regained' | 'taken';

export interface OwnershipOptions {
  dbUrl: string;
  /** How long another service's end is waited for, in ms: a predecessor may still be draining. */
  waitMs: number;
  /** Ends the waiting. */
  signal: AbortSignal;
  /** Milliseconds between two signs of life, until one is missed, and between attempts after that. */
  times?: typeof TIMES;
  /** `taken` means that this process has to end: another one has the database. */
  onEvent(event: OwnershipEvent, text: string): void;
}

/**
 * Keeps the database for this process alone, as folders are by their locks: two services on one database would start
 * every agent twice and send every message twice.
 *
 * It is an advisory lock that a transaction holds open on a connection of its own, so nothing is paid per query, it
 * ends with the process, however that ends, and it passes through a pooler that gives connections out by transaction.
 * When that connection breaks the lock is taken again as soon as the database answers; if another service was faster,
 * it has the database, and this one is told so.
 *
 * @returns what releases it; safe to repeat
 * @throws GatewayError `DATABASE_UNAVAILABLE` that names who has it, after `waitMs`
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
  /** The server's process that held the lock for us last: it may outlive our end of its connection. */
  #pid = 0;
  #keeping: Promise<void> = Promise.resolve();

  constructor(options: OwnershipOptions) {
    this.#options = options;
    this.#times = options.times ?? TIMES;
  }

  /** Waits until the lock is ours, and keeps it from then on. */
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

  /** Gives the lock back and closes its connection. */
  async release(): Promise<void> {
    // By a word of ours the lock is free when this resolves; by the connection's end alone, some time after it.
    const released = this.#client?.query('rollback');
    if (released) await withTimeout(HOST_CLOCK, released, RELEASE_MS, () => new Error()).catch(() => {});
    this.#ending.abort();
    await this.#keeping;
  }

  /** Watches the connection that holds the lock, and takes it anew each time that connection breaks. */
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

  /** Resolves when the connection has broken or is to end; it is closed then. */
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

  /** A connection that holds the lock again; null when another service has it, or this one ends. */
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

  /** True for what is left of our own former connection: its end has not reached the server yet. */
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
    // Told by the next query, or by `end`.
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
   * Takes the lock if it is free: null. Otherwise gives who has it. In this isolation, and after a statement without
   * parameters, the idle transaction holds no snapshot, which would keep old rows from being cleaned up.
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
    // It may have let go in between: then nobody has it, and the next try gets it.
    return rows[0] ?? { pid: this.#pid, name: null };
  }
}

/** Ends a connection, whatever state it is in. */
async function close(client: pg.Client): Promise<void> {
  await client.end().catch(() => {});
}

/** Who has the database. */
function usedBy({ name }: Holder): string {
  return `The database of DB_URL is used by another service (${name ?? 'of another database user'})`;
}

/** The refusal of a start. */
function refusal(holder: Holder): GatewayError {
  const advice = 'stop that one, or give this one a database of its own.';
  return new GatewayError('DATABASE_UNAVAILABLE', `${usedBy(holder)}: ${advice}`);
}
