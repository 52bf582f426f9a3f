import { type DestinationStream, type Logger, pino } from 'pino';
import type { LogEvent } from './log-vocabulary.ts';

const REDACTED = '[redacted]';

/** Fields that hold secrets or message texts, at any depth of a line. */
const SECRET_NAMES = [
  'authorization',
  'cookie',
  'apikey',
  'apiKey',
  'api_key',
  'openai_api_key',
  'token',
  'password',
  'qr',
  'data',
  'body',
  'text',
  'caption',
  'reply',
];
/** Secrets inside other texts. No pattern matches across a quote, so that the line stays JSON. */
const SCRUBS: [RegExp, string][] = [
  // Pino's redaction by wildcard paths costs a multiple of this and has a fixed depth.
  [new RegExp(`"(${SECRET_NAMES.join('|')})":"(?:[^"\\\\]|\\\\.)*"`, 'g'), `"$1":"${REDACTED}"`],
  [/\b(Bearer)\s+[^\s"'\\,]+/gi, `$1 ${REDACTED}`],
  [/\bdata:[\w.+-]+\/[\w.+-]+(?:;[\w.+=-]+)*,[^\s"'\\]*/gi, `data:${REDACTED}`],
  [/(:\/\/)[^\s"'\\/@]+@/g, `$1${REDACTED}@`],
  [/\bsk-[\w-]{8,}/g, REDACTED],
];
const JID = /(?<!\d)\d{5,20}(?=(?:-\d+)?@(?:c\.us|s\.whatsapp\.net|g\.us|lid))/g;

/**
 * The service's log: one JSON object a line with `level` in words, `time` in ISO form and `event` (docs/logs.md).
 * Secrets and message texts are redacted by field name; Bearer tokens, data URLs, credentials in URLs and the numbers in
 * JIDs are redacted in the finished line.
 *
 * @param level the lowest level that is written, or `silent`
 * @param destination stdout by default; written synchronously, so that no line is lost at the exit
 */
export function createLogger(level: string, destination?: DestinationStream): Logger {
  return pino(
    {
      level,
      base: undefined,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      mixin: (fields) => ('event' in fields ? {} : { event: 'service.note' satisfies LogEvent }),
      // The text of a message; `err.message`, one level down, is ours and stays.
      redact: { paths: ['message', ...SECRET_NAMES], censor: REDACTED },
      serializers: { err: describeError },
      hooks: { streamWrite: scrub },
    },
    destination ?? pino.destination({ dest: 1, sync: true }),
  );
}

/** Hides a number but its first three and last two digits: `628*******90@c.us`. For lines at `debug`. */
export function maskNumber(number: string): string {
  return number.replace(
    /\d{6,}/,
    (digits) => digits.slice(0, 3) + '*'.repeat(digits.length - 5) + digits.slice(-2),
  );
}

/** Redacts secrets and numbers in a finished line. */
function scrub(line: string): string {
  return SCRUBS.reduce((text, [pattern, by]) => text.replace(pattern, by), line).replace(JID, maskNumber);
}

/** An error as type, code, message and stack, causes included; other properties of library errors may hold secrets. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { type, message, stack, code } = pino.stdSerializers.err(error);
  return { type, code, message, stack };
}
