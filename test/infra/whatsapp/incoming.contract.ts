import { createHash, randomBytes } from 'node:crypto';
import { expect } from 'chai';
import type { Jid } from '../../../src/actors/domain/identity.ts';
import type { InboundMessage, WhatsAppClient } from '../../../src/actors/domain/ports/whatsapp.ts';
import type { SandboxNetwork } from '../../../src/sandbox/network/network.ts';
import type { ChatMessage, Draft, DraftFile, NetworkSettings } from '../../../src/sandbox/network/types.ts';
import { failureOf } from '../../support/failure.ts';

/** A linked client that receives, and the network that it is linked to. */
export interface ReceivingSession {
  client: WhatsAppClient;
  network: SandboxNetwork;
  /** The number that is linked. */
  number: Jid;
  freshNumber(): Jid;
  /** Waits until the network is in a condition. */
  eventually<T>(what: string, look: () => T | undefined): Promise<T>;
  /** The first matching message that the client receives of a person. */
  receivedOf(person: Jid, fits?: (message: InboundMessage) => boolean): Promise<InboundMessage>;
}

const MB = 1024 * 1024;
/** More than one piece, and no whole number of them. */
const SIZE = MB + 7;
const UNLIMITED = { maxBytes: 64 * MB, signal: new AbortController().signal };
const WAVEFORM = Array.from({ length: 64 }, (_, index) => index);

/** Files as customers send them. */
const FILES: Record<string, Omit<DraftFile, 'data'> & { text?: string }> = {
  'image with a caption': {
    type: 'image',
    mimetype: 'image/jpeg',
    width: 1600,
    height: 900,
    text: 'my receipt',
  },
  'image without a caption': { type: 'image', mimetype: 'image/png' },
  video: { type: 'video', mimetype: 'video/mp4', seconds: 12, text: 'look' },
  'audio file': { type: 'audio', mimetype: 'audio/mpeg', seconds: 200 },
  'voice note': { type: 'ptt', mimetype: 'audio/ogg; codecs=opus', seconds: 7, waveform: WAVEFORM },
  document: { type: 'document', mimetype: 'application/pdf', filename: 'Faktur №1.pdf', text: 'the invoice' },
  sticker: { type: 'sticker', mimetype: 'image/webp' },
};

const PLACE = { latitude: -6.1753924, longitude: 106.8271528, name: 'Monas', address: 'Gambir, Jakarta' };
const CARDS = [
  { name: { formatted_name: 'Ayu; Kedai, Pusat\\1' }, phones: [{ phone: '+62 811-0000-0001' }] },
  { name: { formatted_name: 'Bagas' }, phones: [{ phone: '628110000002' }, { phone: '+628110000003' }] },
];

