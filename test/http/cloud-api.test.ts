import { expect } from 'chai';
import { ERROR_CODES } from '../../src/actors/domain/errors.ts';
import type { StoredMessage } from '../../src/actors/domain/ports/stores.ts';
import { CLOUD_CODES, CLOUD_ERRORS, type CloudCode } from '../../src/infra/cloud-errors.ts';
import { idOfWamid, mediaIdOf, wamidOf } from '../../src/infra/cloud-ids.ts';
import { type CloudReply, expectCloudProblem, failure, Harness } from '../support/http-harness.ts';

const FILE = '01f0a6c2-9b1d-4c63-8a4e-2f5d7c9e1b30';
const MESSAGE = '019a9f3e-7c1d-7b8e-9d52-3f0c5a1e77aa';
const RECEIVED = 'false_6281234567890@c.us_3EB0C767D26A1D8E5A1B';
const link = 'https://example.com/a.bin';
const card = { name: { formatted_name: 'Sari' }, phones: [{ phone: '+62 850' }] };
const file = (path: string, more = {}) => ({ path, mimetype: 'image/png', size: 68, sha256: '', ...more });

/** The fields of a message, and the content that is sent. */
const GOOD: [string, object, object][] = [
  ['a text without type', { text: { body: 'Halo' } }, { kind: 'text', text: 'Halo' }],
  [
    'a text with preview',
    { type: 'text', text: { body: 'https://x.id', preview_url: true } },
    { kind: 'text', text: 'https://x.id', previewUrl: true },
  ],
  [
    'an image by link',
    { type: 'image', image: { link, caption: 'hi' } },
    { kind: 'image', caption: 'hi', file: file(`link:${link}`) },
  ],
  [
    'a video by media id',
    { type: 'video', video: { id: mediaIdOf('bot', FILE) } },
    { kind: 'video', file: file(`id:${FILE}`) },
  ],
  [
    'a voice note by the id of a file',
    { type: 'audio', audio: { id: FILE, voice: true } },
    { kind: 'audio', voice: true, file: file(`id:${FILE}`) },
  ],
  [
    'a document',
    { type: 'document', document: { link, filename: 'a.pdf' } },
    { kind: 'document', file: file(`link:${link}`, { filename: 'a.pdf' }) },
  ],
  ['a sticker', { type: 'sticker', sticker: { link } }, { kind: 'sticker', file: file(`link:${link}`) }],
  [
    'a location in digits',
    { type: 'location', location: { latitude: '-6.17', longitude: '106.82', name: 'Monas' } },
    { kind: 'location', latitude: -6.17, longitude: 106.82, name: 'Monas' },
  ],
  ['contacts', { type: 'contacts', contacts: [card] }, { kind: 'contacts', contacts: [card] }],
  [
    'contacts as JSON text',
    { type: 'contacts', contacts: JSON.stringify([card]) },
    { kind: 'contacts', contacts: [card] },
  ],
  [
    'a reaction to a message that came in',
    { type: 'reaction', reaction: { message_id: wamidOf(RECEIVED), emoji: '👍' } },
    { kind: 'reaction', messageId: RECEIVED, emoji: '👍' },
  ],
  [
    'a reaction taken back, to a message of ours',
    { type: 'reaction', reaction: { message_id: wamidOf(MESSAGE) } },
    { kind: 'reaction', messageId: MESSAGE, emoji: '' },
  ],
];

