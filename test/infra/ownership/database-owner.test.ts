import { expect } from 'chai';
import pg from 'pg';
import type { GatewayError } from '../../../src/actors/domain/errors.ts';
import { type OwnershipEvent, ownDatabase } from '../../../src/infra/ownership/database-owner.ts';
import { type AnswerProxy, openAnswerProxy } from '../../support/answer-proxy.ts';
import { eventually } from '../../support/eventually.ts';
import { flavours, withDatabase } from '../../support/postgres.ts';

/** A service that waits for the database, and its events. */
class Owner {
  readonly reported: OwnershipEvent[] = [];
  readonly texts: string[] = [];
  readonly stop = new AbortController();
  readonly #dbUrl: string;
  #release: () => Promise<void> = async () => {};

  constructor(dbUrl: string) {
    this.#dbUrl = dbUrl;
  }

  /** Waits for the database; by default not at all. */
  async take(waitMs = 0): Promise<this> {
    const onEvent = (event: OwnershipEvent, text: string): void => {
      this.reported.push(event);
      this.texts.push(text);
    };
    const { signal } = this.stop;
    const times = { heartbeatMs: 200, timeoutMs: 1_000, pauseMs: 500 };
    this.#release = await ownDatabase({ dbUrl: this.#dbUrl, waitMs, signal, onEvent, times });
    return this;
  }

  /** The error that it was refused with. */
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
  describe(`the ownership of a database, on ${name}`, () => {
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

    /** A service that waits for the database; released after the test. */
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

    /** Terminates the connection that holds the lock, like a restart of the server. */
    async function cut(): Promise<void> {
      await admin.query('select pg_terminate_backend(unnest($1::int[]))', [await holders()]);
    }

    it('is refused to a second service, with the name of the owner', async () => {
      await owner().take();
      const second = owner();
      const { code, message } = await second.refusal();
      expect(code).to.equal('DATABASE_UNAVAILABLE');
      expect(message).to.include(`whatsapp-gateway ${process.pid}@`).and.to.include('a database of its own');
      expect(second.reported).to.deep.equal(['waiting']);
    });

    it('passes to the next service as soon as the first releases it', async () => {
      const first = await owner().take();
      const second = owner().take(60_000);
      await eventually('the second to wait', () => owners[1]!.reported.includes('waiting'));
      await first.release();
      await second;
      expect((await owner().refusal()).code).to.equal('DATABASE_UNAVAILABLE');
    });

    it('is no longer awaited by a service that stops', async () => {
      await owner().take();
      const second = owner();
      const refused = second.refusal(60_000);
      await eventually('the second to wait', () => second.reported.includes('waiting'));
      second.stop.abort();
      await refused;
      expect(await holders()).to.have.length(1);
    });

    it('is regained by the same service after its connection broke', async () => {
      const first = await owner().take();
      await cut();
      await eventually('it to be regained', () => first.reported.includes('regained'));
      expect(first.reported).to.deep.equal(['lost', 'regained']);
      expect((await owner().refusal()).code).to.equal('DATABASE_UNAVAILABLE');
    });

    /** The database behind a network with faults. */
    async function farAway(): Promise<{ url: string; network: AnswerProxy }> {
      const network = await openAnswerProxy(`${database().config.host}/.s.PGSQL.5432`);
      proxy = network;
      const url = new URL(database().url);
      url.search = '';
      url.host = `127.0.0.1:${network.port}`;
      return { url: url.href, network };
    }

    it('belongs to the first to take it then; the former owner reports that once, and does not retake it', async () => {
      const { url, network } = await farAway();
      const first = await owner(url).take();
      // Disconnected long enough for another service to take it.
      network.dropAnswers();
      await cut();
      await eventually('the lock to be free', async () => (await holders()).length === 0);
      const second = await owner().take();
      await eventually('the first to report the loss', () => first.reported.includes('lost'));
      network.passAnswers();
      await eventually('the first to report the new owner', () => first.reported.includes('taken'));
      expect(first.reported).to.deep.equal(['lost', 'taken']);
      expect(first.texts.at(-1)).to.include('has to end');
      expect(second.reported).to.deep.equal([]);
      await second.release();
      expect(await holders()).to.deep.equal([]);
    });

    it('is not lost to the service’s own former connection', async () => {
      const { url, network } = await farAway();
      const first = await owner(url).take();
      const former = await holders();
      network.strand();
      const second = await owner().refusal();
      expect(second.message).to.include(`whatsapp-gateway ${process.pid}@`);
      await eventually('the first to report the loss', () => first.reported.includes('lost'));
      // As the server does itself once the client is gone.
      await admin.query('select pg_terminate_backend(unnest($1::int[]))', [former]);
      await eventually('it to be regained', () => first.reported.includes('regained'));
      expect(first.reported).to.deep.equal(['lost', 'regained']);
    });

    it('is released quickly at a stop even if the database does not answer', async () => {
      const { url, network } = await farAway();
      const first = await owner(url).take();
      network.dropAnswers();
      const start = performance.now();
      await first.release();
      // One second for the answer, the rest for a busy machine.
      expect(performance.now() - start).to.be.below(10_000);
      await eventually('it to be free', async () => (await holders()).length === 0);
    });

    it('survives the server’s limit for idle transactions', async () => {
      await admin.query(`do $$ begin execute format(
        'alter database %I set idle_in_transaction_session_timeout = 100', current_database()); end $$`);
      const first = await owner().take();
      await new Promise((resolve) => setTimeout(resolve, 400));
      expect(await holders()).to.have.length(1);
      expect(first.reported).to.deep.equal([]);
    });

    it('does not prevent the cleanup of old rows', async () => {
      await owner().take();
      const sql =
        'select coalesce(backend_xmin, backend_xid) as since from pg_stat_activity where pid = any($1)';
      // Between two heartbeats, each of which is a statement.
      await eventually('it to hold no snapshot', async () => {
        const { rows } = await admin.query<{ since: unknown }>(sql, [await holders()]);
        return rows.length === 1 && rows[0]!.since === null;
      });
    });
  });
}

describe('an unreachable database', () => {
  it('is refused with DATABASE_UNAVAILABLE, without the password', async () => {
    const error = await new Owner('postgres://me:s3cret@127.0.0.1:1/none').refusal();
    expect(error.code).to.equal('DATABASE_UNAVAILABLE');
    expect(`${error.message} ${error.stack}`).not.to.include('s3cret');
  });
});
