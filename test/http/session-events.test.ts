import { once } from 'node:events';
import { expect } from 'chai';
import { type SinonFakeTimers, useFakeTimers } from 'sinon';
import { EventStream, expectHeartbeat } from '../support/event-stream.ts';
import { Harness } from '../support/http-harness.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { ME, memoryGateway } from '../support/memory-gateway.ts';

describe('GET /sessions/{agentId}/events', () => {
  let http: Harness;
  let gateway: ReturnType<typeof memoryGateway>;
  let clock: SinonFakeTimers | undefined;
  beforeEach(async () => {
    gateway = memoryGateway({ clock: new ManualClock(), settings: { qrMaxRefreshes: 1_000 } });
    http = await new Harness().start({}, { system: gateway.system });
  });
  afterEach(async () => {
    clock?.restore();
    clock = undefined;
    await http.stop();
    await gateway.system.stop(1_000);
  });

  /** Resolves once no stream listens to the actors. */
  async function silence(): Promise<void> {
    while (gateway.system.events.listenerCount('state') > 0)
      await new Promise((resolve) => setImmediate(resolve));
    expect(gateway.system.events.eventNames()).to.be.empty;
  }
  const open = () => EventStream.open(`${http.url}/sessions/shop/events`);

  it('sends the current state, then every change of this agent alone, without message texts', async () => {
    const shop = await gateway.showQr();
    const stream = await open();
    expect(stream.response.headers['content-type']).to.equal('text/event-stream; charset=utf-8');
    await stream.has('event: state\ndata: {"status":"awaiting_qr"');
    await stream.has('event: mailbox\ndata: {"depth":0');
    await stream.has('event: qr\ndata: {"qr":"a,b,c"');

    await gateway.link('other');
    shop.emit('ready', ME);
    await gateway.send('a secret');
    await stream.has('event: message\ndata: {"id":"1","kind":"text","origin":"api","status":"sent"}');
    expect(stream.text).to.include('"status":"connected","from":"awaiting_qr"');
    expect(stream.text).to.include('data: {"qr":null,"issuedAt":null}');
    expect(stream.text).to.include('event: mailbox\ndata: {"depth":0,"capacity":500,"tokens":99}');
    expect(stream.text).not.to.include('a secret');
    expect(stream.text.match(/"status":"connected"/g)).to.have.length(1);
    stream.close();
    await silence();
  });

  it('sends a comment every 15 s', async () => {
    await gateway.link();
    clock = useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    await expectHeartbeat(`${http.url}/sessions/shop/events`, 'event: mailbox', clock);
    await silence();
    expect(clock.countTimers()).to.equal(0);
  });

  it('ends when the agent is deleted', async () => {
    await gateway.link();
    const stream = await open();
    const ended = once(stream.response, 'end');
    await http.ask('/sessions/shop', { method: 'DELETE' });
    await ended;
    await silence();
  });

  it('ends when the service stops, and no new one starts', async () => {
    await gateway.link();
    const stream = await open();
    const ended = once(stream.response, 'end');
    http.stopping.abort();
    await ended;
    await silence();
    expect((await http.ask('/sessions/shop/events')).body.error.code).to.equal('SHUTTING_DOWN');
  });

  it('disconnects a reader that falls a megabyte behind', async () => {
    const events = await gateway.showQr();
    const stream = await open();
    stream.response.pause();
    while (gateway.system.events.listenerCount('state') > 0) {
      events.emit('qr', 'x'.repeat(500_000));
      await new Promise((resolve) => setImmediate(resolve));
    }
    stream.close();
    await silence();
  });
});
