import { existsSync } from 'node:fs';
import { lstat, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { createApp } from '../../src/app.ts';
import { createLogger } from '../../src/infra/logging/logger.ts';
import { type ApiAnswer, callApi } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { withDatabase } from '../support/postgres.ts';
import { type Service, startService } from '../support/service.ts';

describe('deletes and creates on the real driver, without a browser', () => {
  const database = withDatabase();
  let service: Service;
  let auth: string;

  before(async () => {
    // A driver without Chromium still creates, marks and deletes profiles.
    const env = { WHATSAPP_DRIVER: 'wwebjs', PUPPETEER_EXECUTABLE_PATH: '/no/chromium' };
    service = await startService(database(), { env });
    auth = service.config.WWEBJS_AUTH_DIR;
  });
  after(() => service.close());

  const call = (method: string, path: string, body?: unknown): Promise<ApiAnswer> =>
    callApi(service.app.url, method, path, body);

  /** An agent in the registry and the database; it can't be started. */
  async function agent(agentId: string): Promise<void> {
    const created = await call('POST', '/sessions', { userId: 7, agentId, agentName: 'A', apikey: 'key' });
    expect(created.body.error?.code).to.equal('SESSION_START_FAILED');
    expect((await call('GET', `/sessions/${agentId}`)).status).to.equal(200);
  }

  /** A folder beside the root that must not be touched. */
  async function victim(): Promise<string> {
    const dir = join(service.dir, 'victim');
    await mkdir(dir, { recursive: true });
    await writeFile(join(dir, 'cookies'), 'of another program');
    return dir;
  }

  it('delete the folder of the agent only, and empty the trash', async () => {
    await agent('sales');
    await agent('sales2');
    for (const id of ['sales', 'sales2']) {
      await mkdir(join(auth, id, 'session', 'Default'), { recursive: true });
      await writeFile(join(auth, id, 'session', 'Default', 'Cookies'), id);
    }
    expect((await call('DELETE', '/sessions/sales')).status).to.equal(200);
    expect(existsSync(join(auth, 'sales'))).to.equal(false);
    expect(await readFile(join(auth, 'sales2', 'session', 'Default', 'Cookies'), 'utf8')).to.equal('sales2');
    expect(await readdir(join(auth, '.trash'))).to.deep.equal([]);
    expect((await call('DELETE', '/sessions/sales')).status).to.equal(404);
  });

  it('do not follow a link in place of the folder', async () => {
    const dir = await victim();
    await agent('linked');
    await rm(join(auth, 'linked'), { recursive: true });
    await symlink(dir, join(auth, 'linked'));
    // The record is deleted; the link in place of the folder is not ours, and stays.
    expect((await call('DELETE', '/sessions/linked')).status).to.equal(200);
    expect(await readdir(dir)).to.deep.equal(['cookies']);
    expect((await lstat(join(auth, 'linked'))).isSymbolicLink()).to.equal(true);
    await agent('linked');
    expect(await readdir(dir)).to.deep.equal(['cookies']);
    expect((await call('GET', '/health')).status).to.equal(200);
  });

  it('do not follow links inside the folder', async () => {
    const dir = await victim();
    await agent('inside');
    await rm(join(auth, 'inside', 'session'), { recursive: true });
    await symlink(dir, join(auth, 'inside', 'session'));
    expect((await call('DELETE', '/sessions/inside')).status).to.equal(200);
    expect(existsSync(join(auth, 'inside'))).to.equal(false);
    expect(await readdir(dir)).to.deep.equal(['cookies']);
  });

  it('are not redirected by a row of the database', async () => {
    const dir = await victim();
    await service.pool.query(
      `insert into whatsapp_user (user_id, agent_id, agent_name, api_key, status)
       values (7, '../victim', 'Evil', 'key', 'connected'), (7, '.trash', 'Evil', 'key', 'connected')`,
    );
    await service.app.stop();
    const faults: string[] = [];
    const logger = createLogger('warn', { write: (line: string) => void faults.push(line) });
    const next = createApp(service.config, { logger });
    try {
      await next.start();
      await eventually('both rows to be refused', () =>
        ['../victim', '.trash'].every((id) =>
          faults.some((line) => line.includes(`agent_id \\"${id}\\"`) && line.includes('is skipped')),
        ),
      );
      expect((await callApi(next.url, 'GET', '/sessions/sales2')).status).to.equal(200);
      expect((await callApi(next.url, 'DELETE', '/sessions/..%2fvictim')).status).to.equal(400);
      expect(await readdir(dir)).to.deep.equal(['cookies']);
    } finally {
      await next.stop();
    }
    expect(faults.join(''), 'they do not hold the stop up').not.to.include('stopped in time');
  });
});
