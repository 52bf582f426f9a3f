import { expect } from 'chai';
import pg from 'pg';
import { type OwnershipEvent, ownDatabase } from '../../../src/infra/ownership/database-owner.ts';
import { openDatabase } from '../../../src/infra/postgres/database.ts';
import { DatabasePool } from '../../../src/infra/postgres/pool.ts';
import { callApi } from '../../support/api.ts';
import { BEARER, BOT } from '../../support/fixtures.ts';
import { linkAgent } from '../../support/link-agent.ts';
import { Pgbouncer } from '../../support/pgbouncer.ts';
import { createDatabase, type TestDatabase } from '../../support/postgres.ts';
import { type Service, startService } from '../../support/service.ts';
import { findProgram, whereFound } from '../../support/where-found.ts';

const A = { userId: 1, agentId: 'a' };
const TEXT = {
  to: '628123456789@c.us',
  content: { kind: 'text', text: 'hello' },
  origin: 'api',
  traceId: 't',
} as const;

/** Few server connections, so that clients share them. */
const MODES: [string, string[]][] = [
  ['with its defaults', []],
  ['that lends connections by transaction', ['pool_mode = transaction', 'default_pool_size = 3']],
  [
    'that lends connections by transaction and ignores what it is asked at the start',
    [
      'pool_mode = transaction',
      'default_pool_size = 3',
      'ignore_startup_parameters = statement_timeout, options',
    ],
  ],
];

whereFound(
  'a database behind pgbouncer',
  findProgram('pgbouncer'),
  'there is no pgbouncer on this machine',
  (program) => {
    for (const [mode, settings] of MODES) {
      describe(mode, () => {
        let direct: TestDatabase;
        let pgbouncer: Pgbouncer;
        let url: string;

        before(async () => {
          direct = await createDatabase();
          pgbouncer = await Pgbouncer.start(program, direct.config, settings);
          url = pgbouncer.url(String(direct.config.database));
        });
        after(() => pgbouncer?.stop());

        it('can be migrated, written and read with many statements at once, and twice', async () => {
          for (let start = 0; start < 2; start += 1) {
            const database = await openDatabase({ dbUrl: url, dataDir: 'unused' });
            await Promise.all(
              Array.from({ length: 40 }, async (_, n) => {
                const { id } = await database.messages.append(A, {
                  ...TEXT,
                  content: { kind: 'text', text: `${start} ${n}` },
                });
                await database.messages.settle(id, {
                  status: 'sent',
                  messageId: `wa-${id}`,
                  at: new Date(5_000),
                });
                expect(await database.messages.find(A, id)).to.deep.include({
                  status: 'sent',
                  sentAt: new Date(5_000),
                });
                expect(await database.inbound.claim(A, id)).to.equal(true);
              }),
            );
            await database.close();
          }
        });

        it('limits the time of statements without changing settings of other clients', async () => {
          const pool = await DatabasePool.open({ connectionString: url });
          const settings = `select current_setting('statement_timeout') as deadline`;
          expect(await pool.query('look', settings)).to.deep.equal([{ deadline: '8s' }]);
          await pool.close();
          const client = new pg.Client({ connectionString: url });
          await client.connect();
          const { rows } = await client.query(settings);
          await client.end();
          expect(rows).to.deep.equal([{ deadline: '0' }]);
        });

        it('can be owned by one service only', async () => {
          const { signal } = new AbortController();
          const reported: OwnershipEvent[] = [];
          const wanted = {
            dbUrl: url,
            waitMs: 0,
            signal,
            onEvent: (event: OwnershipEvent) => reported.push(event),
          };
          const release = await ownDatabase(wanted);
          const refused = await ownDatabase(wanted).then(
            () => expect.fail('it should have been refused'),
            (thrown: Error) => thrown.message,
          );
          expect(refused).to.include(`used by another service (whatsapp-gateway ${process.pid}@`);
          await release();
          await (await ownDatabase(wanted))();
          expect(reported).to.deep.equal(['waiting']);
        });

        it('serves the whole service: a message is delivered', async () => {
          let service: Service | undefined;
          try {
            service = await startService({ ...direct, url });
            const { app, network } = service;
            await linkAgent(service, 'a', BOT);
            const headers = { ...BEARER, 'idempotency-key': 'once' };
            for (let repeat = 0; repeat < 2; repeat += 1) {
              const sent = await callApi(
                app.url,
                'POST',
                '/agents/a/messages',
                { to: TEXT.to, message: 'hi' },
                headers,
              );
              expect(sent.status).to.equal(200);
            }
            expect(network.messages(BOT, TEXT.to)).to.have.length(1);
          } finally {
            await service?.close();
          }
        });
      });
    }
  },
);
