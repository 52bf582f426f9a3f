import { createHash, randomBytes } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import { type ApiAnswer, callApi } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { BEARER, BOT, BOT_CHAT, CUSTOMER, CUSTOMER_CHAT, PIXEL, UNLIMITED } from '../support/fixtures.ts';
import { linkAgent } from '../support/link-agent.ts';
import { withDatabase } from '../support/postgres.ts';
import { type Service, startService } from '../support/service.ts';

interface ListedChat {
  chatId: string;
  unreadCount: number;
  mode: string;
  lastMessage: { text: string; at: string };
}
interface ListedMessage {
  id: string;
  by: string;
  text?: string;
  status?: string;
  at: string;
  file?: { url: string; sha256: string };
}

describe('the chats of the phone', function () {
  this.timeout(30_000);
  const database = withDatabase();
  let service: Service;

  before(async () => {
    service = await startService(database(), { env: UNLIMITED });
    await linkAgent(service, 'shop', BOT);
  });
  after(() => service?.close());

  const call = (method: string, path: string, body?: unknown): Promise<ApiAnswer> =>
    callApi(service.url, method, `/agents/shop${path}`, body, BEARER);
  /** The status of a call whose answer has no body. */
  const statusOf = async (path: string, json?: object): Promise<number> => {
    const headers = { ...BEARER, ...(json && { 'content-type': 'application/json' }) };
    const body = json && JSON.stringify(json);
    return (await fetch(`${service.url}/agents/shop${path}`, { method: 'POST', headers, body })).status;
  };
  const write = (from: string, text: string) => service.network.write(from, { to: BOT, text });
  const query = (limit: number, before?: string) =>
    new URLSearchParams({ limit: `${limit}`, ...(before && { before }) });

  /** All pages of a list; `between` runs after each. */
  async function allOf<T>(
    path: string,
    limit: number,
    between: () => unknown = () => undefined,
  ): Promise<T[]> {
    const items: T[] = [];
    let before: string | undefined;
    do {
      const { status, body } = await call('GET', `${path}?${query(limit, before)}`);
      expect(status).to.equal(200);
      const found = (body.chats ?? body.messages) as T[];
      expect(found.length).to.be.within(1, limit);
      items.push(...found);
      before = body.next as string | undefined;
      between();
    } while (before);
    return items;
  }

  it('are listed once each in pages of any length, whatever arrives between the pages', async () => {
    const people = Array.from({ length: 30 }, (_, index) => `62812000000${String(index).padStart(2, '0')}`);
    for (const person of people) write(person, 'hello');
    const moves = fc.array(fc.nat({ max: people.length - 1 }), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 2, max: 12 }),
        fc.array(moves, { maxLength: 8 }),
        async (limit, arriving) => {
          const rounds = [...arriving];
          const found = await allOf<ListedChat>('/chats', limit, () => {
            for (const index of rounds.shift() ?? []) write(people[index]!, 'again');
          });
          const ids = found.map(({ chatId }) => chatId);
          expect(ids).to.have.length(new Set(ids).size);
          expect(ids).to.include.members(people.map((person) => `${person}@c.us`));
        },
      ),
      { numRuns: 10 },
    );
  });

  it('have all their messages once, the newest first, whatever arrives between the pages', async () => {
    const person = '6281300000001';
    await call('PUT', `/chats/${person}`, { mode: 'closed' });
    let written = 0;
    const writeOne = () => {
      written += 1;
      write(person, `message ${written}`);
    };
    const arrived = () => service.network.messages(BOT, `${person}@c.us`).map(({ id }) => id);
    for (let index = 0; index < 45; index += 1) writeOne();
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 3, max: 20 }), fc.nat({ max: 2 }), async (limit, arriving) => {
        await eventually('all messages', () => arrived().length === written);
        const known = arrived();
        const found = await allOf<ListedMessage>(`/chats/${person}/messages`, limit, () => {
          for (let index = 0; index < arriving; index += 1) writeOne();
        });
        expect(found.map(({ id }) => id)).to.deep.equal(known.reverse());
      }),
      { numRuns: 10 },
    );
  });

  it('show who answers them, what is unread, and who wrote what', async () => {
    const person = '6281300000002';
    write(person, 'what is the price?');
    const shown = () => service.network.messages(BOT, `${person}@c.us`).map(({ body }) => body);
    await eventually('the reply', () => shown().includes('AI: what is the price?'));
    service.network.write(BOT, { to: person, text: 'and it is in stock' });
    await call('POST', '/messages', { to: person, message: 'an offer' });
    const { body } = await call('GET', `/chats/${person}/messages`);
    const messages = body.messages as ListedMessage[];
    expect(messages.map(({ by, text }) => [by, text])).to.deep.equal([
      ['bot', 'an offer'],
      ['human', 'and it is in stock'],
      ['bot', 'AI: what is the price?'],
      ['customer', 'what is the price?'],
    ]);
    expect(messages.map(({ status }) => status !== undefined)).to.deep.equal([true, true, true, false]);
    service.network.read(person, BOT_CHAT);
    await eventually('the receipt', async () => {
      const page = await call('GET', `/chats/${person}/messages?limit=1`);
      return (page.body.messages as ListedMessage[])[0]?.status === 'read';
    });
    await call('PUT', `/chats/${person}`, { mode: 'closed' });
    write(person, 'hello?');
    const listed = async () =>
      ((await call('GET', '/chats')).body.chats as ListedChat[]).find(
        ({ chatId }) => chatId === `${person}@c.us`,
      );
    expect(await listed()).to.deep.include({ unreadCount: 1, mode: 'closed' });
    expect((await listed())?.lastMessage).to.include({ text: 'hello?', type: 'text', fromMe: false });
    expect(await statusOf(`/chats/${person}/read`)).to.equal(204);
    expect(await listed()).to.include({ unreadCount: 0 });
    const closed = (await call('GET', '/chats?mode=closed')).body.chats as ListedChat[];
    expect(closed.map(({ chatId }) => chatId)).to.include(`${person}@c.us`);
  });

  it('give the files of their messages, whole and in ranges, downloaded once', async () => {
    const data = Buffer.concat([PIXEL, randomBytes(5_000)]);
    const file = { type: 'image', mimetype: 'image/png', data } as const;
    service.network.write(CUSTOMER, { to: BOT, text: 'my receipt', file });
    const message = await eventually('the message', async () => {
      const { body } = await call('GET', `/chats/${CUSTOMER}/messages?limit=5`);
      return (body.messages as ListedMessage[] | undefined)?.find(({ file }) => file);
    });
    const sha256 = createHash('sha256').update(data).digest('hex');
    expect(message.file).to.include({ mimeType: 'image/png', sizeBytes: data.length, sha256 });
    const { pathname } = new URL(message.file!.url);
    const get = (headers = {}) => fetch(service.url + pathname, { headers: { ...BEARER, ...headers } });
    const [whole, again] = await Promise.all([get(), get()]);
    expect([whole.status, again.status]).to.deep.equal([200, 200]);
    expect(whole.headers.get('content-type')).to.equal('image/png');
    expect(Buffer.from(await whole.arrayBuffer())).to.deep.equal(data);
    const part = await get({ Range: 'bytes=10-19' });
    expect(part.status).to.equal(206);
    expect(Buffer.from(await part.arrayBuffer())).to.deep.equal(data.subarray(10, 20));
    const { rows } = await service.pool.query('select 1 from gateway_file where sha256 = $1', [sha256]);
    expect(rows).to.have.length(1);
    expect((await fetch(service.url + pathname)).status).to.equal(401);
    const elsewhere = pathname.replace(encodeURIComponent(CUSTOMER_CHAT), '6281300000002%40c.us');
    for (const path of [elsewhere, `/agents/shop/chats/${CUSTOMER}/messages/none/file`])
      expect((await fetch(service.url + path, { headers: BEARER })).status).to.equal(404);
  });

  it('show typing until it is stopped, or for 25 s', async () => {
    write(CUSTOMER, 'are you there?');
    const isShown = () => service.network.isTyping(CUSTOMER, BOT_CHAT);
    await eventually('the end of the reply', () => !isShown());
    const type = (typing: boolean) => statusOf(`/chats/${CUSTOMER}/typing`, { typing });
    expect(await type(true)).to.equal(204);
    expect(isShown()).to.equal(true);
    await type(false);
    expect(isShown()).to.equal(false);
    await type(true);
    await service.network.clock.advance(25_000);
    expect(isShown()).to.equal(false);
  });

  it('have people, who are found by their numbers', async () => {
    const { lid } = service.network.account(CUSTOMER, { name: 'Sari' });
    const found = await call('GET', `/contacts/${CUSTOMER.replace('62', '0')}`);
    expect(found.body).to.deep.equal({ exists: true, jid: CUSTOMER_CHAT, lid, name: 'Sari' });
    expect((await call('GET', '/contacts/15550000001')).body).to.deep.equal({ exists: false });
  });

  it('are NOT_FOUND when they are not there, and a page end of another kind is refused', async () => {
    for (const path of ['/chats/6281999999999/messages', '/chats/120363000000000009@g.us/messages'])
      expect((await call('GET', path)).body).to.have.nested.property('error.code', 'NOT_FOUND');
    expect(await statusOf('/chats/6281999999999/read')).to.equal(404);
    for (const before of ['abc', 'W10', Buffer.from('[1,2,3]').toString('base64url')]) {
      const { status, body } = await call('GET', `/chats?before=${before}`);
      expect(status).to.equal(400);
      const details = [{ path: 'before', message: 'must be `next` of the page before' }];
      expect(body.error).to.deep.include({ code: 'INVALID_PAYLOAD', details });
    }
  });

  it('continue after a restart of the session from where a page ended', async () => {
    const { body } = await call('GET', '/chats?limit=5');
    const first = (body.chats as ListedChat[]).map(({ chatId }) => chatId);
    await service.restart();
    await eventually('the session', async () => (await call('GET', '/chats?limit=1')).status === 200);
    const rest = await call('GET', `/chats?${query(100, String(body.next))}`);
    const ids = (rest.body.chats as ListedChat[]).map(({ chatId }) => chatId);
    expect(ids.length).to.be.above(20);
    expect(ids.filter((id) => first.includes(id))).to.deep.equal([]);
  });

  it('are refused within their deadline while the page hangs, and above four at once', async () => {
    service.network.faults.freeze(BOT, true);
    const codes: (string | undefined)[] = [];
    const calls = Array.from({ length: 6 }, async () => {
      codes.push((await call('GET', '/chats')).body.error?.code);
    });
    await eventually('the refusals', () => codes.length === 2);
    expect(codes).to.deep.equal(['RATE_LIMITED', 'RATE_LIMITED']);
    await service.network.clock.advance(10_000);
    await Promise.all(calls);
    expect(codes.slice(2)).to.deep.equal(Array(4).fill('BAD_GATEWAY'));
    service.network.faults.freeze(BOT, false);
  });

  it('can only be read while the agent is connected', async () => {
    service.network.unlink(BOT);
    const refused = async () => (await call('GET', '/chats')).status === 409;
    await eventually('the end of the connection', refused);
    const calls = [
      ['GET', `/chats/${CUSTOMER}/messages`],
      ['GET', `/chats/${CUSTOMER}/messages/none/file`],
      ['POST', `/chats/${CUSTOMER}/read`],
      ['POST', `/chats/${CUSTOMER}/typing`, { typing: true }],
      ['GET', `/contacts/${CUSTOMER}`],
    ] as const;
    for (const [method, path, json] of calls) {
      const { status, body } = await call(method, path, json);
      expect([status, body.error?.code], path).to.deep.equal([409, 'SESSION_NOT_READY']);
    }
    expect((await call('GET', '/chats?mode=human')).status).to.equal(200);
  });
});
