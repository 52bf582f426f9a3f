import pg, { type PoolConfig } from 'pg';
import { TEXTS } from '../../actors/domain/error-texts.ts';
import { GatewayError } from '../../actors/domain/errors.ts';

const RETRY_AFTER_SECONDS = 5;

// SQLSTATE classes and states of a database that is unreachable or refuses to serve now.
const UNAVAILABLE = [
  '08', // connection
  '25006', // read-only: a standby after a failover
  '28', // who we are is not accepted
  '3D', // no such database
  '40', // rolled back: deadlock, serialisation
  '53', // out of connections, disk or memory
  '55', // not in the needed state, locked
  '57', // cancelled by a timeout, going down, starting up
  '58', // the server's own system
];

/** True when the same statement may succeed later; false for bugs in our own code. */
function isUnavailable(thrown: unknown): boolean {
  if (thrown instanceof pg.DatabaseError) {
    return UNAVAILABLE.some((state) => thrown.code?.startsWith(state));
  }
  // All other errors of the driver are about the connection (ECONNREFUSED, ENOENT, timeouts).
  return thrown instanceof Error && !(thrown instanceof TypeError || thrown instanceof RangeError);
}

/**
 * The error without values, for the log. PostgreSQL quotes values in `detail`, `where`, and in the message of data errors
 * (class 22), and values include keys and message texts.
 */
function withoutValues(thrown: unknown): Error {
  if (!(thrown instanceof pg.DatabaseError))
    return thrown instanceof Error ? thrown : new Error(String(thrown));
  const text = thrown.code?.startsWith('22') ? 'a value does not fit' : thrown.message;
  const names = [thrown.table, thrown.column, thrown.constraint].filter(Boolean).join(' ');
  const copy = new Error(`${thrown.code}: ${text}${names && ` (${names})`}`);
  copy.stack = thrown.stack?.replace(thrown.message, text);
  return copy;
}

/**
 * Any failure of the database as a `GatewayError`: `DATABASE_UNAVAILABLE` (with `retryAfterSeconds`) when it is
 * unreachable or refuses to serve now, else `INTERNAL`. Neither message nor cause holds a value of a row.
 */
export function toDatabaseError(thrown: unknown, operation: string): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  const cause = withoutValues(thrown);
  const code = (thrown as { code?: unknown } | null)?.code;
  const state = typeof code === 'string' ? code : undefined;
  if (isUnavailable(thrown)) {
    return new GatewayError('DATABASE_UNAVAILABLE', TEXTS.DATABASE_UNAVAILABLE.unreachable(state), {
      cause,
      details: { retryAfterSeconds: RETRY_AFTER_SECONDS },
    });
  }
  return new GatewayError('INTERNAL', TEXTS.INTERNAL.refusedQuery(operation, state), { cause });
}

/** A failure of the start for the operator: the server's message and address, never the password. */
export function toStartError(thrown: unknown, config: PoolConfig): GatewayError {
  const error = toDatabaseError(thrown, 'the start');
  const { host, port, database, user } = new pg.Client(config);
  const said =
    error.code === 'DATABASE_UNAVAILABLE' && error.cause instanceof Error ? error.cause.message : '';
  const place = `PostgreSQL at ${host}, port ${port}, database ${database}, user ${user}`;
  const { code, cause, details } = error;
  return new GatewayError(code, `${error.message}${said && ` ${said}.`} (${place})`, { cause, details });
}
