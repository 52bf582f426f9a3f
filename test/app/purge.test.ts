import { expect } from 'chai';
import { openDatabase } from '../../src/infra/postgres/database.ts';
import { eventually } from '../support/eventually.ts';
import { administer, createDatabase, type TestDatabase } from '../support/postgres.ts';
import { type Service, startService } from '../support/service.ts';

/** Two rows for each table of the gateway: one far past its retention, and a new one. */
const ROWS = `
  insert into gateway_message (user_id, agent_id, id, to_jid, content, origin, trace_id, status, created_at)
    select 1, 'shop', gen_random_uuid(), '1@c.us', '{"kind": "text", "text": "x"}', 'api', 't', 'sent', now() - age from ages;
  insert into gateway_inbound (user_id, agent_id, wa_message_id, received_at)
    select 1, 'shop', age::text, now() - age from ages;
  insert into gateway_idempotency (user_id, agent_id, operation, key, body_hash, state, created_at)
    select 1, 'shop', 'run', age::text, 'x', 'done', now() - age from ages;
  insert into gateway_chat_message (user_id, agent_id, chat_id, message_key, entry, at, arrived_at)
    select 1, 'shop', '1@c.us', age::text, '{}', now(), now() - age from ages;
  insert into gateway_chat (user_id, agent_id, chat_id, mode, since, until)
    select 1, 'shop', age::text, 'human', now() - age, now() - age from ages;
  insert into gateway_chat (user_id, agent_id, chat_id, mode, since) select 1, 'shop', 'closed', 'closed', now() - age
    from ages limit 1;
  drop table ages`;

describe('the purge', () => {
  let database: TestDatabase;
  let service: Service | undefined;
  before(async () => {
    database = await createDatabase();
    await (await openDatabase({ dbUrl: database.url, dataDir: 'unused' })).close();
    await administer(
      database.config,
      `create table ages as select unnest(array['1 year', '1 second']::interval[]) as age; ${ROWS}`,
    );
  });
  after(() => service?.close());

  it('deletes expired rows at startup and keeps the others', async () => {
    service = await startService(database);
    const counts =
      'select (select count(*) from gateway_message)::int as messages, ' +
      '(select count(*) from gateway_inbound)::int as claims, (select count(*) from gateway_idempotency)::int as keys, ' +
      '(select count(*) from gateway_chat_message)::int as history, (select count(*) from gateway_chat)::int as chats';
    const left = await eventually('the old rows to go', async () => {
      const { rows } = await service!.pool.query(counts);
      const { messages, claims, keys, history, chats } = rows[0];
      return messages + claims + keys + history + chats === 6 && rows[0];
    });
    expect(left).to.deep.equal({ messages: 1, claims: 1, keys: 1, history: 1, chats: 2 });
  });
});
