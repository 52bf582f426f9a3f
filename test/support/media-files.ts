import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { webp } from './images.ts';

/** The head of an ISO file (MP4, QuickTime, 3GPP, M4A) of this brand. */
function iso(brand: string): Buffer {
  const box = Buffer.alloc(24);
  box.writeUInt32BE(box.length, 0);
  box.write(`ftyp${brand}\0\0\0\0${brand}`, 4, 'latin1');
  return Buffer.concat([box, Buffer.alloc(64)]);
}

/** The head of an Ogg file whose stream begins with these bytes. */
const ogg = (stream: string) =>
  Buffer.concat([
    Buffer.from('OggS\0\x02'),
    Buffer.alloc(20),
    Buffer.from(`\x01\x13${stream}`),
    Buffer.alloc(40),
  ]);

/** Heads of files by their media type: enough to know them by, not to play them. */
export const HEADS = {
  'video/mp4': iso('isom'),
  'video/3gpp': iso('3gp5'),
  'video/quicktime': iso('qt  '),
  'audio/x-m4a': iso('M4A '),
  'audio/ogg; codecs=opus': ogg('OpusHead'),
  'audio/mpeg': Buffer.concat([
    Buffer.from('ID3\x03\0\0\0\0\0\0', 'latin1'),
    Buffer.from('fffb9000', 'hex'),
    Buffer.alloc(500),
  ]),
  'audio/amr': Buffer.from('#!AMR\n'.padEnd(40, '\0')),
  'audio/wav': Buffer.from('RIFF\x24\0\0\0WAVEfmt '.padEnd(64, '\0'), 'latin1'),
  'image/webp': webp('VP8 ', 512, 512),
  'application/pdf': Buffer.from('%PDF-1.7\n%\u00e2\u00e3\u00cf\u00d3\n'.padEnd(64, ' ')),
} as const;

/** A recording of a tone in a folder, made by ffmpeg; the name's extension decides the format. */
export function recording(dir: string, name: string, seconds = 2): Buffer {
  const path = join(dir, name);
  execFileSync('ffmpeg', [
    '-v',
    'error',
    '-y',
    '-f',
    'lavfi',
    '-i',
    `sine=frequency=440:duration=${seconds}`,
    path,
  ]);
  return readFileSync(path);
}
