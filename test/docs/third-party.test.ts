import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect } from 'chai';

const root = new URL('../../', import.meta.url);
const read = (name: string) => readFileSync(new URL(name, root), 'utf8');
const manifest = JSON.parse(read('package.json'));
const scarf = createRequire(import.meta.url)('@scarf/scarf/report.js');

/** The installation reporter's decision for this root manifest: its reason not to report, or the report. */
function decide(rootManifest: object): Promise<unknown> {
  const reporter = { '@scarf/scarf': { version: '1.4.0', path: '/x' } };
  const tree = {
    ...rootManifest,
    path: '/y',
    dependencies: { 'swagger-ui-dist': { version: '5.0.0', dependencies: reporter } },
  };
  return new Promise((resolve, reject) => {
    scarf.processDependencyTreeOutput(resolve, reject)(null, JSON.stringify(tree), '');
  });
}

describe('third-party packages', () => {
  it('never report an installation home', async () => {
    const { scarfSettings: _none, ...unprotected } = manifest;
    expect(await decide(unprotected)).to.have.property('rootPackage');
    const reason = await decide(manifest).catch((error: Error) => error.message);
    expect(reason).to.equal('Scarf has been disabled via a package.json in the dependency chain.');
  });

  it('are in THIRD-PARTY-NOTICES with their versions, if they are installed in production', () => {
    const notices = read('THIRD-PARTY-NOTICES');
    for (const [name, version] of Object.entries(manifest.dependencies)) {
      expect(notices).to.include(`\n${name} ${version} (`);
    }
    expect(notices)
      .to.include('Permission is hereby granted')
      .and.include('Apache License')
      .and.include('PostgreSQL');
    for (const name of ['mocha', 'typescript', 'sinon']) expect(notices).not.to.include(`\n${name} `);
  });

  it('are in THIRD-PARTY-NOTICES as in the lock file and in the build of the pages', function () {
    this.timeout(120_000);
    const run = spawnSync(process.execPath, ['scripts/third-party-notices.mjs', '--check'], {
      cwd: root,
      encoding: 'utf8',
    });
    expect(run.stderr + run.stdout).to.equal('');
    expect(run.status).to.equal(0);
  });
});
