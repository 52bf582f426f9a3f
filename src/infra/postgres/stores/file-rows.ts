import type { AgentRef } from '../../../actors/domain/identity.ts';
import type { StoredFile } from '../../../actors/domain/ports/files.ts';
import type { DatabasePool } from '../pool.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** A file counts at least as the block that it takes on disk, so that tiny ones are bounded, too. */
const BLOCK_BYTES = 4096;
/** Rows that one eviction looks at. */
const EVICTION_BATCH = 1_000;
/** How long a file is kept for a message that is about to be stored, in SQL. */
const TAKEN_FOR = `interval '5 minutes'`;
/** Whether a queued message needs the row `file`, or one that is being stored will, as SQL; it is never deleted then. */
const needed = (now: string) => `(coalesce(file.taken_until > ${now}, false) or exists (
  select from public.gateway_message as message
  where message.file_id = file.id and message.status in ('queued', 'sending')))`;

const COLUMNS = 'file.id, mimetype, size, sha256, filename, created_at, expires_at';
const COUNTED = `greatest(size, ${BLOCK_BYTES})`;

/** A file as its row describes it. */
type FileRow = Omit<StoredFile, 'path'>;

interface RawRow {
  id: string;
  mimetype: string;
  /** A bigint arrives as text. */
  size: string;
  sha256: string;
  filename: string | null;
  created_at: Date;
  expires_at: Date;
}

/** A row as the store knows it. */
function toFileRow(raw: RawRow): FileRow {
  return {
    id: raw.id,
    mimetype: raw.mimetype,
    size: Number(raw.size),
    sha256: raw.sha256,
    ...(raw.filename !== null && { filename: raw.filename }),
    createdAt: raw.created_at,
    expiresAt: raw.expires_at,
  };
}

/** The rows of stored files, in `gateway_file`. A row is there only while its bytes are on disk. */
export class PgFileRows {
  readonly #pool: DatabasePool;

  constructor(pool: DatabasePool) {
    this.#pool = pool;
  }

  /** Bytes that a file of this size counts for the quota. */
  counted(size: number): number {
    return Math.max(size, BLOCK_BYTES);
  }