/** Every kind of incoming message, and the download of its file; a part of the suite of every driver. */
export function describeIncoming(session: () => ReceivingSession): void {
  /** A customer writes; the message as it was written and as it was received. */
  async function receive(
    draft: Partial<Omit<Draft, 'to'>>,
    from = session().freshNumber(),
    to = session().number,
  ): Promise<{ written: ChatMessage; message: InboundMessage }> {
    const { network, receivedOf } = session();
    const written = network.write(from, { text: '', ...draft, to });
    const message = await receivedOf(from, ({ id }) => id.includes(written.stanzaId));
    return { written, message };
  }

  /** The bytes of a message's file. */
  async function bytesOf({ id }: InboundMessage, options = UNLIMITED): Promise<Buffer> {
    const pieces: Uint8Array[] = [];
    for await (const piece of session().client.downloadMedia(id, options)) pieces.push(piece);
    for (const piece of pieces) expect(piece.length).to.be.at.most(MB);
    return Buffer.concat(pieces);
  }

  /** Does something while downloads are refused. */
  async function refused<T>(
    mediaRefusals: NetworkSettings['mediaRefusals'],
    act: () => Promise<T>,
  ): Promise<T> {
    session().network.configure({ mediaRefusals });
    try {
      return await act();
    } finally {
      session().network.configure({ mediaRefusals: 'off' });
    }
  }

  const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
  const image = () => receive({ file: { ...FILES['image without a caption']!, data: randomBytes(10_000) } });

  for (const [title, { text = '', ...facts }] of Object.entries(FILES))
    for (const chat of ['a person', 'a person by LID', 'a group'] as const)
      it(`receives and downloads: ${title}, of ${chat}`, async () => {
        const { network, number, freshNumber } = session();
        const customer = freshNumber();
        if (chat === 'a person by LID') network.account(customer, { addressedByLid: true });
        const group = { name: 'Files', participants: [number, customer] };
        const to = chat === 'a group' ? network.group(group).id : number;
        const data = randomBytes(SIZE);
        const { message } = await receive({ text, file: { ...facts, data } }, customer, to);
        const { type, mimetype: mimeType, filename, seconds, width, height } = facts;
        expect(message).to.include({ type, body: text });
        expect(JSON.parse(JSON.stringify(message.file))).to.deep.equal({
          ...{ mimeType, sizeBytes: SIZE, sha256: sha256(data) },
          ...(filename && { fileName: filename }),
          ...(seconds && { seconds }),
          ...(width && { width, height }),
        });
        expect(sha256(await bytesOf(message))).to.equal(sha256(data));
        // Again, since nothing of it is used up.
        expect((await bytesOf(message)).length).to.equal(SIZE);
      });

  it('receives a location', async () => {
    const { message } = await receive({ location: PLACE });
    expect(message).to.include({ type: 'location', body: '' });
    expect(message.location).to.deep.equal(PLACE);
  });

  it('receives a contact, and several', async () => {
    for (const contacts of [CARDS.slice(0, 1), CARDS]) {
      const { message } = await receive({ contacts });
      expect(message).to.include({ type: contacts.length > 1 ? 'multi_vcard' : 'vcard', body: '' });
      expect(message.contacts).to.deep.equal(contacts);
    }
  });

  it('receives what a message quotes', async () => {
    const customer = session().freshNumber();
    const first = await receive({ text: 'Is it open?' }, customer);
    const answer = await receive({ text: 'Well?', quoteId: first.written.id }, customer);
    expect(answer.message.quoted).to.deep.equal({
      ...{ messageId: first.message.id, text: 'Is it open?', type: 'chat', fromMe: false },
    });
    const sent = await session().client.send(customer, { kind: 'text', text: 'It is.' });
    const stanzaId = sent.messageId.split('_')[2]!;
    await session().eventually('the answer', () =>
      session()
        .network.messages(customer)
        .find((copy) => copy.stanzaId === stanzaId),
    );
    const { text, fromMe, messageId } = (await receive({ text: 'Thanks', quoteId: stanzaId }, customer))
      .message.quoted!;
    expect({ text, fromMe }).to.deep.equal({ text: 'It is.', fromMe: true });
    expect(messageId).to.include(stanzaId);
  });

  it('finds files of messages that were missed', async () => {
    const { message } = await image();
    const missed = await session().client.fetchMissed({ since: Date.now() - 60_000, perChat: 5 });
    const found = missed.find(({ id }) => id === message.id);
    expect(found?.file).to.deep.equal(message.file);
  });

  it('fails a download that is refused once, and does it the second time', async () => {
    const { message } = await image();
    await refused('once', async () => {
      expect((await failureOf(bytesOf(message))).code).to.equal('MEDIA_FETCH_FAILED');
      expect(sha256(await bytesOf(message))).to.equal(message.file?.sha256);
    });
  });

  it('fails a download that is always refused', async () => {
    const { message } = await image();
    await refused('always', async () => {
      for (let time = 0; time < 2; time += 1)
        expect((await failureOf(bytesOf(message))).code).to.equal('MEDIA_FETCH_FAILED');
    });
  });

  it('downloads no more than it may', async () => {
    const { message } = await image();
    const failure = await failureOf(bytesOf(message, { ...UNLIMITED, maxBytes: 9_999 }));
    expect(failure.code).to.equal('MEDIA_TOO_LARGE');
  });

  it('downloads nothing for a message without a file, and for one that is not there', async () => {
    const { message } = await receive({ text: 'no file' });
    for (const id of [message.id, message.id.replace(/_[^_]+$/, '_3EB0AAAAAAAAAAAAAAAAAA')])
      expect((await failureOf(bytesOf({ ...message, id }))).code).to.equal('MEDIA_FETCH_FAILED');
  });

  it('stops a download as soon as it is cancelled', async () => {
    const { message } = await receive({ file: { ...FILES.video!, data: randomBytes(SIZE) } });
    const { signal, abort } = stoppable();
    const pieces = session().client.downloadMedia(message.id, { ...UNLIMITED, signal });
    const iterator = pieces[Symbol.asyncIterator]();
    expect((await iterator.next()).done).to.equal(false);
    abort();
    const reason = await iterator.next().catch((error: unknown) => error);
    expect(reason).to.equal(signal.reason);
  });
}

/** A signal, and what aborts it. */
function stoppable(): { signal: AbortSignal; abort(): void } {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort(new Error('cancelled')) };
}
