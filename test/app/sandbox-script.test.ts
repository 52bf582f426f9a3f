import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdtemp, readdir, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { eventually } from '../support/eventually.ts';
import { processesIn } from '../support/processes.ts';

const SCRIPT = fileURLToPath(new URL('../../scripts/sandbox.mjs', import.meta.url));

describe('npm run sandbox', () => {
  let dir: string;

  beforeEach(async () => {
    dir = await realpath(await mkdtemp(join(tmpdir(), 'sandbox-')));
  });
  afterEach(() => rm(dir, { recursive: true, force: true, maxRetries: 5 }));

  it('does not touch the data that a .env names, and prints first steps', async () => {
    await writeFile(join(dir, '.env'), 'DATA_DIR=./real\nDB_URL=postgres://owner@127.0.0.1:1/real\n');
    const { PATH = '' } = process.env;
    const env = { PATH, HOME: dir, PORT: '0', TEMP_DIR: join(dir, 'temp') };
    const child = spawn(process.execPath, [SCRIPT], { cwd: dir, env, stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.resume();
    const ended = once(child, 'exit');
    let printed = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
    });
    try {
      await eventually('the welcome', () => child.exitCode !== null || printed.includes('"message": "ping"'));
      expect(printed).to.match(/Phone +http:\/\/127\.0\.0\.1:\d+\/sandbox\/phone/);
      await access(join(dir, 'data', 'sandbox', 'postgres'));
      expect(await readdir(dir)).not.to.include('real');
    } finally {
      child.kill('SIGTERM');
      expect(await ended).to.deep.equal([0, null]);
    }
    expect(processesIn(dir)).to.deep.equal([]);
  });
});
