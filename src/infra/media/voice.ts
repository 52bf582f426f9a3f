import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { TEXTS } from '../../actors/domain/error-texts.ts';
import { GatewayError } from '../../actors/domain/errors.ts';

const DEADLINE_MS = 60_000;
const BARS = 64;
const RATE = 8_000;
/** Samples of one measured piece: a twentieth of a second. */
const PIECE = RATE / 20;
/** Only local files are read, whatever a file says that it consists of. */
const INPUT = ['-nostdin', '-v', 'error', '-protocol_whitelist', 'file,pipe', '-i'];
/** As WhatsApp records voice: mono Opus at 48 kHz. */
const OPUS =
  '-map 0:a:0 -map_metadata -1 -ac 1 -ar 48000 -c:a libopus -b:a 32k -application voip -f ogg -y'.split(' ');
const PCM = `-map 0:a:0 -ac 1 -ar ${RATE} -f s16le pipe:1`.split(' ');

/** Length in whole seconds, and how loud the voice is over time: 64 values from 0 to 100. */
export interface VoiceShape {
  seconds: number;
  waveform: number[];
}

/**
 * Writes the first audio stream of a file as a voice note, Ogg with Opus, and measures it.
 * @throws GatewayError `UNSUPPORTED_MEDIA_TYPE` when `ffmpeg` is not installed or finds no audio in the file
 */
export function toVoice(ffmpeg: string, source: string, target: string): Promise<VoiceShape> {
  return run(ffmpeg, [...INPUT, source, ...OPUS, target, ...PCM]);
}

/** Measures a voice note. @throws GatewayError as `toVoice` */
export function measureVoice(ffmpeg: string, source: string): Promise<VoiceShape> {
  return run(ffmpeg, [...INPUT, source, ...PCM]);
}

/** Runs ffmpeg within the deadline, and measures the samples that it writes while they come. */
async function run(ffmpeg: string, args: string[]): Promise<VoiceShape> {
  const child = spawn(ffmpeg, args, {
    stdio: ['ignore', 'pipe', 'ignore'],
    signal: AbortSignal.timeout(DEADLINE_MS),
    killSignal: 'SIGKILL',
  });
  const exit = once(child, 'close') as Promise<[number | null]>;
  exit.catch(() => undefined);
  const loudness = new Loudness();
  try {
    for await (const chunk of child.stdout) loudness.add(chunk as Buffer);
    const [code] = await exit;
    if (code !== 0 || loudness.samples === 0) throw unsupported(TEXTS.UNSUPPORTED_MEDIA_TYPE.noAudio);
    return loudness.shape();
  } catch (error) {
    if (error instanceof GatewayError) throw error;
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const words = TEXTS.UNSUPPORTED_MEDIA_TYPE;
    throw unsupported(isMissing ? words.noFfmpeg : words.noAudio, error);
  }
}

/** The loudness of each twentieth of a second of 16-bit samples. */
class Loudness {
  samples = 0;
  readonly #pieces: number[] = [];
  #sum = 0;
  /** The first byte of a sample whose second one is in the next chunk. */
  #odd: Buffer = Buffer.alloc(0);

  /** Takes the next bytes. */
  add(chunk: Buffer): void {
    const bytes = this.#odd.length === 0 ? chunk : Buffer.concat([this.#odd, chunk]);
    const whole = bytes.length - (bytes.length % 2);
    for (let at = 0; at < whole; at += 2) {
      this.#sum += Math.abs(bytes.readInt16LE(at));
      this.samples += 1;
      if (this.samples % PIECE !== 0) continue;
      this.#pieces.push(this.#sum / PIECE);
      this.#sum = 0;
    }
    this.#odd = bytes.subarray(whole);
  }

  /** The length, and the pieces as bars that are relative to the loudest. */
  shape(): VoiceShape {
    const pieces = this.#pieces.length > 0 ? this.#pieces : [this.#sum];
    const bars = Array.from({ length: BARS }, (_, bar) => {
      const first = Math.floor((bar * pieces.length) / BARS);
      const end = Math.max(first + 1, Math.floor(((bar + 1) * pieces.length) / BARS));
      return Math.max(...pieces.slice(first, end));
    });
    const loudest = Math.max(...bars, 1);
    return {
      seconds: Math.max(1, Math.round(this.samples / RATE)),
      waveform: bars.map((bar) => Math.round((bar / loudest) * 100)),
    };
  }
}

/** A 415. */
function unsupported(message: string, cause?: unknown): GatewayError {
  return new GatewayError('UNSUPPORTED_MEDIA_TYPE', message, { cause });
}
