import { expect } from 'chai';
import { createLogger } from '../../src/infra/logging/logger.ts';
import { openDatabase } from '../../src/infra/postgres/database.ts';
import { callApi } from '../support/api.ts';
import { type LogLine, readLine } from '../support/log-lines.ts';
import { administer, createDatabase, type TestDatabase } from '../support/postgres.ts';
import { type Service, startService } from '../support/service.ts';

describe('invalid rows in whatsapp_user', () => {
  let database: TestDatabase;
  let service: Service | undefined;
  const lines: LogLine[] = [];

  before(async () => {
    database = await createDatabase();
    await (await openDatabase({ dbUrl: database.url, dataDir: 'unused' })).close();
    await administer(
      database.config,
      `alter table whatsapp_user alter user_id type bigint;
       insert into whatsapp_user (user_id, agent_id, agent_name, api_key, status, last_connected_at, updated_at) values
         (1, 'plain', 'Plain', 'key-1', 'disconnected', now(), now()),
         (2, 'timeless', 'Timeless', 'key-2', 'connected', 'infinity', '-infinity'),
         (3, 'no request', 'Has this id', 'key-3', 'connected', now(), now()),
         (4, '', 'Nor this', 'key-4', 'connected', now(), now())`,
    );
    const logger = createLogger('info', { write: (line: string) => void lines.push(readLine(line)) });
    service = await startService(database, { logger });
  });
  after(() => service?.close());

  it('are skipped and reported one by one, and valid ones become agents', async () => {
    const { body } = await callApi(service!.app.url, 'GET', '/sessions');
    const sessions = body.sessions as { agentId: string }[];
    expect(sessions.map(({ agentId }) => agentId).sort()).to.deep.equal(['plain', 'timeless']);
    const reported = lines.filter(({ event }) => event === 'database.row_skipped').map(({ msg }) => msg);
    expect(reported).to.have.length(2);
    expect(reported.join('\n'))
      .to.include('user_id 3, agent_id "no request"')
      .and.to.include('user_id 4, agent_id ""');
    expect(reported.join('\n')).not.to.match(/key-\d/);
  });

  it('leave agents that can be deleted', async () => {
    for (const agentId of ['plain', 'timeless']) {
      expect((await callApi(service!.app.url, 'DELETE', `/sessions/${agentId}`)).status, agentId).to.equal(
        200,
      );
    }
    const { body } = await callApi(service!.app.url, 'GET', '/sessions');
    expect(body.sessions).to.deep.equal([]);
  });
});
