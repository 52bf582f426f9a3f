import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import sinon from 'sinon';
import { GatewayError } from '../../../src/actors/domain/errors.ts';
import { FolderFileStore, type FolderFileStoreOptions } from '../../../src/infra/files/folder-file-store.ts';
import { type Database, openDatabase } from '../../../src/infra/postgres/database.ts';
import { DatabasePool } from '../../../src/infra/postgres/pool.ts';
import { PgFileRows } from '../../../src/infra/postgres/stores/file-rows.ts';
import { eventually } from '../../support/eventually.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { administer, withDatabase } from '../../support/postgres.ts';

const AGENT = { userId: 7, agentId: 'bot' };
const OTHER = { userId: 7, agentId: 'other' };
const NAMESAKE = { userId: 8, agentId: 'bot' };
const HOUR_MS = 3_600_000;
const KILOBYTE = 1024;

/** The bytes in some chunks. */
async function* chunks(...some: (Buffer | string)[]): AsyncGenerator<Buffer> {
  for (const one of some) yield Buffer.from(one);
}

describe('the store of files, in a folder and Postgres', () => {
  const database = withDatabase();
  let db: Database;
  let pool: DatabasePool;
  let parent: string;
  let dir: string;
  let clock: ManualClock;
  let faults: unknown[];
  let store: FolderFileStore;
  const stores: FolderFileStore[] = [];

  before(async () => {
    db = await openDatabase({ dbUrl: database().url, dataDir: '/nowhere' });
    pool = await DatabasePool.open(database().config);
    for (const agent of [AGENT, OTHER])
      await db.agents.save({ ...agent, agentName: 'A', apiKey: 'k', status: 'connected' });
  });
  after(async () => {
    await pool?.close();
    await db?.close();
  });
  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), 'files-'));
    dir = join(parent, 'files');
    clock = new ManualClock();
    faults = [];
    await administer(database().config, 'truncate gateway_file, gateway_message');
    store = await opened();
  });
  afterEach(async () => {
    sinon.restore();
    await Promise.all(stores.splice(0).map((one) => one.close()));
    await rm(parent, { recursive: true, force: true });
    expect(faults).to.deep.equal([]);
  });

  /** A store on the folder, as a process opens it at its start. */
  async function opened(changes: Partial<FolderFileStoreOptions> = {}): Promise<FolderFileStore> {
    const made = new FolderFileStore({
      dir,
      rows: new PgFileRows(pool),
      clock,
      ttlMs: 24 * HOUR_MS,
      maxBytes: 100 * KILOBYTE,
      onFault: (error) => faults.push(error),
      ...changes,
    });
    stores.push(made);
    await made.start();
    return made;
  }

  /** Stores some random bytes. */
  const add = (bytes = 10 * KILOBYTE, agent = AGENT) => store.add(agent, chunks(randomBytes(bytes)));

  /** Queues a message with a file. */
  const queue = (id: string) => {
    const file = { id, path: '', mimetype: 'text/csv', size: 1, sha256: '' };
    const content = { kind: 'document', file } as const;
    return db.messages.append(AGENT, { to: '628@c.us', content, origin: 'api', traceId: 't' });
  };

  /** Gives all queued messages their outcome. */
  const settleAll = () => administer(database().config, `update gateway_message set status = 'sent'`);

  /** What a call was refused with. */
  async function refusal(call: Promise<unknown>): Promise<unknown> {
    return call.then(
      () => 'nothing',
      (error: unknown) => (error instanceof GatewayError ? error.code : error),
    );
  }

  describe('a file', () => {
    it('is found with its type, size, hash and name, and its bytes are at its path', async () => {
      const bytes = randomBytes(50_000);
      const made = await store.add(AGENT, chunks(bytes.subarray(0, 7), bytes.subarray(7)), {
        mimetype: 'text/csv; charset=utf-8',
        filename: 'C:\\Users\\sari\\harga.csv',
      });
      expect(made).to.deep.include({
        mimetype: 'text/csv',
        size: bytes.length,
        sha256: createHash('sha256').update(bytes).digest('hex'),
        filename: 'harga.csv',
        createdAt: new Date(clock.now()),
        expiresAt: new Date(clock.now() + 24 * HOUR_MS),
      });
      expect(await readFile(made.path)).to.deep.equal(bytes);
      expect(await store.find(AGENT, made.id)).to.deep.equal(made);
      expect(await store.findLinked(made.id)).to.deep.equal(made);
    });

    it('is for this user alone, as its folder is', async () => {
      const { path } = await add();
      expect((await stat(path)).mode & 0o777).to.equal(0o600);
      expect((await stat(dir)).mode & 0o777).to.equal(0o700);
    });

    it('is not found by another agent, nor by another user’s agent of that name, and not deleted', async () => {
      const { id } = await add();
      for (const agent of [OTHER, NAMESAKE]) {
        expect(await store.find(agent, id)).to.equal(null);
        expect(await store.remove(agent, id)).to.equal(false);
      }
      expect(await store.find(AGENT, id)).not.to.equal(null);
    });

    it('is not found under what is no id', async () => {
      for (const id of ['', 'x', '../../etc/passwd', `${randomUUID()}'`]) {
        expect(await store.find(AGENT, id)).to.equal(null);
        expect(await store.findLinked(id)).to.equal(null);
        expect(await store.remove(AGENT, id)).to.equal(false);
      }
    });

    it('is gone after a delete, with its bytes; a second delete finds none', async () => {
      const { id } = await add();
      expect(await store.remove(AGENT, id)).to.equal(true);
      expect(await store.find(AGENT, id)).to.equal(null);
      expect(await readdir(dir)).to.deep.equal([]);
      expect(await store.remove(AGENT, id)).to.equal(false);
    });

    it('keeps its bytes after a delete while a queued message needs them', async () => {
      const { id, path } = await add();
      await queue(id);
      expect(await store.remove(AGENT, id)).to.equal(true);
      expect(await store.find(AGENT, id)).to.equal(null);
      expect(await store.remove(AGENT, id)).to.equal(false);
      await store.sweep();
      expect((await lstat(path)).size).to.equal(10 * KILOBYTE);
      await settleAll();
      await store.sweep();
      expect(await readdir(dir)).to.deep.equal([]);
    });

    it('of an agent that is deleted goes with it, row and bytes', async () => {
      const gone = { userId: 9, agentId: 'gone' };
      await db.agents.save({ ...gone, agentName: 'A', apiKey: 'k', status: 'connected' });
      const kept = await add();
      for (const end of [() => db.agents.forget(gone), () => db.agents.remove(gone)]) {
        const { id } = await add(10, gone);
        await end();
        expect(await store.find(gone, id)).to.equal(null);
        await store.sweep();
        expect(await readdir(dir)).to.deep.equal([kept.id]);
      }
      expect(await refusal(add(10, gone))).to.equal('SESSION_NOT_FOUND');
      expect(await readdir(dir)).to.deep.equal([kept.id]);
    });
  });

  describe('an upload', () => {
    it('that fails leaves nothing, and fails as its bytes did', async () => {
      const cut = new Error('cut off');
      async function* failing() {
        yield randomBytes(1_000);
        throw cut;
      }
      expect(await refusal(store.add(AGENT, failing()))).to.equal(cut);
      expect(await readdir(dir)).to.deep.equal([]);
      expect(await store.usage()).to.include({ files: 0 });
    });

    it('is in a part file until it is whole, and is not swept meanwhile', async () => {
      let proceed = () => {};
      const paused = new Promise<void>((resolve) => {
        proceed = resolve;
      });
      async function* slow() {
        yield Buffer.from('a');
        await paused;
        yield Buffer.from('b');
      }
      const adding = store.add(AGENT, slow());
      await eventually('the part', async () => (await readdir(dir)).some((name) => name.endsWith('.part')));
      await store.sweep();
      proceed();
      const { path } = await adding;
      expect(await readFile(path, 'utf8')).to.equal('ab');
      expect(await readdir(dir)).to.have.length(1);
    });

    it('is flushed and renamed before its row is written', async () => {
      const insert = sinon.stub(PgFileRows.prototype, 'insert');
      const seen: string[] = [];
      insert.callsFake(async function (this: PgFileRows, ...args) {
        seen.push(...(await readdir(dir)));
        return insert.wrappedMethod.apply(this, args);
      });
      const { id } = await add();
      expect(seen).to.deep.equal([id]);
    });

    it('whose row may or may not be written keeps its bytes until that is known', async () => {
      const unavailable = new GatewayError('DATABASE_UNAVAILABLE', 'gone');
      const insert = sinon.stub(PgFileRows.prototype, 'insert').rejects(unavailable);
      const timers = sinon.useFakeTimers({ toFake: ['setTimeout'] });
      expect(await refusal(add())).to.equal('DATABASE_UNAVAILABLE');
      insert.restore();
      await store.sweep();
      expect(await readdir(dir)).to.have.length(1);
      timers.tick(15_000);
      await store.sweep();
      expect(await readdir(dir)).to.deep.equal([]);
    });

    it('whose row is refused leaves nothing', async () => {
      sinon.stub(PgFileRows.prototype, 'insert').rejects(new GatewayError('INTERNAL', 'refused'));
      expect(await refusal(add())).to.equal('INTERNAL');
      expect(await readdir(dir)).to.deep.equal([]);
    });

    it('to a folder that is gone is an error of ours, and is no end of the store', async () => {
      await rm(dir, { recursive: true });
      expect(await refusal(add())).to.equal('INTERNAL');
      await mkdir(dir);
      await add();
    });
  });

  describe('the time to live', () => {
    it('hides a file at its end, and the next sweep deletes it', async () => {
      const { id } = await add();
      await clock.pass(24 * HOUR_MS - 1);
      expect(await store.find(AGENT, id)).not.to.equal(null);
      await clock.pass(1);
      expect(await store.find(AGENT, id)).to.equal(null);
      expect(await store.findLinked(id)).to.equal(null);
      expect(await store.remove(AGENT, id)).to.equal(false);
      // The next sweep is due once the one before has ended.
      await eventually('the sweep', async () => {
        await clock.pass(300_000);
        return (await readdir(dir)).length === 0;
      });
      expect(await store.usage()).to.include({ files: 0, bytes: 0 });
    });

    it('does not delete what a queued message needs', async () => {
      const { id, path } = await add();
      await queue(id);
      await clock.pass(48 * HOUR_MS);
      await store.sweep();
      expect((await lstat(path)).isFile()).to.equal(true);
    });
  });

  describe('a file for a message', () => {
    /** Stores some random bytes for one message alone. */
    const addForMessage = () => store.add(AGENT, chunks(randomBytes(10 * KILOBYTE)), {}, 'message');

    it('is kept between the request and the row of its message, whatever is deleted', async () => {
      const upload = await add(60 * KILOBYTE);
      expect(await store.take(AGENT, upload.id)).to.deep.equal(upload);
      const own = await addForMessage();
      await clock.pass(1_000);
      await add(30 * KILOBYTE);
      expect(await refusal(add(50 * KILOBYTE))).to.equal('RATE_LIMITED');
      await store.remove(AGENT, upload.id);
      await store.sweep();
      expect(await readdir(dir)).to.include.members([upload.id, own.id]);
    });

    it('is not taken by another agent, nor once it has expired', async () => {
      const { id } = await add();
      expect(await store.take(OTHER, id)).to.equal(null);
      expect(await store.take(AGENT, 'no-id')).to.equal(null);
      await clock.pass(24 * HOUR_MS);
      expect(await store.take(AGENT, id)).to.equal(null);
    });

    it('goes with the outcome of its message, while an upload that was sent stays', async () => {
      const own = await addForMessage();
      const upload = await add();
      await queue(own.id);
      for (const file of [own, upload]) await store.release(AGENT, file);
      expect(await readdir(dir)).to.deep.equal([upload.id]);
      expect(await store.find(AGENT, own.id)).to.equal(null);
    });

    it('goes with a sweep when its message was never stored, or has its outcome and a crash came between', async () => {
      const kept = await addForMessage();
      await queue(kept.id);
      await addForMessage();
      await clock.pass(HOUR_MS);
      await store.sweep();
      expect(await readdir(dir)).to.deep.equal([kept.id]);
      await settleAll();
      await store.sweep();
      expect(await readdir(dir)).to.deep.equal([]);
    });
  });

  describe('the quota', () => {
    it('deletes the oldest files first, as many as a new one needs', async () => {
      const made = [];
      for (let index = 0; index < 4; index += 1) {
        made.push(await add(25 * KILOBYTE));
        await clock.pass(1_000);
      }
      const newest = await add(30 * KILOBYTE);
      expect((await readdir(dir)).sort()).to.deep.equal([made[2]!.id, made[3]!.id, newest.id].sort());
      expect(await store.find(AGENT, made[1]!.id)).to.equal(null);
      expect(await store.usage()).to.deep.equal({ files: 3, bytes: 80 * KILOBYTE, maxBytes: 100 * KILOBYTE });
    });

    it('never deletes what a queued message needs; without other files a new one is refused', async () => {
      const oldest = await add(60 * KILOBYTE);
      await queue(oldest.id);
      await clock.pass(1_000);
      await add(30 * KILOBYTE);
      const newest = await add(30 * KILOBYTE);
      expect((await readdir(dir)).sort()).to.deep.equal([oldest.id, newest.id].sort());
      await queue(newest.id);
      expect(await refusal(add(30 * KILOBYTE))).to.equal('RATE_LIMITED');
      expect((await readdir(dir)).sort()).to.deep.equal([oldest.id, newest.id].sort());
      await settleAll();
      await add(30 * KILOBYTE);
    });

    it('is not used up by files that are gone: other files are left alone', async () => {
      const upload = await add(30 * KILOBYTE);
      for (let index = 0; index < 4; index += 1) {
        const file = await store.add(AGENT, chunks(randomBytes(60 * KILOBYTE)), {}, 'message');
        await store.release(AGENT, file);
        await store.remove(AGENT, (await add(60 * KILOBYTE)).id);
      }
      expect(await readdir(dir)).to.deep.equal([upload.id]);
    });

    it('is held by files that arrive together', async () => {
      const made = await Promise.all(Array.from({ length: 8 }, () => add(12 * KILOBYTE)));
      expect((await store.usage()).bytes).to.equal(96 * KILOBYTE);
      await Promise.all([1, 2, 3].map(() => add(12 * KILOBYTE)));
      expect((await store.usage()).bytes).to.equal(96 * KILOBYTE);
      expect(await readdir(dir)).to.have.length(made.length);
    });

    it('counts a tiny file as a block, so that their number is bounded', async () => {
      for (let index = 0; index < 30; index += 1) await add(1);
      expect(await store.usage()).to.include({ files: 25, bytes: 100 * KILOBYTE });
    });

    it('refuses a file that is larger, while it arrives, and deletes none for it', async () => {
      const { id } = await add();
      let yielded = 0;
      async function* endless() {
        for (;;) {
          yielded += 1;
          yield Buffer.alloc(10 * KILOBYTE);
        }
      }
      expect(await refusal(store.add(AGENT, endless()))).to.equal('PAYLOAD_TOO_LARGE');
      expect(yielded).to.equal(11);
      expect(await readdir(dir)).to.deep.equal([id]);
    });

    it('bounds what arrives at once, too', async () => {
      async function* held(release: Promise<void>) {
        yield Buffer.alloc(60 * KILOBYTE);
        await release;
      }
      let proceed = () => {};
      const release = new Promise<void>((resolve) => {
        proceed = resolve;
      });
      const first = store.add(AGENT, held(release));
      await eventually('the first', async () => {
        const [part] = await readdir(dir);
        return part && (await stat(join(dir, part))).size === 60 * KILOBYTE;
      });
      expect(await refusal(store.add(AGENT, held(release)))).to.equal('RATE_LIMITED');
      proceed();
      await first;
      await add(60 * KILOBYTE);
    });

    it('that is lower than before deletes the oldest at the start', async () => {
      const oldest = await add(40 * KILOBYTE);
      await clock.pass(1_000);
      const newest = await add(40 * KILOBYTE);
      const lower = await opened({ maxBytes: 50 * KILOBYTE });
      expect(await lower.find(AGENT, oldest.id)).to.equal(null);
      expect(await readdir(dir)).to.deep.equal([newest.id]);
    });
  });

  describe('a start after a crash', () => {
    it('deletes parts, and bytes whose row was never written; what has a row stays', async () => {
      const kept = await add();
      const orphans = [randomUUID(), `${randomUUID()}.part`];
      for (const name of orphans) await writeFile(join(dir, name), 'x');
      await opened();
      expect(await readdir(dir)).to.deep.equal([kept.id]);
      expect(await readFile(kept.path)).to.have.length(10 * KILOBYTE);
    });

    it('deletes the bytes of a file whose row was deleted before them', async () => {
      const { id, path } = await add();
      await administer(database().config, `delete from gateway_file where id = '${id}'`);
      expect((await lstat(path)).isFile()).to.equal(true);
      await opened();
      expect(await readdir(dir)).to.deep.equal([]);
    });

    it('deletes nothing that the store did not write, and nothing through a link', async () => {
      const outside = join(parent, 'outside');
      await writeFile(outside, 'x');
      await symlink(outside, join(dir, randomUUID()));
      await writeFile(join(dir, 'notes.txt'), 'x');
      await opened();
      expect(await readdir(dir)).to.deep.equal(['notes.txt']);
      expect(await readFile(outside, 'utf8')).to.equal('x');
    });

    it('sweeps from then on, and goes on after a sweep that failed', async () => {
      sinon.stub(PgFileRows.prototype, 'usage').onFirstCall().rejects(new Error('away')).callThrough();
      await writeFile(join(dir, randomUUID()), 'x');
      await clock.pass(300_000);
      await eventually('the fault', () => faults.length > 0);
      expect(faults.splice(0).map(String)).to.deep.equal(['Error: away']);
      await eventually('the next timer', () => clock.size > 0);
      // The next sweep is due once the one before has ended.
      await eventually('the sweep', async () => {
        await clock.pass(300_000);
        return (await readdir(dir)).length === 0;
      });
    });
  });

  it('waits at its close for what is under way, and then has no timer', async () => {
    const adding = add();
    await store.close();
    expect(clock.size).to.equal(0);
    const { id } = await adding;
    expect(await readdir(dir)).to.deep.equal([id]);
  });
});
