import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { adoptProfiles, Profile, profilesBelow } from '../../../../src/infra/whatsapp/wwebjs/profile.ts';
import { failureOf } from '../../../support/failure.ts';
import { agentRef } from '../../../support/fixtures.ts';

describe('the profile of an agent', () => {
  let dir: string;
  let root: string;
  let victim: string;

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'gateway-profile-'));
    root = join(dir, 'auth');
    victim = join(dir, 'victim');
    await mkdir(root);
    await mkdir(victim);
    await writeFile(join(victim, 'kept'), 'untouched');
  });
  afterEach(async () => {
    expect(await readFile(join(victim, 'kept'), 'utf8')).to.equal('untouched');
    await rm(dir, { recursive: true, force: true });
  });

  const modeOf = async (path: string) => (await stat(path)).mode & 0o777;

  for (const id of ['', '.', '..', '../victim', 'a/../../victim', 'a/b', '/etc', '.trash', './'])
    it(`is refused for ${JSON.stringify(id)}, even in a row of the database`, () => {
      expect(() => new Profile(root, agentRef(id))).to.throw('not a folder name');
    });

  it('is closed to other users, including Chromium’s part, even if it was open before', async () => {
    await mkdir(join(root, 'bot', 'session'), { recursive: true, mode: 0o755 });
    const profile = new Profile(root, agentRef('bot'));
    await profile.prepare();
    await profile.markLinked();
    expect(await modeOf(profile.dir)).to.equal(0o700);
    expect(await modeOf(profile.userDataDir)).to.equal(0o700);
    expect(await modeOf(join(profile.dir, 'linked'))).to.equal(0o600);
  });

  /** A linked profile of an earlier version without users. */
  async function unnoted(agentId: string) {
    const profile = new Profile(root, agentRef(agentId));
    await profile.prepare();
    await profile.markLinked();
    await rm(join(profile.dir, 'owner'));
  }

  it('without a user is assigned once to the existing agent, and to none where there is none', async () => {
    await unnoted('bot');
    await unnoted('left');
    expect(await new Profile(root, agentRef('bot')).isLinked()).to.equal(false);
    await adoptProfiles(root, []);
    await adoptProfiles(root, [agentRef('bot', 7)]);
    await adoptProfiles(root, [agentRef('bot', 8), agentRef('left', 8)]);
    expect(await new Profile(root, agentRef('bot', 7)).isLinked()).to.equal(true);
    for (const namesake of [agentRef('bot', 8), agentRef('left', 8)])
      expect(await new Profile(root, namesake).isLinked()).to.equal(false);
  });

  it('of another user, or of none, is deleted before it is used', async () => {
    await unnoted('bot');
    for (const agent of [agentRef('bot', 1), agentRef('bot', 2)]) {
      const profile = new Profile(root, agent);
      await writeFile(join(profile.userDataDir, 'of-another'), '');
      await profile.prepare();
      expect(existsSync(join(profile.userDataDir, 'of-another'))).to.equal(false);
      expect(await profile.isLinked()).to.equal(false);
      await profile.markLinked();
    }
  });

  it('loses the lock of another host, but not while a browser here uses it', async () => {
    const profile = new Profile(root, agentRef('bot'));
    await profile.prepare();
    const lock = join(profile.userDataDir, 'SingletonLock');
    await symlink('another-host-4242', lock);
    // Any process that names the profile, as a browser does.
    const browser = spawn(process.execPath, [
      '-e',
      'setInterval(() => {}, 1000)',
      '--',
      `--user-data-dir=${profile.userDataDir}`,
    ]);
    await once(browser, 'spawn');
    await profile.prepare();
    expect(await readlink(lock)).to.equal('another-host-4242');
    const gone = once(browser, 'exit');
    browser.kill();
    await gone;
    await profile.prepare();
    expect(await readlink(lock).catch(() => null)).to.equal(null);
  });

  it('creates the root closed to other users', async () => {
    await new Profile(join(root, 'deeper'), agentRef('bot')).prepare();
    expect(await modeOf(join(root, 'deeper'))).to.equal(0o700);
  });

  it('is neither used nor deleted through a link', async () => {
    await symlink(victim, join(root, 'bot'));
    const profile = new Profile(root, agentRef('bot'));
    expect((await failureOf(profile.prepare())).code).to.equal('SESSION_START_FAILED');
    expect((await failureOf(profile.remove())).code).to.equal('SESSION_START_FAILED');
    expect(await readdir(victim)).to.deep.equal(['kept']);
  });

  it('is not used when Chromium’s part of it is a link', async () => {
    const profile = new Profile(root, agentRef('bot'));
    await profile.prepare();
    await rm(profile.userDataDir, { recursive: true });
    await symlink(victim, profile.userDataDir);
    expect((await failureOf(profile.prepare())).code).to.equal('SESSION_START_FAILED');
    expect(await readdir(victim)).to.deep.equal(['kept']);
  });

  it('is deleted with the links in it, but not their targets', async () => {
    const profile = new Profile(root, agentRef('bot'));
    await profile.prepare();
    await symlink(victim, join(profile.dir, 'elsewhere'));
    await symlink(victim, join(profile.userDataDir, 'Default'));
    await profile.remove();
    await profile.remove();
    expect(existsSync(profile.dir)).to.equal(false);
    expect(await readdir(join(root, '.trash'))).to.deep.equal([]);
  });

  it('is not moved when the trash is a link', async () => {
    await symlink(victim, join(root, '.trash'));
    const profile = new Profile(root, agentRef('bot'));
    await profile.prepare();
    await failureOf(profile.remove());
    expect(existsSync(profile.dir)).to.equal(true);
    await profilesBelow(root);
    expect(existsSync(join(root, '.trash'))).to.equal(false);
  });

  it('does not affect another profile with the same prefix', async () => {
    await new Profile(root, agentRef('sales2')).prepare();
    await new Profile(root, agentRef('sales')).prepare();
    await new Profile(root, agentRef('sales')).remove();
    expect((await profilesBelow(root)).map((profile) => profile.dir)).to.deep.equal([join(root, 'sales2')]);
  });
});
