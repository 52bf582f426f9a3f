import { expect } from 'chai';
import type { InboundMessage } from '../../../src/actors/domain/ports/whatsapp.ts';
import { DEFAULT_LIMITS } from '../../../src/actors/domain/settings.ts';
import { eventually } from '../../support/eventually.ts';
import { held, inbound, MemoryDatabase, memoryGateway } from '../../support/memory-gateway.ts';

const MINUTE_MS = 60_000;
const CUSTOMER = '6282222222222@c.us';

/** Lets everything happen that waits for nothing. */
const settled = () => new Promise(setImmediate);

describe('an inbox', () => {
  let gateway: ReturnType<typeof memoryGateway>;
  let asked: string[];
  let handled: string[];
  /** What the AI answers; held back by tests. */
  let answer: (text: string) => Promise<string>;

  beforeEach(() => start());
  afterEach(() => gateway.system.stop(1_000));

  /** A gateway that notes what its AI is asked and what becomes of messages. */
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

  /** The client gets a message. */
  const receive = (message: InboundMessage) => gateway.client().events.emit('message', message);
  /** Waits until so many messages have ended. */
  const done = (count: number) => eventually('the messages', () => handled.length >= count);
  /** A message of a customer from so long ago. */
  const old = (id: string, ageMs: number) => ({ ...inbound(id), timestamp: Date.now() - ageMs });

  describe('with two keys of one message', () => {
    const lid = '99@lid';

    it('answers it once, in a direct chat by number and by LID, at once and later', async () => {
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

    it('answers it once in a group, and the same id in another group as well', async () => {
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

  describe('of an account that is linked now', () => {
    it('leaves alone what came before, also after a restart, and takes what comes from then on', async () => {
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

    it('leaves alone what its page reports only after the link, but was written before', async () => {
      await gateway.link();
      receive({ ...inbound('before'), timestamp: Date.now() - MINUTE_MS });
      receive(inbound('after'));
      await done(2);
      expect(asked).to.deep.equal(['text after']);
      expect(handled).to.include('ignored before_link');
    });

    it('takes what it missed in the second of the link: WhatsApp has whole seconds', async () => {
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

    it('answers nothing twice after a delete and a new link', async () => {
      const message = inbound('one');
      await gateway.link();
      receive(message);
      await done(1);
      await gateway.system.remove('shop', 't');
      await gateway.link();
      receive(message);
      await done(2);
      expect(asked).to.have.length(1);
    });
  });

  describe('with messages that are late', () => {
    it('leaves one alone that waited for the connection for more than 15 minutes', async () => {
      await gateway.connect();
      gateway.client().events.emit('state', 'CONNECTED');
      receive(old('late', 16 * MINUTE_MS));
      receive(old('in time', 14 * MINUTE_MS));
      await done(2);
      expect(asked).to.deep.equal(['text in time']);
      expect(handled).to.include('ignored late');
    });

    it('counts the time that one waited for its chat', async () => {
      start(undefined, { settings: { limits: { ...DEFAULT_LIMITS, backlogMs: 200 } } });
      const first = held<string>();
      answer = () => first.promise;
      await gateway.connect();
      receive(inbound('1'));
      receive(inbound('2'));
      await new Promise((resolve) => setTimeout(resolve, 300));
      first.release('at last');
      await done(2);
      expect(asked).to.deep.equal(['text 1']);
    });

    it('asks for what was missed, read or unread, up to 15 minutes back', async () => {
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

  it('asks for what was missed again when the page does not answer at first', async () => {
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

  it('answers what comes after a link though the host’s clock is ahead of WhatsApp’s', async () => {
    await gateway.link();
    receive(old('by a slow clock', MINUTE_MS));
    await done(1);
    expect(asked).to.deep.equal(['text by a slow clock']);
  });

  describe('with a message that is changed', () => {
    /** Two messages of a chat, the second of which waits until the AI answers the first. */
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

    it('before its turn asks the edited text, and nothing of a revoked one', async () => {
      const first = await twoOfOneChat();
      receive(inbound('3'));
      events().emit('edited', { messageId: '2', chatId: CUSTOMER, body: 'better' });
      events().emit('revoked', { messageId: '3', chatId: CUSTOMER });
      first.release('hello');
      await done(3);
      expect(asked).to.deep.equal(['text 1', 'better']);
      expect(handled.at(-1)).to.equal('ignored revoked');
    });

    it('knows it from a newer copy, too', async () => {
      const first = await twoOfOneChat();
      receive({ ...inbound('2'), body: 'better' });
      first.release('hello');
      await done(3);
      expect(asked).to.deep.equal(['text 1', 'better']);
    });

    it('while the AI is asked drops the reply to a revoked one and reports nothing', async () => {
      const first = await twoOfOneChat();
      events().emit('revoked', { messageId: '1', chatId: CUSTOMER });
      first.release('too late');
      await done(2);
      expect(handled).to.deep.equal(['ignored revoked', 'answered replied']);
      expect(gateway.driver.sent).to.deep.equal(['hello']);
    });
  });

  it('reports one cut to the developer when a machine answers every reply', async () => {
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
