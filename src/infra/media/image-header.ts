import { fileTypeFromBuffer } from 'file-type';
import { TEXTS } from '../../actors/domain/error-texts.ts';
import { GatewayError } from '../../actors/domain/errors.ts';

/** Decoded, 50 megapixels take 200 MB; more is a decompression bomb. */
const MAX_PIXELS = 50_000_000;

/** Format and size of an image file. */
export interface ImageHeader {
  mimetype: 'image/png' | 'image/jpeg' | 'image/gif' | 'image/webp';
  extension: 'png' | 'jpg' | 'gif' | 'webp';
  width: number;
  height: number;
}

type Size = Pick<ImageHeader, 'width' | 'height'>;
type Format = Pick<ImageHeader, 'mimetype' | 'extension'> & { size: (bytes: Buffer) => Size | null };

const PNG: Format = { mimetype: 'image/png', extension: 'png', size: pngSize };
/** The formats that are sent, by their name in file-type. An animated PNG is a PNG. */
const FORMATS = new Map<string, Format>([
  ['png', PNG],
  ['apng', PNG],
  ['jpg', { mimetype: 'image/jpeg', extension: 'jpg', size: jpegSize }],
  ['gif', { mimetype: 'image/gif', extension: 'gif', size: gifSize }],
  ['webp', { mimetype: 'image/webp', extension: 'webp', size: webpSize }],
]);

/**
 * Reads format and size in pixels from the bytes; nothing is decoded.
 * @throws GatewayError `UNSUPPORTED_MEDIA_TYPE` unless it is a PNG, JPEG, GIF or WebP,
 * `MEDIA_TOO_LARGE` over 50 megapixels.
 */
export async function readImageHeader(bytes: Buffer): Promise<ImageHeader> {
  const sniffed = await fileTypeFromBuffer(bytes).catch(() => undefined);
  const format = FORMATS.get(sniffed?.ext ?? '');
  const size = format?.size(bytes);
  if (!format || !size || size.width === 0 || size.height === 0)
    throw new GatewayError('UNSUPPORTED_MEDIA_TYPE', TEXTS.UNSUPPORTED_MEDIA_TYPE.notAnImage);
  if (size.width * size.height > MAX_PIXELS)
    throw new GatewayError('MEDIA_TOO_LARGE', TEXTS.MEDIA_TOO_LARGE.pixels(MAX_PIXELS / 1e6));
  return { mimetype: format.mimetype, extension: format.extension, ...size };
}

/** `IHDR` must be the first chunk: width and height are its first two words. */
function pngSize(bytes: Buffer): Size | null {
  if (bytes.length < 24 || bytes.toString('latin1', 12, 16) !== 'IHDR') return null;
  return { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) };
}

/** The logical screen, which every frame is clipped to. */
function gifSize(bytes: Buffer): Size | null {
  if (bytes.length < 10) return null;
  return { width: bytes.readUInt16LE(6), height: bytes.readUInt16LE(8) };
}

/** The first chunk is of one of three kinds, each with its own packing. */
function webpSize(bytes: Buffer): Size | null {
  if (bytes.length < 30) return null;
  switch (bytes.toString('latin1', 12, 16)) {
    case 'VP8 ':
      return { width: bytes.readUInt16LE(26) & 0x3fff, height: bytes.readUInt16LE(28) & 0x3fff };
    case 'VP8L': {
      const packed = bytes.readUInt32LE(21);
      return { width: (packed & 0x3fff) + 1, height: ((packed >>> 14) & 0x3fff) + 1 };
    }
    case 'VP8X':
      return { width: bytes.readUIntLE(24, 3) + 1, height: bytes.readUIntLE(27, 3) + 1 };
    default:
      return null;
  }
}

/** Walks the segments up to the frame header (`SOF0`–`SOF15` but `DHT`, `JPG` and `DAC`). */
function jpegSize(bytes: Buffer): Size | null {
  let at = 2;
  while (at + 9 <= bytes.length) {
    if (bytes[at] !== 0xff) return null;
    const marker = bytes[at + 1] ?? 0;
    if (marker === 0xff) {
      // A fill byte: markers may be preceded by any number of them.
      at += 1;
      continue;
    }
    if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc)
      return { width: bytes.readUInt16BE(at + 7), height: bytes.readUInt16BE(at + 5) };
    if (marker === 0xd9 || marker === 0xda) return null;
    at += 2 + bytes.readUInt16BE(at + 2);
  }
  return null;
}
