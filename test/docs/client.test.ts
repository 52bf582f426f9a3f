import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { KEY } from '../support/fixtures.ts';
import { linkAgent } from '../support/link-agent.ts';
import { withDatabase } from '../support/postgres.ts';
import { type Service, startService } from '../support/service.ts';

const EXAMPLE = fileURLToPath(new URL('../../examples/client/send.ts', import.meta.url));

describe('the typed client', () => {
  const database = withDatabase();
  let service: Service;

  before(async () => {
    service = await startService(database());
    await linkAgent(service, 'demo');
  });
  after(() => service?.close());

  /** Runs the example with a key; returns its exit code and output. */
  const send = (key: string) =>
    new Promise<{ code: number | null; printed: string }>((resolve) => {
      const args = [service.app.url, 'demo', key, '6281234567890', 'Halo'];
      const child = execFile(
        process.execPath,
        ['--import', 'tsx', EXAMPLE, ...args],
        (_error, stdout, stderr) => resolve({ code: child.exitCode, printed: `${stdout}${stderr}` }),
      );
    });

  it('has the types of the document that is in docs/ (else run `npm run client`)', async () => {
    const [schema, document] = await Promise.all(
      ['examples/client/schema.d.ts', 'docs/openapi.json'].map((path) =>
        readFile(new URL(`../../${path}`, import.meta.url), 'utf8'),
      ),
    );
    const hash = createHash('sha256').update(document!).digest('hex');
    expect(schema!.split('\n')[0]).to.equal(`// From docs/openapi.json, sha256 ${hash}`);
  });

  it('sends a message in its example', async () => {
    const { code, printed } = await send(KEY);
    expect(printed).to.match(/^Demo is connected\nsent: true_6281234567890@c\.us_\w+\n$/);
    expect(code).to.equal(0);
  });

  it('prints the code of an error in its example', async () => {
    const { code, printed } = await send('not-its-key');
    expect(printed).to.include('UNAUTHORIZED: ');
    expect(code).to.equal(1);
  });
});
