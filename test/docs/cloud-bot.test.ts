import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { eventually } from '../support/eventually.ts';
import { BOT, BOT_CHAT, CUSTOMER } from '../support/fixtures.ts';
import { freePort } from '../support/free-port.ts';
import { linkAgent } from '../support/link-agent.ts';
import { withDatabase } from '../support/postgres.ts';
import { type Service, startService } from '../support/service.ts';
import { read } from './pages.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The first block of this language after a heading. */
function blockAfter(page: string, heading: string, language: string): string {
  const [, after = ''] = page.split(heading);
  return new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(after)![1]!;
}

describe('the bot of the README', function () {
  this.timeout(60_000);
  const database = withDatabase();
  let service: Service;
  let bot: ChildProcess;
  let port: number;
  before(async () => {
    port = await freePort();
    const env = { WEBHOOK_ALLOWED_ORIGINS: `http://localhost:${port}` };
    service = await startService(database(), { env });
    await linkAgent(service, 'cafe', BOT);
  });
  after(async () => {
    if (bot?.kill()) await once(bot, 'exit');
    await service?.close();
  });

  it('answers a customer through the sandbox, as a client of Meta’s Cloud API', async () => {
    const page = await read('README.md');
    /** Leads a block to the ports of this test. */
    const here = (block: string) =>
      block.replaceAll('localhost:3000', new URL(service.url).host).replaceAll('4000', String(port));
    const code = here(blockAfter(page, '## Which API to use', 'js'));
    bot = spawn(process.execPath, ['--input-type=module', '--eval', code], { cwd: ROOT, stdio: 'inherit' });
    await eventually('the bot to listen', async () => {
      const socket = connect(port, 'localhost');
      return Promise.race([
        once(socket, 'connect').then(() => Boolean(socket.destroy())),
        once(socket, 'error').then(() => false),
      ]).catch(() => false);
    });
    const commands = here(blockAfter(page, '## Which API to use', 'sh'));
    const { stdout: answers } = await promisify(execFile)('sh', ['-euc', commands]);
    expect(answers).to.include('"inboundTypes":[]').and.to.include('"verified":true');
    service.network.write(CUSTOMER, { to: BOT, text: 'ping' });
    const answer = await eventually('the answer', () =>
      service.network.messages(CUSTOMER, BOT_CHAT).find(({ fromMe }) => !fromMe),
    );
    expect(answer.body).to.equal('You wrote: ping');
  });
});
