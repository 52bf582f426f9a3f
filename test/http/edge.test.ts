import { once } from 'node:events';
import { connect } from 'node:net';
import { expect } from 'chai';
import { traceIdFrom } from '../../src/http/middleware/trace.ts';
import { Harness } from '../support/http-harness.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';

describe('the HTTP edge', () => {
  let http: Harness;
  afterEach(() => http.stop());

  describe('trace ids', () => {
    beforeEach(async () => {
      http = await new Harness().start();
    });

    it('use that of a valid traceparent, and are new otherwise', async () => {
      const good = await http.ask('/health', { headers: { traceparent: `00-${TRACE}-b7ad6b7169203331-01` } });
      expect(good.headers.get('x-trace-id')).to.equal(TRACE);
      for (const bad of [
        '',
        'x',
        `00-${'0'.repeat(32)}-b7ad6b7169203331-01`,
        `ff-${TRACE}-b7ad6b7169203331-01`,
      ]) {
        const reply = await http.ask('/health', { headers: { traceparent: bad } });
        expect(reply.status).to.equal(200);
        expect(reply.headers.get('x-trace-id'))
          .to.match(/^[0-9a-f]{32}$/)
          .and.not.equal(TRACE);
      }
    });

    it('accept further parts of later versions, but not of version 00', () => {
      expect(traceIdFrom(`01-${TRACE}-b7ad6b7169203331-01-more`)).to.equal(TRACE);
      expect(traceIdFrom(`00-${TRACE}-b7ad6b7169203331-01-more`)).not.to.equal(TRACE);
      expect(traceIdFrom(`00-${TRACE.toUpperCase()}-b7ad6b7169203331-01`)).not.to.equal(TRACE.toUpperCase());
    });

    it('does not name the server, and forbids framing, sniffing and caching', async () => {
      const { headers } = await http.ask('/sessions');
      expect(headers.has('x-powered-by')).to.equal(false);
      expect(headers.has('etag')).to.equal(false);
      expect(headers.get('content-security-policy')).to.equal("default-src 'none';frame-ancestors 'none'");
      expect(headers.get('x-frame-options')).to.equal('DENY');
      expect(headers.get('x-content-type-options')).to.equal('nosniff');
      expect(headers.get('cache-control')).to.equal('no-store');
    });
  });

  describe('cross-origin access', () => {
    const from = { origin: 'https://app.example' };

    it('is refused without CORS_ORIGINS', async () => {
      http = await new Harness().start();
      const reply = await http.ask('/sessions', { headers: from });
      expect(reply.headers.has('access-control-allow-origin')).to.equal(false);
    });

    it('is allowed for the listed origins only, with the headers they need', async () => {
      http = await new Harness().start({ CORS_ORIGINS: ['https://app.example'] });
      const reply = await http.ask('/sessions', { headers: from });
      expect(reply.headers.get('access-control-allow-origin')).to.equal('https://app.example');
      expect(reply.headers.get('access-control-expose-headers'))
        .to.include('X-Trace-Id')
        .and.include('Location');
      const refused = await http.ask('/sessions', { headers: { origin: 'https://evil.example' } });
      expect(refused.headers.has('access-control-allow-origin')).to.equal(false);
      const preflight = await http.ask('/agents/bot/messages', {
        method: 'OPTIONS',
        headers: { ...from, 'access-control-request-method': 'POST' },
      });
      expect(preflight.status).to.equal(204);
      expect(preflight.headers.get('access-control-allow-headers')?.split(',')).to.include.members([
        'Authorization',
        'MCP-Protocol-Version',
      ]);
    });

    it('is allowed for all with *', async () => {
      http = await new Harness().start({ CORS_ORIGINS: ['*'] });
      const reply = await http.ask('/sessions', { headers: from });
      expect(reply.headers.get('access-control-allow-origin')).to.equal('*');
    });
  });

  describe('the Origin of a page', () => {
    /** A reconnect from a page, which needs no body. */
    const reconnect = (origin: string) =>
      http.ask('/sessions/bot/reconnect', { method: 'POST', headers: { origin } });

    it('must be our own or one of CORS_ORIGINS for requests with effects', async () => {
      http = await new Harness().start({ CORS_ORIGINS: ['https://app.example'] });
      for (const origin of [http.url, 'https://gateway.example', 'https://app.example']) {
        expect((await reconnect(origin)).status, origin).to.equal(200);
      }
      for (const origin of ['https://evil.example', 'null', 'file://', 'http://127.0.0.1:1', 'x']) {
        const reply = await reconnect(origin);
        expect(reply.status, origin).to.equal(400);
        expect(reply.body.error.details).to.deep.equal([{ path: 'Origin', message: 'is another site' }]);
      }
      const read = await http.ask('/sessions', { headers: { origin: 'https://evil.example' } });
      expect(read.status).to.equal(200);
    });

    it('may be any with *', async () => {
      http = await new Harness().start({ CORS_ORIGINS: ['*'] });
      expect((await reconnect('https://anywhere.example')).status).to.equal(200);
    });
  });

  describe('the Host header', () => {
    /** A bare GET /health for a host. */
    const askAs = (host: string | null) =>
      http.raw(
        `GET /health HTTP/1.1\r\n${host === null ? '' : `Host: ${host}\r\n`}Connection: close\r\n\r\n`,
      );

    it('must name loopback or APP_BASE_URL while bound to loopback', async () => {
      http = await new Harness().start();
      for (const host of ['localhost', 'LOCALHOST:3000', '127.0.0.1:1', '[::1]:3000', 'gateway.example']) {
        expect(await askAs(host), host).to.match(/^HTTP\/1.1 200 /);
      }
      for (const host of [
        'evil.example',
        '127.0.0.1.evil.example',
        'localhost@evil.example',
        'a b',
        '',
        null,
      ]) {
        const answer = await askAs(host);
        expect(answer, String(host)).to.match(/^HTTP\/1.1 400 /);
        expect(answer, String(host)).to.include('"code":"INVALID_PAYLOAD"').and.include('"path":"Host"');
      }
    });

    it('may have any name when bound to another address', async () => {
      http = await new Harness().start({ HOST: '0.0.0.0' });
      expect(await askAs('wa.internal')).to.match(/^HTTP\/1.1 200 /);
    });
  });

  describe('requests that Node itself would refuse', () => {
    beforeEach(async () => {
      http = await new Harness().start();
    });

    for (const [name, bytes] of [
      ['bytes that are no HTTP', 'hello\r\n\r\n'],
      [
        'headers over 16 KB',
        `GET /health HTTP/1.1\r\nHost: localhost\r\nX-Big: ${'x'.repeat(20_000)}\r\n\r\n`,
      ],
      ['an unknown method', 'BREW /health HTTP/1.1\r\nHost: localhost\r\n\r\n'],
      [
        'two lengths of one body',
        'POST /sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      ],
      ['a header with a bare line feed', 'GET /health HTTP/1.1\r\nHost: localhost\r\nA: b\nc\r\n\r\n'],
    ] as const) {
      it(`are answered in the error format: ${name}`, async () => {
        const answer = await http.raw(bytes);
        expect(answer).to.match(/^HTTP\/1.1 400 Bad Request\r\n/);
        const traceId = /X-Trace-Id: ([0-9a-f]{32})/.exec(answer)?.[1];
        const { error } = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4));
        expect(error).to.include({ code: 'INVALID_PAYLOAD', traceId });
        expect((await http.ask('/health')).status).to.equal(200);
      });
    }

    /** A complete POST of a message, and the start of one with an invalid chunk. */
    const body = JSON.stringify({ to: '6281234567890', message: 'Hi' });
    const head =
      'POST /agents/bot/messages HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer secret-key\r\n' +
      'Content-Type: application/json\r\n';
    const whole = `${head}Content-Length: ${body.length}\r\n\r\n${body}`;
    const broken = `${head}Transfer-Encoding: chunked\r\n\r\nxyz\r\n`;

    /** The status lines of a connection's answers. */
    const statuses = (answers: string) => [...answers.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, code]) => code);

    for (const [name, junk] of [
      ['bytes that are no HTTP', 'hello\r\n\r\nhello again\r\n\r\n'],
      ['a request whose body is broken', broken],
      ['a whole request and bytes that are no HTTP', `${whole}hello\r\n\r\n`],
    ] as const) {
      it(`do not affect the answer to the request before: ${name}`, async () => {
        let send = () => {};
        const sending = new Promise<void>((resolve) => {
          send = resolve;
        });
        const { onSend } = http.system;
        http.system.onSend = (message, options) => sending.then(() => onSend(message, options));
        const refused = once(http.server, 'clientError');
        const answers = http.raw(whole + junk);
        await refused;
        send();
        const text = await answers;
        const asked = text.split('HTTP/1.1 ').slice(1);
        expect(statuses(text)).to.deep.equal(
          name.startsWith('a whole') ? ['200', '200', '400'] : ['200', '400'],
        );
        expect(asked[0]).to.include('"status":"sent"').and.not.to.include('INVALID_PAYLOAD');
        expect(asked.at(-1)).to.include('"code":"INVALID_PAYLOAD"');
      });
    }

    it('are not answered after the client has closed the connection', async () => {
      http.system.onSend = () => new Promise(() => {});
      const refused = once(http.server, 'clientError');
      const socket = connect(http.port, '127.0.0.1');
      socket.write(`${whole}hello\r\n\r\n`);
      await refused;
      socket.destroy();
      while (!http.observed.some(([, , status]) => status === 499)) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect((await http.ask('/health')).status).to.equal(200);
    });

    it('are answered with any Expect header', async () => {
      const answer = await http.raw(
        'GET /health HTTP/1.1\r\nHost: localhost\r\nExpect: miracles\r\nConnection: close\r\n\r\n',
      );
      expect(answer).to.match(/^HTTP\/1.1 200 /);
    });

    it('are limited in time while received, but not while answered', () => {
      const { headersTimeout, requestTimeout, keepAliveTimeout, timeout } = http.server;
      expect({ headersTimeout, requestTimeout, keepAliveTimeout, timeout }).to.deep.equal({
        headersTimeout: 10_000,
        requestTimeout: 300_000,
        keepAliveTimeout: 5_000,
        timeout: 0,
      });
    });

    it('may be cut off in the middle of the body', async () => {
      const socket = connect(http.port, '127.0.0.1');
      socket.write('POST /sessions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n');
      socket.write('Content-Length: 100\r\n\r\n{"userId":');
      await once(http.server, 'request');
      socket.destroy();
      while (!http.observed.some(([route]) => route === '/sessions')) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect((await http.ask('/health')).status).to.equal(200);
    });
  });

  describe('paths and methods', () => {
    beforeEach(async () => {
      http = await new Harness().start();
    });

    for (const [method, path, allow] of [
      ['PUT', '/sessions', 'GET, HEAD, POST, OPTIONS'],
      ['DELETE', '/sessions', 'GET, HEAD, POST, OPTIONS'],
      ['DELETE', '/sessions/', 'GET, HEAD, POST, OPTIONS'],
      ['PATCH', '/sessions/bot', 'GET, HEAD, DELETE, OPTIONS'],
      ['GET', '/sessions/bot/reconnect', 'POST, OPTIONS'],
      ['GET', '/agents/bot/messages', 'POST, OPTIONS'],
      ['GET', '/agents/bot/run', 'POST, OPTIONS'],
      ['POST', '/agents/bot/messages/m-1', 'GET, HEAD, PATCH, DELETE, OPTIONS'],
      ['POST', '/health', 'GET, HEAD, OPTIONS'],
      ['POST', '/metrics', 'GET, HEAD, OPTIONS'],
    ] as const) {
      it(`answer 405 with Allow to ${method} ${path}`, async () => {
        const reply = await http.ask(path, { method });
        expect(reply.status).to.equal(405);
        expect(reply.body.error.code).to.equal('METHOD_NOT_ALLOWED');
        expect(reply.headers.get('allow')).to.equal(allow);
      });
    }

    it('answer OPTIONS with Allow, and HEAD as GET without its body', async () => {
      const options = await http.ask('/sessions/bot', { method: 'OPTIONS' });
      expect([options.status, options.headers.get('allow')]).to.deep.equal([
        204,
        'GET, HEAD, DELETE, OPTIONS',
      ]);
      const head = await http.ask('/health', { method: 'HEAD' });
      expect([head.status, head.text]).to.deep.equal([200, '']);
    });

    for (const path of [
      '/',
      '/Sessions',
      '/agents',
      '/agents/bot',
      '/agents/bot/messages/m-1/x',
      '/docs/package.json',
      '/.env',
      '/health/x',
    ]) {
      it(`answer 404 NOT_FOUND to ${path}`, async () => {
        const reply = await http.ask(path);
        expect(reply.status).to.equal(404);
        expect(reply.body.error.code).to.equal('NOT_FOUND');
      });
    }
  });
});