/** The fields of a message that is refused, Meta's code, and what its details name. */
const BAD: [string, object, CloudCode, RegExp][] = [
  ['a template', { type: 'template', template: { name: 'x' } }, 131051, /type template/],
  ['an interactive message', { type: 'interactive', interactive: {} }, 131051, /type interactive/],
  ['an edit', { type: 'edit', edit: {} }, 131051, /type edit/],
  ['a type that is no text', { type: { toString: null } }, 131009, /^type /],
  ['a message without its content', { type: 'image' }, 131008, /^image is missing/],
  ['a text without body', { text: {} }, 131008, /^text\.body is missing/],
  ['a message without recipient', { to: undefined, text: { body: 'x' } }, 131008, /^to is missing/],
  ['a number that is none', { to: 'abc', text: { body: 'x' } }, 131009, /^to /],
  ['an empty text', { text: { body: '' } }, 131009, /^text\.body must not be empty/],
  ['a misspelt parameter', { text: { body: 'x', preview: true } }, 100, /^text\.preview is not a known/],
  ['a file without source', { type: 'image', image: { caption: 'x' } }, 131009, /^image needs exactly one/],
  ['contacts that are no JSON', { type: 'contacts', contacts: '[' }, 131009, /^contacts must be a list/],
  ['another product', { messaging_product: 'sms', text: { body: 'x' } }, 131009, /^messaging_product /],
];

