import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import pg from 'pg';
import { openDatabase } from '../../../src/infra/postgres/database.ts';
import { embeddedBinDir } from '../../../src/infra/postgres/embedded/binaries.ts';
import { openSocketDir, serverArguments } from '../../../src/infra/postgres/embedded/data-directory.ts';
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../../src/infra/postgres/embedded/embedded.ts';
import { findServerAccount } from '../../../src/infra/postgres/embedded/server-account.ts';
import { type ServerProcess, spawnServer } from '../../../src/infra/postgres/embedded/server-process.ts';

const OWNER = fileURLToPath(new URL('../../support/postgres-owner.ts', import.meta.url));

/** The postmaster's pid, from the file in its cluster. */
async function pidOf(dataDir: string): Promise<number> {
  return Number.parseInt(await readFile(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8'), 10);
}

/** True while the process runs; false for a zombie. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !existsSync(`/proc/${pid}`) || readFileSync(`/proc/${pid}/cmdline`, 'utf8') !== '';
  } catch {
    return false;
  }
}

/** Polls until `check` is true; the test's timeout is the deadline. */
async function eventually(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await sleep(10);
}

/** Runs one statement on its own connection. */
async function query(server: EmbeddedPostgres, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(server.connection);
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

describe('embedded Postgres', () => {
  let dataDir: string;
  let running: EmbeddedPostgres[] = [];

  /** Starts a server that is stopped after the test. */
  async function start(dir = dataDir): Promise<EmbeddedPostgres> {
    const server = await startEmbeddedPostgres({ dataDir: dir });
    running.push(server);
    return server;
  }

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'gateway-embedded-'));
  });
  afterEach(async () => {
    await Promise.all(running.map((server) => server.stop()));
    running = [];
    await rm(dataDir, { recursive: true, force: true });
  });

  it('creates its cluster at the first start, keeps the data across restarts and leaves no process', async () => {
    const first = await start();
    await query(first, 'create table kept as select 42 as answer');
    const pid = await pidOf(dataDir);
    await first.stop();
    expect(isRunning(pid)).to.equal(false);
    const second = await start();
    expect(await query(second, 'select answer from kept')).to.deep.equal([{ answer: 42 }]);
  });

  it('listens in a private folder only, on no port, and waits for the disk', async () => {
    const server = await start();
    const dir = String(server.connection.host);
    expect((await stat(dir)).mode & 0o777).to.equal(0o700);
    expect(`${dir}/.s.PGSQL.5432`.length).to.be.at.most(107);
    const settings = ['listen_addresses', 'fsync', 'synchronous_commit', 'full_page_writes'];
    const shown = await Promise.all(settings.map((name) => query(server, `show ${name}`)));
    expect(shown.map(([row]) => Object.values(row!)[0])).to.deep.equal(['', 'on', 'on', 'on']);
    await server.stop();
    expect(existsSync(dir)).to.equal(false);
  });

  it('starts after an interrupted first start', async () => {
    await mkdir(join(dataDir, 'postgres.tmp', 'base'), { recursive: true });
    expect(await query(await start(), 'select 1 as one')).to.deep.equal([{ one: 1 }]);
  });

  it('starts in a folder that is closed to other users', async () => {
    await chmod(dataDir, 0o700);
    expect(await query(await start(join(dataDir, 'inner')), 'select 1 as one')).to.deep.equal([{ one: 1 }]);
  });

  it('starts when the lock file of a dead server names a running process', async () => {
    await (await start()).stop();
    await writeFile(join(dataDir, 'postgres', 'postmaster.pid'), `${process.pid}\n${dataDir}/postgres\n`);
    expect(await query(await start(), 'select 1 as one')).to.deep.equal([{ one: 1 }]);
  });

  it('adopts the server of a dead predecessor, and stops it like its own', async () => {
    await (await start()).stop();
    const orphan = await leaveOrphan(dataDir);
    const server = await start();
    expect(await pidOf(dataDir)).to.equal(orphan.pid);
    expect(await query(server, 'select 1 as one')).to.deep.equal([{ one: 1 }]);
    await server.stop();
    expect(orphan.alive()).to.equal(false);
  });

  it('survives a kill -9 of the service: the next start has the data and runs one server', async () => {
    const owner = spawn(process.execPath, ['--import', 'tsx', OWNER, dataDir], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    await once(owner.stdout, 'data');
    const pid = await pidOf(dataDir);
    owner.kill('SIGKILL');
    await once(owner, 'close');
    const server = await start();
    expect(await query(server, 'select 1 as one')).to.deep.equal([{ one: 1 }]);
    expect(isRunning(pid)).to.equal((await pidOf(dataDir)) === pid);
  });

  it('restarts a killed server with all committed data', async () => {
    const database = await openDatabase({ dataDir });
    try {
      const A = { userId: 1, agentId: 'a' };
      const stored = await database.messages.append(A, {
        to: '628123456789@c.us',
        content: { kind: 'text', text: 'kept' },
        origin: 'api',
        traceId: 'a'.repeat(32),
      });
      const pid = await pidOf(dataDir);
      process.kill(pid, 'SIGKILL');
      await eventually(() => !isRunning(pid));
      // Backends outlive their postmaster for a moment and still answer, so wait for a new server.
      await eventually(() =>
        pidOf(dataDir).then(
          (newer) => newer !== pid,
          () => false,
        ),
      );
      await eventually(() =>
        database.ping().then(
          () => true,
          () => false,
        ),
      );
      expect(await database.messages.pending(A)).to.deep.equal([stored]);
    } finally {
      await database.close();
    }
    expect(existsSync(join(dataDir, 'postgres', 'postmaster.pid'))).to.equal(false);
  });

  it('does not trust a socket folder that another user created', async () => {
    const first = await start();
    await first.stop();
    const dir = String(first.connection.host);
    await symlink(dataDir, dir);
    try {
      const error = await start().catch((thrown: Error) => thrown);
      expect(String(error)).to.include('not a private folder');
    } finally {
      await rm(dir);
    }
  });

  it('fails to start with the server’s own message', async () => {
    await (await start()).stop();
    await rm(join(dataDir, 'postgres', 'global', 'pg_control'));
    const error = await start().catch((thrown: Error) => thrown);
    expect(String(error)).to.match(/did not start: .*could not find the database system/s);
  });

  it('refers to DB_URL on a machine without a build', () => {
    expect(() => embeddedBinDir('sunos', 'sparc')).to.throw(/sunos-sparc.*DB_URL/);
  });
});

/** Starts a server on the cluster that no service owns and that outlives every process. */
async function leaveOrphan(dataDir: string): Promise<ServerProcess> {
  const binDir = embeddedBinDir();
  const found = await findServerAccount(binDir, dataDir);
  const account = { ...found, wrapper: found.wrapper.filter((word) => word !== '--pdeathsig=INT') };
  if (account.wrapper.length === 1) account.wrapper = [];
  const socketDir = await openSocketDir(dataDir, account);
  const args = await serverArguments(join(dataDir, 'postgres'), socketDir);
  const orphan = spawnServer(account, join(binDir, 'postgres'), args);
  await eventually(() => existsSync(join(dataDir, 'postgres', 'postmaster.pid')));
  return orphan;
}
