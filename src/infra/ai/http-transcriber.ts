import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, type ReadStream } from 'node:fs';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { Readable } from 'node:stream';
import { z } from 'zod';
import type { Scheduler } from '../../actors/domain/ports/clock.ts';
import type { Recording, Transcriber, Transcription } from '../../actors/domain/ports/transcriber.ts';
import { pause } from '../../actors/domain/timeout.ts';
import { HOST_CLOCK } from '../host-clock.ts';
import { BoundedFetchError, boundedFetch, readWhole } from '../net/bounded-fetch.ts';
import {
  BlockedAddressError,
  guardedLookup,
  isForbiddenLiteral,
  type Lookup,
} from '../net/guarded-lookup.ts';
import { isMetadata } from '../net/metadata-addresses.ts';

/** OpenAI's limit of a file (https://platform.openai.com/docs/guides/speech-to-text), which others have taken over. */
const MAX_BYTES = 25 * 1024 * 1024;
const MAX_SECONDS = 30 * 60;
const MAX_ANSWER_BYTES = 1024 * 1024;
const DEADLINE_MS = 60_000;
const SECOND_TRY_MS = 1_000;
/** Formats whose file extension differs from their media type; services decide by the extension. */
const EXTENSIONS: Record<string, string> = { mpeg: 'mp3', 'vnd.wave': 'wav', 'octet-stream': 'bin' };

const answer = z.object({ text: z.string(), language: z.string().max(64).nullish() });

/** Which service transcribes, and how. */
export interface HttpTranscriberOptions {
  /** The whole URL of its endpoint (`STT_URL`). */
  url: string;
  apiKey: string | undefined;
  model: string;
  /** Of the recordings; undefined: the service detects it. */
  language: string | undefined;
  /** For both tries together, in milliseconds. */
  deadlineMs?: number;
  /** Whose milliseconds they are; the host's by default. */
  clock?: Scheduler;
  /** Resolves host names; the system's by default. */
  lookup?: Lookup;
}

/**
 * Voice to text by OpenAI's `POST /v1/audio/transcriptions`, which many services and servers take: a form with `file`,
 * `model`, `response_format` and `language` (https://platform.openai.com/docs/api-reference/audio/createTranscription).
 * A transcription changes nothing, so it is tried once more after a failed connection, a 429 and a 5xx.
 */
