import type { ErrorCode } from '../../src/actors/domain/errors.ts';
import type { Ask } from '../support/http-harness.ts';

const session = { userId: 7, agentId: 'new-bot', agentName: 'New Bot' };
const text = { to: '081234567890', message: 'Halo' };
const image = { to: '081234567890', data: 'aGk=' };
const question = { message: 'hi', sessionId: '081234567890' };
const key = 'secret-key';

/** Nested objects, `depth` deep. */
const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
/** An object of `count` fields. */
export const wide = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, i]));

/** A request that must be refused, and its error. */
export interface Row {
  name: string;
  path: string;
  ask: Ask;
  code: ErrorCode;
  /** The field that the details must name. */
  field?: string;
}

/** A refused `POST /sessions`. */
function create(name: string, json: unknown, field: string): Row {
  return {
    name: `a session with ${name}`,
    path: '/sessions',
    ask: { method: 'POST', json },
    code: 'INVALID_PAYLOAD',
    field,
  };
}

/** A refused POST of an agent. */
function send(operation: string, name: string, json: unknown, field: string): Row {
  const ask = { method: 'POST', key, json };
  return {
    name: `${operation} with ${name}`,
    path: `/agents/bot/${operation}`,
    ask,
    code: 'INVALID_PAYLOAD',
    field,
  };
}

/** A raw body, sent to one of the POSTs. */
function body(
  name: string,
  path: string,
  content: string | Buffer | undefined,
  code: ErrorCode,
  headers: Record<string, string> = {},
): Row {
  return { name, path, ask: { method: 'POST', key, body: content, headers }, code };
}

const AGENT_IDS = [
  '..%2f..%2fvictim',
  '..%5cvictim',
  '%2e%2e%2fvictim',
  'a%00b',
  'abc%0a',
  '%20',
  '-leading',
  '_leading',
  '.hidden',
  'a.b',
  '%EF%BC%8E%EF%BC%8E',
  '%C3%A9',
  'a'.repeat(65),
  'session;rm',
];

