import { expect } from 'chai';
import { GatewayError } from '../../../src/actors/domain/errors.ts';
import type { ChatMessage, PageQuery, WhatsAppClient } from '../../../src/actors/domain/ports/whatsapp.ts';
import { DEFAULT_LIMITS } from '../../../src/actors/domain/settings.ts';
import { PhoneData } from '../../../src/actors/inbound/phone-data.ts';
import { OwnStanzas } from '../../../src/actors/outbound/own-stanzas.ts';
import { failureOf } from '../../support/failure.ts';
import { agentRef, CUSTOMER_CHAT } from '../../support/fixtures.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { MemoryFiles } from '../../support/memory-files.ts';
import { held } from '../../support/memory-gateway.ts';

const agent = agentRef('shop');
const { signal } = new AbortController();

/** A message of the customer with a file, by its stanza id. */
function message(stanzaId: string, changes: Partial<ChatMessage> = {}): ChatMessage {
  return {
    ...{ id: `false_${CUSTOMER_CHAT}_${stanzaId}`, chatId: CUSTOMER_CHAT, senderId: CUSTOMER_CHAT },
    ...{ fromMe: false, type: 'image', body: '', mentionedIds: [], timestamp: 1_000 },
    file: { mimeType: 'image/png', sizeBytes: 3, sha256: '00' },
    ...changes,
  };
}

describe('the data of the phone', () => {
  const files = new MemoryFiles();
  const clock = new ManualClock();
  let client: Partial<WhatsAppClient>;
  let phone: PhoneData;
  let downloads: string[];

  beforeEach(() => {
    downloads = [];
    const ownStanzas = new OwnStanzas();
    ownStanzas.add('NEW');
    client = {
      findMessage: async (_chatId, id) => message(id),
      downloadMedia: async function* (id) {
        downloads.push(id);
        yield Buffer.from(id);
      },
    };
    phone = new PhoneData(
      {
        ...{ settings: { limits: DEFAULT_LIMITS }, clock, files, ownStanzas },
        messages: { isOurs: async (stanzaId) => stanzaId === 'OLD' },
      },
      { agent, client: () => client as WhatsAppClient, modes: { modeOf: () => 'bot' } },
    );
  });
  after(() => files.dispose());

  const file = (stanzaId: string) => phone.file(CUSTOMER_CHAT, stanzaId, signal);

  it('says who wrote each message, and how far own ones got', async () => {
    const own = (stanzaId: string, ack: number) =>
      message(stanzaId, { id: `true_${CUSTOMER_CHAT}_${stanzaId}`, fromMe: true, type: 'chat', ack });
    const all = [own('NEW', 0), own('OLD', 1), own('PHONE', 2), own('OLD', 3), own('OLD', 4), own('OLD', -1)];
    client.listMessages = async () => ({ messages: [...all, message('HIS')] });
    const { messages, next } = await phone.messages(CUSTOMER_CHAT, { limit: 10 });
    expect(messages.map(({ by, status }) => [by, status])).to.deep.equal([
      ['bot', 'sending'],
      ['bot', 'sent'],
      ['human', 'delivered'],
      ['bot', 'read'],
      ['bot', 'read'],
      ['bot', 'failed'],
      ['customer', undefined],
    ]);
    expect(next).to.equal(undefined);
  });

  it('gives the driver the end of the page back that it gave', async () => {
    const asked: PageQuery[] = [];
    const end = { at: 5, id: `${CUSTOMER_CHAT} ✓`, list: 'a' };
    client.listChats = async (query) => {
      asked.push(query);
      return { chats: [], next: end };
    };
    const { next } = await phone.chats({ limit: 7 });
    expect(next).to.match(/^[\w-]+$/);
    await phone.chats({ limit: 8, before: next });
    expect(asked).to.deep.equal([{ limit: 7 }, { limit: 8, before: end }]);
    for (const before of ['', 'null', '%', Buffer.from('{"at":1}').toString('base64url')])
      expect((await failureOf(phone.chats({ limit: 1, before }))).code).to.equal('INVALID_PAYLOAD');
    expect(asked).to.have.length(2);
  });

  it('downloads a file once, and again when the store has it no longer', async () => {
    const [one, other] = await Promise.all([file('A'), file('A')]);
    expect(one.id).to.equal(other.id);
    expect((await file('A')).id).to.equal(one.id);
    expect(downloads).to.have.length(1);
    await files.remove(agent, one.id);
    expect((await file('A')).id).to.not.equal(one.id);
    expect(downloads).to.have.length(2);
  });

  it('downloads two files at once, and refuses the third', async () => {
    const { promise, release } = held<void>();
    client.downloadMedia = async function* (id) {
      await promise;
      yield Buffer.from(id);
    };
    const running = [file('B'), file('C'), file('C')];
    await new Promise(setImmediate);
    expect((await failureOf(file('D'))).code).to.equal('RATE_LIMITED');
    release();
    expect(new Set((await Promise.all(running)).map(({ id }) => id)).size).to.equal(2);
    expect((await file('D')).size).to.be.above(0);
  });

  it('forgets a download that failed', async () => {
    const working = client.downloadMedia;
    client.downloadMedia = async function* () {
      yield Buffer.from('');
      throw new GatewayError('MEDIA_TOO_LARGE', 'too large');
    };
    expect((await failureOf(file('E'))).code).to.equal('MEDIA_TOO_LARGE');
    client.downloadMedia = working;
    expect((await file('E')).size).to.be.above(0);
  });

  it('frees the place of a call that was not answered in time', async () => {
    client.listChats = () => new Promise(() => undefined);
    const hanging = Array.from({ length: 4 }, () => failureOf(phone.chats({ limit: 1 })));
    expect((await failureOf(phone.chats({ limit: 1 }))).code).to.equal('RATE_LIMITED');
    await clock.pass(DEFAULT_LIMITS.phoneMs);
    expect((await Promise.all(hanging)).map(({ code }) => code)).to.deep.equal(Array(4).fill('BAD_GATEWAY'));
    client.listChats = async () => ({ chats: [] });
    expect(await phone.chats({ limit: 1 })).to.deep.equal({ chats: [], next: undefined });
  });
});
