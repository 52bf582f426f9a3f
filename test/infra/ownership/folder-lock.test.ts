import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, realpath, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { lockFolder } from '../../../src/infra/ownership/folder-lock.ts';

const OWNER = fileURLToPath(new URL('../../support/folder-owner.ts', import.meta.url));
const QUICK = { heartbeatMs: 20, watchMs: 400 };

describe('a folder lock', () => {
  let dir: string;
  let release: (() => Promise<void>) | null = null;
  let other: ChildProcess | null = null;

  beforeEach(async () => {
    dir = await realpath(await mkdtemp(join(tmpdir(), 'gateway-lock-')));
  });
  afterEach(async () => {
    await release?.();
    release = null;
    if (other?.exitCode === null && other.signalCode === null) {
      const gone = once(other, 'exit');
      other.kill('SIGKILL');
      await gone;
    }
    other = null;
    await rm(dir, { recursive: true, force: true });
  });

  const file = () => join(dir, '.gateway.lock');

  /** The error of a refused lock. */
  async function refused(times = QUICK): Promise<string> {
    const outcome = await lockFolder(dir, times).catch((error: Error) => error);
    if (outcome instanceof Error) return outcome.message;
    release = outcome;
    return expect.fail('it was taken');
  }

  /** Another process that holds the folder. */
  async function heldByAnother(): Promise<ChildProcess> {
    other = spawn(process.execPath, ['--import', 'tsx', OWNER, dir], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(other.stdout!, 'data');
    return other;
  }

  /** Changes the owner in the lock file. */
  async function pretend(changes: Record<string, unknown>): Promise<void> {
    const owner = JSON.parse(await readFile(file(), 'utf8')) as object;
    await writeFile(file(), JSON.stringify({ ...owner, ...changes }));
  }

  it('allows one holder at a time and can be taken after release', async () => {
    release = await lockFolder(dir, QUICK);
    expect(await refused())
      .to.include(dir)
      .and.include(`process ${process.pid} on `);
    await release();
    await release();
    expect(await readdir(dir)).to.deep.equal([]);
    release = await lockFolder(dir, QUICK);
  });

  it('is the same for a link to the folder', async () => {
    release = await lockFolder(dir, QUICK);
    const alias = `${dir}-alias`;
    await symlink(dir, alias);
    try {
      const error = await lockFolder(alias, QUICK).catch((thrown: Error) => thrown);
      expect(error).to.be.instanceOf(Error);
    } finally {
      await rm(alias);
    }
  });

  it('creates a folder and a file that others can’t read', async () => {
    dir = join(dir, 'a', 'b');
    release = await lockFolder(dir, QUICK);
    expect((await stat(dir)).mode & 0o777).to.equal(0o700);
    expect((await stat(file())).mode & 0o777).to.equal(0o600);
  });

  it('of another process is valid while that runs, and not after its kill -9', async () => {
    const owner = await heldByAnother();
    expect(await refused()).to.include(`process ${owner.pid} on `);
    const gone = once(owner, 'exit');
    owner.kill('SIGKILL');
    await gone;
    expect(existsSync(file())).to.equal(true);
    release = await lockFolder(dir, { heartbeatMs: 20, watchMs: 3_600_000 });
  });

  it('is not valid for a later process with the pid of a dead one', async () => {
    await heldByAnother();
    await pretend({ started: '1' });
    release = await lockFolder(dir, { heartbeatMs: 20, watchMs: 3_600_000 });
  });

  it('of another host is valid as long as it is touched', async () => {
    release = await lockFolder(dir, QUICK);
    await pretend({ id: 'theirs', host: 'elsewhere', place: 'another boot', pid: 1 });
    expect(await refused({ heartbeatMs: 20, watchMs: 30_000 })).to.include('process 1 on elsewhere');
    // Stops the touching; the lock, now another's, stays.
    await release();
    expect(existsSync(file())).to.equal(true);
    release = await lockFolder(dir, QUICK);
  });

  it('with unreadable content is valid as long as it is touched', async () => {
    await writeFile(file(), '{"pid":');
    const touching = setInterval(() => void utimes(file(), new Date(), new Date()), 20);
    try {
      expect(await refused({ heartbeatMs: 20, watchMs: 30_000 })).to.include('another process');
    } finally {
      clearInterval(touching);
    }
    release = await lockFolder(dir, QUICK);
  });

  it('is taken by exactly one of many that find it without an owner', async () => {
    await writeFile(file(), JSON.stringify({ id: 'dead', host: 'h', place: 'p', pid: 1, started: '1' }));
    const tried = await Promise.allSettled(Array.from({ length: 10 }, () => lockFolder(dir, QUICK)));
    const taken = tried.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    release = taken[0] ?? null;
    expect(taken).to.have.length(1);
  });
});
