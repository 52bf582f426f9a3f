import { expect } from 'chai';
import pg from 'pg';
import type { GatewayError } from '../../../src/actors/domain/errors.ts';
import { type OwnershipEvent, ownDatabase } from '../../../src/infra/ownership/database-owner.ts';
import { type AnswerProxy, openAnswerProxy } from '../../support/answer-proxy.ts';
import { eventually } from '../../support/eventually.ts';
import { flavours, withDatabase } from '../../support/postgres.ts';

/** One service that wants the database, and what it was told. */
class Owner {
  readonly told: OwnershipEvent[] = [];
  readonly texts: string[] = [];
  readonly stop = new AbortController();
  readonly #dbUrl: string;
  #release: () => Promise<void> = async () => {};

  constructor(dbUrl: string) {
    this.#dbUrl = dbUrl;
  }

  /** Waits for the database, by default not at all. */
  async take(waitMs = 0): Promise<this> {
    const onEvent = (event: OwnershipEvent, text: string): void => {
      this.told.push(event);
      this.texts.push(text);
    };
    const { signal } = this.stop;
    const times = { heartbeatMs: 200, timeoutMs: 1_000, pauseMs: 500 };
    this.#release = await ownDatabase({ dbUrl: this.#dbUrl, waitMs, signal, onEvent, times });
    return this;
  }

  /** How it was refused. */
  async refusal(waitMs = 0): Promise<GatewayError> {
    return await this.take(waitMs).then(
      () => expect.fail('it should have been refused'),
      (thrown: GatewayError) => thrown,
    );
  }

  release(): Promise<void> {
    return this.#release();
  }
}

