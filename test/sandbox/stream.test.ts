import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import express from 'express';
import { type SinonFakeTimers, useFakeTimers } from 'sinon';
import { operationRoutes } from '../../src/http/operation-routes.ts';
import { CONTROL_OPERATIONS } from '../../src/sandbox/control-api/control-operations.ts';
import type { News } from '../../src/sandbox/control-api/news.ts';
import type { PhoneView } from '../../src/sandbox/control-api/phones.ts';
import { SandboxNetwork } from '../../src/sandbox/network/network.ts';
import { EventStream, expectHeartbeat } from '../support/event-stream.ts';
import { BOT_CHAT as BOT, CUSTOMER_CHAT as CUSTOMER } from '../support/fixtures.ts';
import { memoryGateway } from '../support/memory-gateway.ts';

describe('GET /sandbox/stream', () => {
  let network: SandboxNetwork;
  let gateway: ReturnType<typeof memoryGateway>;
  let stopping: AbortController;
  let server: Server;
  let base: string;
  let clock: SinonFakeTimers | undefined;

  beforeEach(async () => {
    network = new SandboxNetwork();
    gateway = memoryGateway();
    stopping = new AbortController();
    const control = operationRoutes(CONTROL_OPERATIONS, {
      network,
      agents: gateway.system,
      stopping: stopping.signal,
      forgetInbound: async () => undefined,
    });
    server = express().use('/sandbox', control).listen(0, '127.0.0.1');
    await once(server, 'listening');
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/sandbox`;
  });
  afterEach(async () => {
    clock?.restore();
    clock = undefined;
    network.close();
    await gateway.system.stop(1_000);
    await new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  });

  /** Waits for the first frame in which `found` finds something, and returns that. */
  async function news<T>(stream: EventStream, found: (one: News) => T | undefined): Promise<T> {
    for (;;) {
      const frames = stream.text.split('\n\n').slice(0, -1);
      for (const frame of frames) {
        const data = /^event: news\ndata: (.*)$/.exec(frame)?.[1];
        const hit = data && found(JSON.parse(data) as News);
        if (hit) return hit;
      }
      await once(stream.response, 'data');
    }
  }

  /** Resolves once no stream is subscribed. */
  async function unsubscribed(): Promise<void> {
    while (network.events.listenerCount('wire') > 0) await new Promise((resolve) => setImmediate(resolve));
    for (const name of ['state', 'qr', 'added', 'removed'] as const)
      expect(gateway.system.events.listenerCount(name), name).to.equal(0);
    expect(network.events.listenerCount('reset')).to.equal(0);
  }

  it('sends everything first, then what happens', async () => {
    network.account(BOT, { name: 'Demo' });
    const stream = await EventStream.open(`${base}/stream`);
    await stream.has('retry: 2000\n\n');
    const first = await news(stream, (one) => (one.fresh ? one : undefined));
    expect(first.people?.map(({ name }) => name)).to.deep.equal(['Demo']);
    expect(first).to.include.keys('phones', 'groups', 'wire');

    const { stanzaId } = network.write(CUSTOMER, { to: BOT, text: 'hello' });
    const copies = await news(stream, ({ messages }) => messages);
    expect(copies.map(({ owner, message }) => [owner, message.fromMe])).to.deep.equal([
      [CUSTOMER, true],
      [BOT, false],
    ]);
    expect(await news(stream, ({ people }) => people?.[1]?.pn)).to.equal(CUSTOMER);
    const acks = await news(stream, (one) => one.acks);
    expect(acks).to.have.length(1);
    expect(acks[0]).to.include({ owner: CUSTOMER, ack: 2 });
    expect(acks[0]?.messageId).to.include(stanzaId);

    network.type(BOT, CUSTOMER, true);
    const typing = await news(stream, (one) => one.typing);
    expect(typing).to.deep.equal([{ reader: CUSTOMER, chatId: BOT, typing: true }]);
    network.read(BOT, CUSTOMER);
    expect(await news(stream, ({ reads }) => reads)).to.deep.equal([{ reader: BOT, chatId: CUSTOMER }]);
    expect(await news(stream, ({ wire }) => wire?.find(({ kind }) => kind === 'typing'))).to.include({
      account: BOT,
    });
    stream.close();
    await unsubscribed();
  });

  it('sends everything again after a reset', async () => {
    network.account(BOT);
    const stream = await EventStream.open(`${base}/stream`);
    await news(stream, ({ fresh }) => fresh);
    network.reset();
    const after = await news(stream, (one) => (one.fresh && one.people?.length === 0 ? one : undefined));
    expect(after.wire).to.deep.equal([]);
    stream.close();
    await unsubscribed();
  });

  it('sends the phones when an agent is added, shows a QR, connects, and is removed', async () => {
    const stream = await EventStream.open(`${base}/stream`);
    const phone = (fits: (one: PhoneView | undefined) => boolean) =>
      news(stream, ({ phones }) => phones && fits(phones[0]));
    const created = gateway.create();
    await phone((one) => one?.agentId === 'shop');
    gateway.client().events.emit('qr', 'a,b,c');
    await created;
    await phone((one) => one?.qr?.code === 'a,b,c');
    gateway.client().events.emit('ready', { pn: BOT });
    await phone((one) => one?.status === 'connected' && one.qr === null);
    const before = stream.text.length;
    await gateway.remove();
    while (!stream.text.slice(before).includes('"phones":[]')) await once(stream.response, 'data');
    stream.close();
    await unsubscribed();
  });

  it('sends a comment every 15 s', async () => {
    clock = useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    await expectHeartbeat(`${base}/stream`, 'event: news', clock);
    await unsubscribed();
    expect(clock.countTimers()).to.equal(0);
  });

  it('ends when the service stops', async () => {
    const stream = await EventStream.open(`${base}/stream`);
    const ended = once(stream.response, 'end');
    stopping.abort();
    await ended;
    await unsubscribed();
  });

  it('disconnects a viewer that falls a megabyte behind', async () => {
    const stream = await EventStream.open(`${base}/stream`);
    stream.response.pause();
    while (network.events.listenerCount('wire') > 0) {
      network.write(CUSTOMER, { to: BOT, text: 'x'.repeat(60_000) });
      await new Promise((resolve) => setImmediate(resolve));
    }
    stream.close();
    await unsubscribed();
  });

  it('shows the phone of any person, and creates groups', async () => {
    const json = async (path: string, init?: RequestInit) => (await fetch(`${base}${path}`, init)).json();
    const made = (await json('/groups', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ name: 'Family', participants: [CUSTOMER, BOT] }),
    })) as { id: string };
    expect(await json('/groups')).to.deep.equal([
      { id: made.id, name: 'Family', participants: [CUSTOMER, BOT] },
    ]);
    network.write(CUSTOMER, { to: made.id, text: 'hi all' });
    const chats = (await json(`/people/${CUSTOMER}/chats`)) as object[];
    expect(chats[0]).to.include({ id: made.id, name: 'Family', kind: 'group' });
    const messages = (await json(`/people/${CUSTOMER}/messages?chat=${made.id}`)) as object[];
    expect(messages[0]).to.include({ body: 'hi all', fromMe: true, ack: 2 });
    await json(`/people/${BOT}/read`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ chat: made.id }),
    });
    const read = (await json(`/people/${CUSTOMER}/messages`)) as object[];
    expect(read[0]).to.include({ ack: 3 });
    expect(await json('/people/628999999999/chats')).to.deep.equal([]);
    expect(await json('/people')).to.have.length(2);
  });
});
