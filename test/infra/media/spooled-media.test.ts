import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { expect } from 'chai';
import { GatewayError } from '../../../src/actors/domain/errors.ts';
import type { MediaSource } from '../../../src/http/ports.ts';
import { TempFiles } from '../../../src/infra/files/temp-files.ts';
import { Spool } from '../../../src/infra/media/spool.ts';
import { MAX_MEDIA_BYTES, SpooledMedia } from '../../../src/infra/media/spooled-media.ts';
import { failureOf } from '../../support/failure.ts';
import { gif, jpeg, png, pngClaiming, webp } from '../../support/images.ts';

describe('SpooledMedia', () => {
  let root: string;
  let spool: Spool;
  let media: MediaSource;
  let fetched: Buffer;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'spool-'));
    spool = new Spool(join(root, 'spool'));
    const previews = new TempFiles({
      dir: join(root, 'temp'),
      clock: Date,
      onFault: () => expect.fail('a sweep failed'),
    });
    const fetcher = { fetch: async () => fetched };
    media = new SpooledMedia({ spool, previews, allowedOrigins: [], fetcher });
  });
  afterEach(() => rm(root, { recursive: true }));

  /** The files of the spool. */
  const spooled = () => readdir(join(root, 'spool')).catch(() => []);

  for (const [mimetype, bytes] of [
    ['image/png', png()],
    ['image/jpeg', jpeg()],
    ['image/gif', gif()],
    ['image/webp', webp('VP8 ')],
    ['image/webp', webp('VP8L')],
    ['image/webp', webp('VP8X')],
  ] as const)
    it(`stores ${mimetype} by its bytes, whatever the caller claims`, async () => {
      const image = await media.fromBase64(bytes.toString('base64'), { mimetype: 'text/html' });
      expect(image).to.include({ mimetype, size: bytes.length });
      expect(await readFile(image.path)).to.deep.equal(bytes);
    });

  it('stores a data URL, whatever type it claims', async () => {
    const image = await media.fromBase64(`data:text/html;charset=x;base64,${png().toString('base64')}`, {});
    expect(image.mimetype).to.equal('image/png');
  });

  const base64 = png().toString('base64');
  const lines = base64.match(/.{1,20}/g)!;
  for (const [name, data] of [
    ['base64 in lines', lines.join('\r\n')],
    ['base64 in lines, the last with its end', `${lines.join('\n')}\n`],
    ['base64 in indented lines', lines.join('\n\n    ')],
    ['base64 between blanks', `  ${base64} `],
    ['a data URL in capitals', `DATA:image/png;BASE64,${base64}`],
    ['a data URL with a blank after its comma', `data:image/png;base64, ${base64}`],
    ['a data URL in lines', `data:image/png;base64,\n${lines.join('\n')}`],
  ] as const)
    it(`stores ${name}`, async () => {
      const image = await media.fromBase64(data, {});
      expect(await readFile(image.path)).to.deep.equal(png());
    });

  it('accepts 10 MB of base64 in lines, and refuses one byte more', async () => {
    const inLines = (bytes: Buffer) => bytes.toString('base64').replace(/.{64}/g, '$&\r\n');
    const full = Buffer.concat([png(), Buffer.alloc(MAX_MEDIA_BYTES - png().length)]);
    expect((await media.fromBase64(inLines(full), {})).size).to.equal(MAX_MEDIA_BYTES);
    const over = media.fromBase64(inLines(Buffer.concat([full, Buffer.alloc(1)])), {});
    expect((await failureOf(over)).code).to.equal('MEDIA_TOO_LARGE');
  });

  it('stores the file of a URL', async () => {
    fetched = jpeg();
    expect(await media.fromUrl('https://pictures.example/a.png', {})).to.include({ mimetype: 'image/jpeg' });
  });

  it('hides folder and files from other users', async () => {
    const { path } = await media.fromBase64(png().toString('base64'), {});
    expect((await stat(path)).mode & 0o777).to.equal(0o600);
    expect((await stat(dirname(path))).mode & 0o777).to.equal(0o700);
  });

  for (const [given, kept] of [
    ['cat.png', 'cat.png'],
    ['../../etc/passwd', 'passwd'],
    ['C:\\pictures\\cat.png', 'cat.png'],
    ['cat\u0000\r\n.png', 'cat.png'],
    ['/', undefined],
  ] as const)
    it(`uses ${JSON.stringify(given)} as a display name, never as a path`, async () => {
      const image = await media.fromBase64(png().toString('base64'), { filename: given });
      expect(image.filename).to.equal(kept);
      expect(dirname(image.path)).to.equal(join(root, 'spool'));
    });

  const svg = '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script/></svg>';
  for (const [name, bytes] of [
    ['an SVG', Buffer.from(svg)],
    ['HTML that is called a PNG', Buffer.from('<!doctype html><title>png</title>')],
    ['a PDF', Buffer.from('%PDF-1.7\n')],
    ['a TIFF', Buffer.from([0x49, 0x49, 0x2a, 0, 8, 0, 0, 0])],
    ['a ZIP', Buffer.from('PK\u0003\u0004'.padEnd(64, '\0'))],
    ['a PNG signature alone', png().subarray(0, 8)],
    ['a PNG of no pixels', pngClaiming(0, 10)],
    ['a JPEG with no frame', Buffer.from([0xff, 0xd8, 0xff, 0xda, 0, 2, 0, 0, 0, 0, 0, 0])],
    ['text', Buffer.from('hello')],
    ['one byte', Buffer.from([0])],
  ] as const)
    it(`rejects with UNSUPPORTED_MEDIA_TYPE for ${name} from either source, and leaves no file`, async () => {
      fetched = bytes;
      const claim = { mimetype: 'image/png', filename: 'a.png' };
      const error = await failureOf(media.fromBase64(bytes.toString('base64'), claim));
      expect(error.code).to.equal('UNSUPPORTED_MEDIA_TYPE');
      expect((await failureOf(media.fromUrl('https://pictures.example/', claim))).code).to.equal(error.code);
      expect(await spooled()).to.deep.equal([]);
    });

  for (const [name, bytes] of [
    ['PNG', pngClaiming(50_000, 50_000)],
    ['PNG of 4 gigapixels a side', pngClaiming(0xffffffff, 0xffffffff)],
    ['JPEG', jpeg(65_000, 65_000)],
    ['GIF', gif(65_000, 65_000)],
    ['WebP', webp('VP8X', 16_000_000, 16_000_000)],
  ] as const)
    it(`rejects with MEDIA_TOO_LARGE for a ${name} over 50 megapixels`, async () => {
      const { code, message } = await failureOf(media.fromBase64(bytes.toString('base64'), {}));
      expect(code).to.equal('MEDIA_TOO_LARGE');
      expect(message).to.contain('megapixels');
      expect(await spooled()).to.deep.equal([]);
    });

  it('accepts 50 megapixels', async () => {
    const image = await media.fromBase64(pngClaiming(10_000, 5_000).toString('base64'), {});
    expect(image.mimetype).to.equal('image/png');
  });

  it('accepts 10 MB and rejects with MEDIA_TOO_LARGE one byte over', async () => {
    const bytes = Buffer.concat([png(), Buffer.alloc(MAX_MEDIA_BYTES)]).subarray(0, MAX_MEDIA_BYTES + 1);
    const fits = bytes.subarray(0, MAX_MEDIA_BYTES).toString('base64');
    expect((await media.fromBase64(fits, {})).size).to.equal(MAX_MEDIA_BYTES);
    const { code } = await failureOf(media.fromBase64(bytes.toString('base64'), {}));
    expect(code).to.equal('MEDIA_TOO_LARGE');
  });

  it('rejects with MEDIA_TOO_LARGE before it decodes what is too long', async () => {
    const { code } = await failureOf(media.fromBase64('!'.repeat(20_000_000), {}));
    expect(code).to.equal('MEDIA_TOO_LARGE');
  });

  const good = png().toString('base64');
  for (const [name, text] of [
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
    it(`rejects with INVALID_PAYLOAD for ${name}`, async () => {
      const { code, message } = await failureOf(media.fromBase64(text, {}));
      expect(code).to.equal('INVALID_PAYLOAD');
      expect(message).not.to.contain(good.slice(0, 20));
    });

  it('copies a preview into TEMP_DIR and keeps it when the image is discarded', async () => {
    const image = await media.fromBase64(png().toString('base64'), {});
    const preview = await media.preview(image);
    expect(dirname(preview)).to.equal(join(root, 'temp'));
    expect(preview).to.match(/\.png$/);
    await media.discard(image);
    await media.discard(image);
    expect(await spooled()).to.deep.equal([]);
    expect(await readFile(preview)).to.deep.equal(png());
    expect((await stat(preview)).mode & 0o777).to.equal(0o600);
  });

  it('rejects with INTERNAL when the image can’t be written', async () => {
    await writeFile(join(root, 'spool'), 'a file where the folder should be');
    const error = await failureOf(media.fromBase64(png().toString('base64'), {}));
    expect(error).to.be.instanceOf(GatewayError).and.include({ code: 'INTERNAL' });
    expect(error.message).not.to.contain(root);
  });

  describe('Spool', () => {
    it('deletes files that no message needs', async () => {
      const [kept, orphan] = [await spool.write(png(), 'png'), await spool.write(png(), 'png')];
      expect(await spool.sweep(new Set([kept]))).to.equal(1);
      expect(await spooled()).to.deep.equal([basename(kept)]);
      expect(kept).not.to.equal(orphan);
    });

    it('never deletes outside its folder', async () => {
      const outside = join(root, 'precious.png');
      await writeFile(outside, 'x');
      await spool.release(outside);
      await spool.release(join(root, 'spool', '..', 'precious.png'));
      expect(await readFile(outside, 'utf8')).to.equal('x');
    });

    it('tolerates a missing folder', async () => {
      expect(await spool.sweep(new Set())).to.equal(0);
    });
  });
});