  /**
   * Inserts the row of a file whose bytes are on disk; false when the agent is gone. One that is stored for a message is
   * taken at once.
   */
  async insert({ userId, agentId }: AgentRef, file: FileRow, isOfMessage: boolean): Promise<boolean> {
    const rows = await this.#pool.query(
      'file.insert',
      `insert into public.gateway_file
         (id, user_id, agent_id, mimetype, size, sha256, filename, created_at, expires_at, of_message, taken_until)
       select $1::uuid, user_id, agent_id, $4::text, $5::bigint, $6::text, $7::text, $8::timestamptz, $9::timestamptz,
         $10::boolean, case when $10::boolean then $8::timestamptz + ${TAKEN_FOR} end
       from public.whatsapp_user where user_id = $2 and agent_id = $3 returning id`,
      [
        file.id,
        userId,
        agentId,
        file.mimetype,
        file.size,
        file.sha256,
        file.filename ?? null,
        file.createdAt,
        file.expiresAt,
        isOfMessage,
      ],
    );
    return rows.length > 0;
  }

  /** The row of the agent's file that has not expired at `now`, kept for a message from now on; or null. */
  async take({ userId, agentId }: AgentRef, id: string, now: Date): Promise<FileRow | null> {
    if (!UUID.test(id)) return null;
    const rows = await this.#pool.query<RawRow & { [column: string]: unknown }>(
      'file.take',
      `update public.gateway_file as file set taken_until = $4::timestamptz + ${TAKEN_FOR}
       where id = $3 and user_id = $1 and agent_id = $2 and expires_at > $4 returning ${COLUMNS}`,
      [userId, agentId, id, now],
    );
    return rows[0] ? toFileRow(rows[0]) : null;
  }

  /** Deletes the row of a file that was stored for one message, which has its outcome; gives what it counted, or null. */
  async release({ userId, agentId }: AgentRef, id: string): Promise<number | null> {
    const rows = await this.#pool.query<{ counted: string }>(
      'file.release',
      `delete from public.gateway_file
       where id = $3 and user_id = $1 and agent_id = $2 and of_message returning ${COUNTED} as counted`,
      [userId, agentId, id],
    );
    return rows[0] ? Number(rows[0].counted) : null;
  }

  /** The row of the agent's file that has not expired at `now`, or null. */
  async find({ userId, agentId }: AgentRef, id: string, now: Date): Promise<FileRow | null> {
    if (!UUID.test(id)) return null;
    const rows = await this.#pool.query<RawRow & { [column: string]: unknown }>(
      'file.find',
      `select ${COLUMNS} from public.gateway_file as file
       where id = $3 and user_id = $1 and agent_id = $2 and expires_at > $4`,
      [userId, agentId, id, now],
    );
    return rows[0] ? toFileRow(rows[0]) : null;
  }

  /** The row of any agent's file that has not expired at `now`, or null. */
  async findLinked(id: string, now: Date): Promise<FileRow | null> {
    if (!UUID.test(id)) return null;
    const rows = await this.#pool.query<RawRow & { [column: string]: unknown }>(
      'file.find_linked',
      `select ${COLUMNS} from public.gateway_file as file where id = $1 and expires_at > $2`,
      [id, now],
    );
    return rows[0] ? toFileRow(rows[0]) : null;
  }

  /**
   * Deletes the row of the agent's file, or lets it expire now when a queued message needs it. Null when it was
   * missing or expired; `counted` is what it counted, null for a needed one, whose bytes have to stay.
   */
  async remove(
    { userId, agentId }: AgentRef,
    id: string,
    now: Date,
  ): Promise<{ counted: number | null } | null> {
    if (!UUID.test(id)) return null;
    const found = 'file.id = $3 and user_id = $1 and agent_id = $2 and expires_at > $4';
    const rows = await this.#pool.query<{ counted: string | null }>(
      'file.remove',
      `with expired as (
         update public.gateway_file as file set expires_at = $4 where ${found} and ${needed('$4')} returning 1
       ), deleted as (
         delete from public.gateway_file as file where ${found} and not ${needed('$4')} returning ${COUNTED} as counted
       )
       select null::bigint as counted from expired union all select counted from deleted`,
      [userId, agentId, id, now],
    );
    if (!rows[0]) return null;
    const { counted } = rows[0];
    return { counted: counted === null ? null : Number(counted) };
  }

  /** Deletes the rows that have expired at `now`, or whose one message is gone, and are not needed; gives their ids. */
  async deleteExpired(now: Date): Promise<string[]> {
    const rows = await this.#pool.query<{ id: string }>(
      'file.delete_expired',
      `delete from public.gateway_file as file where (expires_at <= $1 or of_message) and not ${needed('$1')} returning id`,
      [now],
    );
    return rows.map(({ id }) => id);
  }

  /** Deletes the oldest rows that are not needed until so many bytes are free, a batch at a time; gives what it deleted. */
  async deleteOldest(bytes: number, now: Date): Promise<{ id: string; counted: number }[]> {
    const rows = await this.#pool.query<{ id: string; counted: string }>(
      'file.delete_oldest',
      `delete from public.gateway_file where id = any(array(
         select id from (
           select id, sum(counted) over (order by created_at, id) - counted as freed from (
             select id, created_at, ${COUNTED} as counted from public.gateway_file as file
             where not ${needed('$2')} order by created_at, id limit ${EVICTION_BATCH}
           ) as oldest
         ) as file where freed < $1
       )) returning id, ${COUNTED} as counted`,
      [bytes, now],
    );
    return rows.map(({ id, counted }) => ({ id, counted: Number(counted) }));
  }

  /** Those of these ids that have no row. */
  async missing(ids: string[]): Promise<string[]> {
    const rows = await this.#pool.query<{ id: string }>(
      'file.missing',
      `select on_disk.id from unnest($1::uuid[]) as on_disk (id)
       where not exists (select from public.gateway_file as file where file.id = on_disk.id)`,
      [ids],
    );
    return rows.map(({ id }) => id);
  }

  /** How many files there are, and the bytes that they count. */
  async usage(): Promise<{ files: number; bytes: number }> {
    const rows = await this.#pool.query<{ files: string; bytes: string }>(
      'file.usage',
      `select count(*) as files, coalesce(sum(${COUNTED}), 0) as bytes from public.gateway_file`,
    );
    return { files: Number(rows[0]!.files), bytes: Number(rows[0]!.bytes) };
  }
}
