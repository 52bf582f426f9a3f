import { expect } from 'chai';
import { STATUS } from '../../src/http/middleware/error-handler.ts';
import { expectProblem, failure, Harness } from '../support/http-harness.ts';

const to = '0812-3456-7890';
const link = 'https://example.com/a.bin';
const id = '01f0a6c2-9b1d-4c63-8a4e-2f5d7c9e1b30';
const messageId = 'true_6281234567890@c.us_3EB0C767D26A1D8E5A1B';
const card = { name: { formatted_name: 'Sari' }, phones: [{ phone: '+62 850' }] };
/** The file that the intake of the tests makes of a source. */
const file = (path: string, more = {}) => ({ path, mimetype: 'image/png', size: 68, sha256: '', ...more });

/** The fields of a body, and the content that is sent. */
const GOOD: [string, object, object][] = [
  ['a text', { type: 'text', text: { body: 'Halo' } }, { kind: 'text', text: 'Halo' }],
  [
    'a text with preview and mentions',
    { type: 'text', text: { body: 'Halo @62850', preview_url: true }, mentions: ['0812345678'] },
    { kind: 'text', text: 'Halo @62850', previewUrl: true, mentions: ['62812345678@c.us'] },
  ],
  [
    'an image from a link',
    { type: 'image', image: { link, caption: 'hi' } },
    { kind: 'image', caption: 'hi', file: file(`link:${link}`) },
  ],
  [
    'an image from base64',
    { type: 'image', image: { data: 'aGk=' } },
    { kind: 'image', file: file('data:aGk=') },
  ],
  [
    'a video',
    { type: 'video', video: { id, caption: 'hi' } },
    { kind: 'video', caption: 'hi', file: file(`id:${id}`) },
  ],
  ['audio', { type: 'audio', audio: { id } }, { kind: 'audio', file: file(`id:${id}`) }],
  [
    'a voice note',
    { type: 'audio', audio: { id, voice: true } },
    { kind: 'audio', voice: true, file: file(`id:${id}`) },
  ],
  [
    'a document',
    { type: 'document', document: { id, filename: 'harga.pdf', caption: 'hi' } },
    { kind: 'document', caption: 'hi', file: file(`id:${id}`, { filename: 'harga.pdf' }) },
  ],
  ['a sticker', { type: 'sticker', sticker: { id } }, { kind: 'sticker', file: file(`id:${id}`) }],
  [
    'a location',
    { type: 'location', location: { latitude: -6.17, longitude: 106.82, name: 'Monas' } },
    { kind: 'location', latitude: -6.17, longitude: 106.82, name: 'Monas' },
  ],
  [
    "contacts, with Meta's further fields",
    { type: 'contacts', contacts: [{ ...card, org: { company: 'Kopi' } }] },
    { kind: 'contacts', contacts: [card] },
  ],
  [
    'a poll',
    { type: 'poll', poll: { name: 'Makan?', options: ['ya', 'tidak'], selectable_count: 1 } },
    { kind: 'poll', name: 'Makan?', options: ['ya', 'tidak'], selectableCount: 1 },
  ],
  [
    'a reaction',
    { type: 'reaction', reaction: { message_id: messageId, emoji: '☕' } },
    { kind: 'reaction', messageId, emoji: '☕' },
  ],
  [
    'a reaction that is taken back',
    { type: 'reaction', reaction: { message_id: messageId, emoji: '' } },
    { kind: 'reaction', messageId, emoji: '' },
  ],
];

