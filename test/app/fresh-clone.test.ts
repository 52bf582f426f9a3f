import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';

const ENSURE = fileURLToPath(new URL('../../scripts/ensure.mjs', import.meta.url));

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
