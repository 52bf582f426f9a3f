import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { png, pngClaiming } from './images.ts';

const MEGABYTE = Buffer.alloc(1024 * 1024);

/** A reply that is too long, has control characters and a link. */
const REPLY = `http://127.0.0.1:1/\0\u001b[2J\u0007${'x'.repeat(100_000)}`;

/** Writes endlessly, as fast as it is read. */
function pour(res: ServerResponse): void {
  const more = (): void => {
    while (!res.destroyed && res.write(MEGABYTE));
  };
  res.on('drain', more);
  more();
}

/** Writes a byte now and then until the client disconnects. */
function drip(res: ServerResponse): void {
  const timer = setInterval(() => res.write('x'), 200);
  res.once('close', () => clearInterval(timer));
}

/** The answer of each path: broken and malicious image servers. */
const PAGES: Record<string, (res: ServerResponse, url: URL) => void> = {
  '/image.png': (res) => res.setHeader('content-type', 'image/png').end(png()),
  '/html': (res) => res.setHeader('content-type', 'image/png').end('<!doctype html><p>hi'),
  '/svg': (res) => res.setHeader('content-type', 'image/svg+xml').end('<svg onload="x()"/>'),
  '/bomb': (res) => res.setHeader('content-type', 'image/png').end(pngClaiming(60_000, 60_000)),
  '/gzip': (res) => res.setHeader('content-encoding', 'gzip').end(gzipSync(png())),
  '/big': (res) => res.end(Buffer.alloc(11 * 1024 * 1024)),
  '/endless': pour,
  '/drip': drip,
  '/cut': (res) => res.writeHead(200, { 'content-length': '1000' }).write('x', () => res.destroy()),
  '/reply': (res) => res.end(JSON.stringify({ reply: REPLY, to: 'everybody', action: 'delete' })),
  '/headers': (res) => res.setHeader('x-long', 'x'.repeat(200_000)).end(png()),
  '/no-http': (res) => res.socket?.end('\x16\x03\x01 hello\r\n\r\n'),
  '/nothing': (res) => res.destroy(),
  '/loop': (res) => res.writeHead(302, { location: '/loop' }).end(),
  '/redirect': (res, url) => res.writeHead(302, { location: url.searchParams.get('to') ?? '' }).end(),
};

/** A malicious web server on loopback that the service is allowed to fetch from. */
export class EvilWeb {
  readonly #server: Server = createServer({ keepAliveTimeout: 100 }, (req, res) => this.#answer(req, res));

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async open(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  /** The number of open connections. */
  connections(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
    });
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(req: IncomingMessage, res: ServerResponse): void {
    const url = new URL(req.url ?? '/', this.url);
    const page = PAGES[url.pathname];
    if (page) page(res, url);
    else res.writeHead(404).end('nothing here');
  }
}

/** A server on one port of both loopback addresses that records everything it receives; nothing may reach it. */
export class Canary {
  readonly received: string[] = [];
  readonly #servers = ['127.0.0.1', '::1'].map((host) => ({
    host,
    server: createServer((req, res) => {
      this.received.push(`${req.method} ${req.url}`);
      res.end('secret');
    }),
  }));
  port = 0;

  async open(): Promise<this> {
    for (const { host, server } of this.#servers) {
      server.on('connection', () => this.received.push(`a connection to ${host}`));
      await new Promise<void>((resolve) => server.listen(this.port, host, resolve));
      this.port = (server.address() as AddressInfo).port;
    }
    return this;
  }

  async close(): Promise<void> {
    for (const { server } of this.#servers) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }
}