describe('POST /agents/{agentId}/messages with a type', () => {
  let http: Harness;
  beforeEach(async () => {
    http = await new Harness().start();
  });
  afterEach(() => http.stop());

  for (const [name, fields, content] of GOOD)
    it(`sends ${name}`, async () => {
      const reply = await http.send('messages', { to, ...fields, quoteId: null });
      expect(reply.status).to.equal(200);
      const { message } = http.system.sent[0]!;
      expect(message).to.include({ to: '6281234567890@c.us', quoteId: undefined, origin: 'api' });
      expect(JSON.parse(JSON.stringify(message.content))).to.deep.equal(content);
      const shown = 'file' in content ? { mimetype: 'image/png', size: 68 } : {};
      expect(reply.body).to.deep.equal({
        messageId: 'true_6281234567890@c.us_3EB0',
        id: 'm-1',
        to: '6281234567890@c.us',
        status: 'sent',
        timestamp: '2025-11-07T08:00:00.000Z',
        ...shown,
      });
    });

  it('answers 202 with type and size of a file that waits', async () => {
    http.system.onSend = async (message) => ({ status: 'queued', id: 'm-9', to: message.to, position: 3 });
    const reply = await http.send('messages', { to, type: 'image', image: { id } });
    expect(reply.status).to.equal(202);
    expect(reply.body).to.deep.equal({
      id: 'm-9',
      status: 'queued',
      position: 3,
      mimetype: 'image/png',
      size: 68,
    });
  });

  for (const code of [
    'MEDIA_TOO_LARGE',
    'UNSUPPORTED_MEDIA_TYPE',
    'MEDIA_URL_BLOCKED',
    'MEDIA_FETCH_FAILED',
    'NOT_FOUND',
  ] as const)
    it(`answers ${STATUS[code]} ${code} when its file is refused with it, and sends nothing`, async () => {
      http.media.failure = failure(code, 'Refused.');
      expectProblem(await http.send('messages', { to, type: 'video', video: { link } }), code);
      expect(http.system.sent).to.be.empty;
    });

  it('stores no file while the agent is not connected, and deletes the one of a message that is not accepted', async () => {
    http.system.refusal = failure('SESSION_NOT_READY', 'Not connected.');
    expect((await http.send('messages', { to, type: 'image', image: { id } })).status).to.equal(409);
    expect(http.media.stored).to.be.empty;
    http.system.refusal = null;
    http.system.onSend = async () => {
      throw failure('DATABASE_UNAVAILABLE', 'Away.');
    };
    expect((await http.send('messages', { to, type: 'image', image: { id } })).status).to.equal(503);
    expect(http.media.stored).to.be.empty;
  });

  it('leaves the file of a message with an outcome to that', async () => {
    http.system.onSend = async () => {
      throw failure('BAD_GATEWAY', 'Refused.', { details: { outcome: 'failed', id: 'm-1' } });
    };
    expect((await http.send('messages', { to, type: 'image', image: { id } })).status).to.equal(502);
    expect(http.media.stored).to.have.length(1);
  });

  it('takes a file of 16 MB in base64 with line breaks, and refuses a larger body before it arrives', async () => {
    const data = Buffer.alloc(16 * 1024 * 1024)
      .toString('base64')
      .replace(/.{76}/g, '$&\r\n');
    const document = { data, filename: 'x'.repeat(255), caption: '\u0001'.repeat(65_536) };
    expect((await http.send('messages', { to, type: 'document', document })).status).to.equal(200);
    const reply = await http.send('messages', { to, type: 'document', document: { data: data + data } });
    expectProblem(reply, 'MEDIA_TOO_LARGE');
  });

  it('answers 413 with the limit of texts for a long body without a file', async () => {
    const long = { to, type: 'text', text: { body: 'x'.repeat(600_000) } };
    for (const json of [long, { ...long, type: 'poll' }, { a: 'x'.repeat(600_000) }, ['x'.repeat(600_000)]])
      expectProblem(await http.send('messages', json), 'PAYLOAD_TOO_LARGE');
  });

  it('names the types in place of one that it does not know', async () => {
    const { body } = await http.send('messages', { to, type: 'template', template: {} });
    expect(body.error.details).to.deep.equal([
      {
        path: 'type',
        message:
          'must be one of text, image, video, audio, document, sticker, location, contacts, poll, reaction',
      },
    ]);
  });

  it('is sent once per Idempotency-Key, and its file stored once', async () => {
    const body = { to, type: 'image', image: { data: 'aGk=' } };
    const keyed = { 'idempotency-key': 'once' };
    const [first, second] = [
      await http.send('messages', body, keyed),
      await http.send('messages', body, keyed),
    ];
    expect(second.body).to.deep.equal(first.body);
    expect(http.system.sent).to.have.length(1);
    expectProblem(
      await http.send('messages', { ...body, image: { data: 'aGkh' } }, keyed),
      'IDEMPOTENCY_CONFLICT',
    );
    expect(http.media.stored).to.have.length(1);
  });
});
