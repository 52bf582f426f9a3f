import type { ErrorCode } from '../../src/actors/domain/errors.ts';
import { type Attack, KEY, MARK } from './row.ts';

/** Invalid ids as in the request line: a folder beside ours, a header, a shell. */
const BAD_IDS = [
  '..%2f..%2fvictim',
  '..%2Fvictim',
  '%2e%2e%2fvictim',
  '%2E%2E%2Fvictim',
  '%2e%2e%2f%2e%2e%2fetc%2fpasswd',
  '.%2e%2fvictim',
  '%2e.%2fvictim',
  '..%5c..%5cvictim',
  '%2e%2e%5cvictim',
  '..%255c..%255cvictim',
  '%252e%252e%252fvictim',
  '..%c0%afvictim',
  '..%c1%9cvictim',
  '%c0%ae%c0%ae%c0%afvictim',
  '..%e0%80%afvictim',
  '%uff0e%uff0e%u2215victim',
  '%EF%BC%8E%EF%BC%8E%EF%BC%8Fvictim',
  '%E2%80%A5%2Fvictim',
  '%E2%88%95etc%E2%88%95passwd',
  'bot%00',
  'bot%00.png',
  '%00',
  '%00..%2fvictim',
  'bot%0a',
  'bot%0d%0aX-Evil:%201',
  'bot%09',
  '%20bot',
  'bot%20',
  'bot.',
  '.',
  '..',
  '...',
  '.%2e',
  '%2e',
  '....%2f%2f....%2f%2fvictim',
  '..;%2fvictim',
  '..;',
  '~',
  '~root',
  'C:',
  'C:%5cWindows',
  '%5c%5chost%5cshare',
  'file:%2f%2f%2fetc%2fpasswd',
  '%2fetc%2fpasswd',
  '%2f',
  '*',
  'bot*',
  '$%7BHOME%7D',
  '%60id%60',
  '-rf',
  '_private',
  '.trash',
  '.gateway.lock',
  'victim%2f..%2fbot',
  'bot%2fsession',
  'a'.repeat(65),
  '%E2%80%AEtob',
  'bot%E2%80%8B',
  '__proto__',
];

/** Paths that are not an agent's once parsed. */
const BAD_PATHS: [string, ErrorCode][] = [
  ['../victim', 'NOT_FOUND'],
  ['../../victim', 'NOT_FOUND'],
  ['/etc', 'NOT_FOUND'],
  ['bot/../victim', 'NOT_FOUND'],
  ['bot/..', 'NOT_FOUND'],
  ['./victim', 'NOT_FOUND'],
  ['', 'METHOD_NOT_ALLOWED'],
  ['constructor', 'SESSION_NOT_FOUND'],
  ['hasOwnProperty', 'SESSION_NOT_FOUND'],
  ['session', 'SESSION_NOT_FOUND'],
];

const message = { to: '081234567890', message: MARK };

/** Deletes of, and sends as, invalid agents. */
export const TRAVERSALS: Attack[] = [
  ...BAD_IDS.map(
    (id): Attack => ({
      name: `DELETE of ${id.slice(0, 40)}`,
      path: `/sessions/${id}`,
      ask: { method: 'DELETE' },
      code: 'INVALID_PAYLOAD',
    }),
  ),
  ...BAD_PATHS.map(
    ([id, code]): Attack => ({
      name: `DELETE of ${JSON.stringify(id)}`,
      path: `/sessions/${id}`,
      ask: { method: 'DELETE' },
      code,
    }),
  ),
  ...BAD_IDS.filter((_id, index) => index % 4 === 0).map(
    (id): Attack => ({
      name: `a send as ${id}`,
      path: `/agents/${id}/messages`,
      ask: { method: 'POST', key: KEY, json: message },
      code: 'INVALID_PAYLOAD',
    }),
  ),
  ...BAD_IDS.filter((_id, index) => index % 8 === 0).map(
    (id): Attack => ({
      name: `a reconnect of ${id}`,
      path: `/sessions/${id}/reconnect`,
      ask: { method: 'POST' },
      code: 'INVALID_PAYLOAD',
    }),
  ),
];
