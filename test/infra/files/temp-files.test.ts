import { mkdir, mkdtemp, readdir, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect } from 'chai';
import sinon from 'sinon';
import { TempFiles } from '../../../src/infra/files/temp-files.ts';

const HOUR = 3_600_000;
const NOW = Date.parse('2030-01-02T12:00:00Z');

describe('TempFiles', () => {
  let root: string;
  let dir: string;
  let source: string;
  let now: number;
  let files: TempFiles;
  let faults: unknown[];

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'temp-files-'));
    dir = join(root, 'temp');
    source = join(root, 'source.png');
    await writeFile(source, 'picture');
    now = NOW;
    faults = [];
    files = new TempFiles({ dir, clock: { now: () => now }, onFault: (error) => faults.push(error) });
  });
  afterEach(async () => {
    await files.stop();
    sinon.restore();
    await rm(root, { recursive: true });
  });

  /** A preview that was written `ageMs` ago. */
  async function preview(ageMs: number): Promise<string> {
    const path = await files.add(source, 'png');
    await setAge(path, ageMs);
    return path;
  }
  const setAge = (path: string, ageMs: number) => utimes(path, new Date(NOW - ageMs), new Date(NOW - ageMs));

  it('deletes our files older than 24 hours and keeps the younger ones', async () => {
    await preview(24 * HOUR + 1_000);
    const young = await preview(24 * HOUR - 1_000);
    expect(await files.sweep()).to.equal(1);
    expect(await readdir(dir)).to.deep.equal([basename(young)]);
  });

  it('keeps the files of others of any age', async () => {
    await preview(48 * HOUR);
    for (const name of ['report.png', 'wa-preview-.png', 'wa-preview-notes.txt', '.hidden']) {
      await writeFile(join(dir, name), 'x');
      await setAge(join(dir, name), 48 * HOUR);
    }
    expect(await files.sweep()).to.equal(1);
    expect(await readdir(dir)).to.have.length(4);
  });

  it('never deletes a link or its target', async () => {
    const old = await preview(48 * HOUR);
    const [name, outside] = [basename(old), join(root, 'outside')];
    await rm(old);
    await mkdir(outside);
    const precious = join(outside, name);
    await writeFile(precious, 'x');
    await setAge(precious, 48 * HOUR);
    await symlink(precious, join(dir, name));
    await symlink(outside, join(dir, 'wa-preview-folder'));
    expect(await files.sweep()).to.equal(0);
    expect(await readdir(dir)).to.have.length(2);
    expect(await readdir(outside)).to.deep.equal([name]);
  });

  /** The results of preparing, writing and sweeping a folder. */
  async function outcomes(of: TempFiles): Promise<string[]> {
    const failed = (error: Error) => error.message;
    const done = () => 'done';
    const swept = await of.sweep().then(done, failed);
    const prepared = await of.prepare().then(done, failed);
    return [swept, prepared, await of.add(source, 'png').then(done, failed)];
  }

  for (const target of ['temp', 'missing'])
    it(`refuses a folder that is a link to one that ${target === 'temp' ? 'exists' : 'does not'}`, async () => {
      const old = await preview(48 * HOUR);
      const link = join(root, 'link');
      await symlink(join(root, target), link);
      const through = new TempFiles({ dir: link, clock: { now: () => now }, onFault: () => {} });
      expect(await outcomes(through)).to.deep.equal(
        Array(3).fill(`TEMP_DIR (${link}) is a link: name the folder itself.`),
      );
      expect(await readdir(dir)).to.deep.equal([basename(old)]);
      expect((await readdir(root)).sort()).to.deep.equal(['link', 'source.png', 'temp']);
    });

  it('refuses a folder of another user, and a file', async () => {
    await preview(48 * HOUR);
    const getuid = sinon.stub(process, 'getuid').returns((process.getuid?.() ?? 0) + 1);
    expect(await outcomes(files)).to.deep.equal(
      Array(3).fill(`TEMP_DIR (${dir}) belongs to another user: name a folder of this service's own.`),
    );
    getuid.restore();
    expect(await readdir(dir)).to.have.length(1);
    await rm(dir, { recursive: true });
    await writeFile(dir, 'x');
    expect(await outcomes(files)).to.deep.equal(Array(3).fill(`TEMP_DIR (${dir}) is not a folder.`));
  });

  it('creates a folder that only this user can enter', async () => {
    await files.prepare();
    expect((await stat(dir)).mode & 0o777).to.equal(0o700);
  });

  it('neither enters nor deletes folders, whatever their names', async () => {
    const old = await preview(48 * HOUR);
    await rm(old);
    await mkdir(old);
    await setAge(old, 48 * HOUR);
    expect(await files.sweep()).to.equal(0);
    expect(await readdir(dir)).to.have.length(1);
  });

  it('does nothing without a folder', async () => {
    expect(await files.sweep()).to.equal(0);
  });

  it('sweeps at start and every 30 minutes, until it is stopped', async () => {
    const timers = sinon.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const sweep = sinon.spy(files, 'sweep');
    files.start();
    files.start();
    expect(sweep.callCount).to.equal(1);
    await sweep.firstCall.returnValue;
    await preview(24 * HOUR - 60_000);
    now += 30 * 60_000;
    timers.tick(30 * 60_000 - 1);
    expect(sweep.callCount).to.equal(1);
    timers.tick(1);
    expect(sweep.callCount).to.equal(2);
    expect(await sweep.secondCall.returnValue).to.equal(1);
    await files.stop();
    timers.tick(10 * HOUR);
    expect(sweep.callCount).to.equal(2);
    expect(timers.countTimers()).to.equal(0);
  });

  it('reports a failed sweep', async () => {
    await writeFile(dir, 'a file where the folder should be');
    files.start();
    await files.stop();
    expect(faults).to.have.length(1);
  });
});
