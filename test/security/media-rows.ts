import type { ErrorCode } from '../../src/actors/domain/errors.ts';
import { gif, jpeg, png, pngClaiming, webp } from '../support/images.ts';
import { type Attack, attackOn } from './row.ts';

const to = '081234567890';

/** A refused image, by its claimed and actual content. */
function holding(name: string, content: Buffer | string, code: ErrorCode, more: object = {}): Attack {
  const data = Buffer.from(content).toString('base64');
  return attackOn('media', name, { to, data, mimetype: 'image/png', ...more }, code);
}

/** Invalid base64. */
const spelled = (name: string, data: string) => attackOn('media', name, { to, data }, 'INVALID_PAYLOAD');

/** An ISO media file of a brand. */
const iso = (brand: string) => Buffer.from(`\0\0\0\x18ftyp${brand}\0\0\0\0${brand}mif1`, 'latin1');

const valid = png().toString('base64');

/** Media with a false type or size. */
export const MEDIA: Attack[] = [
  holding(
    'an SVG with a script',
    '<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>',
    'UNSUPPORTED_MEDIA_TYPE',
  ),
  holding('HTML as PNG', '<!doctype html><script>alert(1)</script>', 'UNSUPPORTED_MEDIA_TYPE'),
  holding(
    'ImageTragick',
    'push graphic-context\nfill \'url(https://127.0.0.1/x";id")\'',
    'UNSUPPORTED_MEDIA_TYPE',
  ),
  holding('a PDF', '%PDF-1.7\n', 'UNSUPPORTED_MEDIA_TYPE'),
  holding('a zip', Buffer.from('504b0304140000000000', 'hex'), 'UNSUPPORTED_MEDIA_TYPE'),
  holding('an ELF program', Buffer.from('7f454c460201010000000000', 'hex'), 'UNSUPPORTED_MEDIA_TYPE'),
  holding('a BMP', Buffer.from('424d46000000000000003600000028000000', 'hex'), 'UNSUPPORTED_MEDIA_TYPE'),
  holding('a TIFF', Buffer.from('49492a0008000000', 'hex'), 'UNSUPPORTED_MEDIA_TYPE'),
  holding('an icon', Buffer.from('00000100010010100000', 'hex'), 'UNSUPPORTED_MEDIA_TYPE'),
  holding('an AVIF', iso('avif'), 'UNSUPPORTED_MEDIA_TYPE'),
  holding('a HEIC', iso('heic'), 'UNSUPPORTED_MEDIA_TYPE'),
  holding('a video', iso('mp42'), 'UNSUPPORTED_MEDIA_TYPE'),
  holding('a sound', 'ID3\x03\0\0\0\0\0\0', 'UNSUPPORTED_MEDIA_TYPE'),
  holding('one byte', 'x', 'UNSUPPORTED_MEDIA_TYPE'),
  holding('only zeros', Buffer.alloc(1_000), 'UNSUPPORTED_MEDIA_TYPE'),
  holding('the signature of a PNG alone', png().subarray(0, 8), 'UNSUPPORTED_MEDIA_TYPE'),
  holding('half the header of a PNG', png().subarray(0, 20), 'UNSUPPORTED_MEDIA_TYPE'),
  holding('a PNG after a comment', Buffer.concat([Buffer.from('<!-- -->'), png()]), 'UNSUPPORTED_MEDIA_TYPE'),
  holding('a PNG of no width', pngClaiming(0, 10), 'UNSUPPORTED_MEDIA_TYPE'),
  holding(
    'a GIF of no size, a script besides',
    Buffer.concat([gif(0, 0), Buffer.from('/*</script>')]),
    'UNSUPPORTED_MEDIA_TYPE',
  ),
  holding(
    'a JPEG without a frame',
    Buffer.from('ffd8ffe000104a46494600010100000100010000ffd9', 'hex'),
    'UNSUPPORTED_MEDIA_TYPE',
  ),
  holding(
    'a WebP of an unknown kind',
    Buffer.from(`RIFF\x20\0\0\0WEBPEVIL${'\0'.repeat(24)}`, 'latin1'),
    'UNSUPPORTED_MEDIA_TYPE',
  ),
  holding('a PNG bomb', pngClaiming(100_000, 100_000), 'MEDIA_TOO_LARGE'),
  holding('a PNG bomb as long as can be', pngClaiming(0xffffffff, 0xffffffff), 'MEDIA_TOO_LARGE'),
  holding('a PNG just over 50 megapixels', pngClaiming(50_000_001, 1), 'MEDIA_TOO_LARGE'),
  holding('a GIF bomb', gif(65_535, 65_535), 'MEDIA_TOO_LARGE'),
  holding('a JPEG bomb', jpeg(65_535, 65_535), 'MEDIA_TOO_LARGE'),
  holding('a WebP bomb', webp('VP8X', 16_777_216, 16_777_216), 'MEDIA_TOO_LARGE'),
  holding('a lossless WebP bomb', webp('VP8L', 16_384, 16_384), 'MEDIA_TOO_LARGE'),
  holding('one byte over 10 MB', Buffer.concat([png(), Buffer.alloc(10 * 1024 * 1024)]), 'MEDIA_TOO_LARGE'),
  spelled('base64 with spaces', `${valid.slice(0, 40)} ${valid.slice(40)}`),
  spelled('base64 without its padding', valid.replace(/=+$/, '').slice(0, -1)),
  spelled('base64 with too much padding', `${valid.replace(/=+$/, '')}===`),
  spelled('base64 with padding inside', `====${valid}`),
  spelled('base64 for URLs', '-_-_'),
  spelled('words', 'this is no base64!!'),
  spelled('a data URL without base64', 'data:image/png,hello'),
  spelled('a data URL without a payload', 'data:image/png;base64,'),
  spelled('a data URL with a long head', `data:image/png;${'x'.repeat(5_000)};base64,${valid}`),
  spelled('a data URL of a data URL', `data:image/png;base64,data:image/png;base64,${valid}`),
  spelled('a URL as data', 'http://127.0.0.1/'),
];