describe('the Cloud API', () => {
  let http: Harness;
  let onSend: Harness['system']['onSend'];
  before(async () => {
    http = await new Harness().start();
    ({ onSend } = http.system);
  });
  afterEach(() => {
    Object.assign(http.system, { onSend });
    http.system.sent.length = 0;
    http.system.messages.clear();
    http.files.rows.clear();
  });
  after(() => http.stop());

  /** Calls the API with the agent's key. */
  const call = (path: string, ask: Parameters<Harness['cloud']>[1] = {}) =>
    http.cloud(path, { key: 'secret-key', ...ask });

  /** Sends a message, by default to a number of Indonesia. */
  const send = (fields: object, path = '/v23.0/bot/messages') =>
    call(path, {
      method: 'POST',
      json: { messaging_product: 'whatsapp', to: '6281234567890', ...fields },
    });

  /** Asserts an error of Meta's. */
  function expectRefused(reply: CloudReply, code: CloudCode, details?: RegExp): void {
    expectCloudProblem(reply);
    expect(reply.body.error.code).to.equal(code);
    expect(reply.status).to.equal(CLOUD_ERRORS[code].status);
    if (details) expect(reply.body.error.error_data.details).to.match(details);
  }

  describe('a message', () => {
    for (const [name, fields, content] of GOOD) {
      it(`is ${name}`, async () => {
        const reply = await send(fields);
        expect(reply.status, reply.text).to.equal(200);
        const [{ message }] = http.system.sent as [(typeof http.system.sent)[number]];
        expect(message).to.deep.include({ to: '6281234567890@c.us', origin: 'api' });
        expect(JSON.parse(JSON.stringify(message.content))).to.deep.equal(content);
      });
    }

    it('is answered with the address and an id that holds ours', async () => {
      http.system.onSend = async ({ to }) => ({ status: 'queued', id: MESSAGE, to, position: 0 });
      const { body } = await send({ text: { body: 'x' }, to: '+62 812-3456-7890' });
      expect(body).to.deep.equal({
        messaging_product: 'whatsapp',
        contacts: [{ input: '+62 812-3456-7890', wa_id: '6281234567890' }],
        messages: [{ id: wamidOf(MESSAGE) }],
      });
    });

    it('is taken under any version and under none', async () => {
      for (const path of ['/v17.0/bot/messages', '/v99.9/bot/messages', '/bot/messages'])
        expect((await send({ text: { body: 'x' } }, path)).status).to.equal(200);
      expect((await send({ text: { body: 'x' } }, '/v23/bot/messages')).status).to.equal(400);
    });

    it('goes to the group whose id comes with or without its domain', async () => {
      for (const to of ['120363000000000001', '120363000000000001@g.us'])
        await send({ recipient_type: 'group', to, text: { body: 'x' } });
      expect(http.system.sent.map(({ message }) => message.to)).to.deep.equal(
        Array(2).fill('120363000000000001@g.us'),
      );
    });

    it('stores the caller’s own data', async () => {
      await send({ text: { body: 'x' }, biz_opaque_callback_data: 'order 7' });
      expect(http.system.sent[0]!.message.callbackData).to.equal('order 7');
    });

    it('quotes a message that came in, and one of ours that has left', async () => {
      const ours = { id: MESSAGE, messageId: 'true_6281234567890@c.us_3EB0AA' };
      http.system.messages.set(MESSAGE, ours as StoredMessage);
      for (const id of [wamidOf(RECEIVED), wamidOf(MESSAGE), MESSAGE])
        await send({ text: { body: 'x' }, context: { message_id: id } });
      expect(http.system.sent.map(({ message }) => message.quoteId)).to.deep.equal([
        RECEIVED,
        ours.messageId,
        ours.messageId,
      ]);
      http.system.messages.set(MESSAGE, { ...ours, messageId: null } as StoredMessage);
      const waiting = await send({ text: { body: 'x' }, context: { message_id: wamidOf(MESSAGE) } });
      expectRefused(waiting, 100, /quoted message/);
    });

    it('is accepted when it is not known whether it was sent', async () => {
      http.system.onSend = async () => {
        throw failure('BAD_GATEWAY', 'not acknowledged', { details: { outcome: 'unknown', id: MESSAGE } });
      };
      const reply = await send({ text: { body: 'x' } });
      expect([reply.status, reply.body.messages]).to.deep.equal([200, [{ id: wamidOf(MESSAGE) }]]);
    });

    for (const [name, fields, code, details] of BAD) {
      it(`is refused with ${code}: ${name}`, async () => {
        expectRefused(await send(fields), code, details);
        expect(http.system.sent).to.deep.equal([]);
      });
    }

    for (const code of ERROR_CODES) {
      it(`that fails with ${code} is error ${CLOUD_CODES[code]}`, async () => {
        http.system.onSend = async () => {
          throw failure(code, 'It did not work.', { details: { outcome: 'failed' } });
        };
        expectRefused(await send({ text: { body: 'x' } }), CLOUD_CODES[code]);
      });
    }
  });

  describe('a status', () => {
    it('marks the chat of a message read, and shows typing on request', async () => {
      for (const typing of [undefined, { type: 'text' }]) {
        const fields = { to: undefined, status: 'read', message_id: wamidOf(RECEIVED) };
        const { status, body } = await send({ ...fields, typing_indicator: typing });
        expect([status, body]).to.deep.equal([200, { success: true }]);
      }
      const chatId = '6281234567890@c.us';
      expect(http.system.read).to.deep.equal([chatId, chatId]);
      expect(http.system.typing).to.deep.equal([{ chatId, typing: true }]);
    });

    it('is refused for a message that did not come in, and for any other status', async () => {
      const of = (fields: object) => send({ to: undefined, status: 'read', ...fields });
      for (const id of [MESSAGE, 'false_status@broadcast_3EB0', 'false_1@newsletter_3EB0', 'false_x_y'])
        expectRefused(await of({ message_id: wamidOf(id) }), 131009, /^message_id must be/);
      expectRefused(await of({}), 131008, /^message_id is missing/);
      expectRefused(await of({ status: 'delivered', message_id: wamidOf(RECEIVED) }), 131009, /^status /);
    });
  });

  describe('a media', () => {
    /** Uploads a form. */
    async function upload(fields: Record<string, string | Blob>): Promise<CloudReply> {
      const form = new FormData();
      for (const [name, value] of Object.entries(fields)) form.set(name, value);
      return call('/v23.0/bot/media', { method: 'POST', form });
    }

    const csv = new Blob(['a,b'], { type: 'text/csv' });

    it('is uploaded as Meta’s form, found, and deleted', async () => {
      const { status, body } = await upload({ messaging_product: 'whatsapp', type: 'text/csv', file: csv });
      expect(status).to.equal(200);
      const [row] = http.files.rows.values();
      expect(body).to.deep.equal({ id: mediaIdOf('bot', row!.id) });
      const found = await call(`/v23.0/${body.id}?phone_number_id=bot`);
      expect(found.body).to.deep.include({
        messaging_product: 'whatsapp',
        id: body.id,
        mime_type: 'text/csv',
        sha256: row!.sha256,
        file_size: 3,
      });
      expect(found.body.url).to.match(
        new RegExp(`^https://gateway\\.example/files/${row!.id}\\?expires=\\d+&signature=`),
      );
      const removed = await call(`/v23.0/${body.id}`, { method: 'DELETE' });
      expect([removed.status, removed.body]).to.deep.equal([200, { success: true }]);
      expectRefused(await call(`/v23.0/${body.id}`), 100, /no such file/);
    });

    it('has the type that the form names where its part has none', async () => {
      await upload({ type: 'text/csv', file: new Blob(['a,b']) });
      expect([...http.files.rows.values()][0]).to.include({ mimetype: 'text/csv' });
    });

    it('is refused without a file, and with a field of another name', async () => {
      expectRefused(await upload({ messaging_product: 'whatsapp' }), 131009, /^file is missing/);
      expectRefused(await upload({ file: csv, caption: 'x' }), 131009, /^caption is not a known field/);
    });

    it('is not found with the key of another agent, or under the name of another', async () => {
      http.system.add('other', 'other-key');
      const { body } = await upload({ file: csv });
      expectRefused(await call(`/v23.0/${body.id}`, { key: 'other-key' }), 190);
      const stolen = String(body.id).replace(/bot$/, 'other');
      expectRefused(await call(`/v23.0/${stolen}`, { key: 'other-key' }), 100);
      expectRefused(await call(`/v23.0/${body.id}?phone_number_id=other`), 100);
    });
  });

  describe('the phone number', () => {
    it('is the agent, with what is known of it', async () => {
      const { status, body } = await call('/v23.0/bot');
      expect([status, body]).to.deep.equal([
        200,
        {
          id: 'bot',
          display_phone_number: '+6281111111111',
          verified_name: 'Support Bot',
          quality_rating: 'UNKNOWN',
          status: 'CONNECTED',
        },
      ]);
    });

    it('has the fields that are asked for', async () => {
      const { body } = await call('/v23.0/bot?fields=verified_name,throughput');
      expect(body).to.deep.equal({ id: 'bot', verified_name: 'Support Bot' });
    });
  });

  it('refuses a missing or wrong key with 190, and an unknown number with 100', async () => {
    expectRefused(await http.cloud('/v23.0/bot'), 190);
    expectRefused(await http.cloud('/v23.0/bot', { key: 'wrong' }), 190);
    expectRefused(await call('/v23.0/unknown'), 100);
    expectRefused(await call('/v23.0/unknown/messages', { method: 'POST', json: {} }), 100);
  });

  it('answers unknown paths, other methods and what is no JSON in Meta’s form', async () => {
    expectRefused(await call('/v23.0/bot/calls', { method: 'POST', json: {} }), 100);
    expectRefused(await call('/v23.0/bot/messages'), 100, /allowed: POST/);
    const reply = await call('/v23.0/bot/messages', { method: 'POST', body: '{' });
    expectRefused(reply, 131009, /not valid JSON/);
  });

  it('shows the agent’s bucket', async () => {
    const { headers } = await send({ text: { body: 'x' } });
    expect(headers.get('ratelimit')).to.match(/^"send";r=\d+/);
  });

  it('serves its document', async () => {
    const response = await fetch(`${http.url}/cloud/openapi.json`);
    expect(response.status).to.equal(200);
    expect(await response.json()).to.have.nested.property('paths./{agentId}/messages.post');
  });
});

describe('ids of the Cloud API', () => {
  it('hold ours, in either alphabet of base64, with or without padding', () => {
    for (const id of [MESSAGE, RECEIVED, 'x', 'true_1@c.us_3EB0~~~']) {
      const wamid = wamidOf(id);
      expect(wamid).to.match(/^wamid\.[\w+/]+=*$/);
      expect(idOfWamid(wamid)).to.equal(id);
      expect(idOfWamid(wamid.replace(/=+$/, '').replaceAll('+', '-').replaceAll('/', '_'))).to.equal(id);
    }
  });

  it('are left as they are when they are not ours', () => {
    for (const text of [
      MESSAGE,
      'wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQzQTRBNjU5OUFFRTAzODEwMTQ0RgA=',
      'wamid.',
      '',
    ])
      expect(idOfWamid(text)).to.equal(text);
  });
});
