import { expect } from 'chai';
import sinon from 'sinon';
import type { GatewayEvents } from '../../../src/actors/domain/gateway-events.ts';
import { wordsOf } from '../../../src/actors/domain/message-content.ts';
import { DEFAULT_LIMITS } from '../../../src/actors/domain/settings.ts';
import { eventually } from '../../support/eventually.ts';
import { inbound, memoryGateway } from '../../support/memory-gateway.ts';

type Kind = keyof GatewayEvents;

/** Every kind of event; one that is missing here does not compile. */
const KINDS = Object.keys({
  ...{ added: 0, removed: 0, transition: 0, state: 0, qr: 0, passkey: 0, compatibility: 0, restriction: 0 },
  ...{ unreported: 0, mailbox: 0, message: 0, rejected: 0, inbound: 0, ai: 0, operation: 0, restart: 0 },
  ...{ fleet: 0, fault: 0, receipt: 0, chatMode: 0, settings: 0, transcription: 0, turns: 0 },
} satisfies Record<Kind, 0>) as Kind[];

/** Runs four agents through every kind of event, after `setUp`; returns what had to be done. */
async function run(setUp: (gateway: ReturnType<typeof memoryGateway>) => void) {
  const gateway = memoryGateway({
    settings: {
      startConcurrency: 9,
      inboundTypes: ['text', 'audio'],
      limits: { ...DEFAULT_LIMITS, unlinkMs: 20 },
    },
    transcriber: { transcribe: async () => ({ status: 'completed', text: 'hello' }) },
  });
  const { system, driver, database, client, released } = gateway;
  setUp(gateway);
  const spec = { type: 'session.create', userId: 1, apiKey: 'key', traceId: 't' } as const;
  const clients = [];
  for (const agentId of ['shop', 'cafe', 'bank', 'kiosk']) {
    const created = system.ask(agentId, { ...spec, agentName: agentId });
    await eventually('a client', () => driver.clients.length > clients.length);
    client().events.emit('qr', 'a,b,c');
    await created;
    clients.push(client().events);
  }
  const [shop, cafe, bank, kiosk] = clients;
  await gateway.send('too early').catch(() => undefined);
  shop!.emit('passkey', null);
  for (const events of clients) events.emit('ready', { pn: '6281111111111@c.us' });
  shop!.emit('compatibility', { webVersion: '2.3', compatibility: 'broken', repaired: [], missing: ['X.y'] });
  shop!.emit('restriction', { kind: 'message_cap' });
  shop!.emit('unreported', 1);
  await gateway.send('hello');
  shop!.emit('ack', { messageId: 'wa hello', ack: 2 });
  const image = { path: '/spool/image.png', mimetype: 'image/png', size: 68, sha256: '' };
  const content = { kind: 'image', file: image, caption: 'look' } as const;
  const message = { to: 'x@c.us', content, origin: 'api', traceId: 't' } as const;
  await system.ask('shop', { type: 'message.send', userId: 1, message, respondAsync: false });
  shop!.emit('message', inbound('1'));
  await eventually('the reply', () => driver.sent.length === 2);
  shop!.emit('message', { ...inbound('2'), type: 'ptt', body: '' });
  await eventually('the reply to a voice note', () => driver.sent.length === 3);
  const ofShop = { userId: 1, traceId: 't' };
  await system.ask('shop', { type: 'chat.set_mode', chatId: 'x@c.us', mode: 'human', ...ofShop });
  await system.ask('shop', { type: 'settings.change', changes: { handoverMinutes: 1 }, ...ofShop });
  const connected = database.rows.get('shop')?.status;
  kiosk!.emit('crash', 'gone');
  for (const events of [shop, cafe, bank]) events!.emit('disconnected', 'DEPRECATED_VERSION');
  await eventually('the row', () => database.rows.get('shop')?.status === 'disconnected');
  await system.ask('cafe', { type: 'session.remove', traceId: 't' });
  await system.stop(1_000);
  const sent = [...database.messages.values()].map(({ content, status }) => `${wordsOf(content)} ${status}`);
  return { connected, sent, rows: [...database.rows.keys()], claims: [...database.claims], released };
}

describe('a watcher that throws', () => {
  afterEach(() => sinon.restore());

  for (const kind of KINDS) {
    it(`at ${kind} stops neither other watchers nor what has to be done`, async () => {
      const seen = new Set<Kind>();
      const faults: unknown[] = [];
      const printed = sinon.stub(console, 'error');
      const bug = new Error('a bug');
      const done = await run(({ system }) => {
        system.events.on(kind, () => {
          throw bug;
        });
        for (const each of KINDS) system.events.on(each, () => void seen.add(each));
        system.events.on('fault', ({ where, error }) => where === 'listener' && faults.push(error));
      });
      expect([...seen]).to.have.members(KINDS);
      expect(done).to.deep.equal({
        connected: 'connected',
        sent: ['hello sent', 'look sent', 'hello sent', 'hello sent'],
        rows: ['shop', 'bank', 'kiosk'],
        claims: ['1', '2'],
        released: ['/spool/image.png'],
      });
      if (kind === 'fault') expect(printed.alwaysCalledWith(bug)).to.equal(true);
      else expect(faults).to.include(bug);
    });
  }
});
