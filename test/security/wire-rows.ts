const HOST = 'Host: localhost\r\n';
const DELETE = 'DELETE /sessions/bot HTTP/1.1\r\nHost: localhost\r\n\r\n';
const POST = `POST /sessions HTTP/1.1\r\n${HOST}Content-Type: application/json\r\n`;

/** Bytes that are not a valid request. */
export interface WireAttack {
  name: string;
  bytes: string;
  /** The status line of the first answer; empty when the connection is just closed. */
  status: RegExp;
}

/** Bytes that other servers may read differently: the contract's 400. */
const refused = (name: string, bytes: string): WireAttack => ({
  name,
  bytes,
  status: /^HTTP\/1\.1 400 /,
});

/** Request smuggling, and bytes that are not HTTP. */
export const WIRE: WireAttack[] = [
  refused(
    'two ways to give the length',
    `${POST}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${DELETE}`,
  ),
  refused(
    'the same, the other way round',
    `${POST}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n${DELETE}`,
  ),
  refused(
    'two different lengths',
    `${POST}Content-Length: 0\r\nContent-Length: ${DELETE.length}\r\n\r\n${DELETE}`,
  ),
  refused('a list of lengths', `${POST}Content-Length: 0, ${DELETE.length}\r\n\r\n${DELETE}`),
  refused('a negative length', `${POST}Content-Length: -1\r\n\r\n${DELETE}`),
  refused('a length with a sign', `${POST}Content-Length: +2\r\n\r\n{}`),
  refused('a length in hex', `${POST}Content-Length: 0x2\r\n\r\n{}`),
  refused('a length beyond counting', `${POST}Content-Length: 99999999999999999999999\r\n\r\n{}`),
  refused('a space before the colon', `${POST}Content-Length : 0\r\n\r\n${DELETE}`),
  refused('a folded header', `${POST}X-A: b\r\n Content-Length: 0\r\n\r\n${DELETE}`),
  refused(
    'an encoding that hides behind a tab',
    `${POST}Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n${DELETE}`,
  ),
  refused('an encoding that is none', `${POST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${DELETE}`),
  refused(
    'chunked twice',
    `${POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n${DELETE}`,
  ),
  refused('a chunk of a negative size', `${POST}Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n${DELETE}`),
  refused(
    'a chunk of a size beyond counting',
    `${POST}Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n\r\n${DELETE}`,
  ),
  refused('a bare line feed', `GET /health HTTP/1.1\n${HOST}\n${DELETE}`),
  refused('a bare carriage return', `GET /health HTTP/1.1\r\n${HOST}A: b\rc\r\n\r\n`),
  refused('a NUL in a header', `GET /health HTTP/1.1\r\n${HOST}A: b\0c\r\n\r\n`),
  refused('version 3', `GET /health HTTP/3.0\r\n${HOST}\r\n`),
  refused('the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  refused('a TLS hello', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'),
  refused('a proxy’s preamble', `PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n${DELETE}`),
  refused('an unknown method', `FETCH /health HTTP/1.1\r\n${HOST}\r\n`),
  refused('a path of 20 KB', `GET /${'x'.repeat(20_000)} HTTP/1.1\r\n${HOST}\r\n`),
  refused('10,000 headers', `GET /health HTTP/1.1\r\n${HOST}${'A: b\r\n'.repeat(10_000)}\r\n`),
  refused('no host', 'DELETE /sessions/bot HTTP/1.1\r\nConnection: close\r\n\r\n'),
  refused(
    'two hosts',
    `DELETE /sessions/bot HTTP/1.1\r\n${HOST}Host: evil.example\r\nConnection: close\r\n\r\n`,
  ),
  { name: 'no version', bytes: `GET /health\r\n${HOST}\r\n`, status: /^HTTP\/1\.1 200 / },
  { name: 'CONNECT', bytes: `CONNECT 127.0.0.1:22 HTTP/1.1\r\n${HOST}\r\n`, status: /^$/ },
  {
    name: 'a whole URL of another host',
    bytes: `DELETE http://evil.example/sessions/bot HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n`,
    status: /^HTTP\/1\.1 400 /,
  },
  {
    name: 'a request hidden in a body',
    bytes: `${POST}Content-Length: ${DELETE.length}\r\nConnection: close\r\n\r\n${DELETE}`,
    status: /^HTTP\/1\.1 400 /,
  },
  {
    name: 'a request hidden in a GET’s body',
    bytes: `GET /health HTTP/1.1\r\n${HOST}Content-Length: ${DELETE.length}\r\nConnection: close\r\n\r\n${DELETE}`,
    status: /^HTTP\/1\.1 200 /,
  },
  {
    name: 'a change of protocol',
    bytes: `GET /health HTTP/1.1\r\n${HOST}Connection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n`,
    status: /^HTTP\/1\.1 200 /,
  },
];
