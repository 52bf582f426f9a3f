import { expect } from 'chai';
import pg from 'pg';
import { openDatabase } from '../../../src/infra/postgres/database.ts';
import { administer, createDatabase, flavours, type TestDatabase } from '../../support/postgres.ts';

const A = { userId: 1, agentId: 'a' };
const TEXT = {
  to: '628123456789@c.us',
  content: { kind: 'text', text: 'hello' },
  origin: 'api',
  traceId: 't',
} as const;

/** Opens the database as the service does; returns the error that it is refused with, or null. */
async function refusal(dbUrl: string): Promise<string | null> {
  try {
    await (await openDatabase({ dbUrl, dataDir: 'unused' })).close();
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

/** The URL with another user or database. */
function changed(
  { url }: TestDatabase,
  changes: { user?: string; password?: string; name?: string },
): string {
  const { user = 'postgres', password = '', name } = changes;
  const other = new URL(url);
  other.username = user;
  other.password = password;
  if (name) other.pathname = `/${name}`;
  return other.href;
}

for (const { name: server, binDir } of flavours()) {
  describe(`an unusual database, on ${server}`, () => {
    let database: TestDatabase;
    let name: string;
    beforeEach(async () => {
      database = await createDatabase(binDir);
      name = String(database.config.database);
    });

    it('may use another DateStyle', async () => {
      await administer(database.config, `alter database ${name} set datestyle = 'SQL, DMY'`);
      const at = new Date('2026-03-02T01:00:00Z');
      for (const options of ['', '&options=-c%20timezone%3DAsia/Jakarta']) {
        const opened = await openDatabase({ dbUrl: database.url + options, dataDir: 'unused' });
        const { id } = await opened.messages.append(A, TEXT, { at });
        expect((await opened.messages.find(A, id))?.createdAt).to.deep.equal(at);
        await opened.agents.save({ ...A, agentName: 'A', apiKey: 'k', status: 'connected' });
        expect((await opened.agents.list())[0]?.createdAt.getTime()).to.be.closeTo(Date.now(), 600_000);
        await opened.close();
      }
    });

    it('with another encoding is refused with instructions, since it can’t store every text', async () => {
      const latin = `${name}_latin1`;
      await administer(
        database.config,
        `create database ${latin} encoding 'LATIN1' template template0 lc_collate 'C' lc_ctype 'C'`,
      );
      const message = await refusal(changed(database, { name: latin }));
      expect(message).to.match(/^The database is encoded in LATIN1.*createdb --encoding=UTF8/);
      expect(message).to.include(`database ${latin}`);
    });

    it('is refused with the missing privilege, unless the user needs none', async () => {
      const [first, second] = [`first_${name}`, `second_${name}`];
      await administer(
        database.config,
        `create role ${first} login; create role ${second} login; revoke create on schema public from public`,
      );
      expect(await grantsFor(first)).to.deep.equal([`GRANT USAGE, CREATE ON SCHEMA public TO ${first};`]);
      // The tables are now another user's: their privileges are required, that to create tables is not.
      const grants = await grantsFor(second);
      expect(grants).to.include(`GRANT SELECT, INSERT, UPDATE, DELETE ON public.whatsapp_user TO ${second};`);
      expect(grants.join()).not.to.include('CREATE');
      for (const table of await ownTables()) expect(grants.join()).to.include(`ON public.${table} TO`);
    });

    /** The tables that the migrations create. */
    async function ownTables(): Promise<string[]> {
      const sql = new pg.Client(database.config);
      await sql.connect();
      try {
        const { rows } = await sql.query<{ tablename: string }>(
          "select tablename from pg_tables where tablename like 'gateway\\_%'",
        );
        return rows.map(({ tablename }) => tablename);
      } finally {
        await sql.end();
      }
    }

    /** Runs as the owner what each refusal of the user's start requires, until there is none. */
    async function grantsFor(user: string): Promise<string[]> {
      const grants: string[] = [];
      const url = changed(database, { user });
      for (let message = await refusal(url); message !== null; message = await refusal(url)) {
        const found = message.match(/GRANT [^;]+;/g) ?? expect.fail(message);
        expect(grants, message).not.to.include(found[0]);
        grants.push(...found);
        await administer(database.config, found.join(' '));
      }
      return grants;
    }

    it('with columns of wrong types is refused with their names', async () => {
      await administer(
        database.config,
        'create table api_keys (user_id text, api_key varchar(99), is_active int, created_at bigint)',
      );
      expect(await refusal(database.url)).to.include(
        'api_keys.is_active is integer and has to be boolean; ' +
          'api_keys.created_at is bigint and has to be timestamp with time zone',
      );
    });

    it('is named with host, port, database and user in a refusal, never with the password', async () => {
      const host = String(database.config.host);
      const missing = await refusal(changed(database, { name: 'not_there', password: 's3cret' }));
      expect(missing).to.include('database "not_there" does not exist');
      expect(missing).to.include(`(PostgreSQL at ${host}, port 5432, database not_there, user postgres)`);
      const stranger = await refusal(changed(database, { user: 'unknown_user', password: 's3cret' }));
      expect(stranger).to.include('unknown_user');
      const unreachable = await refusal('postgres://me:s3cret@127.0.0.1:1/none');
      expect(unreachable).to.include('(PostgreSQL at 127.0.0.1, port 1, database none, user me)');
      expect(`${missing} ${stranger} ${unreachable}`).not.to.include('s3cret');
    });
  });
}
