import { createHash, randomBytes } from 'node:crypto';
import { expect } from 'chai';
import type { Attachment } from '../../src/actors/inbound/attachments.ts';
import type { Draft, DraftFile } from '../../src/sandbox/network/types.ts';
import { callApi } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { BEARER, BOT, CUSTOMER, CUSTOMER_CHAT, PIXEL, UNLIMITED } from '../support/fixtures.ts';
import { linkAgent } from '../support/link-agent.ts';
import { HEADS } from '../support/media-files.ts';
import { createDatabase } from '../support/postgres.ts';
import { type Service, startService } from '../support/service.ts';
import { SttServer } from '../support/stt-server.ts';

const EVERY_TYPE = 'text,image,audio,video,document,sticker,location,contacts';
const DEVELOPER = '62895619356936';
const MB = 1024 * 1024;
const PLACE = { latitude: -6.1753924, longitude: 106.8271528, name: 'Monas' };
const CARD = { name: { formatted_name: 'Ayu' }, phones: [{ phone: '+6281100000001' }] };

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
/** A file that is known by its first bytes, of any size. */
const bytesOf = (head: Buffer, size = 50_000) => Buffer.concat([head, randomBytes(size)]);

const IMAGE: DraftFile = { type: 'image', mimetype: 'image/png', data: bytesOf(PIXEL) };
const VOICE: DraftFile = {
  ...{ type: 'ptt', mimetype: 'audio/ogg; codecs=opus', seconds: 7 },
  data: bytesOf(HEADS['audio/ogg; codecs=opus']),
};
const DOCUMENT: DraftFile = {
  ...{ type: 'document', mimetype: 'application/pdf', filename: 'invoice.pdf' },
  data: bytesOf(HEADS['application/pdf'], 3 * MB),
};

