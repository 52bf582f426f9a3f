import { expect } from 'chai';
import type { Jid } from '../../../src/actors/domain/identity.ts';
import type {
  ChatMessage,
  ChatSummary,
  InboundMessage,
  PageEnd,
  WhatsAppClient,
} from '../../../src/actors/domain/ports/whatsapp.ts';
import type { SandboxNetwork } from '../../../src/sandbox/network/network.ts';
import { eventually } from '../../support/eventually.ts';
import { failureOf } from '../../support/failure.ts';

/** A linked session, and the phones on the other side. */
interface ReadingSession {
  client: WhatsAppClient;
  network: SandboxNetwork;
  number: Jid;
  freshNumber(): Jid;
  receivedOf(person: Jid): Promise<InboundMessage>;
  /** The address by which others know an account. */
  addressOf(person: Jid): Jid;
}

/** More than the page loads at once. */
const HISTORY_LENGTH = 70;
let historian: Jid;

/** Fills a chat of an account that is not linked yet: the page has only its newest message then. */
export function writeHistory(network: SandboxNetwork, number: Jid, freshNumber: () => Jid): void {
  historian = freshNumber();
  for (let index = 0; index < HISTORY_LENGTH; index += 1) {
    const [from, to] = index % 3 === 0 ? [number, historian] : [historian, number];
    network.write(from, { to, text: `history ${index}` });
  }
}

