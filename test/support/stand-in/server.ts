import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import {
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { buffer, json } from 'node:stream/consumers';
import type { SandboxNetwork } from '../../../src/sandbox/network/network.ts';
import { DeviceLink } from './device-link.ts';
import type { Switches } from './editions.ts';
import { pageCall } from './page-call.ts';

type Request = Http2ServerRequest;
type Response = Http2ServerResponse;

/** The page's script; the others lie beside it. */
const MAIN = new URL('./page/main.js', import.meta.url);
const TYPES: Record<string, string> = { html: 'text/html', js: 'text/javascript' };

/** HTTP/2, so that calls which hang don't use up the browser's connections. One device link per page load. */
export class StandInServer {
  readonly #network: SandboxNetwork;
  readonly #server: Http2SecureServer;
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #links = new Map<string, DeviceLink>();
  readonly #switches: Switches;

  constructor(network: SandboxNetwork, tls: { key: Buffer; cert: Buffer }, switches: Switches) {
    this.#network = network;
    this.#switches = switches;
    this.#server = createSecureServer(tls, (request, response) => {
      this.#route(request, response).catch((error: unknown) =>
        reply(response, 500, { error: String(error) }),
      );
    });
    this.#server.on('session', (session) => {
      this.#sessions.add(session);
      session.once('close', () => this.#sessions.delete(session));
    });
  }

  /** Listens on a free port of 127.0.0.1. */
  async listen(): Promise<AddressInfo> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this.#server.address() as AddressInfo;
  }

  /** Changes switches, in open pages too. */
  set(changes: Partial<Switches>): void {
    Object.assign(this.#switches, changes);
    for (const link of this.#links.values()) link.sendEvent('switches', this.#switches);
  }

  /** Closes the devices of all pages, then all connections. */
  async close(): Promise<void> {
    for (const link of this.#links.values()) link.close();
    for (const session of this.#sessions) session.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  /** Answers one request. */
  async #route(request: Request, response: Response): Promise<void> {
    const url = new URL(request.url, 'https://web.whatsapp.com');
    const session = url.searchParams.get('session') ?? '';
    const link = this.#links.get(session);
    if (url.pathname === '/') return sendFile(response, this.#indexFor(request));
    if (/^\/page\/[a-z-]+\.js$/.test(url.pathname)) return sendFile(response, url.pathname.slice(6));
    if (url.pathname === '/switches') return reply(response, 200, this.#switches);
    if (url.pathname === '/events') return this.#stream(session, url.searchParams.get('token'), response);
    if (url.pathname.startsWith('/media/')) return this.#sendMedia(response, url.pathname.slice(7));
    if (!link) return reply(response, 404, { error: 'There is no such page.' });
    if (url.pathname === '/rpc') return reply(response, 200, await answer(link, await json(request)));
    if (url.pathname === '/upload')
      return reply(response, 200, { result: link.upload(await buffer(request)) });
    if (url.pathname === '/stall') return link.whenThawed(() => reply(response, 200, {}));
    return reply(response, 404, { error: 'Not found.' });
  }

  /** The page for a browser: the newer builds refuse one that names itself headless. */
  #indexFor({ headers }: Request): string {
    const isRefused = this.#switches.refusesHeadless && headers['user-agent']?.includes('HeadlessChrome');
    return isRefused ? 'unsupported.html' : 'index.html';
  }

  /** Opens a device and streams its events to the page, until the page is gone. */
  #stream(session: string, token: string | null, response: Response): void {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    const link = new DeviceLink(this.#network, token || null, (event, data) => {
      if (!response.writableEnded) response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    });
    this.#links.set(session, link);
    // What has changed since the page asked for them.
    link.sendEvent('switches', this.#switches);
    response.once('close', () => {
      link.close();
      this.#links.delete(session);
    });
  }

  /** The bytes of a message's file. */
  #sendMedia(response: Response, sha256: string): void {
    const bytes = this.#network.download(sha256)?.data;
    response.writeHead(bytes ? 200 : 404, { 'cache-control': 'no-store' });
    response.end(bytes ?? '');
  }
}

/** Runs one call of a page; an error of the network is an answer too. */
async function answer(link: DeviceLink, body: unknown): Promise<{ result?: unknown } | { error: string }> {
  try {
    return { result: (await link.run(pageCall.parse(body))) ?? null };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

/** Answers JSON, if the connection is still open. */
function reply(response: Response, status: number, body: object): void {
  if (response.headersSent || response.writableEnded) return;
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}

/** A file of the page. `no-store` also keeps a page that was left out of the back-forward cache. */
async function sendFile(response: Response, name: string): Promise<void> {
  const content = await readFile(new URL(name, MAIN));
  const type = TYPES[name.split('.').at(-1)!]!;
  response.writeHead(200, { 'content-type': `${type}; charset=utf-8`, 'cache-control': 'no-store' });
  response.end(content);
}
