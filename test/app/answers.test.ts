import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { callApi } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { BEARER, BOT, BOT_CHAT, CUSTOMER, CUSTOMER_CHAT, PIXEL, UNLIMITED } from '../support/fixtures.ts';
import { connected, linkAgent } from '../support/link-agent.ts';
import { createDatabase } from '../support/postgres.ts';
import { type Service, startService } from '../support/service.ts';

const MEDIA = fileURLToPath(new URL('../../examples/media/', import.meta.url));
const [photo, clip, song, sticker] = await Promise.all(
  ['photo.jpg', 'clip.mp4', 'song.mp3', 'sticker.webp'].map((name) => readFile(join(MEDIA, name))),
);
const DEVELOPER = '6281234560000';
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
const text = (body: string) => ({ type: 'text', text: { body } });

describe('an answer of the AI with more than text', function () {
  this.timeout(30_000);
  let service: Service;

  const start = async (env: Record<string, string>) => {
    const database = await createDatabase();
    service = await startService(database, { env: { ...env, DEVELOPER_NUMBER: DEVELOPER } });
    await linkAgent(service, 'shop', BOT);
  };

  beforeEach(() => start(UNLIMITED));
  afterEach(() => service.close());

  const call = (method: string, path: string, body?: unknown, headers = {}) =>
    callApi(service.url, method, `/agents/shop${path}`, body, { ...BEARER, ...headers });
  const run = (headers = {}) => call('POST', '/run', { message: 'hi', sessionId: CUSTOMER }, headers);
  const answers = (body: object) => {
    service.ai.behave = () => ({ body });
  };
  const writes = (words: string) => service.network.write(CUSTOMER, { to: BOT, text: words });
  /** The bot's messages on a phone. */
  const onPhone = (phone = CUSTOMER) =>
    service.network.messages(phone, BOT_CHAT).filter(({ fromMe }) => !fromMe);
  const bodies = () => onPhone().map(({ type, body }) => (type === 'chat' ? body : type));
  const reports = () => onPhone(DEVELOPER).map(({ body }) => body);
  const modeOf = async () => (await call('GET', `/chats/${CUSTOMER}`)).body.mode;
  const files = () => readdir(join(service.dir, 'data', 'files'));
  const kinds = (messages: unknown) => (messages as { type: string }[]).map(({ type }) => type);

  it('arrives in order, each kind with its bytes, the reply first, and leaves no file', async () => {
    const { id: question } = writes('show me all');
    const form = new FormData();
    form.set('file', new Blob([photo!]), 'photo.jpg');
    const upload = await fetch(`${service.url}/agents/shop/files`, {
      method: 'POST',
      headers: BEARER,
      body: form,
    });
    const { id } = (await upload.json()) as { id: string };
    const before = await files();
    const location = { latitude: -6.1754, longitude: 106.8272, name: 'Monas' };
    const contacts = [{ name: { formatted_name: 'Sari' }, phones: [{ phone: '+6285000000001' }] }];
    await eventually('the echo', () => bodies().length === 1);
    const { body } = service.ai.calls[0]!;
    answers({
      reply: 'here you are',
      messages: [
        text('a text'),
        { type: 'image', image: { id, caption: 'our garden' } },
        { type: 'video', video: { data: base64(clip!) } },
        { type: 'audio', audio: { data: base64(song!) } },
        { type: 'document', document: { link: `${service.images}/image.png`, filename: 'Menu.png' } },
        { type: 'sticker', sticker: { data: base64(sticker!) } },
        { type: 'location', location },
        { type: 'contacts', contacts },
        { type: 'poll', poll: { name: 'Lunch?', options: ['Soto', 'Rawon'] } },
        {
          type: 'reaction',
          reaction: { message_id: (body.metadata as { message_id: string }).message_id, emoji: '👍' },
        },
      ],
    });
    const { body: ran } = await run();
    expect(ran).to.include({ reply: 'here you are', replySent: true });
    const messages = ran.messages as { id: string; messageId: string; type: string }[];
    expect(kinds(messages)).to.deep.equal([
      'text',
      'image',
      'video',
      'audio',
      'document',
      'sticker',
      'location',
      'contacts',
      'poll',
      'reaction',
    ]);
    expect(new Set([ran.id, ...messages.map((message) => message.id)]).size).to.equal(11);
    for (const message of messages) {
      expect(message.messageId, message.type).to.be.a('string');
      expect((await call('GET', `/messages/${message.id}`)).body).to.include({ kind: message.type });
    }
    await eventually('all to arrive', () => bodies().length === 11);
    expect(bodies().slice(1)).to.deep.equal([
      'here you are',
      'a text',
      'image',
      'video',
      'audio',
      'document',
      'sticker',
      'location',
      'vcard',
      'poll_creation',
    ]);
    const [, , , image, video, audio, document, webp] = onPhone();
    expect([image, video, audio, document, webp].map((message) => message!.media!.sha256)).to.deep.equal(
      [photo!, clip!, song!, PIXEL, sticker!].map(sha256),
    );
    expect([image!.body, document!.media!.filename]).to.deep.equal(['our garden', 'Menu.png']);
    await eventually('the reaction', () => {
      const asked = service.network.messages(CUSTOMER, BOT_CHAT).find((message) => message.id === question);
      return asked?.reactions?.some(({ emoji }) => emoji === '👍');
    });
    await eventually('the files to be deleted', async () => (await files()).length === before.length);
  });

  it('is sent up to its tenth message, and the developer is informed of the rest', async () => {
    answers({ messages: Array.from({ length: 12 }, (_, n) => text(`${n}`)) });
    writes('count');
    await eventually('ten', () => bodies().length === 10);
    await eventually('the report', () => reports().length === 1);
    expect(bodies()).to.deep.equal(Array.from({ length: 10 }, (_, n) => `${n}`));
    expect(reports()[0]).to.contain('detail: The AI answered 12 messages; the first 10 are sent.');
  });

  it('is not sent at all when one message is not valid: the report names it and why', async () => {
    answers({ reply: 'hello', messages: [text('a'), { type: 'image', image: {} }] });
    writes('hi');
    await eventually('the report', () => reports().length === 1);
    expect(reports()[0]).to.contain('reason: ERROR');
    expect(reports()[0]).to.contain('messages.1.image needs exactly one of link, data and id');
    const { status, body } = await run();
    expect([status, (body.error as { code: string }).code]).to.deep.equal([502, 'AI_DOWNSTREAM_ERROR']);
    expect(bodies()).to.deep.equal([]);
  });

  it('is sent without a message whose file can’t be had, which the developer is informed of', async () => {
    const missing = '01f0a6c2-9b1d-4c63-8a4e-2f5d7c9e1b30';
    answers({ messages: [text('a'), { type: 'image', image: { id: missing } }, text('b')] });
    const { status, body } = await run();
    expect(status).to.equal(200);
    expect(kinds(body.messages)).to.deep.equal(['text', 'image', 'text']);
    const [, image] = body.messages as { id?: string; error?: { code: string } }[];
    expect([image!.id, image!.error!.code]).to.deep.equal([undefined, 'AI_DOWNSTREAM_ERROR']);
    await eventually('the report', () => reports().length === 1);
    expect(reports()[0]).to.contain('messages.1.image: There is no such file.');
    expect(bodies()).to.deep.equal(['a', 'b']);
    answers({ messages: [{ type: 'image', image: { id: missing } }] });
    expect((await run()).status).to.equal(502);
  });

  it('hands the chat over, and what came with that still leaves', async () => {
    answers({ reply: 'A colleague takes over.', messages: [text('Goodbye')], handoff: true });
    writes('a person, please');
    await eventually('the answer', () => bodies().length === 2);
    expect(bodies()).to.deep.equal(['A colleague takes over.', 'Goodbye']);
    const { body } = await call('GET', `/chats/${CUSTOMER}`);
    expect(body).to.include({ mode: 'human' }).and.not.have.property('until');
    writes('hello?');
    expect((await run()).body).to.deep.equal({ reply: null, replySent: false, sessionId: CUSTOMER_CHAT });
    expect(service.ai.calls).to.have.length(1);
  });

  it('hands the chat over for handoverMinutes, and without a message, too', async () => {
    await call('PATCH', '/settings', { handoverMinutes: 30 });
    answers({ handoff: true });
    writes('a person, please');
    await eventually('the handover', async () => (await modeOf()) === 'human');
    const { body } = await call('GET', `/chats/${CUSTOMER}`);
    expect(Date.parse(String(body.until)) - Date.parse(String(body.since))).to.equal(30 * 60_000);
    await service.network.clock.advance(31 * 60_000);
    expect(await modeOf()).to.equal('bot');
  });

  for (const [person, name] of [
    [false, 'still leaves after its handoff, over a restart'],
    [true, 'is dropped when a person writes, over a restart'],
  ] as const)
    it(`that waits in the queue ${name}`, async () => {
      await service.close();
      await start({ SEND_RATE_PER_MINUTE: '1', SEND_BURST: '1' });
      await call('PATCH', '/settings', { handoverMinutes: 30 });
      await call('POST', '/messages', { to: CUSTOMER, message: 'the only token' });
      answers({ reply: 'Goodbye', handoff: true });
      writes('a person, please');
      await eventually('the handoff', async () => (await modeOf()) === 'human');
      if (person) {
        service.network.write(BOT, { to: CUSTOMER, text: 'Ann here' });
        await eventually('the person', async () => {
          const { rows } = await service.pool.query('select from gateway_chat where replies_until is null');
          return rows.length === 1;
        });
      }
      await service.restart();
      await connected(service.url, 'shop');
      const status = async () =>
        (await service.pool.query("select status from gateway_message where origin = 'reply'")).rows[0]
          .status;
      await eventually('the outcome', async () => /^(failed|sent|delivered)$/.test(await status()));
      expect((await status()) === 'failed').to.equal(person);
      expect(bodies()).to.deep.equal(['the only token', person ? 'Ann here' : 'Goodbye']);
      expect(await modeOf()).to.equal('human');
    });

  it('waits by its length while typing shows; a person who writes meanwhile drops it', async () => {
    await call('PATCH', '/settings', { replyDelay: { perCharacterMs: 1_000, maxMs: 8_000 } });
    answers({ reply: 'four' });
    const typing = () => service.network.chats(CUSTOMER).some((chat) => chat.typing);
    writes('hi');
    await eventually('the delay', () => service.ai.calls.length === 1 && typing());
    await new Promise((resolve) => setImmediate(resolve));
    expect(bodies()).to.deep.equal([]);
    await eventually('the reply', async () => {
      await service.network.clock.advance(500);
      return bodies().length === 1;
    });
    await eventually('typing to end', () => !typing());
    await call('PATCH', '/settings', { handoverMinutes: 30 });
    answers({ reply: 'a longer one' });
    writes('and now?');
    await eventually('the delay', () => service.ai.calls.length === 2 && typing());
    service.network.write(BOT, { to: CUSTOMER, text: 'I take this one' });
    await eventually('the handover', async () => (await modeOf()) === 'human');
    await service.network.clock.advance(10_000);
    expect(bodies()).to.deep.equal(['four', 'I take this one']);
  });

  for (const reply of [undefined, 'hello'])
    it(`${reply ? 'with' : 'without'} a reply is sent once per Idempotency-Key, and the AI asked once, over a crash before the answer`, async () => {
      answers({ reply, messages: [text('a'), { type: 'image', image: { data: base64(photo!) } }] });
      const key = { 'Idempotency-Key': 'once' };
      const first = await run(key);
      // What a kill leaves: the key without its answer.
      await service.restart();
      await service.pool.query(
        "update gateway_idempotency set state = 'in_flight', status = null, headers = null, body = null",
      );
      await connected(service.url, 'shop');
      const again = await run(key);
      expect(again.headers.get('idempotent-replayed')).to.equal('true');
      expect(again.body).to.deep.equal(first.body);
      expect(kinds(again.body.messages)).to.deep.equal(['text', 'image']);
      expect(service.ai.calls).to.have.length(1);
      expect(bodies()).to.deep.equal([...(reply ? [reply] : []), 'a', 'image']);
    });
});
