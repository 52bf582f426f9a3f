import { spawnSync } from 'node:child_process';
import { cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { SandboxCommand } from '../support/sandbox-command.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const ENSURE = join(ROOT, 'scripts/ensure.mjs');
const MINUTE_MS = 60_000;

/** Runs the script before `npm start` and `npm test` on a Node that claims to have this version. */
function ensureOn(version: string) {
  const disguise = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`;
  const args = ['--import', `data:text/javascript,${encodeURIComponent(disguise)}`, ENSURE];
  return spawnSync(process.execPath, args, { encoding: 'utf8' });
}

describe('npm start and npm test', () => {
  // Never a supported version: it might install packages while other tests use them.
  for (const version of ['18.20.8', '20.18.3']) {
    it(`name the required Node version on ${version}`, () => {
      const { status, stderr } = ensureOn(version);
      expect(status).to.equal(1);
      expect(stderr).to.equal(`Node 20.19 or newer is needed; this is ${version}.\n`);
    });
  }
});

/** Files that a clone doesn't have: generated here, or the developer's own. */
const NOT_CLONED = new Set([
  '.git',
  'node_modules',
  'dist',
  'data',
  '.wwebjs_auth',
  '.wwebjs_cache',
  'coverage',
  '.env',
]);

describe('a fresh clone with its packages', function clone() {
  this.timeout(3 * MINUTE_MS);
  let folder: string;
  let sandbox: SandboxCommand | undefined;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gateway-clone-'));
    await cp(ROOT, folder, { recursive: true, filter: (path) => !NOT_CLONED.has(relative(ROOT, path)) });
    // A link: nothing is installed into the shared packages.
    await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'), 'junction');
  });
  after(async () => {
    await sandbox?.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('delivers its first message within a minute, with `npm run sandbox` and the cURL it prints', async () => {
    const startedAt = performance.now();
    sandbox = await SandboxCommand.start(folder);
    const { stdout } = spawnSync('bash', ['-c', sandbox.firstCommand], { encoding: 'utf8' });
    expect(JSON.parse(stdout)).to.include({ status: 'sent' });
    expect(performance.now() - startedAt).to.be.below(MINUTE_MS);
  });
});
