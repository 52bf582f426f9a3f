import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { GatewayError } from '../../../src/actors/domain/errors.ts';
import { wordsOf } from '../../../src/actors/domain/message-content.ts';
import type { OutgoingMessage } from '../../../src/actors/domain/ports/stores.ts';
import { openDatabase } from '../../../src/infra/postgres/database.ts';
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../../src/infra/postgres/embedded/embedded.ts';
import { migrate } from '../../../src/infra/postgres/migrate.ts';
import { DatabasePool } from '../../../src/infra/postgres/pool.ts';
import { PgIdempotencyStore } from '../../../src/infra/postgres/stores/idempotency-keys.ts';
import { PgMessageLog } from '../../../src/infra/postgres/stores/message-log.ts';
import { type AnswerProxy, openAnswerProxy } from '../../support/answer-proxy.ts';
import { withDatabase } from '../../support/postgres.ts';

const A = { userId: 1, agentId: 'a' };
const MESSAGE: OutgoingMessage = {
  to: '628123456789@c.us',
  content: { kind: 'text', text: 'hello' },
  origin: 'api',
  traceId: 'a'.repeat(32),
};

/** Polls until `check` is true; the test's timeout is the deadline. */
async function eventually(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo().catch(() => false))) await sleep(10);
}

/** Expects a rejection with `DATABASE_UNAVAILABLE` and a time to retry. */
async function expectUnavailable(promise: Promise<unknown>): Promise<void> {
  const error = await promise.then(
    () => expect.fail('it should have been rejected'),
    (thrown: GatewayError) => thrown,
  );
  expect(error.code).to.equal('DATABASE_UNAVAILABLE');
  expect(error.details).to.deep.equal({ retryAfterSeconds: 5 });
}

describe('an outage of the database', () => {
  describe('that is down', () => {
    let dataDir: string;
    let server: EmbeddedPostgres | undefined;

    beforeEach(async () => {
      dataDir = await mkdtemp(join(tmpdir(), 'gateway-outage-'));
      server = await startEmbeddedPostgres({ dataDir });
    });
    afterEach(async () => {
      await server?.stop();
      await rm(dataDir, { recursive: true, force: true });
    });

    it('refuses everything with DATABASE_UNAVAILABLE until the database is back', async () => {
      const dbUrl = `postgres://postgres@localhost/postgres?host=${server?.connection.host}`;
      const database = await openDatabase({ dbUrl, dataDir: 'unused' });
      const { id } = await database.messages.append(A, MESSAGE);
      await server?.stop();

      const key = { ...A, operation: 'run', key: 'k', bodyHash: 'h' };
      await expectUnavailable(database.ping());
      await expectUnavailable(database.messages.append(A, MESSAGE));
      await expectUnavailable(database.inbound.claim(A, 'wa-1'));
      await expectUnavailable(database.idempotency.begin(key));
      await expectUnavailable(database.agents.list());
      // The message was sent already: the caller gets the error, and the row is written later.
      const sent = { status: 'sent', messageId: 'wa', at: new Date() } as const;
      await expectUnavailable(database.messages.settle(id, sent));

      server = await startEmbeddedPostgres({ dataDir });
      await eventually(async () => (await database.messages.find(A, id))?.status === 'sent');
      expect(await database.messages.pending(A)).to.deep.equal([]);
      expect((await database.messages.append(A, MESSAGE)).status).to.equal('queued');
      expect(await database.inbound.claim(A, 'wa-1')).to.equal(true);
      await database.close();
    });

    it('fails a start with a clear error without the password', async () => {
      await server?.stop();
      const dbUrl = `postgres://postgres:s3cret-word@localhost/postgres?host=${server?.connection.host}`;
      const error = await openDatabase({ dbUrl, dataDir: 'unused' }).catch((thrown: GatewayError) => thrown);
      const { message, stack, cause } = error as GatewayError;
      expect(message).to.match(/^The database can't be reached \(ENOENT\)\. connect ENOENT /);
      expect(message).to.include(
        `(PostgreSQL at ${server?.connection.host}, port 5432, database postgres, user postgres)`,
      );
      expect([message, stack, (cause as Error).stack].join()).not.to.include('s3cret-word');
    });
  });

  describe('that is silent', () => {
    const database = withDatabase();
    let proxy: AnswerProxy;
    let pool: DatabasePool;

    beforeEach(async () => {
      await migrate(database().config);
      proxy = await openAnswerProxy(`${database().config.host}/.s.PGSQL.5432`);
      const { database: name, user } = database().config;
      const limits = { query_timeout: 200, connectionTimeoutMillis: 200, max: 1 };
      pool = new DatabasePool({ host: '127.0.0.1', port: proxy.port, database: name, user, ...limits });
    });
    afterEach(async () => {
      await pool.close();
      await proxy.close();
    });

    it('never sends a refused message, even if the database had stored it', async () => {
      const log = new PgMessageLog(pool, randomUUID());
      await log.append(A, { ...MESSAGE, content: { kind: 'text', text: 'before' } });
      proxy.dropAnswers();
      await expectUnavailable(log.append(A, { ...MESSAGE, content: { kind: 'text', text: 'refused' } }));
      const direct = new DatabasePool(database().config);
      const reader = new PgMessageLog(direct, randomUUID());
      expect((await reader.pending(A)).map(({ content }) => wordsOf(content))).to.deep.equal([
        'before',
        'refused',
      ]);

      proxy.passAnswers();
      await eventually(async () => (await reader.pending(A)).length === 1);
      expect((await reader.pending(A)).map(({ content }) => wordsOf(content))).to.deep.equal(['before']);
      await log.close();
      await direct.close();
    });

    it('leaves no Idempotency-Key in flight, whichever of its statements had no answer', async () => {
      const store = new PgIdempotencyStore(pool);
      const key = (name: string) => ({ ...A, operation: 'run', key: name, bodyHash: 'h' });
      const hold = async (name: string) => {
        const begun = await store.begin(key(name));
        return begun.state === 'new' ? { ...key(name), storedId: begun.storedId } : expect.fail(begun.state);
      };
      const [answered, abandoned] = [await hold('answered'), await hold('abandoned')];
      const answer = { status: 200, headers: {}, body: { reply: 'hello' } };
      proxy.dropAnswers();
      await expectUnavailable(store.begin(key('begun')));
      await store.complete(answered, answer);
      await store.abandon(abandoned);

      proxy.passAnswers();
      await hold('begun');
      expect(await store.begin(key('answered'))).to.deep.equal({ state: 'done', answer });
      await eventually(async () => (await store.begin(key('abandoned'))).state === 'new');
      await store.close();
      const direct = new DatabasePool(database().config);
      expect(
        await direct.query('look', 'select key, state from gateway_idempotency order by key'),
      ).to.deep.equal([
        { key: 'abandoned', state: 'in_flight' },
        { key: 'answered', state: 'done' },
        { key: 'begun', state: 'in_flight' },
      ]);
      await direct.close();
    });

    it('does not keep callers waiting for a connection', async () => {
      const busy = pool.query('busy', 'select pg_sleep(0.5)').catch(() => {});
      await expectUnavailable(pool.query('waits', 'select 1'));
      await busy;
    });
  });
});
