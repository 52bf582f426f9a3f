// Tests of the AI backend through the whole gateway, without a phone: `node --test examples/ai-backend.test.mjs`
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { createBackend, think } from './ai-backend.mjs';
import { startSandbox } from './sandbox.mjs';

const KEY = 'the-key-of-my-agent';
const CUSTOMER = '6285000000001';
const DEVELOPER = '62895619356936'; // the default of DEVELOPER_NUMBER
const MINUTE = 60_000;
const LIMIT = { timeout: 2 * MINUTE };

let sandbox;
let answer;
const backend = createBackend({ key: KEY, answer: (request) => answer(request) });

before(async () => {
  await new Promise((resolve) => backend.listen(0, '127.0.0.1', resolve));
  sandbox = await startSandbox({ aiBackendUrl: `http://127.0.0.1:${backend.address().port}` });
});
after(async () => {
  await sandbox?.stop();
  backend.closeAllConnections();
  backend.close();
});
beforeEach(async () => {
  answer = think;
  await sandbox.reset();
  await sandbox.link('florist', KEY);
});

test('answers a customer who asks for the opening hours, by name', LIMIT, async () => {
  await sandbox.write('florist', CUSTOMER, 'Sari', 'Are you open today?');
  assert.equal(await sandbox.received(CUSTOMER), 'Hello Sari, we are open from 8 to 17.');
});

test('does not reply to anything else', LIMIT, async () => {
  const body = { message: 'My order is broken', sessionId: CUSTOMER };
  const { reply, replySent } = await sandbox.call('POST', '/agents/florist/run', { key: KEY, body });
  assert.deepEqual({ reply, replySent }, { reply: null, replySent: false });
});

test('hands the chat over to a person who is asked for', LIMIT, async () => {
  await sandbox.write('florist', CUSTOMER, 'Sari', 'I want to talk to a person');
  assert.equal(await sandbox.received(CUSTOMER), 'A colleague will write to you here.');
  const { mode } = await sandbox.call('GET', `/agents/florist/chats/${CUSTOMER}`, { key: KEY });
  assert.equal(mode, 'human');
});

test('reports a timeout of one minute to the developer, not to the customer', LIMIT, async () => {
  const asked = new Promise((resolve) => {
    answer = () => {
      resolve();
      return new Promise(() => {});
    };
  });
  await sandbox.write('florist', CUSTOMER, 'Sari', 'Are you open today?');
  await asked;
  await sandbox.advance(MINUTE);
  assert.match(await sandbox.received(DEVELOPER), /reason: TIMEOUT/);
  assert.deepEqual(await sandbox.inbox(CUSTOMER), []);
});
