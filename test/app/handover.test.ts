import { expect } from 'chai';
import type { HistoryEntry } from '../../src/actors/domain/chats.ts';
import { Seeded } from '../../src/sandbox/network/seeded.ts';
import { callApi } from '../support/api.ts';
import { EventStream } from '../support/event-stream.ts';
import { eventually } from '../support/eventually.ts';
import { BEARER, BOT, CUSTOMER, CUSTOMER_CHAT, UNLIMITED } from '../support/fixtures.ts';
import { connected, linkAgent } from '../support/link-agent.ts';
import { createDatabase } from '../support/postgres.ts';
import { type Service, startService } from '../support/service.ts';

const MINUTES = 30;
const MINUTE_MS = 60_000;
const INTERLEAVINGS = 200;
/** What a turn goes through; the person writes at one of these moments, or shortly after it. */
const STAGES = ['written', 'asked', 'answered', 'queued', 'sending', 'sent'] as const;
type Stage = (typeof STAGES)[number];

describe('a chat that a person takes over', function () {
  this.timeout(60_000);
  let service: Service;

  beforeEach(async () => {
    const database = await createDatabase();
    service = await startService(database, {
      env: { ...UNLIMITED, HANDOVER_MINUTES: String(MINUTES), AI_CONCURRENCY: '300' },
    });
    await linkAgent(service, 'shop', BOT);
  });
  afterEach(() => service.close());

  const call = (method: string, path: string, body?: unknown) =>
    callApi(service.url, method, `/agents/shop${path}`, body, BEARER);
  const customerWrites = (text: string, from = CUSTOMER) => service.network.write(from, { to: BOT, text });
  /** A person writes on the phone of the bot. */
  const personWrites = (text: string, to = CUSTOMER) => service.network.write(BOT, { to, text });
  const modeOf = async (chat = CUSTOMER) => (await call('GET', `/chats/${chat}`)).body.mode;
  const becomes = (mode: string, chat?: string) =>
    eventually(`mode ${mode}`, async () => (await modeOf(chat)) === mode);
  const asked = () => service.ai.calls.map(({ body }) => body.message);
  /** Waits until the AI was asked this. */
  const isAsked = (text: string) => eventually(`"${text}" to be asked`, () => asked().includes(text));
  /** What the customer's phone shows of the bot's messages. */
  const shown = (chat = CUSTOMER_CHAT) =>
    service.network.messages(BOT, chat).flatMap(({ fromMe, body }) => (fromMe ? [body] : []));
  /** The history that went with the AI's last request. */
  const history = () =>
    ((service.ai.calls.at(-1)?.body.history ?? []) as HistoryEntry[]).map(
      ({ fromMe, by, text, type }) => `${by}${fromMe ? ' (own)' : ''}: ${type} ${text}`,
    );

  it('is not answered by the bot for some minutes, and then its AI is given what passed', async () => {
    customerWrites('first');
    await isAsked('first');
    await eventually('the reply', () => shown().includes('AI: first'));
    personWrites('hello, this is Ann');
    await becomes('human');
    customerWrites('thank you');
    service.network.write(CUSTOMER, {
      to: BOT,
      text: 'my receipt',
      file: { type: 'image', data: Buffer.from('not looked at'), mimetype: 'image/png' },
    });
    await service.network.clock.advance((MINUTES - 1) * MINUTE_MS);
    personWrites('my pleasure');
    await eventually('the message', async () => {
      const { body } = await call('GET', `/chats/${CUSTOMER}`);
      return Date.parse(String(body.until)) > service.network.clock.now() + (MINUTES - 1) * MINUTE_MS;
    });
    await service.network.clock.advance(2 * MINUTE_MS);
    expect(await modeOf()).to.equal('human');
    await service.network.clock.advance(MINUTES * MINUTE_MS);
    expect(await modeOf()).to.equal('bot');
    customerWrites('again');
    await isAsked('again');
    expect(history()).to.deep.equal([
      'human (own): text hello, this is Ann',
      'customer: text thank you',
      'customer: image my receipt',
      'human (own): text my pleasure',
    ]);
    const [{ at }] = service.ai.calls.at(-1)!.body.history as [{ at: string }];
    expect(new Date(at).toISOString()).to.equal(at);
    await eventually('the reply', () => shown().includes('AI: again'));
    customerWrites('and again');
    await isAsked('and again');
    expect(history()).to.deep.equal([]);
    expect(asked()).to.deep.equal(['first', 'again', 'and again']);
  });

  it('drops the turn in progress, and typing ends at once', async () => {
    service.ai.behave = () => 'hang';
    const typing = () => service.network.chats(CUSTOMER).some((chat) => chat.typing);
    customerWrites('first');
    await isAsked('first');
    await eventually('typing', typing);
    personWrites('I take this one');
    await eventually('typing to end', () => !typing());
    await becomes('human');
    service.ai.behave = ({ body }) => ({ body: { reply: `AI: ${body.message}` } });
    await call('PUT', `/chats/${CUSTOMER}`, { mode: 'bot' });
    customerWrites('next');
    await isAsked('next');
    expect(history()).to.deep.equal(['customer: text first', 'human (own): text I take this one']);
    expect(asked()).to.deep.equal(['first', 'next']);
  });

  it(`gets no reply of the bot after the person's message, in ${INTERLEAVINGS} interleavings`, async () => {
    const seeded = new Seeded('interleavings');
    /** A number from 0 to `most`. */
    const upTo = (most: number) => Number.parseInt(seeded.hex('chance', 6), 16) % (most + 1);
    const turns = async (count: number) => {
      for (let turn = 0; turn < count; turn += 1) await new Promise(setImmediate);
    };
    const waiting = new Map<string, () => void>();
    const customerOf = new Map<string, string>();
    /** The turn of a customer has reached a stage: the person may have waited for it. */
    const reach = (customer: string | undefined, stage: Stage) => waiting.get(`${customer} ${stage}`)?.();
    const reached = (customer: string, stage: Stage) =>
      new Promise<void>((resolve) => waiting.set(`${customer} ${stage}`, resolve));
    service.ai.behave = async ({ body, traceparent }) => {
      const customer = String(body.sessionId).replace('@c.us', '');
      customerOf.set(traceparent!.split('-')[1]!, customer);
      reach(customer, 'asked');
      await turns(upTo(5));
      return { body: { reply: `AI: ${body.message}` } };
    };
    const handled: string[] = [];
    const { events } = service.app.system;
    events.on('inbound', ({ handled: how, why }) => handled.push(`${how} ${why}`));
    events.on('ai', ({ traceId }) => reach(customerOf.get(traceId), 'answered'));
    events.on('message', ({ traceId, status }) => reach(customerOf.get(traceId), status as Stage));
    service.network.faults.setLatency(BOT, 2);
    const customers = Array.from(
      { length: INTERLEAVINGS },
      (_, n) => `62812900${String(n).padStart(5, '0')}`,
    );
    const talk = async (customer: string, stage: Stage) => {
      const moment = stage === 'written' ? undefined : reached(customer, stage);
      customerWrites('first', customer);
      await moment;
      // At least one: a page's event never comes between two microtasks.
      await turns(1 + upTo(4));
      personWrites('a person', customer);
      await turns(upTo(4));
      customerWrites('second', customer);
    };
    for (let first = 0; first < INTERLEAVINGS; first += 20) {
      const together = customers.slice(first, first + 20);
      await Promise.all(together.map((customer) => talk(customer, STAGES[upTo(STAGES.length - 1)]!)));
    }
    // Missed messages are fetched after the link: some are reported twice.
    const once = () => handled.filter((how) => !/^duplicate|person|own/.test(how));
    await eventually('all to be handled', () => once().length === 2 * INTERLEAVINGS);
    await eventually('all to be taken over', async () => {
      const { body } = await call('GET', '/chats?mode=human');
      return (body.chats as unknown[]).length === INTERLEAVINGS;
    });
    await service.network.clock.advance(MINUTE_MS);
    const own = customers.map((customer) => shown(`${customer}@c.us`));
    expect(own.filter((texts) => texts.at(-1) !== 'a person')).to.deep.equal([]);
    // Otherwise the person was always first, or never.
    const answered = own.filter((texts) => texts.length === 2).length;
    expect(answered).to.be.within(10, INTERLEAVINGS - 10);
  });

  it('is still a person’s after a restart, and so is what passed; a message of that time counts, too', async () => {
    personWrites('before');
    await becomes('human');
    customerWrites('while it runs');
    const other = '6281234567899';
    const write = () => {
      customerWrites('while it is stopped', other);
      personWrites('I answer that', other);
    };
    await service.restart(write);
    await connected(service.url, 'shop');
    await becomes('human', other);
    expect(await modeOf()).to.equal('human');
    expect(asked()).to.deep.equal([]);
    for (const chat of [CUSTOMER, other]) {
      await call('PUT', `/chats/${chat}`, { mode: 'bot' });
      customerWrites(`hello ${chat}`, chat);
      await isAsked(`hello ${chat}`);
      expect(history()).to.have.length(2);
    }
  });

  it('is set and listed over HTTP by number, JID and LID alike, also when it was never seen', async () => {
    const lid = service.network.account(CUSTOMER).lid;
    const events = await EventStream.open(`${service.url}/sessions/shop/events`);
    const set = await call('PUT', `/chats/${lid}`, { mode: 'closed' });
    expect([set.status, set.body.chatId, set.body.mode]).to.deep.equal([200, CUSTOMER_CHAT, 'closed']);
    for (const chat of [CUSTOMER, CUSTOMER_CHAT, lid]) expect(await modeOf(chat), chat).to.equal('closed');
    const { body } = await call('GET', '/chats?mode=closed');
    expect(body.chats).to.deep.equal([set.body]);
    expect((await call('GET', '/chats?mode=human')).body).to.deep.equal({ chats: [] });
    await events.has('event: chat.mode');
    events.close();
    const metrics = await (await fetch(`${service.url}/metrics`)).text();
    expect(metrics).to.match(/^wa_chats\{agent_id="shop",mode="closed"\} 1$/m);
    customerWrites('is anyone there?');
    const run = await call('POST', '/run', { message: 'hi', sessionId: CUSTOMER });
    expect(run.body).to.deep.equal({ reply: null, replySent: false, sessionId: CUSTOMER_CHAT });
    await service.restart();
    await connected(service.url, 'shop');
    expect(await modeOf(lid)).to.equal('closed');
    expect(asked()).to.deep.equal([]);
  });

  it('is one chat when the person is addressed by LID from then on', async () => {
    personWrites('before');
    await becomes('human');
    service.network.account(CUSTOMER, { addressedByLid: true });
    customerWrites('by LID');
    personWrites('also by LID');
    await eventually('both to be recorded', async () => {
      const { rows } = await service.pool.query('select distinct chat_id from gateway_chat_message');
      const { rows: all } = await service.pool.query('select from gateway_chat_message');
      expect(rows).to.deep.equal([{ chat_id: CUSTOMER_CHAT }]);
      return all.length === 3;
    });
    expect((await call('GET', '/chats?mode=human')).body.chats).to.have.length(1);
  });

  it('is not taken over by any message of this service, nor by changes of messages', async () => {
    await linkAgent(service, 'twin', BOT);
    customerWrites('first');
    await eventually(
      'the replies of both',
      () => shown().filter((text) => text === 'AI: first').length === 2,
    );
    await call('POST', '/messages', { to: CUSTOMER, message: 'from the API' });
    const [reply] = service.network.messages(BOT, CUSTOMER_CHAT).filter(({ fromMe }) => fromMe);
    service.network.edit(BOT, reply!.id, 'edited on the phone');
    service.network.react(BOT, reply!.id, '👍');
    service.network.revoke(BOT, reply!.id);
    await service.restart();
    await connected(service.url, 'shop');
    await connected(service.url, 'twin');
    customerWrites('second');
    await eventually(
      'the replies of both',
      () => shown().filter((text) => text === 'AI: second').length === 2,
    );
    expect(await modeOf()).to.equal('bot');
  });

  it('stays the bot’s when the agent’s handoverMinutes are 0, and its ignore list drops messages', async () => {
    const other = '6281234567899';
    const settings = { handoverMinutes: 0, ignore: [other] };
    expect((await call('PATCH', '/settings', settings)).body).to.deep.include({
      handoverMinutes: 0,
      ignore: [`${other}@c.us`],
      replyDelay: null,
    });
    personWrites('hello');
    customerWrites('ignored', other);
    customerWrites('first');
    await isAsked('first');
    await service.restart();
    await connected(service.url, 'shop');
    customerWrites('ignored again', other);
    customerWrites('second');
    await isAsked('second');
    expect(asked()).to.deep.equal(['first', 'second']);
    expect((await call('PATCH', '/settings', { handoverMinutes: null })).body.handoverMinutes).to.equal(null);
    personWrites('now it counts');
    await becomes('human');
  });

  it('goes with the agent, and with it everything that passed', async () => {
    personWrites('before');
    await becomes('human');
    customerWrites('personal');
    const rows = async () =>
      (await service.pool.query('select from gateway_chat union all select from gateway_chat_message')).rows
        .length;
    await eventually('the rows', async () => (await rows()) === 3);
    await call('PATCH', '/settings', { handoverMinutes: 5 });
    await callApi(service.url, 'DELETE', '/sessions/shop', undefined, BEARER);
    expect(await rows()).to.equal(0);
    expect((await service.pool.query('select from gateway_agent_settings')).rows).to.deep.equal([]);
  });
});
