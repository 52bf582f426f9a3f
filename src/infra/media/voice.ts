import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { TEXTS } from '../../actors/domain/error-texts.ts';
import { GatewayError } from '../../actors/domain/errors.ts';
import { childEnvironment } from '../config.ts';

const DEADLINE_MS = 60_000;
const BARS = 64;
const RATE = 8_000;
/** Samples of one measured piece: a twentieth of a second. */
const PIECE = RATE / 20;
/** Only local files are read, whatever a file says that it consists of. */
const INPUT = ['-nostdin', '-v', 'error', '-protocol_whitelist', 'file,pipe', '-i'];
/** As WhatsApp records voice: mono Opus at 48 kHz. */
const OPUS =
  '-map 0:a:0 -map_metadata -1 -ac 1 -ar 48000 -c:a libopus -b:a 32k -application voip -f ogg pipe:3'.split(
    ' ',
  );
const PCM = `-map 0:a:0 -ac 1 -ar ${RATE} -f s16le pipe:1`.split(' ');

/** Length in whole seconds, and the loudness from beginning to end: 64 values from 0 to 100. */
export interface VoiceShape {
  seconds: number;
  waveform: number[];
}

/**
 * Converts the first audio stream of a file into a voice note, Ogg with Opus, and measures it. `store` receives its
 * bytes as they are made; they end with an error unless all is well.
 * @throws GatewayError `UNSUPPORTED_MEDIA_TYPE` when `ffmpeg` is not installed or finds no audio in the file, or what
 * `store` throws
 */
export function toVoice<Stored>(
  ffmpeg: string,
  source: string,
  store: (bytes: AsyncIterable<Buffer>) => Promise<Stored>,
): Promise<{ stored: Stored; shape: VoiceShape }> {
  return inLane(() => convert(ffmpeg, source, store));
}

/** Measures a voice note; null when `ffmpeg` is not installed. @throws GatewayError `UNSUPPORTED_MEDIA_TYPE` */
export function measureVoice(ffmpeg: string, source: string): Promise<VoiceShape | null> {
  return inLane(() => {
    const { child, exit } = start(ffmpeg, [...INPUT, source, ...PCM], ['ignore', 'pipe', 'ignore']);
    return measure(child, exit).catch((error: GatewayError) => {
      if (isMissing(error.cause)) return null;
      throw error;
    });
  });
}

/** Two runs of ffmpeg at most, since each takes a processor; the others wait behind one of them. */
const lanes: Promise<unknown>[] = [Promise.resolve(), Promise.resolve()];
let runs = 0;

/** Runs the work once the lane of its turn is free. */
function inLane<Result>(work: () => Promise<Result>): Promise<Result> {
  runs += 1;
  const lane = runs % lanes.length;
  const run = lanes[lane]!.then(work);
  lanes[lane] = run.catch(() => undefined);
  return run;
}

/** Converts a file, as `toVoice` says. */
async function convert<Stored>(
  ffmpeg: string,
  source: string,
  store: (bytes: AsyncIterable<Buffer>) => Promise<Stored>,
): Promise<{ stored: Stored; shape: VoiceShape }> {
  const { child, exit } = start(
    ffmpeg,
    [...INPUT, source, ...OPUS, ...PCM],
    ['ignore', 'pipe', 'ignore', 'pipe'],
  );
  const measuring = measure(child, exit);
  measuring.catch(() => undefined);
  async function* bytes(): AsyncGenerator<Buffer> {
    try {
      yield* child.stdio[3] as Readable;
    } finally {
      // Why there is no more, when ffmpeg failed.
      await measuring;
    }
  }
  try {
    return { stored: await store(bytes()), shape: await measuring };
  } finally {
    child.kill('SIGKILL');
  }
}

/** Starts ffmpeg, with a deadline, and without the settings of the service. */
function start(ffmpeg: string, args: string[], stdio: ('pipe' | 'ignore')[]) {
  const signal = AbortSignal.timeout(DEADLINE_MS);
  const child = spawn(ffmpeg, args, { stdio, signal, killSignal: 'SIGKILL', env: childEnvironment() });
  const exit = once(child, 'close') as Promise<[number | null]>;
  exit.catch(() => undefined);
  return { child, exit };
}

/** Measures the samples that ffmpeg writes while they come. */
async function measure(child: ChildProcess, exit: Promise<[number | null]>): Promise<VoiceShape> {
  const loudness = new Loudness();
  try {
    for await (const chunk of child.stdout as Readable) loudness.add(chunk as Buffer);
    const [code] = await exit;
    if (code !== 0 || loudness.samples === 0) throw unsupported(TEXTS.UNSUPPORTED_MEDIA_TYPE.noAudio);
    return loudness.shape();
  } catch (error) {
    if (error instanceof GatewayError) throw error;
    const { noFfmpeg, noAudio } = TEXTS.UNSUPPORTED_MEDIA_TYPE;
    throw unsupported(isMissing(error) ? noFfmpeg : noAudio, error);
  }
}

/** True for the failure of a program that is not there. */
function isMissing(error: unknown): boolean {
  return ['ENOENT', 'EACCES'].includes((error as NodeJS.ErrnoException | undefined)?.code ?? '');
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