describe('an incoming message of any kind', function () {
  this.timeout(30_000);
  let service: Service;
  const faults: string[] = [];

  async function start(env: Record<string, string> = {}): Promise<void> {
    const database = await createDatabase();
    service = await startService(database, { env: { ...UNLIMITED, ...env } });
    faults.length = 0;
    service.app.system.events.on('fault', ({ where }) => faults.push(where));
    await linkAgent(service, 'shop', BOT);
  }
  afterEach(() => service.close());

  const write = (draft: Partial<Draft>) => service.network.write(CUSTOMER, { text: '', ...draft, to: BOT });

  /** What the AI is asked about the next message. */
  async function asked(draft: Partial<Draft>): Promise<Record<string, unknown>> {
    const { calls } = service.ai;
    const before = calls.length;
    write(draft);
    await eventually('the AI to be asked', () => calls.length > before);
    expect(calls).to.have.length(before + 1);
    return calls[before]!.body;
  }

  /** The one attachment of a request. */
  function attachmentOf(body: Record<string, unknown>): Attachment {
    const [attachment, ...others] = body.attachments as Attachment[];
    expect(others).to.deep.equal([]);
    return attachment!;
  }

  /** What a link gives to a client without a key. */
  async function fetched(url: string): Promise<{ status: number; type: string | null; bytes: Buffer }> {
    const { pathname, search } = new URL(url);
    const response = await fetch(service.url + pathname + search);
    const bytes = Buffer.from(await response.arrayBuffer());
    return { status: response.status, type: response.headers.get('content-type'), bytes };
  }

  /** The texts that a chat of the bot shows of it. */
  const shown = (chat: string) =>
    service.network.messages(BOT, chat).flatMap(({ fromMe, body }) => (fromMe ? [body] : []));

  it('reaches the AI with its file behind a signed link', async () => {
    await start({ AI_INBOUND_TYPES: EVERY_TYPE });
    const cases: [DraftFile, string, Partial<Attachment>][] = [
      [IMAGE, 'my receipt', { type: 'image', mimeType: 'image/png' }],
      [VOICE, '', { type: 'audio', mimeType: 'audio/ogg; codecs=opus', voice: true, seconds: 7 }],
      [DOCUMENT, 'paid', { type: 'document', mimeType: 'application/pdf', fileName: 'invoice.pdf' }],
    ];
    for (const [file, text, facts] of cases) {
      const body = await asked({ file, text });
      expect(body).to.have.all.keys('message', 'sessionId', 'metadata', 'attachments');
      expect(body).to.include({ message: text, sessionId: CUSTOMER_CHAT });
      const { url, ...attachment } = attachmentOf(body);
      const { message_id: messageId } = body.metadata as Record<string, unknown>;
      const { data } = file;
      const known = { ...facts, messageId, sizeBytes: data.length, sha256: sha256(data) };
      expect(attachment).to.deep.equal(known);
      const { status, type, bytes } = await fetched(url!);
      expect({ status, type }).to.deep.equal({ status: 200, type: facts.mimeType });
      expect(sha256(bytes)).to.equal(sha256(data));
      expect((await fetched(url!.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')))).status).to.equal(403);
    }
    await eventually('the reply to a file without words', () => shown(CUSTOMER_CHAT).includes('AI: '));
    expect(faults).to.deep.equal([]);
  });

  it('reaches the AI with its file in base64, above 8 MB behind a link', async () => {
    await start({ AI_INBOUND_TYPES: EVERY_TYPE, AI_MEDIA: 'base64' });
    for (const file of [IMAGE, VOICE, DOCUMENT]) {
      const { data, url } = attachmentOf(await asked({ file }));
      expect(url).to.equal(undefined);
      expect(sha256(Buffer.from(data!, 'base64'))).to.equal(sha256(file.data));
    }
    const large = { ...DOCUMENT, data: bytesOf(HEADS['application/pdf'], 9 * MB) };
    const { data, url } = attachmentOf(await asked({ file: large }));
    expect(data).to.equal(undefined);
    expect(sha256((await fetched(url!)).bytes)).to.equal(sha256(large.data));
  });

  it('reaches the AI as a location, contacts or a quote', async () => {
    await start({ AI_INBOUND_TYPES: EVERY_TYPE });
    const place = await asked({ location: PLACE });
    expect(place).to.have.all.keys('message', 'sessionId', 'metadata', 'location');
    expect(place).to.deep.include({ message: '', location: PLACE });
    const cards = await asked({ contacts: [CARD] });
    expect(cards).to.have.all.keys('message', 'sessionId', 'metadata', 'contacts');
    expect(cards).to.deep.include({ message: '', contacts: [CARD] });
    const image = write({ file: IMAGE, text: 'this one' });
    await eventually('the image', () => service.ai.calls.length === 3);
    const { quoted, attachments } = await asked({ text: 'How much?', quoteId: image.id });
    const { message_id: messageId } = service.ai.calls[2]!.body.metadata as Record<string, unknown>;
    expect(quoted).to.deep.equal({ messageId, text: 'this one', type: 'image', fromMe: false });
    expect(attachments).to.equal(undefined);
  });

  describe('with voice to text', () => {
    let stt: SttServer;
    beforeEach(async () => {
      stt = await new SttServer().open();
      const settings = { STT_URL: stt.url, STT_API_KEY: 'sk-speech', STT_MODEL: 'small', STT_LANGUAGE: 'en' };
      await start({ AI_INBOUND_TYPES: EVERY_TYPE, ...settings });
    });
    afterEach(() => stt.close());

    it('reaches the AI with the text of a voice note, which is also the message', async () => {
      stt.behave = () => ({ body: '{"text":"Are you open today?"}' });
      const body = await asked({ file: VOICE });
      expect(body.message).to.equal('Are you open today?');
      const { transcript, url } = attachmentOf(body);
      expect(transcript).to.deep.equal({ status: 'completed', text: 'Are you open today?', language: 'en' });
      expect(sha256((await fetched(url!)).bytes)).to.equal(sha256(VOICE.data));
      const [{ authorization, fields, file }] = stt.calls as [SttServer['calls'][number]];
      expect(authorization).to.equal('Bearer sk-speech');
      expect(fields).to.deep.equal({ model: 'small', response_format: 'json', language: 'en' });
      expect(file).to.include({ name: 'voice.ogg', type: 'audio/ogg', sha256: sha256(VOICE.data) });
      await eventually('the reply', () => shown(CUSTOMER_CHAT).includes('AI: Are you open today?'));
      expect(attachmentOf(await asked({ file: IMAGE }))).not.to.have.property('transcript');
    });

    it('reaches the AI without a text when the service refuses', async () => {
      stt.behave = () => ({ status: 401, body: '{"error":{"message":"wrong key"}}' });
      const reports: (string | number | undefined)[] = [];
      service.app.system.events.on('transcription', ({ outcome, reason, httpStatus }) =>
        reports.push(outcome, reason, httpStatus),
      );
      const body = await asked({ file: VOICE });
      expect(body.message).to.equal('');
      const { transcript, url } = attachmentOf(body);
      expect(transcript).to.deep.equal({ status: 'failed' });
      expect(url).to.be.a('string');
      expect(reports).to.deep.equal(['failed', 'refused', 401]);
      expect(faults).to.deep.equal([]);
    });
  });

  it('is downloaded again when WhatsApp refuses once', async () => {
    await start({ AI_INBOUND_TYPES: EVERY_TYPE });
    service.network.configure({ mediaRefusals: 'once' });
    const { url } = attachmentOf(await asked({ file: IMAGE }));
    expect(sha256((await fetched(url!)).bytes)).to.equal(sha256(IMAGE.data));
    expect(faults).to.deep.equal([]);
  });

  it('reaches the AI with an error in place of a file that is refused or too large', async () => {
    await start({ AI_INBOUND_TYPES: EVERY_TYPE });
    service.network.configure({ mediaRefusals: 'always' });
    const body = await asked({ file: IMAGE, text: 'my receipt' });
    expect(body.message).to.equal('my receipt');
    const { error, url, data, ...facts } = attachmentOf(body);
    expect(error).to.deep.equal({ code: 'MEDIA_FETCH_FAILED', message: 'WhatsApp did not give the file.' });
    expect({ url, data }).to.deep.equal({ url: undefined, data: undefined });
    expect(facts).to.include({ type: 'image', mimeType: 'image/png', sizeBytes: IMAGE.data.length });
    expect(faults).to.deep.equal(['download']);
    service.network.configure({ mediaRefusals: 'off' });
    const large = { ...IMAGE, data: bytesOf(PIXEL, 11 * MB) };
    expect(attachmentOf(await asked({ file: large })).error?.code).to.equal('MEDIA_TOO_LARGE');
    expect(faults).to.deep.equal(['download']);
    const { rows } = await service.pool.query('select from gateway_file');
    expect(rows).to.have.length(0);
  });

  it('is neither answered nor downloaded by default, and text is asked as always', async () => {
    await start();
    const handled: string[] = [];
    service.app.system.events.on('inbound', ({ type, why }) => handled.push(`${type} ${why}`));
    const image = write({ file: IMAGE, text: 'my receipt' });
    for (const draft of [{ file: VOICE }, { file: DOCUMENT }, { location: PLACE }, { contacts: [CARD] }])
      write(draft);
    const body = await asked({ text: 'hello', quoteId: image.id });
    expect(body).to.have.all.keys('message', 'sessionId', 'metadata');
    expect(handled.slice(0, 5)).to.deep.equal(
      ['image', 'ptt', 'document', 'location', 'vcard'].map((type) => `${type} not_text`),
    );
    const { rows } = await service.pool.query('select from gateway_file');
    expect(rows).to.have.length(0);
  });

  it('is answered as the settings of its agent say', async () => {
    await start();
    const patch = (settings: object) =>
      callApi(service.url, 'PATCH', '/agents/shop/settings', settings, BEARER);
    await patch({ inboundTypes: ['text', 'image'], aiMedia: 'base64' });
    const { data } = attachmentOf(await asked({ file: IMAGE }));
    expect(sha256(Buffer.from(data!, 'base64'))).to.equal(sha256(IMAGE.data));
    write({ file: VOICE });
    await patch({ aiMedia: null });
    expect(attachmentOf(await asked({ file: IMAGE })).url).to.be.a('string');
    await patch({ inboundTypes: ['audio'] });
    write({ text: 'not answered' });
    expect(attachmentOf(await asked({ file: VOICE })).voice).to.equal(true);
  });

  it('is named by its kind in a report when it has no text', async () => {
    await start({ AI_INBOUND_TYPES: EVERY_TYPE, DEVELOPER_NUMBER: DEVELOPER });
    service.ai.behave = () => ({ status: 500 });
    await asked({ file: VOICE });
    const reports = () => shown(`${DEVELOPER}@c.us`);
    await eventually('the report', () => reports().length > 0);
    expect(reports()[0]).to.include('text: (audio)\n');
    expect(shown(CUSTOMER_CHAT)).to.deep.equal([]);
  });

  it('is dropped when a person takes the chat over during its download', async () => {
    await start({ AI_INBOUND_TYPES: EVERY_TYPE, HANDOVER_MINUTES: '30' });
    service.network.configure({ mediaRefusals: 'once' });
    const handled: string[] = [];
    service.app.system.events.on('inbound', ({ handled: how }) => handled.push(how));
    write({ file: IMAGE, text: 'my receipt' });
    // The second attempt comes a second later.
    await eventually('typing', () => service.network.isTyping(CUSTOMER, `${BOT}@c.us`));
    service.network.write(BOT, { to: CUSTOMER, text: 'I look at it' });
    await eventually('the outcome', () => handled.includes('handed_over'));
    expect(service.ai.calls).to.deep.equal([]);
  });
});
