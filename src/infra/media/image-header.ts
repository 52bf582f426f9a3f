import { type FileHandle, open } from 'node:fs/promises';
import { TEXTS } from '../../actors/domain/error-texts.ts';
import { GatewayError } from '../../actors/domain/errors.ts';

/** Decoded, 50 megapixels take 200 MB; more is a decompression bomb. */
const MAX_PIXELS = 50_000_000;
/** What is read of a file at a time. */
const WINDOW_BYTES = 64 * 1024;

/** Width and height in pixels. */
interface Size {
  width: number;
  height: number;
}

/** Reads the size from the first bytes of a file; null when they are none of its format. */
const FORMATS: Record<string, (head: Buffer, file: FileHandle) => Size | null | Promise<Size | null>> = {
  'image/png': pngSize,
  'image/jpeg': (_head, file) => jpegSize(file),
  'image/gif': gifSize,
  'image/webp': webpSize,
};

/**
 * Checks the size in pixels that an image has; nothing is decoded.
 * @throws GatewayError `UNSUPPORTED_MEDIA_TYPE` unless the file has a readable header, `MEDIA_TOO_LARGE` over 50
 * megapixels.
 */
export async function assertPixels(path: string, mimetype: string): Promise<void> {
  const file = await open(path);
  try {
    const head = await windowOf(file, 0);
    const size = await FORMATS[mimetype]?.(head, file);
    if (!size || size.width === 0 || size.height === 0)
      throw new GatewayError('UNSUPPORTED_MEDIA_TYPE', TEXTS.UNSUPPORTED_MEDIA_TYPE.notAnImage);
    if (size.width * size.height > MAX_PIXELS)
      throw new GatewayError('MEDIA_TOO_LARGE', TEXTS.MEDIA_TOO_LARGE.pixels(MAX_PIXELS / 1e6));
  } finally {
    await file.close();
  }
}

/** The bytes of a file from a position on, as many as are read at a time. */
async function windowOf(file: FileHandle, position: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(WINDOW_BYTES), 0, WINDOW_BYTES, position);
  return buffer.subarray(0, bytesRead);
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

/** Walks the segments up to the frame header, wherever in the file it is. */
async function jpegSize(file: FileHandle): Promise<Size | null> {
  for (let at = 2; ; ) {
    const found = frameSize(await windowOf(file, at));
    if (typeof found !== 'number') return found;
    at += found;
  }
}

/**
 * The size in the frame header (`SOF0`–`SOF15` but `DHT`, `JPG` and `DAC`); null when there is none, or the position of
 * the first segment that is not in these bytes.
 */
function frameSize(bytes: Buffer): Size | null | number {
  let at = 0;
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
  return at === 0 ? null : at;
}
