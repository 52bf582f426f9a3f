import { expect } from 'chai';
import { EventEmitter } from 'eventemitter3';
import { GatewayError } from '../../../src/actors/domain/errors.ts';
import type { GatewayEvents } from '../../../src/actors/domain/gateway-events.ts';
import type { Transcriber } from '../../../src/actors/domain/ports/transcriber.ts';
import type { InboundMessage, WhatsAppClient } from '../../../src/actors/domain/ports/whatsapp.ts';
import { DEFAULT_LIMITS } from '../../../src/actors/domain/settings.ts';
import { attachmentOf, type FetchOptions } from '../../../src/actors/inbound/attachments.ts';
import { Downloads } from '../../../src/actors/inbound/downloads.ts';
import { AdvanceableClock } from '../../../src/sandbox/network/advanceable-clock.ts';
import { agentRef, CUSTOMER_CHAT } from '../../support/fixtures.ts';
import { MemoryFiles } from '../../support/memory-files.ts';
import { TRACE as traceId } from '../../support/memory-gateway.ts';

const MB = 1024 * 1024;
const MESSAGE: InboundMessage = {
  ...{ id: `false_${CUSTOMER_CHAT}_3EB0`, chatId: CUSTOMER_CHAT, senderId: CUSTOMER_CHAT, fromMe: false },
  ...{ type: 'image', body: '', mentionedIds: [], timestamp: 0 },
  file: { mimeType: 'image/png', sizeBytes: 3, sha256: '00' },
};

describe('the attachment of an incoming message', () => {
  const files = new MemoryFiles();
  const deps = {
    settings: { limits: DEFAULT_LIMITS },
    clock: new AdvanceableClock(),
    files,
    events: new EventEmitter<GatewayEvents>(),
    fileLinks: { url: ({ id }: { id: string }) => `link to ${id}` },
  };
  const faults: unknown[] = [];
  let downloads = 0;
  beforeEach(() => {
    downloads = 0;
    faults.length = 0;
  });
  after(() => files.dispose());

  /** The attachment of a message whose file is downloaded like this. */
  const attach = (
    downloadMedia: WhatsAppClient['downloadMedia'],
    message = MESSAGE,
    signal = new AbortController().signal,
    transcriber?: Transcriber,
    content: Partial<Pick<FetchOptions, 'media' | 'maxBase64Bytes'>> = {},
  ) =>
    attachmentOf({ ...deps, transcriber }, message, {
      ...{ agent: agentRef('shop'), traceId, signal, downloads: new Downloads(deps) },
      ...{ media: 'url', maxBase64Bytes: 0, ...content },
      client: {
        events: new EventEmitter(),
        downloadMedia: (...args: Parameters<WhatsAppClient['downloadMedia']>) => {
          downloads += 1;
          return downloadMedia(...args);
        },
      } as unknown as WhatsAppClient,
      onFault: (error) => faults.push(error),
    });

  /** A download that hangs until it is cancelled. */
  async function* hanging(_id: string, { signal }: { signal: AbortSignal }): AsyncGenerator<Uint8Array> {
    await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  }

  it('has an error when the download takes more than a minute, and is not tried again', async () => {
    const attached = attach(hanging);
    await deps.clock.advance(DEFAULT_LIMITS.downloadMs + 1);
    const { error } = await attached;
    expect(error).to.deep.equal({
      code: 'MEDIA_FETCH_FAILED',
      message: 'WhatsApp gave the file too slowly.',
    });
    expect(downloads).to.equal(1);
    expect(faults).to.have.length(1);
  });

  it('ends at once when the turn does', async () => {
    const turn = new AbortController();
    const attached = attach(hanging, MESSAGE, turn.signal);
    turn.abort(new Error('a person has the chat'));
    const reason = await attached.catch((error: unknown) => error);
    expect(reason).to.equal(turn.signal.reason);
    expect(faults).to.deep.equal([]);
  });

  it('has an error, and nothing is downloaded, when its message states more than its kind may have', async () => {
    const file = { ...MESSAGE.file!, sizeBytes: 10 * MB + 1 };
    const { error, sizeBytes } = await attach(hanging, { ...MESSAGE, file });
    expect(error?.code).to.equal('MEDIA_TOO_LARGE');
    expect(sizeBytes).to.equal(10 * MB + 1);
    expect(downloads).to.equal(0);
    expect(faults).to.deep.equal([]);
  });

  it('has an error when WhatsApp has no file for its message', async () => {
    const { error, mimeType } = await attach(hanging, { ...MESSAGE, file: undefined });
    expect(error?.code).to.equal('MEDIA_FETCH_FAILED');
    expect(mimeType).to.equal('application/octet-stream');
  });

  it('has the status of a transcript when the file of a recording can’t be had', async () => {
    const transcriber: Transcriber = { transcribe: () => Promise.reject(new Error('There is no file.')) };
    const { signal } = new AbortController();
    const statusOf = async (file?: InboundMessage['file'], type = 'ptt') =>
      (await attach(hanging, { ...MESSAGE, type, file }, signal, transcriber)).transcript;
    expect(await statusOf()).to.deep.equal({ status: 'failed' });
    expect(await statusOf({ ...MESSAGE.file!, sizeBytes: 16 * MB + 1 })).to.deep.equal({ status: 'skipped' });
    expect(await statusOf(undefined, 'image')).to.equal(undefined);
  });

  it('has its bytes up to a limit, whatever size its message states, and else a link', async () => {
    async function* download() {
      yield Buffer.from('abcd');
    }
    const limited = (maxBase64Bytes: number) => {
      const content = { media: 'base64', maxBase64Bytes } as const;
      return attach(download, MESSAGE, new AbortController().signal, undefined, content);
    };
    expect((await limited(4)).data).to.equal('YWJjZA==');
    const { data, url } = await limited(3);
    expect(data).to.equal(undefined);
    expect(url).to.match(/^link to /);
  });

  it('has the error of the store, which is not tried again', async () => {
    const { error } = await attach(async function* () {
      yield Buffer.from('abc');
      throw new GatewayError('DATABASE_UNAVAILABLE', 'The database is away.');
    });
    expect(error).to.deep.equal({ code: 'DATABASE_UNAVAILABLE', message: 'The database is away.' });
    expect(downloads).to.equal(1);
  });
});