/** The list of chats, the messages of a chat, and people; a part of the suite of every driver. */
export function describeChats(session: () => ReadingSession): void {
  /** All pages of a list, the newest first; `between` runs after each. */
  async function allOf<T>(
    read: (before: PageEnd | undefined) => Promise<{ items: T[]; next?: PageEnd }>,
    between: () => unknown = () => undefined,
  ): Promise<T[]> {
    const items: T[] = [];
    let before: PageEnd | undefined;
    do {
      const page = await read(before);
      items.push(...page.items);
      before = page.next;
      await between();
    } while (before);
    return items;
  }
  const chats = (limit: number, between?: () => unknown): Promise<ChatSummary[]> =>
    allOf(async (before) => {
      const { chats: items, next } = await session().client.listChats({ limit, before });
      expect(items.length).to.be.at.most(limit);
      return { items, next };
    }, between);
  const listed = async () => (await session().client.listChats({ limit: 100 })).chats;
  const messages = (chatId: Jid, limit: number): Promise<ChatMessage[]> =>
    allOf(async (before) => {
      const { messages: items, next } = await session().client.listMessages(chatId, { limit, before });
      expect(items.length).to.be.at.most(limit);
      return { items, next };
    });

  it('lists each chat once, the newest first, though messages arrive between the pages', async () => {
    const { network, number, freshNumber, receivedOf, addressOf } = session();
    const people = Array.from({ length: 5 }, freshNumber);
    for (const person of people) {
      network.write(person, { to: number, text: `hello of ${person}` });
      await receivedOf(person);
    }
    const group = network.group({ name: 'Listed', participants: [number, people[0]!] }).id;
    network.write(people[0]!, { to: group, text: 'hello, all' });
    network.postStatus(people[1]!, number, 'a status is no chat');
    network.postChannel('120363000000000009@newsletter', number, 'nor is a channel');
    await eventually('the group', async () => (await listed()).some(({ chatId }) => chatId === group));
    const times = (await listed()).map(({ lastMessage }) => lastMessage?.timestamp ?? 0);
    expect(times).to.deep.equal([...times].sort((one, other) => other - one));
    let moved = 0;
    const found = await chats(2, () => {
      network.write(people[moved % people.length]!, { to: number, text: 'once more' });
      moved += 1;
    });
    const ids = found.map(({ chatId }) => chatId);
    expect(ids).to.have.length(new Set(ids).size);
    expect(ids).to.include.members([...people, group]);
    expect(ids.filter((id) => !/@(c\.us|lid|g\.us)$/.test(id))).to.deep.equal([]);
    const direct = found.find(({ chatId }) => chatId === people[0])!;
    expect(direct).to.include({ isGroup: false, name: network.account(people[0]!).name });
    if (addressOf(people[0]!).endsWith('@lid')) expect(direct.lid).to.equal(network.account(people[0]!).lid);
    expect(found.find(({ chatId }) => chatId === group)).to.include({ isGroup: true, name: 'Listed' });
  });

  it('counts what is unread, and shows the newest message', async () => {
    const { network, client, number, freshNumber, receivedOf } = session();
    const person = freshNumber();
    network.write(person, { to: number, text: 'first' });
    await receivedOf(person);
    network.write(number, { to: person, text: 'seen on the phone' });
    await client.markRead(person);
    const { messageId } = await client.send(person, { kind: 'text', text: 'x'.repeat(1_500) });
    const chat = (await listed()).find(({ chatId }) => chatId === person);
    expect(chat?.unreadCount).to.equal(0);
    expect(chat?.lastMessage).to.include({ id: messageId, fromMe: true, type: 'chat' });
    expect(chat?.lastMessage?.body).to.equal('x'.repeat(1_000));
  });

  it('lists the messages of a chat once each, the newest first, older ones than the page has too', async () => {
    const { network, number } = session();
    const found = await messages(historian, 25);
    const written = network.messages(number, historian).map(({ body }) => body);
    expect(written).to.have.length(HISTORY_LENGTH);
    expect(found.map(({ body }) => body)).to.deep.equal(written.reverse());
    for (const message of found) {
      expect(message).to.include({ chatId: historian, senderId: message.fromMe ? number : historian });
      if (message.fromMe) expect(message.ack).to.be.at.least(1);
      else expect(message.ack).to.equal(undefined);
    }
  });

  it('lists messages by number and by LID, with files, quotes and what was deleted', async () => {
    const { network, client, number, freshNumber, receivedOf } = session();
    const { pn: person, lid } = network.account(freshNumber(), { addressedByLid: true });
    const data = Buffer.from('a receipt');
    const file = { type: 'image', mimetype: 'image/png', data } as const;
    const written = network.write(person, { to: number, text: 'my receipt', file });
    const { id } = await receivedOf(person);
    network.write(person, { to: number, text: 'is it right?', quoteId: written.id });
    const wrong = network.write(person, { to: number, text: 'wrong chat' });
    network.revoke(person, wrong.id);
    for (const address of [person, lid]) {
      const found = await eventually('the messages', async () => {
        const all = await messages(address, 100);
        return all.length === 3 && all[0]?.type === 'revoked' ? all : undefined;
      });
      expect(found.map(({ type, body }) => [type, body])).to.deep.equal([
        ['revoked', ''],
        ['chat', 'is it right?'],
        ['image', 'my receipt'],
      ]);
      expect(found[0]?.id).to.include(wrong.stanzaId);
      expect(found[1]?.quoted).to.include({ messageId: id, text: 'my receipt' });
      expect(found[2]?.file).to.include({ mimeType: 'image/png', sizeBytes: data.length });
      expect(await client.findMessage(address, id)).to.deep.include({ id, body: 'my receipt' });
    }
    expect(await client.findMessage(historian, id)).to.equal(null);
  });

  it('says NOT_FOUND of the messages of a chat that is not there', async () => {
    const failure = await failureOf(session().client.listMessages(session().freshNumber(), { limit: 1 }));
    expect(failure.code).to.equal('NOT_FOUND');
  });

  it('finds a person with both addresses and the name, and none for a number without an account', async () => {
    const { network, client, number, freshNumber, receivedOf } = session();
    const { pn: person, lid } = network.account(freshNumber(), { addressedByLid: true, name: 'Sari' });
    network.write(person, { to: number, text: 'it is me' });
    await receivedOf(person);
    expect(await client.findContact(person)).to.deep.equal({ jid: person, lid, name: 'Sari' });
    expect(await client.findContact('15550000001@c.us')).to.equal(null);
  });
}
