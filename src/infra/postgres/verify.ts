import { GatewayError } from '../../actors/domain/errors.ts';
import type { DatabasePool } from './pool.ts';

const NUMBER = ['integer', 'bigint', 'smallint', 'numeric'];
const TEXT = ['text', 'character varying', 'character'];
const TIME = ['timestamp with time zone', 'timestamp without time zone', 'date'];

/** The columns that are used of tables that others may have made, with the types that they may have. */
const COLUMNS: Record<string, Record<string, string[]>> = {
  api_keys: { user_id: [...NUMBER, ...TEXT], api_key: TEXT, is_active: ['boolean'], created_at: TIME },
  whatsapp_user: {
    user_id: NUMBER,
    agent_id: TEXT,
    agent_name: TEXT,
    api_key: TEXT,
    endpoint_url_run: TEXT,
    status: TEXT,
    last_connected_at: TIME,
    last_disconnected_at: TIME,
    created_at: TIME,
    updated_at: TIME,
  },
};

/** What this user has to be allowed, by table. */
const PRIVILEGES: Record<string, string[]> = {
  api_keys: ['SELECT'],
  whatsapp_user: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  gateway_message: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  gateway_inbound: ['SELECT', 'INSERT', 'DELETE'],
  gateway_idempotency: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  gateway_link: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  gateway_file: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  gateway_secret: ['SELECT', 'INSERT'],
  gateway_chat: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  gateway_chat_message: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  gateway_agent_settings: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  gateway_webhook: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  gateway_webhook_delivery: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
};

/**
 * Checks that the database can hold every text.
 * @throws GatewayError in words for the operator
 */
export async function verifyEncoding(pool: DatabasePool): Promise<void> {
  const [row] = await pool.query<{ encoding: string }>(
    'schema.encoding',
    `select current_setting('server_encoding') as encoding`,
  );
  if (row!.encoding === 'UTF8' || row!.encoding === 'SQL_ASCII') return;
  throw unfit(
    `The database is encoded in ${row!.encoding}, which can't hold every message. Create one in UTF8 ` +
      '(createdb --encoding=UTF8 --template=template0 NAME), move the tables there, and name it in DB_URL.',
  );
}

/**
 * Checks the tables once the migrations have run: the columns of those that others may have made, and what this user
 * may do.
 * @throws GatewayError in words for the operator that names each fault
 */
export async function verifyTables(pool: DatabasePool): Promise<void> {
  await verifyPrivileges(pool);
  const rows = await pool.query<{ name: string; type: string }>(
    'schema.columns',
    `select table_name || '.' || column_name as name, data_type as type from information_schema.columns
     where table_schema = 'public' and table_name = any($1)`,
    [Object.keys(COLUMNS)],
  );
  const found = new Map(rows.map(({ name, type }) => [name, type]));
  const needed = Object.entries(COLUMNS).flatMap(([table, columns]) =>
    Object.entries(columns).map(([column, types]) => ({ name: `${table}.${column}`, types })),
  );
  const missing = needed.filter(({ name }) => !found.has(name)).map(({ name }) => name);
  if (missing.length > 0)
    throw unfit(`The database lacks columns, or this user may not read them: ${missing.join(', ')}`);
  const wrong = needed.filter(({ name, types }) => !types.includes(found.get(name)!));
  if (wrong.length === 0) return;
  const faults = wrong.map(({ name, types }) => `${name} is ${found.get(name)} and has to be ${types[0]}`);
  throw unfit(
    `Columns have types that this service can't use: ${faults.join('; ')}. Change them (ALTER TABLE).`,
  );
}

/** @throws GatewayError with the GRANT statements that are missing */
async function verifyPrivileges(pool: DatabasePool): Promise<void> {
  const wanted = Object.entries(PRIVILEGES).flatMap(([table, names]) =>
    names.map((name) => [table, name] as const),
  );
  const rows = await pool.query<{ grant: string }>(
    'schema.privileges',
    `select format('GRANT %s ON public.%s TO %I;', string_agg(privilege, ', '), table_name, current_user) as grant
     from unnest($1::text[], $2::text[]) as wanted (table_name, privilege)
     where not has_table_privilege('public.' || table_name, privilege) group by table_name
     union all
     select format('GRANT USAGE ON SEQUENCE public.gateway_message_seq_seq TO %I;', current_user)
     where not has_sequence_privilege('public.gateway_message_seq_seq', 'USAGE')`,
    [wanted.map(([table]) => table), wanted.map(([, name]) => name)],
  );
  if (rows.length === 0) return;
  const grants = rows.map(({ grant }) => grant).join(' ');
  throw unfit(`This user lacks privileges. As the owner of the tables run: ${grants}`);
}

/** The database is there, but not as this service needs it. */
function unfit(text: string): GatewayError {
  return new GatewayError('INTERNAL', text);
}
