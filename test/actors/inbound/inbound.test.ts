import { expect } from 'chai';
import type { InboundMessage } from '../../../src/actors/domain/ports/whatsapp.ts';
import { DEFAULT_LIMITS } from '../../../src/actors/domain/settings.ts';
import { eventually } from '../../support/eventually.ts';
import { held, inbound, MemoryDatabase, memoryGateway } from '../../support/memory-gateway.ts';

const MINUTE_MS = 60_000;
const CUSTOMER = '6282222222222@c.us';

/** Lets all pending promises settle. */
const settled = () => new Promise(setImmediate);

describe('inbound messages', () => {
  let gateway: ReturnType<typeof memoryGateway>;
  let asked: string[];
  let handled: string[];
  /** What the AI answers; replaced by tests. */
  let answer: (text: string) => Promise<string>;

  beforeEach(() => start());
  afterEach(() => gateway.system.stop(1_000));

  /** A gateway that logs what its AI is asked and how messages are handled. */
  function start(database = new MemoryDatabase(), changes: Parameters<typeof memoryGateway>[0] = {}): void {
    asked = [];
    handled = [];
    answer = async (text) => `reply to ${text}`;
    gateway = memoryGateway({
      ...changes,
      database,
      ask: (_agent, { message }) => {
        asked.push(message);
        return answer(message);
      },
    });
    gateway.system.events.on('inbound', ({ handled: what, why }) => handled.push(`${what} ${why}`));
  }

  /** The client receives a message. */
  const receive = (message: InboundMessage) => gateway.client().events.emit('message', message);
  /** Waits until `count` messages were handled. */
  const done = (count: number) => eventually('the messages', () => handled.length >= count);
  /** A customer's message that was written `ageMs` ago. */
  const old = (id: string, ageMs: number) => ({ ...inbound(id), timestamp: Date.now() - ageMs });

  describe('with copies of one message', () => {
    const lid = '99@lid';

    it('answers one by number and one by LID once, both at the same time and later', async () => {
      await gateway.connect();
      const message = inbound(`false_${CUSTOMER}_3EB0`);
      const byLid = { ...message, id: `false_${lid}_3EB0`, chatId: lid, senderId: lid, lid };
      receive(message);
      receive(byLid);
      await done(2);
      receive(byLid);
      await done(3);
      expect(asked).to.have.length(1);
      expect(handled.sort()).to.deep.equal(['answered replied', 'duplicate seen', 'duplicate under_way']);
    });

    it('answers copies in a group once, and the same id in another group again', async () => {
      await gateway.connect();
      const inGroup = (group: string, author: string) => ({
        ...inbound(`false_${group}_3EB0_${author}`),
        chatId: group,
        senderId: author,
        mentionedIds: ['6281111111111@c.us'],
      });
      receive(inGroup('1@g.us', CUSTOMER));
      receive(inGroup('1@g.us', lid));
      receive(inGroup('2@g.us', CUSTOMER));
      await done(3);
      expect(asked).to.have.length(2);
    });
  });

  describe('of a newly linked account', () => {
    it('ignores messages from before the link, also after a restart, and answers later ones', async () => {
      const { database, driver } = gateway;
      const before = { ...inbound('before'), timestamp: Date.now() - 1_000 };
      driver.script = { fetchMissed: async () => [before] };
      await gateway.link();
      receive(inbound('after'));
      await done(1);
      await settled();
      expect(asked).to.deep.equal(['text after']);
      await gateway.system.stop(1_000);
      start(database);
      gateway.driver.script = { fetchMissed: async () => [before, inbound('missed')] };
      await gateway.connect();
      await done(1);
      await settled();
      expect(asked).to.deep.equal(['text missed']);
    });

    it('ignores a message written before the link that its page reports after it', async () => {
      await gateway.link();
      receive({ ...inbound('before'), timestamp: Date.now() - MINUTE_MS });
      receive(inbound('after'));
      await done(2);
      expect(asked).to.deep.equal(['text after']);
      expect(handled).to.include('ignored before_link');
    });

    it('answers one missed within the second of the link, since WhatsApp has whole seconds', async () => {
      const { database } = gateway;
      await gateway.link();
      const second = Math.floor(Date.now() / 1_000) * 1_000;
      await gateway.system.stop(1_000);
      start(database);
      const missed = { ...inbound('missed'), timestamp: second };
      gateway.driver.script = { fetchMissed: async () => [missed] };
      await gateway.connect();
      await done(1);
      expect(asked).to.deep.equal(['text missed']);
    });

    it('answers no message twice after a delete and a new link', async () => {
      const message = inbound('one');
      await gateway.link();
      receive(message);
      await done(1);
      await gateway.remove();
      await gateway.link();
      receive(message);
      await done(2);
      expect(asked).to.have.length(1);
    });
  });

  describe('that are late', () => {
    it('ignores one that waited more than 15 minutes for the connection', async () => {
      await gateway.connect();
      gateway.client().events.emit('state', 'CONNECTED');
      receive(old('late', 16 * MINUTE_MS));
      receive(old('in time', 14 * MINUTE_MS));
      await done(2);
      expect(asked).to.deep.equal(['text in time']);
      expect(handled).to.include('ignored late');
    });

    it('includes the wait in the chat’s queue', async () => {
      start(undefined, { settings: { limits: { ...DEFAULT_LIMITS, backlogMs: 200 } } });
      const first = held<string>();
      answer = () => first.promise;
      await gateway.connect();
      receive(inbound('1'));
      receive(inbound('2'));
      await new Promise((resolve) => setTimeout(resolve, 300));
      first.release('done');
      await done(2);
      expect(asked).to.deep.equal(['text 1']);
    });

    it('fetches missed messages, read or unread, of the last 15 minutes', async () => {
      const missed: number[] = [];
      gateway.driver.script = {
        fetchMissed: async ({ since }) => {
          missed.push(Date.now() - since);
          return [old('missed', MINUTE_MS)];
        },
      };
      await gateway.connect();
      await done(1);
      expect(asked).to.deep.equal(['text missed']);
      expect(missed[0]).to.be.within(15 * MINUTE_MS, 15 * MINUTE_MS + 5_000);
    });
  });

  it('are fetched again when the page does not answer at first', async () => {
    let attempts = 0;
    gateway.driver.script = {
      fetchMissed: async () => {
        attempts += 1;
        if (attempts < 3) throw new Error('busy');
        return [inbound('missed')];
      },
    };
    await gateway.connect();
    await done(1);
    expect(asked).to.deep.equal(['text missed']);
  });

  it('are answered after a link even if the host’s clock is ahead of WhatsApp’s', async () => {
    await gateway.link();
    receive(old('by a slow clock', MINUTE_MS));
    await done(1);
    expect(asked).to.deep.equal(['text by a slow clock']);
  });

  describe('that are changed', () => {
    /** Two messages of a chat; the second waits until the AI answers the first. */
    async function twoOfOneChat() {
      const first = held<string>();
      answer = (text) => (text === 'text 1' ? first.promise : Promise.resolve('hello'));
      await gateway.connect();
      receive(inbound('1'));
      receive(inbound('2'));
      await eventually('the first question', () => asked.length === 1);
      return first;
    }
    const { events } = { events: () => gateway.client().events };

    it('before their turn are asked as edited, and not at all when revoked', async () => {
      const first = await twoOfOneChat();
      receive(inbound('3'));
      events().emit('edited', { messageId: '2', chatId: CUSTOMER, body: 'better' });
      events().emit('revoked', { messageId: '3', chatId: CUSTOMER });
      first.release('hello');
      await done(3);
      expect(asked).to.deep.equal(['text 1', 'better']);
      expect(handled.at(-1)).to.equal('ignored revoked');
    });

    it('are asked as edited when only a newer copy shows it', async () => {
      const first = await twoOfOneChat();
      receive({ ...inbound('2'), body: 'better' });
      first.release('hello');
      await done(3);
      expect(asked).to.deep.equal(['text 1', 'better']);
    });

    it('lose their reply when revoked while the AI is asked, without an alert', async () => {
      const first = await twoOfOneChat();
      events().emit('revoked', { messageId: '1', chatId: CUSTOMER });
      first.release('too late');
      await done(2);
      expect(handled).to.deep.equal(['ignored revoked', 'answered replied']);
      expect(gateway.driver.sent).to.deep.equal(['hello']);
    });
  });

  it('cause one alert to the developer when a machine answers every reply', async () => {
    await gateway.connect();
    answer = async () => 'hello';
    for (let index = 0; index < 20; index += 1) {
      receive({ ...inbound(`${index}`), body: `> hello (${index})` });
      await done(index + 1);
    }
    const reports = gateway.driver.sent.filter((text) => text.includes('LOOP'));
    expect(asked).to.have.length(6);
    expect(reports).to.have.length(1);
    expect(reports[0]).to.include('agentId: shop').and.to.include(`from: ${CUSTOMER}`);
  });
});
