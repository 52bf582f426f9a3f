import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { readConfig } from '../../src/infra/config.ts';
import { findProgram, whereFound } from '../support/where-found.ts';

const UNIT = fileURLToPath(new URL('../../docs/whatsapp-gateway.service', import.meta.url));
const unit = await readFile(UNIT, 'utf8');
const { scripts } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'));
const ecosystem = await readFile(new URL('../../ecosystem.config.js', import.meta.url), 'utf8');

/** The value of a setting in the unit. */
const settingOf = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(unit)?.[1];

describe('the time limit of the shutdown', () => {
  const { SHUTDOWN_GRACE_MS } = readConfig({});

  it('is above the default of SHUTDOWN_GRACE_MS under systemd', () => {
    expect(Number(settingOf('TimeoutStopSec')) * 1_000).to.be.above(SHUTDOWN_GRACE_MS);
  });

  it('is above the default of SHUTDOWN_GRACE_MS under pm2', () => {
    expect(Number(/kill_timeout: (\d+)/.exec(ecosystem)?.[1])).to.be.above(SHUTDOWN_GRACE_MS);
  });
});

describe('the arguments of Node', () => {
  const inNpm = (script: string) => / node ((?:--\S+ )+)\S+$/.exec(scripts[script])?.[1]?.trim();

  it('are the same in npm start, in npm run sandbox, under pm2 and under systemd', () => {
    const wanted = inNpm('start');
    expect(wanted).to.be.a('string');
    expect(inNpm('sandbox')).to.equal(wanted);
    expect(/node_args: '(.*)'/.exec(ecosystem)?.[1]).to.equal(wanted);
    expect(settingOf('ExecStart')).to.match(new RegExp(`^node ${wanted} \\S+$`));
  });
});

whereFound(
  'the systemd unit',
  findProgram('systemd-analyze'),
  'no systemd-analyze found: apt-get install systemd',
  (program) => {
    /** The output of systemd-analyze for the unit. */
    function analyse(...args: string[]) {
      const { status, stdout, stderr } = spawnSync(program, [...args, UNIT], { encoding: 'utf8' });
      return { status, said: stdout + stderr };
    }

    it('has no warning of systemd-analyze', () => {
      expect(analyse('verify')).to.deep.equal({ status: 0, said: '' });
    });

    it('has an exposure of at most 2.0 of 10 by systemd-analyze', () => {
      const { status, said } = analyse('security', '--offline=yes', '--threshold=20');
      expect(status, said).to.equal(0);
    });

    it("allows what Chromium's own sandbox needs: namespaces, and the calls to enter them", () => {
      expect(settingOf('RestrictNamespaces')).to.equal('user pid net');
      expect(unit).to.match(/^SystemCallFilter=capset chroot seccomp$/m);
    });
  },
);
