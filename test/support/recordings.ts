/** A sticker of one colour, a real WebP. */
export const STICKER = Buffer.from(
  'UklGRjYAAABXRUJQVlA4ICoAAACQAQCdASoQABAABUB8JaACdLoAA5gA/uSI//i0PBXyU3NfiguEWJgAAAA=',
  'base64',
);

/** A red picture of 32 × 32 for a second, H.264 in a real MP4. */
export const FILM = Buffer.from(
  'AAAAIGZ0eXBpc29tAAACAGlzb21pc28yYXZjMW1wNDEAAAAIZnJlZQAAACJtZGF0AAAAFmWIggK+IxQABAzjgACAXHAAEF6+' +
    'uvAAAALtbW9vdgAAAGxtdmhkAAAAAAAAAAAAAAAAAAAD6AAAA+gAAQAAAQAAAAAAAAAAAAAAAAEAAAAAAAAAAAAAAAAAAAAB' +
    'AAAAAAAAAAAAAAAAAABAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAgAAAjx0cmFrAAAAXHRraGQAAAADAAAAAAAA' +
    'AAAAAAABAAAAAAAAA+gAAAAAAAAAAAAAAAAAAAAAAAEAAAAAAAAAAAAAAAAAAAABAAAAAAAAAAAAAAAAAABAAAAAACAAAAAg' +
    'AAAAAAAkZWR0cwAAABxlbHN0AAAAAAAAAAEAAAPoAAAAAAABAAAAAAG0bWRpYQAAACBtZGhkAAAAAAAAAAAAAAAAAABAAAAA' +
    'QABVxAAAAAAALWhkbHIAAAAAAAAAAHZpZGUAAAAAAAAAAAAAAABWaWRlb0hhbmRsZXIAAAABX21pbmYAAAAUdm1oZAAAAAEA' +
    'AAAAAAAAAAAAACRkaW5mAAAAHGRyZWYAAAAAAAAAAQAAAAx1cmwgAAAAAQAAAR9zdGJsAAAAu3N0c2QAAAAAAAAAAQAAAKth' +
    'dmMxAAAAAAAAAAEAAAAAAAAAAAAAAAAAAAAAACAAIABIAAAASAAAAAAAAAABDExhdmMgbGlieDI2NAAAAAAAAAAAAAAAAAAA' +
    'AAAAAAAAGP//AAAAMWF2Y0MBQsAK/+EAGGdCwAqmESWwEQAAAwABAAADAAIPEiYRgAEABmjIQgGEsgAAABBwYXNwAAAAAQAA' +
    'AAEAAAAUYnRydAAAAAAAAADQAAAA0AAAABhzdHRzAAAAAAAAAAEAAAABAABAAAAAABxzdHNjAAAAAAAAAAEAAAABAAAAAQAA' +
    'AAEAAAAUc3RzegAAAAAAAAAaAAAAAQAAABRzdGNvAAAAAAAAAAEAAAAwAAAAPXVkdGEAAAA1bWV0YQAAAAAAAAAhaGRscgAA' +
    'AAAAAAAAbWRpcmFwcGwAAAAAAAAAAAAAAAAIaWxzdA==',
  'base64',
);

/** The head of a recording in Ogg with Opus. */
export const OPUS = Buffer.concat([Buffer.from('OggS'), Buffer.alloc(24), Buffer.from('OpusHead')]);

/** A tone that gets louder, a real WAV of 8,000 samples a second. */
export function tone(seconds: number): Buffer {
  const samples = 8_000 * seconds;
  const bytes = Buffer.alloc(44 + 2 * samples);
  bytes.write('RIFF', 0, 'latin1');
  bytes.writeUInt32LE(bytes.length - 8, 4);
  bytes.write('WAVEfmt ', 8, 'latin1');
  // Size of this part, PCM, one channel, samples and bytes a second, bytes and bits a sample.
  bytes.writeUInt32LE(16, 16);
  bytes.writeUInt16LE(1, 20);
  bytes.writeUInt16LE(1, 22);
  bytes.writeUInt32LE(8_000, 24);
  bytes.writeUInt32LE(16_000, 28);
  bytes.writeUInt16LE(2, 32);
  bytes.writeUInt16LE(16, 34);
  bytes.write('data', 36, 'latin1');
  bytes.writeUInt32LE(2 * samples, 40);
  for (let at = 0; at < samples; at += 1)
    bytes.writeInt16LE(Math.round(Math.sin(at / 3) * (at / samples) * 20_000), 44 + 2 * at);
  return bytes;
}