/** Invalid requests, by accident or on purpose. */
export const ROWS: Row[] = [
  ...AGENT_IDS.flatMap((id): Row[] => [
    {
      name: `DELETE of agent ${id}`,
      path: `/sessions/${id}`,
      ask: { method: 'DELETE' },
      code: 'INVALID_PAYLOAD',
      field: 'agentId',
    },
    {
      name: `a send as agent ${id}`,
      path: `/agents/${id}/messages`,
      ask: { method: 'POST', key, json: text },
      code: 'INVALID_PAYLOAD',
      field: 'agentId',
    },
  ]),
  { name: 'a broken percent-encoding', path: '/sessions/%E0%A4%A', ask: {}, code: 'INVALID_PAYLOAD' },
  {
    name: 'an impossible message id',
    path: '/agents/bot/messages/a%2Fb',
    ask: { key },
    code: 'NOT_FOUND',
  },

  create('no userId', { ...session, userId: undefined }, 'userId'),
  create('userId 0', { ...session, userId: 0 }, 'userId'),
  create('a fractional userId', { ...session, userId: 1.5 }, 'userId'),
  create('a userId in a string', { ...session, userId: '7' }, 'userId'),
  create('a userId over int4', { ...session, userId: 2 ** 31 }, 'userId'),
  create('an empty agentId', { ...session, agentId: '' }, 'agentId'),
  create('a path as agentId', { ...session, agentId: '../../etc' }, 'agentId'),
  create('a line break in agentId', { ...session, agentId: 'abc\n' }, 'agentId'),
  create('no agentName', { ...session, agentName: undefined }, 'agentName'),
  create('an empty agentName', { ...session, agentName: '' }, 'agentName'),
  create('a number as apikey', { ...session, apikey: 5 }, 'apikey'),
  create('a line break in apikey', { ...session, apikey: 'a\r\nX: y' }, 'apikey'),
  create('the URL of the AI', { ...session, endpoint_url_run: 'http://evil' }, 'endpoint_url_run'),
  create('a status', { ...session, status: 'connected' }, 'status'),
  create('NUL in agentName', { ...session, agentName: 'a\0b' }, 'agentName'),
  create('half a surrogate pair', { ...session, agentName: 'a\ud800b' }, 'agentName'),

  send('messages', 'no recipient', { message: 'hi' }, 'to'),
  send('messages', 'words as recipient', { ...text, to: 'no number' }, 'to'),
  send('messages', 'a number as recipient', { ...text, to: 6281234567890 }, 'to'),
  send('messages', 'a list of recipients', { ...text, to: ['6281234567890'] }, 'to'),
  send('messages', 'a status as recipient', { ...text, to: 'status@broadcast' }, 'to'),
  send('messages', 'a recipient of 100 KB', { ...text, to: '1-'.repeat(50_000) }, 'to'),
  send('messages', 'an empty message', { ...text, message: '' }, 'message'),
  send('messages', 'a message over 65536', { ...text, message: 'x'.repeat(65_537) }, 'message'),
  send('messages', 'an object as message', { ...text, message: {} }, 'message'),
  send('messages', 'NUL in message', { ...text, message: 'a\0' }, 'message'),
  send('messages', 'half a surrogate pair', { ...text, message: '\udc00' }, 'message'),
  send('messages', 'an empty quoteId', { ...text, quoteId: '' }, 'quoteId'),
  send('messages', 'smuggled options', { ...text, options: { extra: {} } }, 'options'),
  send('messages', 'another agentId', { ...text, agentId: 'other' }, 'agentId'),

  send('media', 'neither source', { to: text.to }, 'data'),
  send('media', 'both sources', { ...image, url: 'https://example.com' }, 'data'),
  send('media', 'an empty source', { to: text.to, data: '' }, 'data'),
  send('media', 'a URL over 8192', { to: text.to, url: `https://e.com/${'x'.repeat(8192)}` }, 'url'),
  send('media', 'a path as filename', { ...image, filename: '../../x.png' }, 'filename'),
  send('media', 'a line break in filename', { ...image, filename: 'a\r\nb' }, 'filename'),
  send('media', 'no media type as mimetype', { ...image, mimetype: 'png' }, 'mimetype'),
  send('media', 'words for save_to_temp', { ...image, save_to_temp: 'no' }, 'save_to_temp'),

  send('run', 'no sessionId', { message: 'hi' }, 'sessionId'),
  send('run', 'words as sessionId', { ...question, sessionId: 'me' }, 'sessionId'),
  send('run', 'a fraction as sessionId', { ...question, sessionId: 62.5 }, 'sessionId'),
  send('run', 'words for memory_enable', { ...question, memory_enable: 'yes' }, 'memory_enable'),
  send('run', 'a list as metadata', { ...question, metadata: [] }, 'metadata'),
  send('run', '51 fields of metadata', { ...question, metadata: wide(51) }, 'metadata'),
  send('run', 'NUL in a field name', { ...question, 'a\0b': 1 }, ''),
  send(
    'run',
    'half a surrogate pair deep inside',
    { ...question, metadata: { a: ['\ud800'] } },
    'metadata.a.0',
  ),

  body(
    'a prototype key in a session',
    '/sessions',
    '{"userId":7,"agentId":"a","agentName":"A","__proto__":{"x":1}}',
    'INVALID_PAYLOAD',
  ),
  body(
    'a prototype key in a run',
    '/agents/bot/run',
    '{"message":"hi","sessionId":"081234567890","metadata":{"__proto__":{"x":1}}}',
    'INVALID_PAYLOAD',
  ),
  body('no body', '/sessions', undefined, 'INVALID_PAYLOAD'),
  body('a body of spaces', '/sessions', '   ', 'INVALID_PAYLOAD'),
  body('a body that ends early', '/sessions', '{"userId":', 'INVALID_PAYLOAD'),
  body('a string as body', '/sessions', '"hi"', 'INVALID_PAYLOAD'),
  body('null as body', '/agents/bot/messages', 'null', 'INVALID_PAYLOAD'),
  body('a list as body', '/agents/bot/messages', '[]', 'INVALID_PAYLOAD'),
  body('two documents as body', '/agents/bot/messages', '{}{}', 'INVALID_PAYLOAD'),
  body('comments in the body', '/agents/bot/messages', '{/* x */}', 'INVALID_PAYLOAD'),
  body('a body 21 deep', '/agents/bot/run', nested(21), 'INVALID_PAYLOAD'),
  body('a body 80,000 deep', '/agents/bot/run', nested(80_000), 'INVALID_PAYLOAD'),
  body('a body of 20,000 fields', '/agents/bot/run', JSON.stringify(wide(20_000)), 'INVALID_PAYLOAD'),
  body('a session over 32 KB', '/sessions', `{"a":"${'x'.repeat(33_000)}"}`, 'PAYLOAD_TOO_LARGE'),
  body(
    'a message over 512 KB',
    '/agents/bot/messages',
    `{"a":"${'x'.repeat(530_000)}"}`,
    'PAYLOAD_TOO_LARGE',
  ),
  body('a run over 512 KB', '/agents/bot/run', `{"a":"${'x'.repeat(530_000)}"}`, 'PAYLOAD_TOO_LARGE'),
  body(
    'media over its limit',
    '/agents/bot/media',
    `{"data":"${'x'.repeat(15_400_000)}"}`,
    'MEDIA_TOO_LARGE',
  ),
  body('text/plain', '/sessions', JSON.stringify(session), 'UNSUPPORTED_MEDIA_TYPE', {
    'content-type': 'text/plain',
  }),
  body('a form', '/sessions', 'userId=7', 'UNSUPPORTED_MEDIA_TYPE', {
    'content-type': 'application/x-www-form-urlencoded',
  }),
  body('multipart', '/agents/bot/media', 'x', 'UNSUPPORTED_MEDIA_TYPE', {
    'content-type': 'multipart/form-data; boundary=x',
  }),
  body('a broken content type', '/sessions', '{}', 'UNSUPPORTED_MEDIA_TYPE', { 'content-type': 'json' }),
  body('another charset', '/sessions', '{}', 'UNSUPPORTED_MEDIA_TYPE', {
    'content-type': 'application/json; charset=iso-8859-1',
  }),
  body('an unknown charset', '/sessions', '{}', 'UNSUPPORTED_MEDIA_TYPE', {
    'content-type': 'application/json; charset=utf-99',
  }),
  body('a compressed body', '/agents/bot/messages', Buffer.from('1f8b08', 'hex'), 'UNSUPPORTED_MEDIA_TYPE', {
    'content-encoding': 'gzip',
  }),
  body('a brotli body', '/agents/bot/messages', Buffer.from('00'), 'UNSUPPORTED_MEDIA_TYPE', {
    'content-encoding': 'br',
  }),
  body('an idempotency key over 255', '/agents/bot/messages', JSON.stringify(text), 'INVALID_PAYLOAD', {
    'idempotency-key': 'k'.repeat(256),
  }),
  body('an empty idempotency key', '/agents/bot/messages', JSON.stringify(text), 'INVALID_PAYLOAD', {
    'idempotency-key': '',
  }),
  body('a tab in the idempotency key', '/agents/bot/messages', JSON.stringify(text), 'INVALID_PAYLOAD', {
    'idempotency-key': 'a\tb',
  }),
  {
    name: 'the key in the query',
    path: '/agents/bot/messages?key=secret-key',
    ask: { method: 'POST', json: text },
    code: 'UNAUTHORIZED',
  },
  {
    name: 'a method override',
    path: '/sessions/bot',
    ask: { method: 'POST', headers: { 'x-http-method-override': 'DELETE' } },
    code: 'METHOD_NOT_ALLOWED',
  },
  {
    name: 'a method override in the query',
    path: '/sessions/bot?_method=DELETE',
    ask: { method: 'POST' },
    code: 'METHOD_NOT_ALLOWED',
  },
  { name: 'a prototype key as agent', path: '/sessions/constructor', ask: {}, code: 'SESSION_NOT_FOUND' },
];
