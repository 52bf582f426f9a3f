import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { GatewayError } from '../../../src/actors/domain/errors.ts';
import { MediaFetcher, type MediaFetcherOptions } from '../../../src/infra/media/media-fetcher.ts';
import { readWhole } from '../../../src/infra/net/bounded-fetch.ts';
import type { Lookup } from '../../../src/infra/net/guarded-lookup.ts';
import { eventually } from '../../support/eventually.ts';
import { failureOf } from '../../support/failure.ts';
import { FORBIDDEN_URLS } from '../../support/forbidden-urls.ts';

const MAX_BYTES = 1024 * 1024;

describe('MediaFetcher', () => {
  const servers: Server[] = [];
  let requests: string[];

  beforeEach(() => {
    requests = [];
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  /** Starts a server on a loopback address; returns its port. */
  async function serve(listener: RequestListener, host = '127.0.0.1', port = 0): Promise<number> {
    const server = createServer((request, response) => {
      requests.push(request.url ?? '');
      listener(request, response);
    });
    servers.push(server);
    server.listen(port, host);
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }

  /** A canary on both loopback addresses, with one port. */
  async function canary(): Promise<number> {
    const port = await serve((_request, response) => response.end('secret'));
    await serve((_request, response) => response.end('secret'), '::1', port);
    return port;
  }

  const fetcher = (options: Partial<MediaFetcherOptions> = {}) =>
    new MediaFetcher({ allowedOrigins: [], ...options });

  /** Reads a whole file. */
  const fetchWhole = (media: MediaFetcher, url: string) =>
    media.fetch(url, { maxBytes: MAX_BYTES, accept: 'image/*' }, readWhole);

  /** A resolver that returns the next set of addresses at each call. */
  function resolving(...answers: string[][]): Lookup {
    let call = 0;
    return (_host, options, callback) => {
      const found = answers[Math.min(call, answers.length - 1)] ?? [];
      call += 1;
      const entries = found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
      if (options.all) callback(null, entries);
      else callback(null, entries[0]?.address ?? '', entries[0]?.family);
    };
  }

  describe('refuses with MEDIA_URL_BLOCKED, without a request,', () => {
    for (const form of FORBIDDEN_URLS)
      it(JSON.stringify(form), async () => {
        const port = await canary();
        const error = await failureOf(fetchWhole(fetcher(), form.replaceAll('PORT', String(port))));
        expect(error.code).to.equal('MEDIA_URL_BLOCKED');
        expect(error.message).not.to.match(/127|localhost|secret/);
        expect(requests).to.deep.equal([]);
      });

    for (const address of [
      '127.0.0.1',
      '::1',
      '::ffff:127.0.0.1',
      '::127.0.0.1',
      '10.1.2.3',
      '169.254.169.254',
    ])
      it(`a name that resolves to ${address}`, async () => {
        const port = await canary();
        const { code } = await failureOf(
          fetchWhole(fetcher({ lookup: resolving([address]) }), `http://pictures.example:${port}/`),
        );
        expect(code).to.equal('MEDIA_URL_BLOCKED');
        expect(requests).to.deep.equal([]);
      });

    it('a name with a public and a private address', async () => {
      const port = await canary();
      const lookup = resolving(['93.184.216.34', '127.0.0.1']);
      const { code } = await failureOf(fetchWhole(fetcher({ lookup }), `http://pictures.example:${port}/`));
      expect(code).to.equal('MEDIA_URL_BLOCKED');
      expect(requests).to.deep.equal([]);
    });

    it('a name that is rebound to a private address between a redirect and the next request', async () => {
      const port = await canary();
      const front = await serve((_request, response) =>
        response.writeHead(302, { location: `http://pictures.example:${port}/` }).end(),
      );
      const media = fetcher({
        allowedOrigins: [`http://front.example:${front}`],
        lookup: (host, options, callback) =>
          (host === 'front.example' ? resolving(['127.0.0.1']) : rebinding)(host, options, callback),
      });
      const { code } = await failureOf(fetchWhole(media, `http://front.example:${front}/`));
      expect(code).to.equal('MEDIA_URL_BLOCKED');
      expect(requests).to.deep.equal(['/']);
    });
    const rebinding = resolving(['127.0.0.1'], ['93.184.216.34']);

    for (const target of [
      'http://127.0.0.1:PORT/',
      'http://[::1]:PORT/',
      'http://localhost:PORT/',
      'file:///etc/passwd',
    ])
      it(`a redirect to ${target}`, async () => {
        const port = await canary();
        const front = await serve((_request, response) =>
          response.writeHead(302, { location: target.replace('PORT', String(port)) }).end(),
        );
        const { code } = await failureOf(
          fetchWhole(
            fetcher({ allowedOrigins: [`http://127.0.0.1:${front}`] }),
            `http://127.0.0.1:${front}/front`,
          ),
        );
        expect(code).to.equal('MEDIA_URL_BLOCKED');
        expect(requests).to.deep.equal(['/front']);
      });
  });

  it('never opens a Unix socket', async () => {
    const { code } = await failureOf(fetchWhole(fetcher(), 'http://unix:/var/run/docker.sock:/info'));
    expect(code).to.equal('MEDIA_FETCH_FAILED');
  });

  it('connects to the checked address: one look-up per request', async () => {
    const lookup = resolving(['127.0.0.1'], ['93.184.216.34']);
    let calls = 0;
    const counted: Lookup = (host, options, callback) => {
      calls += 1;
      lookup(host, options, callback);
    };
    await failureOf(fetchWhole(fetcher({ lookup: counted }), 'http://pictures.example/'));
    expect(calls).to.equal(1);
  });

  it('accepts private addresses for an allowed origin only', async () => {
    const port = await serve((_request, response) => response.end('picture'));
    const other = await canary();
    const allowing = fetcher({ allowedOrigins: [`http://127.0.0.1:${port}`] });
    expect((await fetchWhole(allowing, `http://127.0.0.1:${port}/a`)).toString()).to.equal('picture');
    expect((await failureOf(fetchWhole(allowing, `http://127.0.0.1:${other}/`))).code).to.equal(
      'MEDIA_URL_BLOCKED',
    );
    expect((await failureOf(fetchWhole(allowing, `http://localhost:${port}/`))).code).to.equal(
      'MEDIA_URL_BLOCKED',
    );
    expect(requests).to.deep.equal(['/a']);
  });

  /** Starts a server with an allowed origin; returns a fetcher and the address. */
  async function allowed(listener: RequestListener, options: Partial<MediaFetcherOptions> = {}) {
    const origin = `http://127.0.0.1:${await serve(listener)}`;
    return { origin, media: fetcher({ allowedOrigins: [origin], ...options }) };
  }

  it('passes each chunk on as it arrives, with the type, and stops reading when the reader throws', async () => {
    const { origin, media } = await allowed((_request, response) => {
      response.writeHead(200, { 'content-type': 'image/png' }).write(Buffer.alloc(MAX_BYTES / 4));
      response.once('close', () => requests.push('closed'));
    });
    const refusal = new GatewayError('RATE_LIMITED', 'no room');
    let [received, claimed]: [number, string | undefined] = [0, undefined];
    const wanted = { maxBytes: MAX_BYTES, accept: 'image/*' };
    const error = await failureOf(
      media.fetch(`${origin}/`, wanted, async (bytes, type) => {
        claimed = type;
        for await (const chunk of bytes) {
          received += chunk.length;
          if (received === MAX_BYTES / 4) throw refusal;
        }
      }),
    );
    expect(error).to.equal(refusal);
    expect(claimed).to.equal('image/png');
    await eventually('the connection to be closed', () => requests.includes('closed'));
  });

  it('follows 3 redirects and no more', async () => {
    const { origin, media } = await allowed((request, response) => {
      const left = Number(request.url?.slice(1));
      if (left === 0) response.end('there');
      else response.writeHead(302, { location: `/${left - 1}` }).end();
    });
    expect((await fetchWhole(media, `${origin}/3`)).toString()).to.equal('there');
    expect((await failureOf(fetchWhole(media, `${origin}/4`))).code).to.equal('MEDIA_FETCH_FAILED');
  });

  it('follows a redirect to an address in raw UTF-8', async () => {
    const { origin, media } = await allowed((request, response) => {
      if (request.url !== '/') return response.end('there');
      response.socket?.end(`HTTP/1.1 302 Found\r\nLocation: /foto/caf\u00e9-\u6f22.png\r\n\r\n`);
    });
    expect((await fetchWhole(media, `${origin}/`)).toString()).to.equal('there');
    expect(requests.at(-1)).to.equal('/foto/caf%C3%A9-%E6%BC%A2.png');
  });

  it('requests the bytes unencoded and without credentials', async () => {
    let headers: Record<string, unknown> = {};
    const { origin, media } = await allowed((request, response) => {
      headers = request.headers;
      response.end('x');
    });
    await fetchWhole(media, origin);
    expect(headers['accept-encoding']).to.equal('identity');
    expect(headers).not.to.have.any.keys('authorization', 'cookie', 'referer');
  });

  for (const status of [304, 400, 404, 500])
    it(`rejects with MEDIA_FETCH_FAILED for ${status}`, async () => {
      const { origin, media } = await allowed((_request, response) => response.writeHead(status).end());
      expect((await failureOf(fetchWhole(media, origin))).code).to.equal('MEDIA_FETCH_FAILED');
    });

  it('accepts a file of exactly the limit and rejects with MEDIA_TOO_LARGE one byte over', async () => {
    const { origin, media } = await allowed((request, response) =>
      response.end(Buffer.alloc(Number(request.url?.slice(1)))),
    );
    expect(await fetchWhole(media, `${origin}/${MAX_BYTES}`)).to.have.length(MAX_BYTES);
    expect((await failureOf(fetchWhole(media, `${origin}/${MAX_BYTES + 1}`))).code).to.equal(
      'MEDIA_TOO_LARGE',
    );
  });

  it('measures an endless file while reading it, and disconnects', async () => {
    let closed = false;
    const { origin, media } = await allowed((_request, response) => {
      const pour = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(64 * 1024)));
      };
      response.on('drain', pour).once('close', () => {
        closed = true;
      });
      pour();
    });
    expect((await failureOf(fetchWhole(media, origin))).code).to.equal('MEDIA_TOO_LARGE');
    while (!closed) await new Promise(setImmediate);
  });

  it('rejects with MEDIA_FETCH_FAILED when slow chunks or redirects take too long in all', async () => {
    const { origin, media } = await allowed(
      (request, response) => {
        if (request.url === '/drip') {
          const drip = setInterval(() => response.write('x'), 10);
          response.once('close', () => clearInterval(drip));
        } else setTimeout(() => response.writeHead(302, { location: '/drip' }).end(), 100);
      },
      { deadlineMs: 200 },
    );
    for (const path of ['/drip', '/slow']) {
      const before = performance.now();
      expect((await failureOf(fetchWhole(media, origin + path))).code).to.equal('MEDIA_FETCH_FAILED');
      expect(performance.now() - before).to.be.within(190, 10_000);
    }
  });

  it('rejects with MEDIA_FETCH_FAILED for an unknown name', async () => {
    const lookup: Lookup = (_host, _options, callback) =>
      callback(Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' }), '');
    const { code } = await failureOf(fetchWhole(fetcher({ lookup }), 'http://nowhere.example/'));
    expect(code).to.equal('MEDIA_FETCH_FAILED');
  });
});
