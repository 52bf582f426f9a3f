import { readdirSync } from 'node:fs';
import { expect } from 'chai';
import pg from 'pg';
import { openDatabase } from '../../../src/infra/postgres/database.ts';
import { migrate } from '../../../src/infra/postgres/migrate.ts';
import { createDatabase, flavours, type TestDatabase } from '../../support/postgres.ts';

const FILES = readdirSync(new URL('../../../src/infra/postgres/migrations', import.meta.url)).length;

/** Runs statements on its own connection. */
async function run(database: TestDatabase, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(database.config);
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

/** Opens the database as the service does, and closes it. */
async function open(database: TestDatabase): Promise<void> {
  await (await openDatabase({ dbUrl: database.url, dataDir: 'unused' })).close();
}

for (const { name, binDir } of flavours()) {
  describe(`migrations on ${name}`, () => {
    let database: TestDatabase;
    beforeEach(async () => {
      database = await createDatabase(binDir);
    });

    it('create every table of a new database', async () => {
      await open(database);
      const rows = await run(
        database,
        `select table_name from information_schema.tables where table_schema = 'public' order by 1`,
      );
      expect(rows.map((row) => row.table_name)).to.deep.equal([
        'api_keys',
        'gateway_agent_settings',
        'gateway_chat',
        'gateway_chat_message',
        'gateway_file',
        'gateway_idempotency',
        'gateway_inbound',
        'gateway_link',
        'gateway_message',
        'gateway_migration',
        'gateway_secret',
        'gateway_webhook',
        'gateway_webhook_delivery',
        'whatsapp_user',
      ]);
    });

    it('create whatsapp_user as its owner defines it', async () => {
      await migrate(database.config);
      const rows = await run(
        database,
        `select column_name, data_type, is_nullable from information_schema.columns
         where table_name = 'whatsapp_user' order by ordinal_position`,
      );
      const time = 'timestamp with time zone';
      expect(rows.map((row) => Object.values(row))).to.deep.equal([
        ['user_id', 'integer', 'NO'],
        ['agent_id', 'text', 'NO'],
        ['agent_name', 'text', 'NO'],
        ['api_key', 'text', 'NO'],
        ['endpoint_url_run', 'text', 'YES'],
        ['status', 'text', 'NO'],
        ['last_connected_at', time, 'YES'],
        ['last_disconnected_at', time, 'YES'],
        ['created_at', time, 'YES'],
        ['updated_at', time, 'YES'],
      ]);
    });

    it('can run twice', async () => {
      await open(database);
      await open(database);
      expect(await run(database, 'select count(*)::int as files from gateway_migration')).to.deep.equal([
        { files: FILES },
      ]);
    });

    it('can be run by three processes at once', async () => {
      await Promise.all([open(database), open(database), open(database)]);
      expect(await run(database, 'select count(*)::int as files from gateway_migration')).to.deep.equal([
        { files: FILES },
      ]);
    });

    it("do not change another system's api_keys with further columns", async () => {
      await run(
        database,
        `create table api_keys (id uuid primary key default gen_random_uuid(), user_id bigint, api_key varchar(99),
           is_active boolean, created_at timestamp, note text);
         insert into api_keys (user_id, api_key, is_active, created_at) values (7, 'k7', true, now())`,
      );
      const opened = await openDatabase({ dbUrl: database.url, dataDir: 'unused' });
      expect(await opened.apiKeys.active(7)).to.deep.equal(['k7']);
      await opened.close();
      expect(await run(database, 'select note from api_keys')).to.deep.equal([{ note: null }]);
    });

    it('fail with the missing columns of api_keys', async () => {
      await run(database, 'create table api_keys (user_id int, api_key text)');
      const error = await open(database).catch((thrown: Error) => thrown);
      expect(String(error)).to.include('api_keys.is_active, api_keys.created_at');
    });

    it('assign rows with an agentId alone to its user, and delete those without one', async () => {
      await migrate(database.config, 3);
      await run(
        database,
        `insert into whatsapp_user (user_id, agent_id, agent_name, api_key, status, updated_at) values
           (1, 'shop', 'Served', 'k', 'connected', now()), (2, 'shop', 'Not', 'k', 'connected', '2020-01-01');
         insert into gateway_inbound (agent_id, wa_message_id) values ('shop', 'wa-1'), ('gone', 'wa-1');
         insert into gateway_idempotency (agent_id, operation, key, body_hash, state) values
           ('shop', 'run', 'k', 'h', 'in_flight'), ('gone', 'run', 'k', 'h', 'in_flight');
         insert into gateway_message
           (id, agent_id, to_jid, kind, text, origin, trace_id, status, created_at)
           select gen_random_uuid(), agent, '628@c.us', 'text', 'x', 'api', '', 'queued', now()
           from unnest(array['shop', 'gone']) as agent`,
      );
      await migrate(database.config);
      const kept = ['gateway_inbound', 'gateway_idempotency', 'gateway_message'].map(
        (table) => `select '${table}' as kept, user_id::int, agent_id from ${table}`,
      );
      expect(await run(database, kept.join(' union all '))).to.deep.equal([
        { kept: 'gateway_inbound', user_id: 1, agent_id: 'shop' },
        { kept: 'gateway_idempotency', user_id: 1, agent_id: 'shop' },
        { kept: 'gateway_message', user_id: 1, agent_id: 'shop' },
      ]);
    });

    it('convert the ids of claimed messages to keys, which may be fewer', async () => {
      await migrate(database.config, 6);
      await run(
        database,
        `insert into gateway_inbound (user_id, agent_id, wa_message_id)
         select 1, 'shop', unnest(array['false_628@c.us_3EB0', 'false_9@lid_3EB0', 'false_1@g.us_3EB0_628@c.us', '3EB1'])`,
      );
      await migrate(database.config);
      const claims = await run(database, 'select wa_message_id as key from gateway_inbound order by 1');
      expect(claims.map(({ key }) => key)).to.deep.equal(['1@g.us_3EB0', '3EB0', '3EB1']);
    });

    it('keep what the messages of earlier versions say', async () => {
      await migrate(database.config, 9);
      await run(
        database,
        `insert into gateway_message
           (id, user_id, agent_id, to_jid, kind, text, image, origin, trace_id, status, created_at)
           select gen_random_uuid(), 1, 'shop', '628@c.us', kind, 'halo', image, 'api', '', 'queued', now()
           from (values ('text', null), ('image', '{"path": "/spool/1.png"}'::json)) as old (kind, image)`,
      );
      await migrate(database.config);
      const rows = await run(database, 'select content from gateway_message order by seq');
      expect(rows.map(({ content }) => content)).to.deep.equal([
        { kind: 'text', text: 'halo' },
        { kind: 'image', file: { path: '/spool/1.png' }, caption: 'halo' },
      ]);
    });

    it('change nothing when one of them fails, and report why', async () => {
      await run(database, 'create table gateway_inbound (something int)');
      const error = await open(database).catch((thrown: Error) => thrown);
      expect(String(error)).to.include('relation "gateway_inbound" already exists');
      const rows = await run(database, `select to_regclass('gateway_message') as made`);
      expect(rows).to.deep.equal([{ made: null }]);
    });
  });
}
