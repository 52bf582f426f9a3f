import type { ErrorCode } from '../../src/actors/domain/errors.ts';
import { FORBIDDEN_URLS } from '../support/forbidden-urls.ts';
import { type Attack, attackOn } from './row.ts';

const to = '081234567890';

/** A media URL; `PORT` becomes the canary's port, `WEB` the origin of an allowed server. */
const fetching = (name: string, url: string, code: ErrorCode): Attack =>
  attackOn('media', name, { to, url }, code);

const REDIRECTS = [
  'http://127.0.0.1:PORT/',
  'http://[::1]:PORT/',
  'http://localhost:PORT/',
  'http://0x7f.1:PORT/',
  'http://[::ffff:127.0.0.1]:PORT/',
  '//127.0.0.1:PORT/',
  'http://169.254.169.254/latest/meta-data',
  'http://user:password@example.com/',
  'file:///etc/passwd',
  'ftp://127.0.0.1:PORT/',
  'javascript:alert(1)',
  'http://',
];

/** Media URLs of forbidden addresses or malicious servers. */
export const URLS: Attack[] = [
  ...FORBIDDEN_URLS.filter((url) => url !== '').map((url) =>
    fetching(JSON.stringify(url), url, 'MEDIA_URL_BLOCKED'),
  ),
  ...REDIRECTS.map((target) =>
    fetching(
      `a redirect to ${target}`,
      `WEB/redirect?to=${encodeURIComponent(target).replace('PORT', 'PORT')}`,
      'MEDIA_URL_BLOCKED',
    ),
  ),
  fetching(
    'a redirect to a redirect',
    `WEB/redirect?to=${encodeURIComponent('/redirect?to=http://127.0.0.1:PORT/')}`,
    'MEDIA_URL_BLOCKED',
  ),
  fetching('a redirect to itself', 'WEB/loop', 'MEDIA_FETCH_FAILED'),
  fetching('HTML that says it is a PNG', 'WEB/html', 'UNSUPPORTED_MEDIA_TYPE'),
  fetching('an SVG', 'WEB/svg', 'UNSUPPORTED_MEDIA_TYPE'),
  fetching('a compressed image', 'WEB/gzip', 'UNSUPPORTED_MEDIA_TYPE'),
  fetching('a pixel bomb', 'WEB/bomb', 'MEDIA_TOO_LARGE'),
  fetching('11 MB', 'WEB/big', 'MEDIA_TOO_LARGE'),
  fetching('a file without an end', 'WEB/endless', 'MEDIA_TOO_LARGE'),
  fetching('a file that is cut off', 'WEB/cut', 'MEDIA_FETCH_FAILED'),
  fetching('200 KB of headers', 'WEB/headers', 'MEDIA_FETCH_FAILED'),
  fetching('a server that speaks no HTTP', 'WEB/no-http', 'MEDIA_FETCH_FAILED'),
  fetching('a server that hangs up', 'WEB/nothing', 'MEDIA_FETCH_FAILED'),
  fetching('a page that is not there', 'WEB/missing', 'MEDIA_FETCH_FAILED'),
];
