import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import type { ChatMessage } from '../../src/sandbox/network/types.ts';
import { callApi } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { BEARER, BOT, BOT_CHAT, CUSTOMER, CUSTOMER_CHAT } from '../support/fixtures.ts';
import { png } from '../support/images.ts';
import { linkAgent } from '../support/link-agent.ts';
import { withDatabase } from '../support/postgres.ts';
import { type Service, startService } from '../support/service.ts';
import { findProgram, whereFound } from '../support/where-found.ts';

const MEDIA = fileURLToPath(new URL('../../examples/media/', import.meta.url));
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const [photo, clip, song, voice, prices, sticker] = await Promise.all(
  ['photo.jpg', 'clip.mp4', 'song.mp3', 'voice.ogg', 'prices.pdf', 'sticker.webp'].map((name) =>
    readFile(join(MEDIA, name)),
  ),
);

describe('messages of every kind, over HTTP to the customer’s phone', function () {
  this.timeout(30_000);
  const database = withDatabase();
  let service: Service;

  before(async () => {
    service = await startService(database());
    await linkAgent({ url: service.url, network: service.network }, 'shop', BOT);
  });
  after(() => service?.close());

  const call = (method: string, path: string, body?: unknown, headers = {}) =>
    callApi(service.url, method, path, body, { ...BEARER, ...headers });
  const send = (fields: object, headers = {}) =>
    call('POST', '/agents/shop/messages', { to: CUSTOMER, ...fields }, headers);
  const onPhone = () => service.network.messages(CUSTOMER, BOT_CHAT);
  const files = () => readdir(join(service.dir, 'data', 'files'));

  /** Uploads a file; its id. */
  async function upload(bytes: Buffer, name: string): Promise<string> {
    const body = new FormData();
    body.set('file', new Blob([bytes]), name);
    const answer = await fetch(`${service.url}/agents/shop/files`, { method: 'POST', headers: BEARER, body });
    return String(((await answer.json()) as { id: string }).id);
  }

  /** Sends a message, and gives it as the customer has it. */
  async function received(
    fields: object,
  ): Promise<{ answer: Record<string, unknown>; message: ChatMessage }> {
    const { status, body } = await send(fields);
    expect(status, JSON.stringify(body)).to.equal(200);
    const [, stanza] = /_(3EB0\w+)$/.exec(String(body.messageId))!;
    const message = await eventually('the message', () =>
      onPhone().find(({ stanzaId }) => stanzaId === stanza),
    );
    return { answer: body, message };
  }

  for (const [kind, type, name, bytes, mimetype, more] of [
    ['image', 'image', 'photo.jpg', photo!, 'image/jpeg', { caption: 'Menu' }],
    ['video', 'video', 'clip.mp4', clip!, 'video/mp4', { caption: 'Cara' }],
    ['audio', 'audio', 'song.mp3', song!, 'audio/mpeg', {}],
    [
      'document',
      'document',
      'prices.pdf',
      prices!,
      'application/pdf',
      { caption: 'Harga', filename: 'Harga.pdf' },
    ],
    ['document', 'document', 'photo.jpg', photo!, 'image/jpeg', { filename: 'photo.jpg' }],
    ['sticker', 'sticker', 'sticker.webp', sticker!, 'image/webp', {}],
  ] as const)
    it(`${kind} (${name}) arrives with its bytes, from base64 and from an upload, and leaves no file but the upload`, async () => {
      const before = await files();
      const id = await upload(bytes, name);
      for (const source of [{ data: bytes.toString('base64') }, { id }]) {
        const { answer, message } = await received({ type: kind, [kind]: { ...source, ...more } });
        expect(answer).to.include({ mimetype, size: bytes.length });
        expect(message).to.include({ type, body: 'caption' in more ? more.caption : '' });
        expect(message.media).to.include({ sha256: sha256(bytes), mimetype, size: bytes.length });
        if ('filename' in more) expect(message.media).to.include({ filename: more.filename });
        expect(sha256(service.network.mediaFile(sha256(bytes))!.data)).to.equal(sha256(bytes));
      }
      await eventually(
        'the message’s own files to be deleted',
        async () => (await files()).length === before.length + 1,
      );
      expect(await files()).to.include(id);
    });

  it('a link is fetched when the message is accepted', async () => {
    const { answer, message } = await received({
      type: 'image',
      image: { link: `${service.images}/image.png` },
    });
    expect(answer).to.include({ mimetype: 'image/png' });
    expect(message.type).to.equal('image');
  });

  whereFound('a voice note', findProgram('ffmpeg'), 'ffmpeg is not installed', () => {
    for (const [name, bytes] of [
      ['Opus', voice!],
      ['MP3', song!],
    ] as const)
      it(`from ${name} arrives as Ogg with Opus, with its length and waveform`, async () => {
        const { answer, message } = await received({
          type: 'audio',
          audio: { data: bytes.toString('base64'), voice: true },
        });
        expect(answer).to.include({ mimetype: 'audio/ogg; codecs=opus' });
        expect(message).to.include({ type: 'ptt' });
        expect(message.media).to.include({ seconds: 2 });
        expect(message.media?.waveform).to.have.length(64);
        if (bytes === voice) expect(message.media?.sha256).to.equal(sha256(bytes));
      });
  });

  it('a text with preview, a location, contacts and a poll arrive as they are', async () => {
    const body = 'Menu: https://example.com/menu';
    const text = await received({ type: 'text', text: { body, preview_url: true } });
    expect(text.message).to.include({ type: 'chat', body, previewUrl: 'https://example.com/menu' });
    const location = { latitude: -6.1754, longitude: 106.8272, name: 'Monas' };
    expect((await received({ type: 'location', location })).message).to.deep.include({
      type: 'location',
      location,
    });
    const contacts = [{ name: { formatted_name: 'Sari' }, phones: [{ phone: '+6285000000001' }] }];
    expect((await received({ type: 'contacts', contacts })).message).to.deep.include({
      type: 'vcard',
      contacts,
    });
    const poll = { name: 'Makan?', options: ['ya', 'tidak'], selectable_count: 1 };
    const { message } = await received({ type: 'poll', poll });
    expect(message.poll).to.deep.include({ name: 'Makan?', options: ['ya', 'tidak'] });
  });

  it('a message is quoted, reacted to, edited and deleted, by our id and by WhatsApp’s', async () => {
    const { answer, message } = await received({ message: 'Buka jam 8' });
    const find = () => onPhone().find(({ stanzaId }) => stanzaId === message.stanzaId)!;
    const quoting = await received({ message: 'Ralat', quoteId: answer.messageId });
    expect(quoting.message.quotedId).to.equal(message.id);
    for (const message_id of [answer.id, answer.messageId]) {
      const reaction = { message_id, emoji: message_id === answer.id ? '☕' : '' };
      expect((await send({ type: 'reaction', reaction })).status).to.equal(200);
      await eventually('the reaction', () => (find().reactions ?? []).length === (reaction.emoji ? 1 : 0));
    }
    for (const [id, text] of [
      [answer.id, 'Buka jam 9'],
      [answer.messageId, 'Buka jam 10'],
    ]) {
      const edited = await call('PATCH', `/agents/shop/messages/${id}`, { text });
      expect(edited.status, JSON.stringify(edited.body)).to.equal(200);
      await eventually('the edit', () => find().body === text);
      const { body } = await call('GET', `/agents/shop/messages/${edited.body.id}`);
      expect(body).to.include({ kind: 'edit', to: CUSTOMER_CHAT });
    }
    expect((await call('DELETE', `/agents/shop/messages/${answer.id}`)).status).to.equal(200);
    await eventually('the deletion', () => find().type === 'revoked');
    expect((await call('DELETE', `/agents/shop/messages/${quoting.answer.messageId}`)).status).to.equal(200);
    const again = await call('PATCH', `/agents/shop/messages/${answer.id}`, { text: 'x' });
    expect([again.status, again.body.error?.code]).to.deep.equal([404, 'NOT_FOUND']);
  });

  it('another’s message is neither edited nor deleted, but may be reacted to', async () => {
    service.network.write(CUSTOMER, { to: BOT_CHAT, text: 'Halo' });
    const theirs = await eventually('their message', () =>
      service.network.messages(BOT, CUSTOMER_CHAT).find(({ body }) => body === 'Halo'),
    );
    for (const [method, body] of [
      ['PATCH', { text: 'x' }],
      ['DELETE', undefined],
    ] as const) {
      const refused = await call(method, `/agents/shop/messages/${theirs.id}`, body);
      expect([refused.status, refused.body.error?.code]).to.deep.equal([403, 'NOT_OWN_MESSAGE']);
    }
    const reaction = { message_id: theirs.id, emoji: '👍' };
    expect((await send({ type: 'reaction', reaction })).status).to.equal(200);
  });

  it('what can’t be edited, or never was there, is refused as such', async () => {
    const { answer } = await received({ type: 'sticker', sticker: { data: sticker!.toString('base64') } });
    const edit = await call('PATCH', `/agents/shop/messages/${answer.id}`, { text: 'x' });
    expect([edit.status, edit.body.error?.code]).to.deep.equal([400, 'INVALID_PAYLOAD']);
    const gone = await call('DELETE', `/agents/shop/messages/true_${CUSTOMER_CHAT}_3EB0FFFFFFFFFFFFFFFFFF`);
    expect([gone.status, gone.body.error?.code]).to.deep.equal([404, 'NOT_FOUND']);
    const reaction = { message_id: '01f0a6c2-9b1d-4c63-8a4e-2f5d7c9e1b30', emoji: '👍' };
    const reacted = await send({ type: 'reaction', reaction });
    expect([reacted.status, reacted.body.error?.code]).to.deep.equal([404, 'NOT_FOUND']);
  });

  it('16 MB of base64 are sent as a document', async () => {
    const bytes = Buffer.alloc(16 * 1024 * 1024, 'abc');
    const document = { data: bytes.toString('base64'), filename: 'large.bin' };
    const { message } = await received({ type: 'document', document });
    expect(message.media?.sha256).to.equal(sha256(bytes));
  });

  describe('one that waits', () => {
    it('is not sent when it is deleted, also while the agent is not connected, and its file goes', async () => {
      service.network.faults.setLatency(BOT, 2_000);
      const before = await files();
      const image = { data: png().toString('base64') };
      const later = { prefer: 'respond-async' };
      await send({ message: 'first' }, later);
      for (const isLinked of [true, false]) {
        const { status, body: queued } = await send({ type: 'image', image }, later);
        expect(status).to.equal(202);
        if (!isLinked) {
          service.network.unlink(BOT);
          await eventually('the log-out', async () => {
            const { body } = await call('GET', '/sessions/shop');
            return body.status === 'disconnected';
          });
        }
        const path = `/agents/shop/messages/${queued.id}`;
        const { body } = await call('DELETE', path);
        expect(body).to.deep.equal({ id: queued.id, to: CUSTOMER_CHAT, status: 'withdrawn' });
        expect((await call('DELETE', path)).body, 'repeated').to.deep.equal(body);
        expect((await call('GET', path)).body).to.have.nested.property('error.code', 'WITHDRAWN');
      }
      await eventually('the files to be deleted', async () => (await files()).length <= before.length);
      expect(onPhone().filter(({ media }) => media?.sha256 === sha256(png()))).to.deep.equal([]);
    });
  });
});
