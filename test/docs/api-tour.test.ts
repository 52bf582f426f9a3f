import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import pino from 'pino';
import { type App, createApp } from '../../src/app.ts';
import { readConfig } from '../../src/infra/config.ts';
import { eventually } from '../support/eventually.ts';
import { withDatabase } from '../support/postgres.ts';
import { whereFound } from '../support/where-found.ts';
import { type Example, essence, examplesOf, hasShell, type Outcome, Shell } from './console.ts';
import { read } from './pages.ts';

const [readme, tour, messages, chats, webhooks, mcp] = await Promise.all(
  [
    'README.md',
    'docs/api-tour.md',
    'docs/messages.md',
    'docs/chats.md',
    'docs/webhooks.md',
    'docs/mcp.md',
  ].map(read),
);
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Whether a command only reads, so that it may be repeated. */
const isReading = ({ command }: Example) => !/ -(X|d|-data) /.test(command);

for (const [title, page] of [
  ['the cURLs of the tour and of the README, in their order, against the sandbox', tour!],
  ['the cURLs of every kind of message, in their order, against the sandbox', messages!],
  ['the cURLs of the chats, in their order, against the sandbox', chats!],
  ['the cURLs of a webhook, in their order, against the sandbox', webhooks!],
  ['the cURL of an MCP tool, against the demo of the sandbox', mcp!],
] as const)
  whereFound(title, hasShell() || null, 'no bash with curl found', () => registerExamples(page));

/** Registers one test per command of a page; each continues from the previous one. */
function registerExamples(page: string): void {
  const database = withDatabase();
  let folder: string;
  let app: App;
  let shell: Shell;
  let receiver: Server;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tour-'));
    receiver = createServer((req, res) => res.writeHead(req.url === '/broken' ? 500 : 200).end());
    await once(receiver.listen(0, '127.0.0.1'), 'listening');
    const config = readConfig({
      PORT: '0',
      APP_BASE_URL: 'http://localhost:3000',
      WHATSAPP_DRIVER: 'sandbox',
      DB_URL: database().url,
      DATA_DIR: join(folder, 'data'),
      WEBHOOK_ALLOWED_ORIGINS: `http://${receiverHost()}`,
      TEMP_DIR: join(folder, 'temp'),
    });
    app = createApp(config, { logger: pino({ level: 'silent' }) });
    await app.start();
    if (page === mcp) await fetch(`${app.url}/sandbox/seed`, { method: 'POST' });
    shell = new Shell(folder);
  });

  after(async () => {
    await shell?.close();
    await app?.stop();
    receiver?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** The address of the receiver of webhooks. */
  const receiverHost = () => `127.0.0.1:${(receiver.address() as AddressInfo).port}`;

  /** Runs a printed command on the address and in the folders of the test. */
  async function run({ command }: Example): Promise<Outcome> {
    const here = command
      .replaceAll('localhost:3000', new URL(app.url).host)
      .replaceAll('localhost:4000', receiverHost())
      .replaceAll('@examples/', `@${ROOT}examples/`);
    const { status, answer } = await shell.run(here);
    const printed = answer
      .replaceAll(join(folder, 'temp'), '/tmp/wwebjs')
      .replaceAll(receiverHost(), 'localhost:4000');
    return { status, answer: essence(printed) };
  }

  /** Runs a command once, or, if it only reads, until its output is the printed one. */
  async function outcomeOf(example: Example, printed: Outcome): Promise<Outcome> {
    let last = await run(example);
    const isPrinted = () => last.status === printed.status && last.answer === printed.answer;
    if (isPrinted() || !isReading(example)) return last;
    await eventually(
      'the printed answer',
      async () => {
        last = await run(example);
        return isPrinted();
      },
      5_000,
    ).catch(() => undefined);
    return last;
  }

  for (const [index, example] of examplesOf(page).entries()) {
    const line = example.command.split('\n')[0]!.replace(/ \\$/, ' …');
    it(`${index + 1}: ${line} prints the documented answer`, async () => {
      const printed = { status: example.status, answer: essence(example.answer) };
      expect(await outcomeOf(example, printed)).to.deep.equal(printed);
    });
  }

  if (page !== tour) return;
  it('the first message of the README is sent by the demo agent', async () => {
    const [, command] = /^```sh\n(curl [\s\S]*?)\n```$/m.exec(readme!)!;
    await fetch(`${app.url}/sandbox/seed`, { method: 'POST' });
    const { status, answer } = await run({ command: command!, status: null, answer: '' });
    expect(status, answer).to.equal(200);
    expect(JSON.parse(answer)).to.include({ to: '15550000004@c.us', status: 'sent' });
  });
}

describe('the tour and the pages of messages, chats, webhooks and MCP', () => {
  it('show each operation of the API as a cURL, but not the pages for people', async () => {
    const openapi = JSON.parse(await read('docs/openapi.json')) as {
      paths: Record<string, Record<string, unknown>>;
    };
    const pages = [tour!, messages!, chats!, webhooks!, mcp!];
    const calls = pages.flatMap(examplesOf).map(({ command }) => {
      const named = command.replace(/\$(ID|WEBHOOK|DELIVERY)\b/g, 'id').replace('/mcp/cafe', '/mcp/demo');
      const [, path] = /localhost:3000(\/[^\s?']*)/.exec(named) ?? [];
      const [, method] = / -X (\w+)/.exec(command) ?? [];
      return path && `${(method ?? (command.includes(' -d ') ? 'POST' : 'GET')).toLowerCase()} ${path}`;
    });
    const paths = Object.entries(openapi.paths).filter(
      ([path]) => !/^\/($|docs|inspector|log(in|out))/.test(path),
    );
    const operations = paths.flatMap(([path, methods]) =>
      ['get', 'post', 'put', 'patch', 'delete']
        .filter((method) => method in methods)
        .map((method) => {
          const values = { agentId: 'demo', chatId: '6285000000001', number: '085000000001' };
          const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => values[name as 'chatId'] ?? 'id');
          return `${method} ${filled}`;
        }),
    );
    expect(operations).to.have.length.above(10);
    expect(calls).to.include.members(operations);
  });
});