for (const { name, binDir } of flavours()) {
  describe(`a database for one service alone, on ${name}`, () => {
    const database = withDatabase(binDir);
    let owners: Owner[];
    let admin: pg.Client;
    let proxy: AnswerProxy | null;

    beforeEach(async () => {
      owners = [];
      proxy = null;
      admin = new pg.Client(database().config);
      await admin.connect();
    });
    afterEach(async () => {
      for (const owner of owners) await owner.release();
      expect(await holders(), 'locks that are left').to.deep.equal([]);
      await admin.end();
      await proxy?.close();
    });

    /** A service that wants the database; it is released after the test. */
    function owner(dbUrl = database().url): Owner {
      owners.push(new Owner(dbUrl));
      return owners.at(-1)!;
    }

    /** The server's processes that hold an advisory lock in this database. */
    async function holders(): Promise<number[]> {
      const { rows } = await admin.query<{ pid: number }>(
        `select pid from pg_locks where locktype = 'advisory' and granted
           and database = (select oid from pg_database where datname = current_database())`,
      );
      return rows.map(({ pid }) => pid);
    }

    /** Cuts the connection that holds the lock, as a restart of the server would. */
    async function cut(): Promise<void> {
      await admin.query('select pg_terminate_backend(unnest($1::int[]))', [await holders()]);
    }

    it('refuses a second one, which is told who has it', async () => {
      await owner().take();
      const second = owner();
      const { code, message } = await second.refusal();
      expect(code).to.equal('DATABASE_UNAVAILABLE');
      expect(message).to.include(`whatsapp-gateway ${process.pid}@`).and.to.include('a database of its own');
      expect(second.told).to.deep.equal(['waiting']);
    });

    it('goes to the next one as soon as the first has released it', async () => {
      const first = await owner().take();
      const second = owner().take(60_000);
      await eventually('the second to wait', () => owners[1]!.told.includes('waiting'));
      await first.release();
      await second;
      expect((await owner().refusal()).code).to.equal('DATABASE_UNAVAILABLE');
    });

    it('is no longer waited for by one that is told to stop', async () => {
      await owner().take();
      const second = owner();
      const refused = second.refusal(60_000);
      await eventually('the second to wait', () => second.told.includes('waiting'));
      second.stop.abort();
      await refused;
      expect(await holders()).to.have.length(1);
    });

    it('is taken again after its connection broke, by the same service', async () => {
      const first = await owner().take();
      await cut();
      await eventually('it to be taken again', () => first.told.includes('regained'));
      expect(first.told).to.deep.equal(['lost', 'regained']);
      expect((await owner().refusal()).code).to.equal('DATABASE_UNAVAILABLE');
    });

    /** The database by way of a network that fails as the test wants it. */
    async function farAway(): Promise<{ url: string; network: AnswerProxy }> {
      const network = await openAnswerProxy(`${database().config.host}/.s.PGSQL.5432`);
      proxy = network;
      const url = new URL(database().url);
      url.search = '';
      url.host = `127.0.0.1:${network.port}`;
      return { url: url.href, network };
    }

    it('belongs to whoever was faster then; the first one is told once, and takes it no more', async () => {
      const { url, network } = await farAway();
      const first = await owner(url).take();
      // Away from the database for long enough that another one finds it free.
      network.dropAnswers();
      await cut();
      await eventually('the lock to be free', async () => (await holders()).length === 0);
      const second = await owner().take();
      await eventually('the first to know that it lost it', () => first.told.includes('lost'));
      network.passAnswers();
      await eventually('the first to be told', () => first.told.includes('taken'));
      expect(first.told).to.deep.equal(['lost', 'taken']);
      expect(first.texts.at(-1)).to.include('has to end');
      expect(second.told).to.deep.equal([]);
      await second.release();
      expect(await holders()).to.deep.equal([]);
    });

    it('is not lost to what is left of the service’s own former connection', async () => {
      const { url, network } = await farAway();
      const first = await owner(url).take();
      const former = await holders();
      network.strand();
      const second = await owner().refusal();
      expect(second.message).to.include(`whatsapp-gateway ${process.pid}@`);
      await eventually('the first to know that it lost it', () => first.told.includes('lost'));
      // As the server does it by itself once nobody answers there any more.
      await admin.query('select pg_terminate_backend(unnest($1::int[]))', [former]);
      await eventually('it to be taken again', () => first.told.includes('regained'));
      expect(first.told).to.deep.equal(['lost', 'regained']);
    });

    it('is given back at a stop within moments, although the database says nothing any more', async () => {
      const { url, network } = await farAway();
      const first = await owner(url).take();
      network.dropAnswers();
      const start = performance.now();
      await first.release();
      // A second is waited for the answer; the rest is for a busy machine.
      expect(performance.now() - start).to.be.below(10_000);
      await eventually('it to be free', async () => (await holders()).length === 0);
    });

    it('may be idle for longer than the server lets transactions be', async () => {
      await admin.query(`do $$ begin execute format(
        'alter database %I set idle_in_transaction_session_timeout = 100', current_database()); end $$`);
      const first = await owner().take();
      await new Promise((resolve) => setTimeout(resolve, 400));
      expect(await holders()).to.have.length(1);
      expect(first.told).to.deep.equal([]);
    });

    it('keeps no old rows from being cleaned up', async () => {
      await owner().take();
      const sql =
        'select coalesce(backend_xmin, backend_xid) as since from pg_stat_activity where pid = any($1)';
      // Between two signs of life, each of which is a statement.
      await eventually('it to hold no snapshot', async () => {
        const { rows } = await admin.query<{ since: unknown }>(sql, [await holders()]);
        return rows.length === 1 && rows[0]!.since === null;
      });
    });
  });
}

describe('a database that is not there', () => {
  it('is DATABASE_UNAVAILABLE for who wants it, without a word of the password', async () => {
    const error = await new Owner('postgres://me:s3cret@127.0.0.1:1/none').refusal();
    expect(error.code).to.equal('DATABASE_UNAVAILABLE');
    expect(`${error.message} ${error.stack}`).not.to.include('s3cret');
  });
});
