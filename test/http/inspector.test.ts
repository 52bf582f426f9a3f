import { once } from 'node:events';
import { expect } from 'chai';
import { type SinonFakeTimers, useFakeTimers } from 'sinon';
import type { TransitionRecord } from '../../src/actors/domain/agent-view.ts';
import { EventStream } from '../support/event-stream.ts';
import { Harness } from '../support/http-harness.ts';

const edge = 'connected.healthy → connected.probing';

/** The record with this number. */
function record(seq: number): TransitionRecord {
  return {
    seq,
    at: 1_700_000_000_000 + seq,
    machine: 'agent',
    event: 'probe.due',
    edges: [edge],
    ignored: false,
    from: ['connected.healthy'],
    to: ['connected.probing'],
    dwellMs: 5,
  };
}

describe('the inspector', () => {
  let http: Harness;
  let clock: SinonFakeTimers | undefined;

  beforeEach(async () => {
    http = await new Harness().start({ WHATSAPP_DRIVER: 'sandbox' });
  });
  afterEach(async () => {
    clock?.restore();
    clock = undefined;
    await http.stop();
  });

  /** Publishes a transition of an agent. */
  function happens(seq: number, agentId = 'bot'): void {
    http.system.agents.get(agentId)!.history.push(record(seq));
    http.system.events.emit('transition', agentId, record(seq));
  }

  /** Resolves once no stream listens to the actors. */
  async function silence(): Promise<void> {
    while (http.system.events.eventNames().length > 0) await new Promise((resolve) => setImmediate(resolve));
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
      http.system.add('scan-me', 'k', { status: 'awaiting_qr' }, { code: '2@code', issuedAt: 0 });
      const { status, body, text } = await http.ask('/inspector/api/agents');
      expect(status).to.equal(200);
      expect(body).to.include({ driver: 'sandbox', hasLogin: false });
      expect(body.charts).to.deep.equal({
        agent: http.system.charts.agent.hash,
        supervisor: http.system.charts.supervisor.hash,
      });
      const [bot, other] = body.agents as Record<string, unknown>[];
      expect(bot).to.deep.equal({
        agentId: 'bot',
        agentName: 'Support Bot',
        userId: 7,
        status: 'connected',
        states: ['connected.healthy'],
        supervisorStates: ['alive.running.steady'],
        since: '2025-11-07T08:00:00.000Z',
        reason: null,
        mailbox: { mode: 'idle', depth: 0, capacity: 500, tokens: 99 },
        supervisor: { restarts: 0 },
        hasQr: false,
        whatsapp: null,
        restriction: null,
      });
      expect(other).to.include({ agentId: 'scan-me', hasQr: true });
      expect(text).not.to.include('2@code').and.not.to.include('secret-key');
    });
  });

  describe('GET /inspector/api/agents/{agentId}', () => {
    it('returns the history, oldest first, and the next transitions', async () => {
      http.system.nextOfAgent = [{ event: 'probe.due', label: 'probe.due', edge }];
      happens(1);
      happens(2);
      const { body } = await http.ask('/inspector/api/agents/bot');
      expect(body.history).to.deep.equal([record(1), record(2)]);
      expect(body.next).to.deep.equal({
        agent: [{ event: 'probe.due', label: 'probe.due', edge }],
        supervisor: [],
      });
      expect(body.qr).to.equal(null);
    });

    it('has the current QR with its times', async () => {
      http.system.add('scan-me', 'k', {}, { code: '2@code', issuedAt: 0, expiresAt: 75_000 });
      const { body } = await http.ask('/inspector/api/agents/scan-me');
      expect(body.qr).to.deep.equal({
        code: '2@code',
        issuedAt: '1970-01-01T00:00:00.000Z',
        expiresAt: '1970-01-01T00:01:15.000Z',
      });
    });

    it('answers 404 for an unknown agent', async () => {
      const { body } = await http.ask('/inspector/api/agents/unknown');
      expect(body.error.code).to.equal('SESSION_NOT_FOUND');
    });
  });

  describe('GET /inspector/api/events', () => {
    it('sends all agents first, then the changed and removed ones', async () => {
      http.system.add('other', 'k');
      const stream = await EventStream.open(`${http.url}/inspector/api/events`);
      expect(stream.response.headers['content-type']).to.equal('text/event-stream; charset=utf-8');
      await stream.has('"complete":true}');
      expect(stream.text).to.match(/^retry: 2000\n\nevent: agents\ndata: {"agents":\[{"agentId":"bot"/);
      expect(stream.text).to.include('"agentId":"other"');

      http.system.agents.get('other')!.view.status = 'disconnected';
      happens(1, 'other');
      await stream.has('"complete":false}');
      const changes = stream.text.split('"complete":true}')[1];
      expect(changes).to.include('"agentId":"other"').and.to.include('"status":"disconnected"');
      expect(changes).not.to.include('"agentId":"bot"');

      await http.ask('/sessions/other', { method: 'DELETE' });
      await stream.has('event: removed\ndata: {"agentId":"other"}');
      stream.close();
      await silence();
    });

    it('sends the refill of tokens until they are full', async () => {
      clock = useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] });
      const stream = await EventStream.open(`${http.url}/inspector/api/events`);
      await stream.has('"tokens":99');
      http.system.agents.get('bot')!.view.mailbox.tokens = 100;
      clock.tick(1_000);
      await stream.has('"tokens":100');
      const { length } = stream.text;
      clock.tick(5_000);
      http.system.agents.get('bot')!.view.mailbox.depth = 1;
      happens(1);
      await stream.has('"depth":1');
      expect(stream.text.slice(length).match(/event: agents/g)).to.have.length(1);
      stream.close();
      await silence();
    });

    it('sends the state of one agent, then each record with its number', async () => {
      happens(1);
      const stream = await EventStream.open(`${http.url}/inspector/api/events?agentId=bot`);
      await stream.has('event: agent\ndata: {"agentId":"bot"');
      expect(stream.text).not.to.include('event: record');
      expect(stream.text).not.to.include('"history"');
      http.system.agents.get('bot')!.view.mailbox.depth = 3;
      happens(2);
      await stream.has(`event: record\nid: 2\ndata: ${JSON.stringify(record(2))}\n\n`);
      await stream.has('"depth":3');
      stream.close();
      await silence();
    });

    it('shows the state after a change, even if its event is published during it', async () => {
      clock = useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] });
      const table = await EventStream.open(`${http.url}/inspector/api/events`);
      await table.has('"complete":true}');
      happens(1);
      http.system.agents.get('bot')!.view.status = 'auth_failed';
      await table.has('"complete":false}');
      expect(table.text.split('"complete":true}')[1]).to.include('"status":"auth_failed"');
      table.close();
      await silence();
    });

    it('sends at most ten frames a second without losing a record', async () => {
      clock = useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      const stream = await EventStream.open(`${http.url}/inspector/api/events?agentId=bot`);
      await stream.has('event: agent\n');
      for (let seq = 1; seq <= 12; seq += 1) happens(seq);
      await new Promise((resolve) => setImmediate(resolve));
      expect(stream.text).not.to.include('event: record');
      let frames = 0;
      stream.response.on('data', () => (frames += 1));
      clock.tick(100);
      await stream.has('id: 12\n');
      expect(stream.text.match(/event: record/g)).to.have.length(12);
      expect(frames).to.equal(1);
      stream.close();
      await silence();
    });

    it('continues after `Last-Event-ID` or `after`', async () => {
      for (const seq of [1, 2, 3]) happens(seq);
      const url = `${http.url}/inspector/api/events?agentId=bot&after=1`;
      const first = await EventStream.open(url);
      await first.has('id: 3\n');
      expect(first.text.match(/^id: \d+/gm)).to.deep.equal(['id: 2', 'id: 3']);
      const second = await EventStream.open(url, { 'last-event-id': '2' });
      await second.has('id: 3\n');
      expect(second.text.match(/^id: \d+/gm)).to.deep.equal(['id: 3']);
      first.close();
      second.close();
      await silence();
    });

    it('sends a reset when the numbers restarted with the service', async () => {
      happens(1);
      const url = `${http.url}/inspector/api/events?agentId=bot`;
      const stream = await EventStream.open(url, { 'last-event-id': '700' });
      await stream.has('id: 1\n');
      expect(stream.text).to.match(/event: reset[\s\S]*id: 1\n/);
      stream.close();
      await silence();
    });

    it('ends with `removed` when the agent is deleted', async () => {
      const stream = await EventStream.open(`${http.url}/inspector/api/events?agentId=bot`);
      const ended = once(stream.response, 'end');
      await http.ask('/sessions/bot', { method: 'DELETE' });
      await ended;
      expect(stream.text).to.include('event: removed\ndata: {"agentId":"bot"}');
      await silence();
    });

    it('answers 404 for an unknown agent, 400 for an invalid agentId', async () => {
      const url = '/inspector/api/events?agentId=';
      expect((await http.ask(`${url}unknown`)).body.error.code).to.equal('SESSION_NOT_FOUND');
      expect((await http.ask(`${url}no%20body`)).body.error.code).to.equal('INVALID_PAYLOAD');
    });

    it('ends when the service stops, and no new one starts', async () => {
      const streams = ['', '?agentId=bot'].map((query) =>
        EventStream.open(`${http.url}/inspector/api/events${query}`),
      );
      const ended = (await Promise.all(streams)).map(({ response }) => once(response, 'end'));
      http.stopping.abort();
      await Promise.all(ended);
      await silence();
      expect((await http.ask('/inspector/api/events')).body.error.code).to.equal('SHUTTING_DOWN');
    });

    it('disconnects a viewer that falls a megabyte behind', async () => {
      const stream = await EventStream.open(`${http.url}/inspector/api/events`);
      stream.response.pause();
      const { view } = http.system.agents.get('bot')!;
      clock = useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      for (let turn = 0; http.system.events.eventNames().length > 0; turn += 1) {
        view.reason = `${turn}${'x'.repeat(500_000)}`;
        http.system.events.emit('state', {
          agentId: 'bot',
          from: null,
          to: 'disconnected',
          reason: null,
          at: 0,
          heldMs: 0,
        });
        clock.tick(100);
        await new Promise((resolve) => setImmediate(resolve));
      }
      stream.close();
    });

    it('answers HEAD without a stream', async () => {
      for (const path of [
        '/inspector/api/events',
        '/inspector/api/events?agentId=bot',
        '/sessions/bot/events',
      ]) {
        const reply = await http.ask(path, { method: 'HEAD' });
        expect(reply.status).to.equal(200);
        expect(reply.headers.get('content-type')).to.equal('text/event-stream; charset=utf-8');
      }
      await silence();
    });

    it('has no listener on the actors without a viewer', async () => {
      await http.ask('/inspector/api/agents');
      await http.ask('/inspector/api/agents/bot');
      expect(http.system.events.eventNames()).to.be.empty;
    });
  });

  it('is read-only: allows GET and HEAD', async () => {
    for (const path of ['agents', 'agents/bot', 'events']) {
      const reply = await http.ask(`/inspector/api/${path}`, { method: 'POST' });
      expect(reply.status).to.equal(405);
      expect(reply.headers.get('allow')).to.equal('GET, HEAD, OPTIONS');
    }
  });
});
