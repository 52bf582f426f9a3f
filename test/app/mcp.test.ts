import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { expect } from 'chai';
import { eventually } from '../support/eventually.ts';
import { BOT, CUSTOMER, CUSTOMER_CHAT, KEY, OTHER_BOT } from '../support/fixtures.ts';
import { linkAgent } from '../support/link-agent.ts';
import { connectMcp } from '../support/mcp-client.ts';
import { withDatabase } from '../support/postgres.ts';
import { type Service, startService } from '../support/service.ts';

interface Page {
  chats: { chatId: string; unreadCount: number }[];
  messages: { id: string; by: string; text: string }[];
  next?: string;
}

describe('an assistant that uses MCP, on the sandbox', function () {
  this.timeout(60_000);
  const database = withDatabase();
  let service: Service;
  const clients: Client[] = [];

  before(async () => {
    service = await startService(database(), { env: { MCP_WRITE: 'true' } });
    await linkAgent(service, 'shop', BOT);
    await linkAgent(service, 'cafe', OTHER_BOT, { userId: 2, apikey: 'key-of-cafe' });
  });
  after(async () => {
    for (const client of clients) await client.close();
    await service?.close();
  });

  it('reads a chat, answers in it, and learns what became of the answer; another agent learns nothing', async () => {
    const shop = await connectMcp(service.url, 'shop', KEY);
    const cafe = await connectMcp(service.url, 'cafe', 'key-of-cafe');
    clients.push(shop, cafe);
    const call = async <T>(client: Client, name: string, args: object): Promise<T> => {
      const result = await client.callTool({ name, arguments: { ...args } });
      return result.structuredContent as T;
    };
    await call(shop, 'set_chat_mode', { chat_id: CUSTOMER, mode: 'human' });
    for (const text of ['first', 'second', 'third']) service.network.write(CUSTOMER, { to: BOT, text });
    const unread = async () => (await call<Page>(shop, 'list_chats', {})).chats[0];
    await eventually('the chat to be listed', async () => (await unread())?.unreadCount === 3);
    expect(await unread()).to.include({ chatId: CUSTOMER_CHAT, mode: 'human' });
    const newest = await call<Page>(shop, 'read_chat', { chat_id: CUSTOMER_CHAT, limit: 2 });
    const { next: before } = newest;
    const older = await call<Page>(shop, 'read_chat', { chat_id: CUSTOMER_CHAT, limit: 2, before });
    const read = [...newest.messages, ...older.messages];
    expect(read.map(({ by, text }) => [by, text])).to.deep.equal([
      ['customer', 'third'],
      ['customer', 'second'],
      ['customer', 'first'],
    ]);
    const quote_id = read[2]!.id;
    const found = await call(shop, 'find_contact', { number: CUSTOMER });
    expect(found).to.include({ exists: true, jid: CUSTOMER_CHAT });
    const sent = await call<{ id: string; status: string }>(shop, 'send_message', {
      to: CUSTOMER,
      text: 'Halo',
      quote_id,
    });
    expect(sent.status).to.equal('sent');
    const state = async () =>
      (await call<{ status: string }>(shop, 'get_message', { message_id: sent.id })).status;
    await eventually('the message to be delivered', async () => (await state()) === 'delivered');
    const latest = await call<Page>(shop, 'read_chat', { chat_id: CUSTOMER_CHAT, limit: 1 });
    expect(latest.messages[0]).to.include({ by: 'bot', text: 'Halo' });

    const foreign = { message_id: sent.id };
    expect(await call(cafe, 'get_message', foreign)).to.have.nested.property('error.code', 'NOT_FOUND');
    expect((await call<Page>(cafe, 'list_chats', {})).chats).to.deep.equal([]);
    const unseen = await call(cafe, 'read_chat', { chat_id: CUSTOMER_CHAT });
    expect(unseen).to.have.nested.property('error.code', 'NOT_FOUND');
  });
});
