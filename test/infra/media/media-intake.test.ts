import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { type FileSource, KINDS, type MediaDraft } from '../../../src/actors/domain/message-content.ts';
import { FolderFileStore } from '../../../src/infra/files/folder-file-store.ts';
import { TempFiles } from '../../../src/infra/files/temp-files.ts';
import { MediaFetcher } from '../../../src/infra/media/media-fetcher.ts';
import { FileIntake, type FileIntakeOptions } from '../../../src/infra/media/media-intake.ts';
import { type Database, openDatabase } from '../../../src/infra/postgres/database.ts';
import { failureOf } from '../../support/failure.ts';
import { gif, jpeg, png, pngClaiming, webp } from '../../support/images.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { HEADS, recording } from '../../support/media-files.ts';
import { administer, withDatabase } from '../../support/postgres.ts';
import { findProgram, whereFound } from '../../support/where-found.ts';

const AGENT = { userId: 7, agentId: 'bot' };
const OTHER = { userId: 7, agentId: 'other' };
const MB = 1024 * 1024;
const base64 = (bytes: Buffer) => bytes.toString('base64');
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

describe('the intake of media', () => {
  const database = withDatabase();
  let db: Database;
  let dir: string;
  let store: FolderFileStore;
  let server: Server;
  let origin: string;
  /** What the server answers with. */
  let served: RequestListener;

  before(async () => {
    db = await openDatabase({ dbUrl: database().url, dataDir: '/nowhere' });
    for (const agent of [AGENT, OTHER])
      await db.agents.save({ ...agent, agentName: 'A', apiKey: 'k', status: 'connected' });
    server = createServer((request, response) => served(request, response)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await db.close();
  });
  beforeEach(async () => {
    await administer(database().config, 'truncate gateway_file');
    dir = await mkdtemp(join(tmpdir(), 'intake-'));
    store = new FolderFileStore({
      dir: join(dir, 'files'),
      rows: db.files,
      clock: new ManualClock(),
      ttlMs: 3_600_000,
      maxBytes: 200 * MB,
      onFault: (error) => expect.fail(String(error)),
    });
    await store.start();
  });
  afterEach(async () => {
    await store.close();
    await rm(dir, { recursive: true });
  });

  /** An intake on the store. */
  function intake(changes: Partial<FileIntakeOptions> = {}): FileIntake {
    const previews = new TempFiles({ dir: join(dir, 'temp'), clock: Date, onFault: () => expect.fail() });
    const fetcher = new MediaFetcher({ allowedOrigins: [origin] });
    return new FileIntake({ files: store, fetcher, previews, ffmpeg: 'ffmpeg', ...changes });
  }

  /** Names of the stored files. */
  const stored = () => readdir(join(dir, 'files'));

  /** A draft of a kind. */
  const draft = (kind: MediaDraft['kind'], source: FileSource, more = {}) =>
    ({ kind, source, ...more }) as MediaDraft;

  /** Serves bytes at the link that it returns. */
  function serve(bytes: Buffer, type = 'application/octet-stream', path = '/file'): string {
    served = (_request, response) => response.writeHead(200, { 'content-type': type }).end(bytes);
    return origin + path;
  }

  /** Uploads a file, as `POST /files` does. */
  const upload = (bytes: Buffer, claim = {}, agent = AGENT) =>
    store.add(
      agent,
      (async function* () {
        yield bytes;
      })(),
      claim,
    );

  const GOOD: [MediaDraft['kind'], string, Buffer][] = [
    ['image', 'image/png', png()],
    ['image', 'image/jpeg', jpeg()],
    ['image', 'image/gif', gif()],
    ['image', 'image/webp', webp('VP8 ')],
    ['image', 'image/webp', webp('VP8L')],
    ['image', 'image/webp', webp('VP8X')],
    ['video', 'video/mp4', HEADS['video/mp4']],
    ['video', 'video/3gpp', HEADS['video/3gpp']],
    ['video', 'video/quicktime', HEADS['video/quicktime']],
    ['audio', 'audio/ogg; codecs=opus', HEADS['audio/ogg; codecs=opus']],
    ['audio', 'audio/mpeg', HEADS['audio/mpeg']],
    ['audio', 'audio/x-m4a', HEADS['audio/x-m4a']],
    ['audio', 'audio/amr', HEADS['audio/amr']],
    ['sticker', 'image/webp', HEADS['image/webp']],
    ['document', 'application/pdf', HEADS['application/pdf']],
    ['document', 'image/png', png()],
    ['document', 'application/octet-stream', Buffer.from('words')],
  ];
  for (const [kind, mimetype, bytes] of GOOD)
    it(`stores ${mimetype} as ${kind}, from a link, from base64 and from an upload, whatever is claimed`, async () => {
      const link = serve(bytes, 'image/tiff');
      const data = `data:image/tiff;base64,${base64(bytes)}`;
      const { id } = await upload(bytes, { mimetype: 'image/tiff' });
      for (const source of [{ link }, { data }, { data: base64(bytes) }, { id }]) {
        const content = await intake().open(AGENT, draft(kind, source, { caption: 'hi' }));
        expect(content).to.include({ kind, caption: 'hi' });
        expect(content.file.mimetype).to.equal(mimetype);
        expect(content.file).to.include({ size: bytes.length, sha256: sha256(bytes) });
        expect(await readFile(content.file.path)).to.deep.equal(bytes);
        expect(content).not.to.have.property('source');
      }
    });

  const BAD: [MediaDraft['kind'], string, Buffer][] = [
    ['image', 'an SVG', Buffer.from('<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>')],
    ['image', 'HTML that is called a PNG', Buffer.from('<!doctype html><title>png</title>')],
    ['image', 'a PDF', HEADS['application/pdf']],
    ['image', 'a TIFF', Buffer.from([0x49, 0x49, 0x2a, 0, 8, 0, 0, 0])],
    ['image', 'a video', HEADS['video/mp4']],
    ['image', 'a PNG signature alone', png().subarray(0, 8)],
    ['image', 'a PNG of no pixels', pngClaiming(0, 10)],
    ['image', 'a JPEG with no frame', Buffer.from([0xff, 0xd8, 0xff, 0xda, 0, 2, 0, 0, 0, 0, 0, 0])],
    ['image', 'one byte', Buffer.from([0])],
    ['video', 'an image', png()],
    ['video', 'audio', HEADS['audio/x-m4a']],
    ['audio', 'a WAV', HEADS['audio/wav']],
    ['audio', 'a video', HEADS['video/mp4']],
    ['audio', 'text', Buffer.from('la la la')],
    ['sticker', 'a PNG', png()],
  ];
  for (const [kind, name, bytes] of BAD)
    it(`refuses ${name} as ${kind} with 415, from each source, and keeps nothing of it`, async () => {
      const link = serve(bytes, 'image/png');
      for (const source of [{ link }, { data: base64(bytes) }]) {
        const error = await failureOf(intake().open(AGENT, draft(kind, source)));
        expect(error.code).to.equal('UNSUPPORTED_MEDIA_TYPE');
        expect(await stored()).to.deep.equal([]);
      }
      const { id, path } = await upload(bytes, { mimetype: 'image/png' });
      expect((await failureOf(intake().open(AGENT, draft(kind, { id })))).code).to.equal(
        'UNSUPPORTED_MEDIA_TYPE',
      );
      expect(await readFile(path), 'an upload stays').to.deep.equal(bytes);
    });

  it('lists the accepted formats when it refuses one', async () => {
    const { message } = await failureOf(intake().open(AGENT, draft('video', { data: base64(png()) })));
    expect(message).to.contain('image/png').and.contain('video/mp4, video/3gpp, video/quicktime');
  });

  for (const [name, bytes] of [
    ['PNG', pngClaiming(50_000, 50_000)],
    ['PNG of 4 gigapixels a side', pngClaiming(0xffffffff, 0xffffffff)],
    ['JPEG', jpeg(65_000, 65_000)],
    ['GIF', gif(65_000, 65_000)],
    ['WebP', webp('VP8X', 16_000_000, 16_000_000)],
  ] as const)
    it(`refuses a ${name} of over 50 megapixels as an image, and takes it as a document`, async () => {
      const { code, message } = await failureOf(
        intake().open(AGENT, draft('image', { data: base64(bytes) })),
      );
      expect(code).to.equal('MEDIA_TOO_LARGE');
      expect(message).to.contain('megapixels');
      expect(await stored()).to.deep.equal([]);
      const { file } = await intake().open(AGENT, draft('document', { data: base64(bytes) }));
      expect(file.size).to.equal(bytes.length);
    });

  it('accepts 50 megapixels', async () => {
    const { file } = await intake().open(AGENT, draft('image', { data: base64(pngClaiming(10_000, 5_000)) }));
    expect(file.mimetype).to.equal('image/png');
  });

  it('finds the size of a JPEG behind megabytes of metadata and fill bytes', async () => {
    const whole = jpeg(6_000, 10_000);
    const segment = Buffer.concat([Buffer.from([0xff, 0xe1, 0xff, 0xff]), Buffer.alloc(0xfffd)]);
    const fill = Buffer.alloc(200_000, 0xff);
    const bytes = Buffer.concat([whole.subarray(0, 2), ...Array(40).fill(segment), fill, whole.subarray(2)]);
    const { message } = await failureOf(intake().open(AGENT, draft('image', { data: base64(bytes) })));
    expect(message).to.contain('megapixels');
  });

  for (const kind of ['image', 'video', 'audio', 'document', 'sticker'] as const)
    it(`refuses a ${kind} of one byte more than its limit, measured while reading, and keeps nothing of it`, async () => {
      const { maxBytes = 0 } = KINDS[kind];
      const head = {
        image: png(),
        video: HEADS['video/mp4'],
        audio: HEADS['audio/amr'],
        document: Buffer.from('x'),
      };
      const first = kind === 'sticker' ? HEADS['image/webp'] : head[kind];
      const full = Buffer.concat([first, Buffer.alloc(maxBytes - first.length)]);
      const { file } = await intake().open(AGENT, draft(kind, { link: serve(full) }));
      expect(file.size).to.equal(maxBytes);
      await intake().discard(AGENT, file);
      const over = Buffer.concat([full, Buffer.alloc(1)]);
      const { code, message } = await failureOf(intake().open(AGENT, draft(kind, { link: serve(over) })));
      expect(code).to.equal('MEDIA_TOO_LARGE');
      expect(message).to.contain(String(maxBytes));
      expect(await stored()).to.deep.equal([]);
    });

  it('refuses an upload that is larger than its kind may be, and base64 of more than 16 MB', async () => {
    const { id } = await upload(Buffer.concat([HEADS['image/webp'], Buffer.alloc(MB)]));
    expect((await failureOf(intake().open(AGENT, draft('sticker', { id })))).code).to.equal(
      'MEDIA_TOO_LARGE',
    );
    const fits = Buffer.alloc(16 * MB, 1);
    const { file } = await intake().open(AGENT, draft('document', { data: base64(fits) }));
    expect(file).to.include({ size: 16 * MB, sha256: sha256(fits) });
    const over = base64(Buffer.alloc(16 * MB + 1));
    expect((await failureOf(intake().open(AGENT, draft('document', { data: over })))).code).to.equal(
      'MEDIA_TOO_LARGE',
    );
    expect(
      (await failureOf(intake().open(AGENT, draft('image', { data: '!'.repeat(20_000_000) })))).code,
    ).to.equal('MEDIA_TOO_LARGE');
  });

  const lines = base64(png()).match(/.{1,20}/g)!;
  for (const [name, data] of [
    ['base64 in lines', lines.join('\r\n')],
    ['base64 in lines, the last with its end', `${lines.join('\n')}\n`],
    ['base64 in indented lines', lines.join('\n\n    ')],
    ['base64 between blanks', `  ${base64(png())} `],
    ['a data URL in capitals', `DATA:image/png;BASE64,${base64(png())}`],
    ['a data URL with a blank after its comma', `data:image/png;base64, ${base64(png())}`],
    ['a data URL in lines', `data:image/png;base64,\n${lines.join('\n')}`],
  ] as const)
    it(`reads ${name}`, async () => {
      const { file } = await intake().open(AGENT, draft('image', { data }));
      expect(await readFile(file.path)).to.deep.equal(png());
    });

  const good = base64(png());
  for (const [name, data] of [
    ['nothing', ''],
    ['a data URL with nothing', 'data:image/png;base64,'],
    ['a data URL that is not base64', 'data:image/png,hello'],
    ['a data URL with no comma', `data:image/png;base64${good}`],
    ['a data URL with an endless head', `data:${'x'.repeat(1_000)};base64,${good}`],
    ['spaces', `${good.slice(0, 4)} ${good.slice(4)}`],
    ['a cut end', good.slice(0, -1)],
    ['another alphabet', '_-_-'],
    ['padding inside', 'AA==AAAA'],
    ['too much padding', 'A==='],
    ['an URL', 'https://pictures.example/cat.png'],
  ] as const)
    it(`refuses ${name} in place of base64`, async () => {
      const { code, message } = await failureOf(intake().open(AGENT, draft('image', { data })));
      expect(code).to.equal('INVALID_PAYLOAD');
      expect(message).not.to.contain(good.slice(0, 20));
    });

  it('answers NOT_FOUND for a file that is missing, or another agent’s', async () => {
    const { id } = await upload(png(), {}, OTHER);
    for (const missing of [id, '01f0a6c2-9b1d-4c63-8a4e-2f5d7c9e1b30']) {
      const { code, message } = await failureOf(intake().open(AGENT, draft('image', { id: missing })));
      expect([code, message]).to.deep.equal(['NOT_FOUND', 'There is no such file.']);
    }
  });

  it('keeps an uploaded file while its message is about to be stored, although it is deleted, and then as long as it says', async () => {
    const { id } = await upload(png());
    const { file } = await intake().open(AGENT, draft('image', { id }));
    expect(await store.remove(AGENT, id)).to.equal(true);
    await store.sweep();
    expect(await readFile(file.path)).to.deep.equal(png());
  });

  it('deletes the file of a message that was not stored, and never an upload', async () => {
    const { id } = await upload(png());
    for (const source of [{ id }, { data: base64(png()) }]) {
      const { file } = await intake().open(AGENT, draft('image', source));
      await intake().discard(AGENT, file);
      await intake().discard(AGENT, file);
    }
    expect(await stored()).to.deep.equal([id]);
  });

  it('deletes at the next sweep what a crash left before its message was stored, five minutes later', async () => {
    const { file } = await intake().open(AGENT, draft('image', { data: base64(png()) }));
    await store.sweep();
    expect(await stored()).to.deep.equal([file.id]);
    await administer(
      database().config,
      "update gateway_file set taken_until = taken_until - interval '6 minutes'",
    );
    await store.sweep();
    expect(await stored()).to.deep.equal([]);
  });

  it('passes on what its store and the fetcher refuse with', async () => {
    const gone = { userId: 7, agentId: 'gone' };
    const link = serve(png());
    for (const source of [{ link }, { data: base64(png()) }])
      expect((await failureOf(intake().open(gone, draft('image', source)))).code).to.equal(
        'SESSION_NOT_FOUND',
      );
    const blocked = draft('image', { link: 'http://127.0.0.1:9/' });
    expect((await failureOf(intake().open(AGENT, blocked))).code).to.equal('MEDIA_URL_BLOCKED');
    served = (_request, response) => response.writeHead(404).end();
    expect((await failureOf(intake().open(AGENT, draft('video', { link })))).code).to.equal(
      'MEDIA_FETCH_FAILED',
    );
    served = (_request, response) => {
      response.writeHead(200, { 'content-length': '100000' }).write(png());
      response.destroy();
    };
    expect((await failureOf(intake().open(AGENT, draft('document', { link })))).code).to.equal(
      'MEDIA_FETCH_FAILED',
    );
    expect(
      (await failureOf(intake().open(AGENT, draft('document', { link: serve(Buffer.alloc(0)) })))).code,
    ).to.equal('MEDIA_FETCH_FAILED');
    expect(await stored()).to.deep.equal([]);
  });

  it('gives a document the name that the caller says, else that of the upload or of the link, else one with its extension, and never a path', async () => {
    const { id } = await upload(png(), { filename: 'harga.png' });
    const link = serve(png(), 'image/png', '/a/daftar%20harga.pdf?x=1');
    const rows: [FileSource, string | undefined, string | undefined][] = [
      [{ data: good }, 'cat.png', 'cat.png'],
      [{ data: good }, '../../etc/passwd', 'passwd'],
      [{ data: good }, 'C:\\pictures\\cat.png', 'cat.png'],
      [{ data: good }, '/', 'document.png'],
      [{ data: good }, undefined, 'document.png'],
      [{ data: base64(Buffer.from('words')) }, undefined, 'document'],
      [{ id }, undefined, 'harga.png'],
      [{ id }, 'price.png', 'price.png'],
      [{ link }, undefined, 'daftar harga.pdf'],
      [{ link: serve(png(), 'image/png', '/download') }, undefined, 'document.png'],
    ];
    for (const [source, filename, shown] of rows) {
      const { file } = await intake().open(AGENT, draft('document', source, { filename }));
      expect(file.filename).to.equal(shown);
      expect(dirname(file.path)).to.equal(join(dir, 'files'));
    }
  });

  it('believes the type of a text, which its bytes do not show', async () => {
    const csv = Buffer.from('nama,harga\n');
    const sources = [
      { link: serve(csv, 'text/csv; charset=utf-8') },
      { data: `data:text/csv;charset=utf-8;base64,${base64(csv)}` },
    ];
    for (const source of sources)
      expect((await intake().open(AGENT, draft('document', source))).file.mimetype).to.equal('text/csv');
  });

  it('copies a preview into TEMP_DIR, which stays when the image is deleted', async () => {
    const content = await intake().open(AGENT, draft('image', { data: good }));
    const preview = await intake().preview(content.file);
    expect(dirname(preview)).to.equal(join(dir, 'temp'));
    expect(preview).to.match(/\.png$/);
    await intake().discard(AGENT, content.file);
    expect(await stored()).to.deep.equal([]);
    expect(await readFile(preview)).to.deep.equal(png());
    expect((await stat(preview)).mode & 0o777).to.equal(0o600);
  });

  describe('without ffmpeg', () => {
    const voice = (bytes: Buffer) => draft('audio', { data: base64(bytes) }, { voice: true });
    const without = () => intake({ ffmpeg: '/no/such/ffmpeg' });

    it('sends Ogg with Opus as a voice note, of unknown length', async () => {
      const content = await without().open(AGENT, voice(HEADS['audio/ogg; codecs=opus']));
      expect(content).to.include({ kind: 'audio', voice: true });
      expect(content).not.to.have.any.keys('seconds', 'waveform');
    });

    it('refuses other audio as a voice note with 415 that names ffmpeg, and keeps nothing of it', async () => {
      const { code, message } = await failureOf(without().open(AGENT, voice(HEADS['audio/mpeg'])));
      expect(code).to.equal('UNSUPPORTED_MEDIA_TYPE');
      expect(message).to.contain('FFMPEG_PATH');
      expect(await stored()).to.deep.equal([]);
    });
  });

  whereFound('with ffmpeg', findProgram('ffmpeg'), 'ffmpeg is not installed', () => {
    for (const name of ['note.mp3', 'note.wav', 'note.webm'])
      it(`converts ${name} into a voice note with its length and waveform, and keeps that alone`, async () => {
        const bytes = recording(dir, name);
        const { id } = await upload(bytes);
        for (const source of [{ data: base64(bytes) }, { link: serve(bytes) }, { id }]) {
          const content = await intake().open(AGENT, draft('audio', source, { voice: true }));
          expect(content).to.include({ kind: 'audio', voice: true, seconds: 2 });
          expect(content).to.have.property('waveform').with.lengthOf(64);
          expect(content.file.mimetype).to.equal('audio/ogg; codecs=opus');
          expect(await stored()).to.have.members([id, content.file.id]);
          await intake().discard(AGENT, content.file);
        }
        expect(await stored()).to.deep.equal([id]);
      });

    it('leaves Ogg with Opus as it is, and measures it', async () => {
      const bytes = recording(dir, 'note.opus', 3);
      const content = await intake().open(AGENT, draft('audio', { data: base64(bytes) }, { voice: true }));
      expect(content).to.include({ seconds: 3 });
      expect(content.file.sha256).to.equal(sha256(bytes));
    });

    it('leaves audio as it is that is no voice note', async () => {
      const bytes = recording(dir, 'song.mp3');
      const content = await intake().open(AGENT, draft('audio', { data: base64(bytes) }));
      expect(content.file.sha256).to.equal(sha256(bytes));
      expect(content).not.to.have.property('seconds');
    });

    for (const [name, bytes] of [
      ['a file that only begins as audio', HEADS['audio/wav']],
      ['a document', HEADS['application/pdf']],
      ['an image', png()],
    ] as const)
      it(`refuses ${name} as a voice note with 415, and keeps nothing of it`, async () => {
        const { code } = await failureOf(
          intake().open(AGENT, draft('audio', { data: base64(bytes) }, { voice: true })),
        );
        expect(code).to.equal('UNSUPPORTED_MEDIA_TYPE');
        expect(await stored()).to.deep.equal([]);
      });
  });
});
