import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, symlink, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { SandboxCommand } from '../support/sandbox-command.ts';
import { whereFound } from '../support/where-found.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const ENSURE = join(ROOT, 'scripts/ensure.mjs');
const MINUTE_MS = 60_000;

/** Runs what precedes `npm start` and `npm test`, on a Node that says it is of that version. */
function ensureOn(version: string) {
  const disguise = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`;
  const args = ['--import', `data:text/javascript,${encodeURIComponent(disguise)}`, ENSURE];
  return spawnSync(process.execPath, args, { encoding: 'utf8' });
}

describe('npm start and npm test', () => {
  // Never one that is new enough: it might install, below the feet of the other tests.
  for (const version of ['18.20.8', '20.18.3']) {
    it(`say which Node is needed, on ${version}`, () => {
      const { status, stderr } = ensureOn(version);
      expect(status).to.equal(1);
      expect(stderr).to.equal(`Node 20.19 or newer is needed; this is ${version}.\n`);
    });
  }
});

const title = 'a fresh clone with its packages';
const checkout = existsSync(join(ROOT, '.git')) ? ROOT : null;

whereFound(title, checkout, 'this is no checkout of git', function clone(root) {
  this.timeout(3 * MINUTE_MS);
  let folder: string;
  let sandbox: SandboxCommand | undefined;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gateway-clone-'));
    const { stderr } = spawnSync('git', ['clone', '-q', root, folder], { encoding: 'utf8' });
    expect(stderr).to.equal('');
    // As old as can be, so that nothing is installed: these packages are everybody's.
    await utimes(join(folder, 'package-lock.json'), 0, 0);
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction');
  });
  after(async () => {
    await sandbox?.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('has delivered its first message within a minute, by `npm run sandbox` and the cURL that it prints', async () => {
    const startedAt = performance.now();
    sandbox = await SandboxCommand.start(folder);
    const { stdout } = spawnSync('bash', ['-c', sandbox.firstCommand], { encoding: 'utf8' });
    expect(JSON.parse(stdout)).to.include({ status: 'sent' });
    expect(performance.now() - startedAt).to.be.below(MINUTE_MS);
  });
});
