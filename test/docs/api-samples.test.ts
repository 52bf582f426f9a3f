import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { openApiDocument } from '../../src/http/openapi/document.ts';
import * as examples from '../../src/http/openapi/examples.ts';
import { eventually } from '../support/eventually.ts';
import { BOT, CUSTOMER, PIXEL } from '../support/fixtures.ts';
import { withDatabase } from '../support/postgres.ts';
import { type Service, startService } from '../support/service.ts';
import { findProgram, whereFound } from '../support/where-found.ts';
import { Shell } from './console.ts';

const SERVER = 'http://localhost:3000';
/** The phone of the walk. */
/** The first operations, those after the scan, and the last ones. */
const FIRST = ['createSession', 'getQr', 'requestPairingCode'];
const LINKING = ['getPasskeyChallenge', 'answerPasskeyChallenge'];
const LAST = [
  ...['testWebhook', 'listDeliveries', 'retryDelivery', 'deleteWebhook'],
  ...['deleteFile', 'reconnectSession', 'deleteSession'],
];
/** Operations whose status in this walk is not the first documented one. */
const STATUS: Record<string, number> = {
  createSession: 201,
  uploadFile: 201,
  deleteFile: 204,
  markChatRead: 204,
  setTyping: 204,
  createWebhook: 201,
  deleteWebhook: 204,
  // Nothing was given up.
  retryDelivery: 404,
  showLogin: 303,
  logIn: 303,
  logOut: 303,
  getHome: 404,
};

interface Operation {
  operationId: string;
  responses: Record<string, unknown>;
  'x-codeSamples': [{ source: string }];
}

const operations = Object.values(openApiDocument(SERVER).paths ?? {}).flatMap(
  (item) => Object.values(item ?? {}) as unknown as Operation[],
);
const named = (ids: string[]) => ids.map((id) => operations.find(({ operationId }) => operationId === id)!);
const others = operations.filter(({ operationId }) => ![...FIRST, ...LINKING, ...LAST].includes(operationId));

const program = findProgram('bash') && findProgram('curl');
whereFound('the command of each operation, on the sandbox', program, 'no bash with curl found', () => {
  const database = withDatabase();
  let service: Service;
  let folder: string;
  let shell: Shell;
  let messageId = '';
  /** The stored file of the story. */
  let file = { id: '', url: '' };
  let webhookId = '';

  before(async () => {
    service = await startService(database());
    folder = await mkdtemp(join(tmpdir(), 'samples-'));
    shell = new Shell(folder);
    await shell.run('API_KEY=key-of-the-user');
    await shell.run(`printf '%%PDF-1.7' > invoice.pdf`);
  });
  after(async () => {
    await shell?.close();
    await service?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** Runs the documented command on the address of the test; a stream is closed after a second. */
  async function run({ 'x-codeSamples': [{ source }], operationId }: Operation) {
    const example = '019a9f3e-7c1d-7b8e-9d52-3f0c5a1e77aa';
    const command = signed(operationId, source)
      .replace(examples.file.url, file.url)
      .replaceAll(SERVER, service.app.url)
      .replaceAll(example, messageId)
      .replaceAll(examples.file.id, file.id)
      .replaceAll(examples.webhook.url, 'https://webhooks.invalid/')
      .replaceAll(examples.webhook.id, webhookId);
    const outcome = await shell.run(command.replace('curl -N', 'curl -N --max-time 1'));
    if (operationId === 'uploadFile') {
      const { id, url } = JSON.parse(outcome.answer) as typeof file;
      file = { id, url: url.replace(/^http:\/\/[^/]+/, SERVER) };
    }
    if (operationId === 'createWebhook') webhookId = String(JSON.parse(outcome.answer).id);
    if (operationId === 'sendMessage') messageId = String(JSON.parse(outcome.answer).id);
    return outcome;
  }

  /** The command with an assertion of the phone's passkey instead of the example. */
  function signed(operationId: string, source: string): string {
    if (operationId !== 'answerPasskeyChallenge') return source;
    return source.replace(/-d '.*'$/s, `-d '${JSON.stringify(service.network.signPasskey(BOT))}'`);
  }

  /** Registers a test per operation. */
  function register(some: Operation[]): void {
    for (const operation of some) {
      const { operationId, responses } = operation;
      const status = STATUS[operationId] ?? 200;
      it(`${operationId} responds with ${status}, as documented`, async () => {
        expect(responses).to.have.property(String(status));
        const outcome = await run(operation);
        expect(outcome.status, outcome.answer).to.equal(status);
      });
    }
  }

  register(named(FIRST));
  it('(the QR is scanned, and WhatsApp requires a passkey)', async () => {
    service.network.configure({ passkey: 'refs_stop' });
    service.network.scan(service.app.system.qr('support-bot').code, BOT);
    const isChallenged = () => service.app.system.describe('support-bot').passkey?.challenge;
    await eventually('the challenge', isChallenged);
  });
  register(named(LINKING));
  it('(the phone is linked)', async () => {
    const isConnected = () => service.app.system.describe('support-bot').status === 'connected';
    await eventually('the connection', isConnected);
  });
  it('(a customer sends the image of the examples)', async () => {
    const { id } = examples.messagePage.messages[0]!;
    const file = { type: 'image', mimetype: 'image/png', data: PIXEL } as const;
    const draft = { to: BOT, text: '', file, stanzaId: id.split('_')[2]! };
    service.network.write(CUSTOMER, draft);
    await eventually('the image', () => service.network.messages(BOT).some((message) => message.id === id));
  });
  register(others);
  register(named(LAST));
});
