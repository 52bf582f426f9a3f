import { once } from 'node:events';
import { expect } from 'chai';
import { type SinonFakeTimers, useFakeTimers } from 'sinon';
import { EventStream } from '../support/event-stream.ts';
import { Harness } from '../support/http-harness.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { memoryGateway } from '../support/memory-gateway.ts';

const STARTED_AT = '2023-11-14T22:13:20.000Z';

describe('the inspector', () => {
  let http: Harness;
  let gateway: ReturnType<typeof memoryGateway>;
  let events: Awaited<ReturnType<typeof gateway.link>>;
  let manual: ManualClock;
  let clock: SinonFakeTimers | undefined;

  beforeEach(async () => {
    manual = new ManualClock();
    gateway = memoryGateway({ clock: manual, settings: { qrMaxRefreshes: 1_000 } });
    http = await new Harness().start({ WHATSAPP_DRIVER: 'sandbox' }, { system: gateway.system });
    events = await gateway.link();
  });
  afterEach(async () => {
    clock?.restore();
    clock = undefined;
    await http.stop();
    await gateway.system.stop(1_000);
  });

  /** The newest transition of the agent. */
  const newest = () => gateway.system.history('shop').at(-1)!;

  /** Makes the agent take as many transitions: its socket loses the connection and regains it in turn. */
  function happens(times = 1): void {
    for (let time = 0; time < times; time += 1)
      events.emit(
        'state',
        gateway.system.describe('shop').states.includes('connected.suspect') ? 'CONNECTED' : 'OPENING',
      );
  }

  /** Resolves once no stream listens to the actors. */
  async function silence(): Promise<void> {
    while (gateway.system.events.eventNames().length > 0)
      await new Promise((resolve) => setImmediate(resolve));
  }

  describe('GET /inspector/api/agents', () => {
    it('is never served from a cache: neither of an older build nor after a logout', async () => {
      expect((await http.ask('/inspector')).headers.get('cache-control')).to.equal('no-cache');
    });

    it('is where / redirects browsers; other clients get 404', async () => {
      const page = await http.ask('/', { headers: { accept: 'text/html,*/*;q=0.8' } });
      expect([page.status, page.headers.get('location')]).to.deep.equal([303, '/inspector']);
      expect((await http.ask('/')).status).to.equal(404);
    });

    it('lists every agent with its live states, the driver, and the hashes of the running charts', async () => {
      await gateway.showQr('scan-me', '2@code');
      const { status, body, text } = await http.ask('/inspector/api/agents');
      expect(status).to.equal(200);
      expect(body).to.include({ driver: 'sandbox', hasLogin: false });
      expect(body.charts).to.deep.equal({
        agent: gateway.system.charts.agent.hash,
        supervisor: gateway.system.charts.supervisor.hash,
      });
      const [shop, other] = body.agents as Record<string, unknown>[];
      expect(shop).to.deep.equal({
        agentId: 'shop',
        agentName: 'Shop',
        userId: 1,
        status: 'connected',
        states: ['connected.healthy'],
        supervisorStates: ['alive.running.settling'],
        since: STARTED_AT,
        reason: null,
        mailbox: { mode: 'idle', depth: 0, capacity: 500, tokens: 100 },
        supervisor: { restarts: 0 },
        hasQr: false,
        chats: { human: 0, closed: 0 },
        settings: {
          ...{ inboundTypes: ['text'], aiMedia: 'url', debounceMs: 0, debounceMaxMs: 30_000 },
          ...{ handoverMinutes: 0, ignored: 0, replyDelayMs: 0 },
        },
        whatsapp: null,
        restriction: null,
      });
      expect(other).to.include({ agentId: 'scan-me', hasQr: true });
      expect(text).not.to.include('2@code').and.not.to.include('"key"');
    });
  });

  describe('GET /inspector/api/agents/{agentId}', () => {
    it('returns the history, oldest first, and the next transitions', async () => {
      happens();
      const { body } = await http.ask('/inspector/api/agents/shop');
      const history = body.history as Record<string, unknown>[];
      expect(history).to.deep.equal(JSON.parse(JSON.stringify(gateway.system.history('shop'))));
      expect(history.map(({ seq }) => seq)).to.deep.equal(history.map((_record, index) => index + 1));
      expect(history.at(-1)).to.include({ machine: 'agent', event: 'client.state' });
      expect(history.at(-1)!.to).to.deep.equal(['connected.suspect']);
      expect(body.next).to.deep.equal(gateway.system.next('shop'));
      expect(body.qr).to.equal(null);
    });

    it('has the current QR with its times', async () => {
      await gateway.showQr('scan-me', '2@code');
      const { body } = await http.ask('/inspector/api/agents/scan-me');
      expect(body.qr).to.deep.equal({
        code: '2@code',
        issuedAt: STARTED_AT,
        expiresAt: '2023-11-14T22:14:35.000Z',
      });
    });

    it('answers 404 for an unknown agent', async () => {
      const { body } = await http.ask('/inspector/api/agents/unknown');
      expect(body.error.code).to.equal('SESSION_NOT_FOUND');
    });
  });

  describe('GET /inspector/api/events', () => {
    it('sends all agents first, then the changed and removed ones', async () => {
      const other = await gateway.link('other');
      const stream = await EventStream.open(`${http.url}/inspector/api/events`);
      expect(stream.response.headers['content-type']).to.equal('text/event-stream; charset=utf-8');
      await stream.has('"complete":true}');
      expect(stream.text).to.match(/^retry: 2000\n\nevent: agents\ndata: {"agents":\[{"agentId":"shop"/);
      expect(stream.text).to.include('"agentId":"other"');

      other.emit('disconnected', 'LOGOUT');
      await stream.has('"complete":false}');
      const changes = stream.text.split('"complete":true}')[1];
      expect(changes).to.include('"agentId":"other"').and.to.include('"status":"disconnected"');
      expect(changes).not.to.include('"agentId":"shop"');

      await http.ask('/sessions/other', { method: 'DELETE' });
      await stream.has('event: removed\ndata: {"agentId":"other"}');
      stream.close();
      await silence();
    });

    it('sends the refill of tokens until they are full', async () => {
      await gateway.send('takes a token');
      clock = useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] });
      const stream = await EventStream.open(`${http.url}/inspector/api/events`);
      await stream.has('"tokens":99');
      await manual.pass(10);
      clock.tick(1_000);
      await stream.has('"tokens":100');
      const { length } = stream.text;
      clock.tick(5_000);
      happens();
      await stream.has('"connected.suspect"');
      expect(stream.text.slice(length).match(/event: agents/g)).to.have.length(1);
      stream.close();
      await silence();
    });

    it('sends the state of one agent, then each record with its number', async () => {
      const stream = await EventStream.open(`${http.url}/inspector/api/events?agentId=shop`);
      await stream.has('event: agent\ndata: {"agentId":"shop"');
      expect(stream.text).not.to.include('event: record');
      expect(stream.text).not.to.include('"history"');
      happens();
      await stream.has(`event: record\nid: ${newest().seq}\ndata: ${JSON.stringify(newest())}\n\n`);
      await stream.has('"states":["connected.suspect"]');
      stream.close();
      await silence();
    });

    it('shows the state after a change, though its events are published during it', async () => {
      clock = useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] });
      const table = await EventStream.open(`${http.url}/inspector/api/events`);
      await table.has('"complete":true}');
      events.emit('auth_failure', 'no');
      await table.has('"complete":false}');
      expect(table.text.split('"complete":true}')[1]).to.include('"status":"auth_failed"');
      table.close();
      await silence();
    });

    it('sends at most ten frames a second without losing a record', async () => {
      clock = useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      const stream = await EventStream.open(`${http.url}/inspector/api/events?agentId=shop`);
      await stream.has('event: agent\n');
      happens(12);
      await new Promise((resolve) => setImmediate(resolve));
      expect(stream.text).not.to.include('event: record');
      let frames = 0;
      stream.response.on('data', () => (frames += 1));
      clock.tick(100);
      await stream.has(`id: ${newest().seq}\n`);
      expect(stream.text.match(/event: record/g)).to.have.length(12);
      expect(frames).to.equal(1);
      stream.close();
      await silence();
    });

    it('continues after `Last-Event-ID` or `after`', async () => {
      happens(3);
      const { seq } = newest();
      const url = `${http.url}/inspector/api/events?agentId=shop&after=${seq - 2}`;
      const first = await EventStream.open(url);
      await first.has(`id: ${seq}\n`);
      expect(first.text.match(/^id: \d+/gm)).to.deep.equal([`id: ${seq - 1}`, `id: ${seq}`]);
      const second = await EventStream.open(url, { 'last-event-id': `${seq - 1}` });
      await second.has(`id: ${seq}\n`);
      expect(second.text.match(/^id: \d+/gm)).to.deep.equal([`id: ${seq}`]);
      first.close();
      second.close();
      await silence();
    });

    it('sends a reset when the numbers restarted with the service', async () => {
      const url = `${http.url}/inspector/api/events?agentId=shop`;
      const stream = await EventStream.open(url, { 'last-event-id': '700' });
      await stream.has(`id: ${newest().seq}\n`);
      expect(stream.text).to.match(/event: reset[\s\S]*id: 1\n/);
      stream.close();
      await silence();
    });

    it('ends with `removed` when the agent is deleted', async () => {
      const stream = await EventStream.open(`${http.url}/inspector/api/events?agentId=shop`);
      const ended = once(stream.response, 'end');
      await http.ask('/sessions/shop', { method: 'DELETE' });
      await ended;
      expect(stream.text).to.include('event: removed\ndata: {"agentId":"shop"}');
      await silence();
    });

    it('answers 404 for an unknown agent, 400 for an invalid agentId', async () => {
      const url = '/inspector/api/events?agentId=';
      expect((await http.ask(`${url}unknown`)).body.error.code).to.equal('SESSION_NOT_FOUND');
      expect((await http.ask(`${url}no%20body`)).body.error.code).to.equal('INVALID_PAYLOAD');
    });

    it('ends when the service stops, and no new one starts', async () => {
      const streams = ['', '?agentId=shop'].map((query) =>
        EventStream.open(`${http.url}/inspector/api/events${query}`),
      );
      const ended = (await Promise.all(streams)).map(({ response }) => once(response, 'end'));
      http.stopping.abort();
      await Promise.all(ended);
      await silence();
      expect((await http.ask('/inspector/api/events')).body.error.code).to.equal('SHUTTING_DOWN');
    });

    it('disconnects a viewer that falls a megabyte behind', async () => {
      const shown = await gateway.showQr('scan-me');
      const stream = await EventStream.open(`${http.url}/inspector/api/events?agentId=scan-me`);
      stream.response.pause();
      clock = useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      for (let turn = 0; gateway.system.events.eventNames().length > 0; turn += 1) {
        shown.emit('qr', `${turn}${'x'.repeat(500_000)}`);
        clock.tick(100);
        await new Promise((resolve) => setImmediate(resolve));
      }
      stream.close();
    });

    it('answers HEAD without a stream', async () => {
      for (const path of [
        '/inspector/api/events',
        '/inspector/api/events?agentId=shop',
        '/sessions/shop/events',
      ]) {
        const reply = await http.ask(path, { method: 'HEAD' });
        expect(reply.status).to.equal(200);
        expect(reply.headers.get('content-type')).to.equal('text/event-stream; charset=utf-8');
      }
      await silence();
    });

    it('has no listener on the actors without a viewer', async () => {
      await http.ask('/inspector/api/agents');
      await http.ask('/inspector/api/agents/shop');
      expect(gateway.system.events.eventNames()).to.be.empty;
    });
  });

  it('is read-only: allows GET and HEAD', async () => {
    for (const path of ['agents', 'agents/shop', 'events']) {
      const reply = await http.ask(`/inspector/api/${path}`, { method: 'POST' });
      expect(reply.status).to.equal(405);
      expect(reply.headers.get('allow')).to.equal('GET, HEAD, OPTIONS');
    }
  });
});
