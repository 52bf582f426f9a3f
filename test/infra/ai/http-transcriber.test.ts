import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Recording } from '../../../src/actors/domain/ports/transcriber.ts';
import { HttpTranscriber, type HttpTranscriberOptions } from '../../../src/infra/ai/http-transcriber.ts';
import type { Lookup } from '../../../src/infra/net/guarded-lookup.ts';
import { eventually } from '../../support/eventually.ts';
import { freePort } from '../../support/free-port.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { SttServer } from '../../support/stt-server.ts';

const KEY = 'sk-very-secret-key';
const VOICE = randomBytes(300_000);
const DEADLINE_MS = 60_000;

describe('HttpTranscriber', () => {
  let dir: string;
  let server: SttServer;
  let clock: ManualClock;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'transcriber-'));
    await writeFile(join(dir, 'voice'), VOICE);
  });
  after(() => rm(dir, { recursive: true, force: true }));
  beforeEach(async () => {
    clock = new ManualClock();
    server = await new SttServer().open();
  });
  afterEach(() => server.close());

  const voice = (changes: Partial<Recording['file']> = {}): Recording['file'] => ({
    ...{ path: join(dir, 'voice'), size: VOICE.length, mimetype: 'audio/ogg; codecs=opus' },
    ...changes,
  });
  const transcriber = (options: Partial<HttpTranscriberOptions> = {}) =>
    new HttpTranscriber({
      ...{ url: server.url, apiKey: KEY, model: 'whisper-1', language: undefined, clock },
      ...options,
    });
  const transcribe = (recording: Partial<Recording> = {}, options: Partial<HttpTranscriberOptions> = {}) =>
    transcriber(options).transcribe({ file: voice(), ...recording }, new AbortController().signal);

  /** Lets the wait before the second try pass. */
  const secondRequest = () =>
    eventually('the second request', async () => {
      await clock.pass(1_000);
      return server.calls.length === 2;
    });

  it('posts a form with the file, its length known in advance, and returns the text', async () => {
    server.behave = () => ({ body: '{"text":" Hello there. ","usage":{"type":"tokens"}}' });
    expect(await transcribe()).to.deep.equal({ status: 'completed', text: 'Hello there.' });
    const [{ contentLength, ...call }] = server.calls as [SttServer['calls'][number]];
    expect(call).to.deep.equal({
      method: 'POST',
      path: '/v1/audio/transcriptions',
      authorization: `Bearer ${KEY}`,
      fields: { model: 'whisper-1', response_format: 'json' },
      file: {
        ...{ field: 'file', name: 'voice.ogg', type: 'audio/ogg', size: VOICE.length },
        sha256: createHash('sha256').update(VOICE).digest('hex'),
      },
    });
    expect(contentLength).to.be.above(VOICE.length);
    expect(clock.size).to.equal(0);
  });

  it('sends the configured language, and returns that of the answer if it names one', async () => {
    expect(await transcribe({}, { language: 'id' })).to.include({ language: 'id' });
    server.behave = () => ({ body: '{"text":"halo","language":"indonesian"}' });
    expect(await transcribe({}, { language: 'id' })).to.include({ language: 'indonesian' });
    expect(await transcribe()).to.include({ language: 'indonesian' });
    expect(server.calls.map(({ fields }) => fields.language)).to.deep.equal(['id', 'id', undefined]);
  });

  it('sends no Authorization header without a key', async () => {
    await transcribe({}, { apiKey: undefined });
    expect(server.calls[0]?.authorization).to.equal(undefined);
  });

  for (const [mimetype, name] of [
    ['audio/mpeg', 'voice.mp3'],
    ['audio/mp4', 'voice.mp4'],
    ['audio/x-m4a', 'voice.m4a'],
    ['audio/aac', 'voice.aac'],
    ['audio/wav', 'voice.wav'],
    ['application/octet-stream', 'voice.bin'],
  ] as const)
    it(`names a file of type ${mimetype} ${name}`, async () => {
      await transcribe({ file: voice({ mimetype }) });
      expect(server.calls[0]?.file).to.include({ name, type: mimetype });
    });

  for (const status of [401, 400, 302])
    it(`fails at a ${status}, which is not tried again`, async () => {
      server.behave = () => ({ status, body: '{"error":{"message":"no"}}' });
      expect(await transcribe()).to.deep.equal({ status: 'failed', reason: 'refused', httpStatus: status });
      expect(server.calls).to.have.length(1);
    });

  for (const status of [429, 500, 503]) {
    it(`tries again after a ${status}, with the whole file`, async () => {
      server.behave = () => (server.calls.length === 1 ? { status, body: '' } : { body: '{"text":"hello"}' });
      const transcribed = transcribe();
      await secondRequest();
      expect(await transcribed).to.deep.equal({ status: 'completed', text: 'hello' });
      const [first, second] = server.calls;
      expect(second?.file).to.deep.equal(first?.file);
    });

    it(`fails at a second ${status}`, async () => {
      server.behave = () => ({ status, body: '' });
      const transcribed = transcribe();
      await secondRequest();
      expect(await transcribed).to.deep.equal({ status: 'failed', reason: 'refused', httpStatus: status });
    });
  }

  it('tries again after a connection that broke', async () => {
    server.behave = () => (server.calls.length === 1 ? 'close' : { body: '{"text":"hello"}' });
    const transcribed = transcribe();
    await secondRequest();
    expect(await transcribed).to.deep.equal({ status: 'completed', text: 'hello' });
  });

  it('fails when no connection is made twice', async () => {
    const url = `http://127.0.0.1:${await freePort()}/v1/audio/transcriptions`;
    const transcribed = transcribe({}, { url });
    let isDone = false;
    void transcribed.then(() => {
      isDone = true;
    });
    await eventually('the second attempt', async () => {
      await clock.pass(1_000);
      return isDone;
    });
    expect(await transcribed).to.deep.equal({ status: 'failed', reason: 'unreachable' });
  });

  for (const body of ['<html>', '', '{}', '{"text":null}', '[]', '"text"'])
    it(`fails at the answer ${JSON.stringify(body)}`, async () => {
      server.behave = () => ({ body });
      expect(await transcribe()).to.deep.equal({ status: 'failed', reason: 'invalid_answer' });
      expect(server.calls).to.have.length(1);
    });

  it('fails at an answer of more than 1 MB', async () => {
    server.behave = () => ({ body: JSON.stringify({ text: 'x'.repeat(1024 * 1024) }) });
    expect(await transcribe()).to.deep.equal({ status: 'failed', reason: 'invalid_answer' });
  });

  it('fails when there is no answer within the deadline', async () => {
    server.behave = () => 'hang';
    const transcribed = transcribe();
    await eventually('the request', () => server.calls.length === 1);
    await clock.pass(DEADLINE_MS);
    expect(await transcribed).to.deep.equal({ status: 'failed', reason: 'timeout' });
    expect([server.calls.length, clock.size]).to.deep.equal([1, 0]);
  });

  it('gives the second request what is left of the deadline', async () => {
    server.behave = () => (server.calls.length === 1 ? { status: 503, body: '' } : 'hang');
    const startedAt = clock.monotonic();
    const transcribed = transcribe();
    await secondRequest();
    await clock.pass(startedAt + DEADLINE_MS - clock.monotonic());
    expect(await transcribed).to.deep.equal({ status: 'failed', reason: 'timeout' });
  });

  it('skips files over 25 MB and recordings over half an hour', async () => {
    const size = 25 * 1024 * 1024 + 1;
    expect(await transcribe({ file: voice({ size }) })).to.deep.equal({
      status: 'skipped',
      reason: 'too_large',
    });
    expect(await transcribe({ seconds: 1_801 })).to.deep.equal({ status: 'skipped', reason: 'too_long' });
    expect(server.calls).to.deep.equal([]);
  });

  it('fails without a request when the file is gone', async () => {
    const file = voice({ path: join(dir, 'gone') });
    expect(await transcribe({ file })).to.deep.equal({ status: 'failed', reason: 'no_file' });
    expect(server.calls).to.deep.equal([]);
  });

  it('never connects to an address of cloud metadata, by its number or a name', async () => {
    const lookup: Lookup = (_host, options, callback) => {
      if (options.all) callback(null, [{ address: '169.254.169.254', family: 4 }]);
      else callback(null, '169.254.169.254', 4);
    };
    for (const url of ['http://169.254.169.254/v1', 'http://metadata.example/v1'])
      expect(await transcribe({}, { url, lookup })).to.deep.equal({ status: 'failed', reason: 'blocked' });
  });

  it('rejects with the reason of its signal, and closes the connection', async () => {
    server.behave = () => 'hang';
    const turn = new AbortController();
    const transcribed = transcriber().transcribe({ file: voice() }, turn.signal);
    await eventually('the request', () => server.calls.length === 1);
    const reason = new Error('a person has the chat');
    turn.abort(reason);
    expect(await transcribed.catch((error: unknown) => error)).to.equal(reason);
    expect(clock.size).to.equal(0);
  });
});
