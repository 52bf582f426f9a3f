import type { ErrorCode } from '../../src/actors/domain/errors.ts';
import { type Attack, KEY, MARK } from './row.ts';

const message = { to: '081234567890', message: MARK };

/** A request whose method, path or headers are the attack. */
const asking = (
  name: string,
  method: string,
  path: string,
  code: ErrorCode,
  headers: Record<string, string> = {},
): Attack => ({ name, path, ask: { method, headers }, code });

/** A send with these headers. */
const sending = (name: string, headers: Record<string, string>, code: ErrorCode): Attack => ({
  name,
  path: '/agents/bot/messages',
  ask: { method: 'POST', key: KEY, json: message, headers },
  code,
});

/** Requests that would change something, from a page of another site. */
const SITES = [
  'https://evil.example',
  'http://localhost.evil.example',
  'null',
  'file://',
  'http://127.0.0.1:1',
];

export const HEADERS: Attack[] = [
  ...SITES.map((origin) =>
    asking(`a reconnect by a page of ${origin}`, 'POST', '/sessions/bot/reconnect', 'INVALID_PAYLOAD', {
      origin,
    }),
  ),
  asking('a delete by a page of another site', 'DELETE', '/sessions/bot', 'INVALID_PAYLOAD', {
    origin: 'https://evil.example',
  }),
  ...[
    'evil.example',
    '127.0.0.1.evil.example',
    'localhost@evil.example',
    'localhost, evil.example',
    '::1',
  ].map((host) => asking(`Host: ${host}`, 'DELETE', '/sessions/bot', 'INVALID_PAYLOAD', { host })),
  asking('a method override', 'POST', '/sessions/bot', 'METHOD_NOT_ALLOWED', {
    'x-http-method-override': 'DELETE',
  }),
  asking('another method override', 'POST', '/sessions/bot', 'METHOD_NOT_ALLOWED', {
    'x-http-method': 'DELETE',
  }),
  asking('a third method override', 'POST', '/sessions/bot', 'METHOD_NOT_ALLOWED', {
    'x-method-override': 'DELETE',
  }),
  asking('a method in the query', 'POST', '/sessions/bot?_method=DELETE', 'METHOD_NOT_ALLOWED'),
  asking('TRACE', 'TRACE', '/sessions/bot', 'METHOD_NOT_ALLOWED'),
  asking('PUT', 'PUT', '/sessions/bot', 'METHOD_NOT_ALLOWED'),
  asking('PATCH', 'PATCH', '/agents/bot/messages', 'METHOD_NOT_ALLOWED'),
  asking('PROPFIND', 'PROPFIND', '/', 'METHOD_NOT_ALLOWED'),
  asking('another spelling of a path', 'DELETE', '/Sessions/bot', 'NOT_FOUND'),
  asking('a path for another', 'GET', '/', 'NOT_FOUND', {
    'x-original-url': '/sessions',
    'x-rewrite-url': '/sessions',
  }),
  asking('files of ours', 'GET', '/.env', 'NOT_FOUND'),
  asking('files below the pages', 'GET', '/web/assets/..%2f..%2f..%2fpackage.json', 'NOT_FOUND'),
  asking('files below the documentation', 'GET', '/docs/..%2fpackage.json', 'NOT_FOUND'),
  asking('a NUL below the pages', 'GET', '/web/assets/x%00.js', 'NOT_FOUND'),
  asking('a broken escape', 'GET', '/agents/%zz/messages', 'INVALID_PAYLOAD'),
  asking('the environment', 'GET', '/debug/vars', 'NOT_FOUND'),
  sending(
    'a line for the log as Idempotency-Key',
    { 'idempotency-key': 'x"}\t{"level":"fatal"' },
    'INVALID_PAYLOAD',
  ),
  sending('an Idempotency-Key of 10 KB', { 'idempotency-key': 'k'.repeat(10_000) }, 'INVALID_PAYLOAD'),
  sending('an Idempotency-Key of umlauts', { 'idempotency-key': 'ä' }, 'INVALID_PAYLOAD'),
  sending('text instead of JSON', { 'content-type': 'text/plain' }, 'UNSUPPORTED_MEDIA_TYPE'),
  sending(
    'JSON of another kind',
    { 'content-type': 'application/json-patch+json' },
    'UNSUPPORTED_MEDIA_TYPE',
  ),
  sending(
    'a type with a line for the log',
    { 'content-type': 'application/jsonx"}\t{' },
    'UNSUPPORTED_MEDIA_TYPE',
  ),
  sending('no type at all', { 'content-type': '' }, 'UNSUPPORTED_MEDIA_TYPE'),
];

/** Headers that are accepted, but neither trusted nor able to break the log. */
export const HARMLESS: Record<string, string>[] = [
  { traceparent: '"}{"level":"fatal"' },
  { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-evil' },
  { 'x-trace-id': 'mine', 'x-request-id': '"}\t{"level":"fatal"' },
  {
    'x-forwarded-for': '"}\t{"level":"fatal"',
    'x-forwarded-host': 'evil.example',
    'x-forwarded-proto': 'evil',
  },
  { forwarded: 'for=evil;host=evil.example' },
  { 'user-agent': `$${'{jndi:ldap://127.0.0.1/x}'}`, referer: 'http://evil.example' },
  { prefer: ';;;,,,=' },
  { accept: '*/*;q=evil', 'accept-language': 'x'.repeat(5_000), range: 'bytes=0-0,1-1,2-2' },
  { cookie: `${'a=b; '.repeat(2_000)}` },
];
