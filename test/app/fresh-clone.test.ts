import { spawnSync } from 'node:child_process';
import { cp, mkdtemp, rm, symlink, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { SandboxCommand } from '../support/sandbox-command.ts';

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

/** What a clone doesn't have: what was made here, and what is the developer's own. */
const MADE_HERE = new Set([
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
    await cp(ROOT, folder, { recursive: true, filter: (path) => !MADE_HERE.has(relative(ROOT, path)) });
    // As old as can be, so that nothing is installed: these packages are everybody's.
    await utimes(join(folder, 'package-lock.json'), 0, 0);
    await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'), 'junction');
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
