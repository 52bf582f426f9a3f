import { gzipSync } from 'node:zlib';
import type { ErrorCode } from '../../src/actors/domain/errors.ts';
import { type Attack, attackOn, KEY, MARK } from './row.ts';

const message = { to: '081234567890', message: MARK };

/** Raw bytes as a body of the agent. */
function bytes(
  name: string,
  body: string | Buffer,
  code: ErrorCode,
  headers: Record<string, string> = {},
  path = '/agents/bot/run',
): Attack {
  return { name, path, ask: { method: 'POST', key: KEY, body, headers }, code };
}

/** A text as a JSON body. */
const withText = (text: Buffer) =>
  Buffer.concat([Buffer.from('{"to":"081234567890","message":"'), text, Buffer.from('"}')]);

/** Bodies that cost more to read than to send, or that crash other parsers. */
export const BODIES: Attack[] = [
  bytes('a gzip bomb of 50 MB', gzipSync(Buffer.alloc(50_000_000)), 'UNSUPPORTED_MEDIA_TYPE', {
    'content-encoding': 'gzip',
  }),
  bytes('a body in two encodings', gzipSync('{}'), 'UNSUPPORTED_MEDIA_TYPE', {
    'content-encoding': 'gzip, gzip',
  }),
  bytes('a deflated body', Buffer.from('x'), 'UNSUPPORTED_MEDIA_TYPE', { 'content-encoding': 'deflate' }),
  bytes('100,000 brackets', '['.repeat(100_000), 'INVALID_PAYLOAD'),
  bytes('200,000 closed brackets', '['.repeat(200_000) + ']'.repeat(200_000), 'INVALID_PAYLOAD'),
  bytes('a number of 200,000 digits', '9'.repeat(200_000), 'INVALID_PAYLOAD'),
  bytes('400 KB of zeros', Buffer.alloc(400_000), 'INVALID_PAYLOAD'),
  bytes('XML', '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]>', 'INVALID_PAYLOAD'),
  bytes('XML with its own type', '<a/>', 'UNSUPPORTED_MEDIA_TYPE', { 'content-type': 'application/xml' }),
  bytes('UTF-7', '+AHs-', 'UNSUPPORTED_MEDIA_TYPE', { 'content-type': 'application/json; charset=utf-7' }),
  bytes('half a character', withText(Buffer.from([0xc3])), 'INVALID_PAYLOAD', {}, '/agents/bot/messages'),
  bytes(
    'an overlong character',
    withText(Buffer.from([0xc0, 0xaf])),
    'INVALID_PAYLOAD',
    {},
    '/agents/bot/messages',
  ),
  bytes(
    'a surrogate in UTF-8',
    withText(Buffer.from([0xed, 0xa0, 0x80])),
    'INVALID_PAYLOAD',
    {},
    '/agents/bot/messages',
  ),
  bytes('a chunked body over the limit', `{"a":"${'x'.repeat(600_000)}"}`, 'PAYLOAD_TOO_LARGE', {
    'transfer-encoding': 'chunked',
  }),
  bytes(
    'a chunked session over the limit',
    `{"a":"${'x'.repeat(60_000)}"}`,
    'PAYLOAD_TOO_LARGE',
    { 'transfer-encoding': 'chunked' },
    '/sessions',
  ),
  bytes('__proto__ by an escape', '{"\\u005f_proto__":{"x":1}}', 'INVALID_PAYLOAD'),
  bytes(
    '__proto__ deep inside',
    '{"message":"m","sessionId":"081234567890","metadata":{"a":[{"__proto__":{"x":1}}]}}',
    'INVALID_PAYLOAD',
  ),
  bytes(
    'a prototype in a session',
    '{"userId":7,"agentId":"p","agentName":"P","constructor":{"prototype":{"x":1}}}',
    'INVALID_PAYLOAD',
    {},
    '/sessions',
  ),
  bytes(
    'a session’s puppeteer',
    '{"puppeteer":{"args":["--no-sandbox"]}}',
    'INVALID_PAYLOAD',
    {},
    '/sessions',
  ),
  attackOn(
    'messages',
    '100 KB of almost a number',
    { ...message, to: '1-'.repeat(50_000) },
    'INVALID_PAYLOAD',
  ),
  attackOn(
    'messages',
    'an exponential recipient',
    { ...message, to: `${'('.repeat(64)}` },
    'INVALID_PAYLOAD',
  ),
  attackOn(
    'messages',
    'a recipient with a line break',
    { ...message, to: '0812345\r\n67890@c.us' },
    'INVALID_PAYLOAD',
  ),
  attackOn('messages', 'a broadcast as recipient', { ...message, to: '123@broadcast' }, 'INVALID_PAYLOAD'),
  attackOn('messages', 'a channel as recipient', { ...message, to: '123@newsletter' }, 'INVALID_PAYLOAD'),
  attackOn(
    'messages',
    'two recipients in one',
    { ...message, to: '081234567890,081234567891' },
    'INVALID_PAYLOAD',
  ),
  attackOn('messages', 'a script in quoteId', { ...message, quoteId: '<script>\n' }, 'INVALID_PAYLOAD'),
  attackOn(
    'messages',
    'options of the library',
    { ...message, extra: { isForwarded: true } },
    'INVALID_PAYLOAD',
  ),
  attackOn('messages', 'a sender', { ...message, from: '62895619356936@c.us' }, 'INVALID_PAYLOAD'),
  attackOn('run', 'a huge number as sessionId', { message: MARK, sessionId: 1e300 }, 'INVALID_PAYLOAD'),
  attackOn('run', 'a negative number as sessionId', { message: MARK, sessionId: -62812 }, 'INVALID_PAYLOAD'),
  attackOn(
    'run',
    'an object as openai_api_key',
    { message: MARK, sessionId: '081234567890', openai_api_key: {} },
    'INVALID_PAYLOAD',
  ),
];
