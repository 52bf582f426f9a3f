import { expect } from 'chai';
import { createActor } from 'xstate';
import type { AiRequest } from '../../../src/actors/domain/ports/ai.ts';
import type { InboundMessage } from '../../../src/actors/domain/ports/whatsapp.ts';
import { DEFAULT_LIMITS, NO_SETTINGS } from '../../../src/actors/domain/settings.ts';
import { burstMachine } from '../../../src/actors/inbound/burst.machine.ts';
import { INBOUND_LIMITS } from '../../../src/actors/inbound/messages-under-way.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { held, inbound, memoryGateway, TRACE } from '../../support/memory-gateway.ts';
import { edgesOf, walk } from '../../support/walk.ts';

const CUSTOMER = '6282222222222@c.us';
const OTHER = '6284444444444@c.us';
const DEBOUNCE_MS = 3_000;
const MAX_MS = 10_000;
const HUMAN = {
  type: 'chat.set_mode',
  userId: 1,
  chatId: CUSTOMER,
  mode: 'human',
  traceId: TRACE,
} as const;

/** Lets all pending promises settle. */
const settled = () => new Promise(setImmediate);

describe('a burst of messages', () => {
  let clock: ManualClock;
  let gateway: ReturnType<typeof memoryGateway>;
  let asked: AiRequest[];
  let handled: string[];
  /** Replaced by tests. */
  let answer: (text: string) => Promise<string | null>;

  beforeEach(() => start());
  afterEach(() => gateway.system.stop(1_000));

  /** A connected agent that debounces. */
  async function start(
    changes: Parameters<typeof memoryGateway>[0] = {},
    fetchMissed: () => InboundMessage[] | Promise<InboundMessage[]> = () => [],
  ): Promise<void> {
    clock = new ManualClock();
    asked = [];
    handled = [];
    answer = async (text) => `reply to ${text}`;
    gateway = memoryGateway({
      clock,
      ...changes,
      settings: { debounceMs: DEBOUNCE_MS, debounceMaxMs: MAX_MS, ...changes.settings },
      ask: async (_agent, request) => {
        asked.push(request);
        return answer(request.message);
      },
    });
    gateway.driver.script = { fetchMissed: async () => fetchMissed() };
    gateway.system.events.on('inbound', ({ handled: what, why }) => handled.push(`${what} ${why}`));
    await gateway.connect();
    await clock.pass(0);
  }

  /** The client receives a message. */
  const receive = (id: string, changes: Partial<InboundMessage> = {}) =>
    void gateway.client().events.emit('message', { ...inbound(id), ...changes });
  /** The customer types, or stops. */
  const types = (typing: boolean) =>
    void gateway.client().events.emit('typing', { chatId: CUSTOMER, typing });
  const texts = () => asked.map(({ message }) => message);
  const turns = () => gateway.system.describe('shop').turns.first;

  it('is asked about once, by lines, with the metadata of its newest message', async () => {
    receive('1', { senderName: 'Ann' });
    await clock.pass(1_000);
    receive('2', { senderName: 'Anna' });
    await clock.pass(DEBOUNCE_MS - 1);
    expect(texts()).to.deep.equal([]);
    await clock.pass(1);
    expect(texts()).to.deep.equal(['text 1\ntext 2']);
    expect(asked[0]!.metadata).to.include({ message_id: '2', whatsapp_name: 'Anna' });
    expect(Object.keys(asked[0]!)).to.have.members(['message', 'sessionId', 'metadata']);
    expect(handled).to.deep.equal(['answered replied', 'answered replied']);
    expect(gateway.driver.sent).to.deep.equal(['reply to text 1\ntext 2']);
    expect(gateway.database.settled).to.deep.equal(['1', '2']);
  });

  it('is extended by each message, up to debounceMaxMs after the first', async () => {
    for (let id = 0; id < 6; id += 1) {
      receive(String(id));
      await clock.pass(2_000);
    }
    expect(texts()).to.deep.equal(['text 0\ntext 1\ntext 2\ntext 3\ntext 4']);
    await clock.pass(DEBOUNCE_MS);
    expect(texts()[1]).to.equal('text 5');
  });

  it('is extended while the customer types, and asked about debounceMs after that', async () => {
    receive('1');
    await clock.pass(2_000);
    types(true);
    await clock.pass(DEBOUNCE_MS);
    expect(turns()).to.have.lengthOf(1);
    types(false);
    await clock.pass(DEBOUNCE_MS - 1);
    expect(texts()).to.deep.equal([]);
    await clock.pass(1);
    expect(texts()).to.deep.equal(['text 1']);
  });

  it('is asked about debounceMaxMs after its first message, however long the customer types', async () => {
    receive('1');
    types(true);
    await clock.pass(MAX_MS - 1);
    expect(texts()).to.deep.equal([]);
    await clock.pass(1);
    expect(texts()).to.deep.equal(['text 1']);
  });

  it('waits for a typing that is never renewed no longer than WhatsApp shows it', async () => {
    await gateway.system.ask('shop', {
      type: 'settings.change',
      userId: 1,
      changes: { ...NO_SETTINGS, debounceMaxMs: 120_000 },
      traceId: TRACE,
    });
    receive('1');
    types(true);
    await clock.pass(25_000 + DEBOUNCE_MS);
    expect(texts()).to.deep.equal(['text 1']);
  });

  it('does not wait for the typing of another chat', async () => {
    receive('1');
    gateway.client().events.emit('typing', { chatId: OTHER, typing: true });
    await clock.pass(DEBOUNCE_MS);
    expect(texts()).to.deep.equal(['text 1']);
  });

  it('that comes while another one is asked about follows it in the chat', async () => {
    const first = held<string>();
    answer = (text) => (text === 'text 1' ? first.promise : Promise.resolve('second'));
    receive('1');
    await clock.pass(DEBOUNCE_MS);
    receive('2');
    receive('3', { chatId: OTHER, senderId: OTHER });
    await clock.pass(DEBOUNCE_MS);
    expect(texts()).to.deep.equal(['text 1', 'text 3']);
    expect(turns().map(({ phase }) => phase)).to.deep.equal(['asking', 'waiting']);
    first.release('first');
    await clock.pass(0);
    expect(texts()[2]).to.equal('text 2');
    expect(gateway.driver.sent.slice(-2)).to.deep.equal(['first', 'second']);
  });

  it('of two people in a group is two', async () => {
    const inGroup = (senderId: string) => ({
      chatId: '1@g.us',
      senderId,
      mentionedIds: ['6281111111111@c.us'],
    });
    receive('false_1@g.us_1', inGroup(CUSTOMER));
    receive('false_1@g.us_2', inGroup(OTHER));
    await clock.pass(DEBOUNCE_MS);
    expect(asked.map(({ metadata }) => metadata?.sender)).to.have.members([CUSTOMER, OTHER]);
  });

  it('is asked about as its messages were edited, without those that were revoked', async () => {
    for (const id of ['1', '2', '3']) receive(id);
    const { events } = gateway.client();
    events.emit('edited', { messageId: '1', chatId: CUSTOMER, body: 'better' });
    events.emit('revoked', { messageId: '2', chatId: CUSTOMER });
    await clock.pass(DEBOUNCE_MS);
    expect(texts()).to.deep.equal(['better\ntext 3']);
    expect(handled).to.include('ignored revoked');
    expect(gateway.database.settled).to.have.members(['1', '2', '3']);
  });

  it('is not asked about when all its messages were revoked', async () => {
    for (const id of ['1', '2']) receive(id);
    for (const messageId of ['1', '2'])
      gateway.client().events.emit('revoked', { messageId, chatId: CUSTOMER });
    await clock.pass(DEBOUNCE_MS);
    expect(texts()).to.deep.equal([]);
    expect(handled).to.deep.equal(['ignored revoked', 'ignored revoked']);
  });

  it('keeps its answer when one of its messages is revoked while the AI is asked', async () => {
    const reply = held<string>();
    answer = () => reply.promise;
    for (const id of ['1', '2']) receive(id);
    await clock.pass(DEBOUNCE_MS);
    gateway.client().events.emit('revoked', { messageId: '1', chatId: CUSTOMER });
    reply.release('kept');
    await clock.pass(0);
    expect(gateway.driver.sent).to.deep.equal(['kept']);
  });

  it('is a person’s as soon as a person has the chat', async () => {
    receive('1');
    receive('2');
    await gateway.system.ask('shop', HUMAN);
    await clock.pass(0);
    expect(handled).to.deep.equal(['handed_over human', 'handed_over human']);
    await clock.pass(MAX_MS);
    expect(texts()).to.deep.equal([]);
  });

  it('leaves to the AI what was not revoked when a person takes the chat over while the AI is asked', async () => {
    const kept: string[] = [];
    gateway.database.chats.record = async (_agent, _chatId, { text }) => void kept.push(text);
    answer = () => new Promise(() => undefined);
    receive('1');
    receive('2');
    await clock.pass(DEBOUNCE_MS);
    gateway.client().events.emit('revoked', { messageId: '1', chatId: CUSTOMER });
    await gateway.system.ask('shop', HUMAN);
    await clock.pass(0);
    expect(handled).to.deep.equal(['handed_over human', 'handed_over human']);
    expect(kept).to.deep.equal(['text 2']);
  });

  it('has its messages in the order of writing, whether they were received or fetched first', async () => {
    const missed = held<InboundMessage[]>();
    const { database } = gateway;
    await gateway.system.stop(1_000);
    await start({ database }, () => missed.promise);
    await clock.pass(5_000);
    const timestamp = clock.now() - 1_000;
    receive('3', { timestamp: clock.now() });
    missed.release(['1', '2'].map((id) => ({ ...inbound(id), timestamp })));
    await settled();
    await clock.pass(DEBOUNCE_MS);
    expect(texts()).to.deep.equal(['text 1\ntext 2\ntext 3']);
    expect(asked[0]!.metadata).to.include({ message_id: '3' });
  });

  it('is asked about without the files that WhatsApp does not give, however many there are', async () => {
    await gateway.system.stop(1_000);
    await start({ settings: { inboundTypes: ['text', 'image'] } });
    let downloads = 0;
    gateway.client().downloadMedia = async function* (_id, { signal }) {
      downloads += 1;
      yield await new Promise((_resolve, reject) =>
        signal.addEventListener('abort', () => reject(signal.reason)),
      );
    };
    const file = { mimeType: 'image/png', sizeBytes: 3, sha256: '00' };
    for (const id of ['1', '2', '3', '4']) receive(id, { type: 'image', file });
    await clock.pass(DEBOUNCE_MS);
    for (let minute = 0; minute < 2; minute += 1) {
      expect(texts()).to.deep.equal([]);
      await clock.pass(DEFAULT_LIMITS.downloadMs);
    }
    expect(texts()).to.deep.equal(['text 1\ntext 2\ntext 3\ntext 4']);
    const attachments = asked[0]!.attachments as { error: { code: string } }[];
    expect(attachments.map(({ error }) => error.code)).to.deep.equal(Array(4).fill('MEDIA_FETCH_FAILED'));
    expect(downloads).to.equal(2);
  });

  it('that collects when the service stops is unclaimed, and asked about as one after the next start', async () => {
    receive('1');
    receive('2');
    const { database } = gateway;
    const startedAt = performance.now();
    await gateway.system.stop(60_000);
    expect(performance.now() - startedAt).to.be.below(2_000);
    expect(clock.size).to.equal(0);
    expect([...database.claims]).to.deep.equal([]);
    await start({ database }, () => [inbound('1'), inbound('2')]);
    await clock.pass(DEBOUNCE_MS);
    expect(texts()).to.deep.equal(['text 1\ntext 2']);
  });

  it('that is aborted by a stop while the AI is asked keeps its claims open', async () => {
    answer = () => new Promise(() => undefined);
    receive('1');
    await clock.pass(DEBOUNCE_MS);
    await gateway.system.stop(0);
    expect([...gateway.database.claims]).to.deep.equal(['1']);
    expect(gateway.database.settled).to.deep.equal([]);
  });

  it('has final claims when the AI is silent, and when it fails', async () => {
    answer = async (text) => {
      if (text === 'text 2') throw new Error('down');
      return null;
    };
    receive('1');
    await clock.pass(DEBOUNCE_MS);
    receive('2');
    await clock.pass(DEBOUNCE_MS);
    expect(handled).to.deep.equal(['answered silent', 'failed ai_failed']);
    expect(gateway.database.settled).to.deep.equal(['1', '2']);
  });

  it('is asked about at once when it has fifty messages', async () => {
    for (let id = 0; id < 51; id += 1) receive(String(id));
    await clock.pass(0);
    expect(texts().map((text) => text.split('\n').length)).to.deep.equal([50]);
    expect(turns()).to.have.lengthOf(1);
  });

  it('shows what it waits for', async () => {
    receive('1');
    receive('2');
    const now = clock.now();
    expect(turns()).to.deep.equal([
      { chatId: CUSTOMER, messages: 2, phase: 'collecting', since: now, until: now + DEBOUNCE_MS },
    ]);
    const reply = held<string>();
    answer = () => reply.promise;
    await clock.pass(DEBOUNCE_MS);
    expect(turns()).to.deep.equal([
      { chatId: CUSTOMER, messages: 2, phase: 'asking', since: now + DEBOUNCE_MS },
    ]);
    reply.release('done');
    await clock.pass(0);
    expect(turns()).to.deep.equal([]);
  });

  it('has a machine that takes each of its transitions, and ends from every state', () => {
    const own = new ManualClock();
    const input = () => ({ clock: own, debounceMs: () => DEBOUNCE_MS, debounceMaxMs: MAX_MS });
    const { taken } = walk({ machine: burstMachine, input });
    expect([...edgesOf(burstMachine)].filter((edge) => !taken.has(edge))).to.deep.equal([]);
    const burst = createActor(burstMachine, { clock: own, input: input() }).start();
    burst.send({ type: 'turn.ended' });
    expect([burst.getSnapshot().status, own.size]).to.deep.equal(['done', 0]);
  });

  describe('without a debounce', () => {
    beforeEach(async () => {
      await gateway.system.stop(0);
      await start({ settings: { debounceMs: 0, aiConcurrency: 1 } });
    });

    it('is a turn for each message, and no timer is set', async () => {
      answer = () => new Promise(() => undefined);
      const timers = clock.size;
      receive('1');
      receive('2');
      await settled();
      expect(texts()).to.deep.equal(['text 1']);
      // That of the typing indicator.
      expect(clock.size).to.equal(timers + 1);
    });

    it('leaves the slot to another chat while an answer waits for its reply delay, its own chat waits', async () => {
      const replyDelay = { perCharacterMs: 1_000, maxMs: 5_000 };
      const ofShop = { userId: 1, traceId: TRACE };
      await gateway.system.ask('shop', { type: 'settings.change', changes: { replyDelay }, ...ofShop });
      answer = async () => 'delayed';
      receive('1');
      receive('2');
      receive('3', { chatId: OTHER, senderId: OTHER });
      await clock.pass(0);
      expect(texts()).to.deep.equal(['text 1', 'text 3']);
      expect(gateway.driver.sent).to.deep.equal([]);
      await clock.pass(5_000);
      expect(texts()[2]).to.equal('text 2');
    });

    it('refuses what exceeds the limit of a chat, and takes messages of others', async () => {
      answer = () => new Promise(() => undefined);
      for (let id = 0; id < INBOUND_LIMITS.perChat + 1; id += 1) receive(String(id));
      receive('other', { chatId: OTHER, senderId: OTHER });
      expect(handled).to.deep.equal(['failed chat_queue_full']);
    });
  });

  it('that was begun before the debounce was switched off is not overtaken', async () => {
    receive('1');
    const off = { type: 'settings.change', userId: 1, changes: { debounceMs: 0 }, traceId: TRACE } as const;
    await gateway.system.ask('shop', off);
    receive('2');
    await clock.pass(0);
    expect(texts()).to.deep.equal(['text 1\ntext 2']);
  });
});
