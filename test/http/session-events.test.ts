import { once } from 'node:events';
import { expect } from 'chai';
import { type SinonFakeTimers, useFakeTimers } from 'sinon';
import { EventStream, expectHeartbeat } from '../support/event-stream.ts';
import { Harness } from '../support/http-harness.ts';

describe('GET /sessions/{agentId}/events', () => {
  let http: Harness;
  let clock: SinonFakeTimers | undefined;
  beforeEach(async () => {
    http = await new Harness().start();
    http.system.add('scan-me', 'k', { status: 'awaiting_qr' }, { code: '2@code', issuedAt: 0 });
  });
  afterEach(async () => {
    clock?.restore();
    clock = undefined;
    await http.stop();
  });

  /** Resolves once no stream listens to the actors. */
  async function silence(): Promise<void> {
    while (http.system.events.listenerCount('state') > 0)
      await new Promise((resolve) => setImmediate(resolve));
    expect(http.system.events.eventNames()).to.be.empty;
  }

  it('sends the current state, then every change of this agent alone, without message texts', async () => {
    const stream = await EventStream.open(`${http.url}/sessions/scan-me/events`);
    expect(stream.response.headers['content-type']).to.equal('text/event-stream; charset=utf-8');
    await stream.has('event: state\ndata: {"status":"awaiting_qr"');
    await stream.has('event: mailbox\ndata: {"depth":0');
    await stream.has('event: qr\ndata: {"qr":"2@code"');

    const { events } = http.system;
    const change = { from: 'awaiting_qr', to: 'connected', reason: null, at: 0, heldMs: 5 } as const;
    events.emit('state', { agentId: 'bot', ...change });
    events.emit('state', { agentId: 'scan-me', ...change });
    events.emit('qr', { agentId: 'scan-me', qr: null });
    events.emit('mailbox', {
      agentId: 'scan-me',
      mailbox: { mode: 'throttled', depth: 4, capacity: 500, tokens: 1, nextTokenSeconds: 0 },
    });
    events.emit('message', {
      agentId: 'scan-me',
      id: 'm-1',
      kind: 'text',
      origin: 'api',
      status: 'sent',
      traceId: 't',
    });
    await stream.has('event: message\ndata: {"id":"m-1","kind":"text","origin":"api","status":"sent"}');
    expect(stream.text).to.include('"status":"connected","from":"awaiting_qr"');
    expect(stream.text).to.include('data: {"qr":null,"issuedAt":null}');
    expect(stream.text).to.include('{"depth":4');
    expect(stream.text.match(/"status":"connected"/g)).to.have.length(1);
    stream.close();
    await silence();
  });

  it('sends a comment every 15 s', async () => {
    clock = useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    await expectHeartbeat(`${http.url}/sessions/bot/events`, 'event: mailbox', clock);
    await silence();
    expect(clock.countTimers()).to.equal(0);
  });

  it('ends when the agent is deleted', async () => {
    const stream = await EventStream.open(`${http.url}/sessions/bot/events`);
    const ended = once(stream.response, 'end');
    await http.ask('/sessions/bot', { method: 'DELETE' });
    await ended;
    await silence();
  });

  it('ends when the service stops, and no new one starts', async () => {
    const stream = await EventStream.open(`${http.url}/sessions/bot/events`);
    const ended = once(stream.response, 'end');
    http.stopping.abort();
    await ended;
    await silence();
    expect((await http.ask('/sessions/bot/events')).body.error.code).to.equal('SHUTTING_DOWN');
  });

  it('disconnects a reader that falls a megabyte behind', async () => {
    const stream = await EventStream.open(`${http.url}/sessions/bot/events`);
    stream.response.pause();
    const reason = 'x'.repeat(500_000);
    const change = { agentId: 'bot', from: null, to: 'disconnected', reason, at: 0, heldMs: 0 } as const;
    while (http.system.events.listenerCount('state') > 0) {
      http.system.events.emit('state', change);
      await new Promise((resolve) => setImmediate(resolve));
    }
    stream.close();
    await silence();
  });
});
