import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

describe('the worked example', function () {
  this.timeout(180_000);

  it('tests an AI backend through the sandbox, as docs/testing.md shows', async () => {
    // Mocha's options must not reach the process of the copy.
    const { PATH = '', HOME = '' } = process.env;
    const run = promisify(execFile)(
      process.execPath,
      ['--test', '--test-reporter=tap', 'examples/ai-backend.test.mjs'],
      { cwd: ROOT, env: { PATH, HOME }, encoding: 'utf8' },
    );
    const { stdout } = await run.catch((failed: Error & { stdout: string; stderr: string }) => {
      throw new Error(`${failed.message}\n${failed.stdout}\n${failed.stderr}`);
    });
    expect(stdout)
      .to.match(/^# pass 4$/m)
      .and.to.match(/^# fail 0$/m);
  });
});