export class HttpTranscriber implements Transcriber {
  readonly #options: HttpTranscriberOptions;
  readonly #url: URL;
  readonly #lookup: Lookup;
  readonly #agent = {
    http: new HttpAgent({ keepAlive: false }),
    https: new HttpsAgent({ keepAlive: false }),
  };

  constructor(options: HttpTranscriberOptions) {
    this.#options = options;
    this.#url = new URL(options.url);
    // An own service on a private address is normal; cloud metadata and link-local never are.
    this.#lookup = guardedLookup(isMetadata, options.lookup);
  }

  /** @see Transcriber.transcribe */
  async transcribe({ file, seconds = 0 }: Recording, signal: AbortSignal): Promise<Transcription> {
    if (file.size > MAX_BYTES) return { status: 'skipped', reason: 'too_large' };
    if (seconds > MAX_SECONDS) return { status: 'skipped', reason: 'too_long' };
    if (isForbiddenLiteral(this.#url, isMetadata)) return { status: 'failed', reason: 'blocked' };
    const { clock = HOST_CLOCK, deadlineMs = DEADLINE_MS } = this.#options;
    const end = clock.monotonic() + deadlineMs;
    const result = await this.#request(file, deadlineMs, signal);
    const remainingMs = end - clock.monotonic() - SECOND_TRY_MS;
    if (!isTransient(result) || remainingMs <= 0) return result;
    await pause(clock, SECOND_TRY_MS, signal);
    return await this.#request(file, remainingMs, signal);
  }

  /** One request; the file is read while it is sent. @throws the signal's reason when it is aborted */
  async #request(file: Recording['file'], deadlineMs: number, signal: AbortSignal): Promise<Transcription> {
    const { apiKey, clock, language } = this.#options;
    const bytes = createReadStream(file.path);
    const isOpen = await once(bytes, 'open').then(
      () => true,
      () => false,
    );
    if (!isOpen) return { status: 'failed', reason: 'no_file' };
    const form = this.#formOf(file, bytes);
    const headers = {
      ...form.headers,
      accept: 'application/json',
      ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
    };
    try {
      const { status: httpStatus, body } = await boundedFetch(
        this.#url,
        {
          ...{ method: 'POST', headers, body: form.body, signal, clock, deadlineMs },
          ...{ agent: this.#agent, lookup: this.#lookup, maxBytes: MAX_ANSWER_BYTES },
        },
        readWhole,
      );
      return body ? read(body, language) : { status: 'failed', reason: 'refused', httpStatus };
    } catch (error) {
      signal.throwIfAborted();
      return { status: 'failed', reason: reasonOf(error) };
    } finally {
      form.body.destroy();
      bytes.destroy();
    }
  }

  /** The form (RFC 7578), with its length known in advance: not every server takes a chunked one. */
  #formOf(file: Recording['file'], bytes: ReadStream) {
    const { model, language } = this.#options;
    const boundary = randomUUID();
    const [type = ''] = file.mimetype.split(';');
    const part = (disposition: string, content: string) =>
      `--${boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n${content}`;
    const field = (name: string, value: string) => part(`name="${name}"`, `\r\n${value}\r\n`);
    const head = [
      field('model', model),
      field('response_format', 'json'),
      ...(language === undefined ? [] : [field('language', language)]),
      part(`name="file"; filename="${nameOf(type)}"`, `Content-Type: ${type}\r\n\r\n`),
    ].join('');
    const tail = `\r\n--${boundary}--\r\n`;
    async function* content(): AsyncGenerator<string | Buffer, void> {
      yield head;
      yield* bytes;
      yield tail;
    }
    const length = Buffer.byteLength(head) + file.size + Buffer.byteLength(tail);
    return {
      headers: {
        'content-type': `multipart/form-data; boundary=${boundary}`,
        'content-length': String(length),
      },
      body: Readable.from(content(), { objectMode: false }),
    };
  }
}

/** A file name with the extension of a media type without parameters: `voice.ogg`. */
function nameOf(type: string): string {
  const [, subtype = 'bin'] = /^[a-z]+\/(?:x-)?([a-z0-9.+-]+)$/.exec(type) ?? [];
  return `voice.${EXTENSIONS[subtype] ?? subtype}`;
}

/** The transcription in an answer; the language is the configured one where the service names none. */
function read(body: Buffer, language: string | undefined): Transcription {
  try {
    const parsed = answer.parse(JSON.parse(body.toString('utf8')));
    const spoken = parsed.language ?? language;
    return {
      status: 'completed',
      text: parsed.text.trim(),
      ...(spoken !== undefined && { language: spoken }),
    };
  } catch {
    return { status: 'failed', reason: 'invalid_answer' };
  }
}

/** Why a request got no answer. */
function reasonOf(error: unknown): 'timeout' | 'invalid_answer' | 'blocked' | 'unreachable' {
  if (!(error instanceof BoundedFetchError)) return 'unreachable';
  if (error.fault === 'timeout') return 'timeout';
  if (error.fault === 'too_large') return 'invalid_answer';
  return error.cause instanceof BlockedAddressError ? 'blocked' : 'unreachable';
}

/** True for a failure that may be gone in a moment. */
function isTransient(result: Transcription): boolean {
  if (result.status !== 'failed') return false;
  const { reason, httpStatus = 0 } = result;
  return reason === 'unreachable' || httpStatus === 429 || httpStatus >= 500;
}
