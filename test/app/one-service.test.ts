import { expect } from 'chai';
import pg from 'pg';
import { eventually } from '../support/eventually.ts';
import { withDatabase } from '../support/postgres.ts';
import { SandboxService } from '../support/sandbox-service.ts';
import type { ServiceProcess } from '../support/service-process.ts';

describe('two services with their own folders and one DB_URL', function () {
  this.timeout(180_000);
  const database = withDatabase();
  let first: SandboxService;
  let second: SandboxService;

  beforeEach(async () => {
    const env = { DB_URL: database().url };
    first = await SandboxService.create(env);
    second = await SandboxService.create(env);
    await first.up();
  });
  afterEach(() => Promise.all([first.close(), second.close()]));

  /** Starts the second service; resolves once it waits for the first, which it does for minutes. */
  async function secondWaits(): Promise<ServiceProcess> {
    const waiting = second.launch({ SHUTDOWN_GRACE_MS: '300000' });
    await eventually('the second to wait', () => waiting.output().includes('"database.waiting"'), 120_000);
    return waiting;
  }

  /** Resolves once the second service is ready. */
  async function secondServes(waiting: ServiceProcess): Promise<void> {
    expect((await fetch(`${await waiting.url()}/readyz`)).status).to.equal(200);
  }

  it('exclude each other: the second names the owner of the database and exits with 1 before it starts an agent', async () => {
    await first.link('shop', '6281111111111');
    const { ended, output } = second.launch({ SHUTDOWN_GRACE_MS: '1' });
    expect(await ended).to.deep.equal({ code: 1, signal: null });
    const { pid } = first.running.child;
    expect(output()).to.include(`used by another service (whatsapp-gateway ${pid}@`);
    expect(output()).to.include('DATABASE_UNAVAILABLE').and.to.include('"service.start_failed"');
    expect(output()).not.to.include('shop');
    const { body } = await first.call('GET', '/sessions/shop');
    expect(body.status, 'the first is not disturbed').to.equal('connected');
  });

  it('hand over when the first one drains, as in a reload', async () => {
    const waiting = await secondWaits();
    expect(await first.running.end('SIGTERM')).to.deep.equal({ code: 0, signal: null });
    await secondServes(waiting);
  });

  it('hand over when the first one is killed', async () => {
    const waiting = await secondWaits();
    await first.running.end('SIGKILL');
    await secondServes(waiting);
  });

  it('stop at once on SIGTERM while waiting', async () => {
    const waiting = await secondWaits();
    expect(await waiting.end('SIGTERM')).to.deep.equal({ code: 0, signal: null });
    expect(waiting.output()).not.to.include('start_failed');
    expect((await first.call('GET', '/readyz')).status).to.equal(200);
  });

  it('never both serve when the first one hangs and loses its connection: it exits with 1 once it notices', async () => {
    const waiting = await secondWaits();
    const { child, ended, output } = first.running;
    child.kill('SIGSTOP');
    const admin = new pg.Client(database().config);
    await admin.connect();
    const { rowCount } = await admin.query(
      `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted
         and database = (select oid from pg_database where datname = current_database())`,
    );
    await admin.end();
    expect(rowCount).to.equal(1);
    await secondServes(waiting);
    child.kill('SIGCONT');
    expect(await ended).to.deep.equal({ code: 1, signal: null });
    expect(output()).to.include('"database.lost"').and.to.include('"database.taken"');
    expect(output()).to.include(`whatsapp-gateway ${waiting.child.pid}@`);
  });
});
