import { once } from 'node:events';
import type { ClientRequest, Agent as HttpAgent, IncomingHttpHeaders } from 'node:http';
import type { Agent as HttpsAgent } from 'node:https';
import type { Readable } from 'node:stream';
import { TLSSocket } from 'node:tls';
import got, { RequestError, type Response } from 'got';
import type { Scheduler } from '../../actors/domain/ports/clock.ts';
import { HOST_CLOCK } from '../host-clock.ts';
import type { Lookup } from './guarded-lookup.ts';

/** One request with all of its bounds; nothing is retried, redirected, decompressed or cached. */
export interface BoundedRequest {
  method: 'GET' | 'POST';
  headers: Record<string, string>;
  /** A stream needs a `content-length`; it is destroyed at the end. */
  body?: string | Readable;
  agent: { http: HttpAgent; https: HttpsAgent };
  lookup: Lookup;
  /** Milliseconds from the call to the last byte of the answer, name resolution included. */
  deadlineMs: number;
  /** Largest body in bytes, counted while it is read. */
  maxBytes: number;
  signal?: AbortSignal;
  /** Whose milliseconds the deadline counts; the host's by default. */
  clock?: Scheduler;
}

/** An answer, with what was read of its body; that of a status outside 2xx is not read. */
export interface BoundedAnswer<Body> {
  status: number;
  headers: IncomingHttpHeaders;
  body?: Body;
}

/** Reads a body as it arrives; what it throws ends the exchange, and is the cause of the error. */
type Read<Body> = (bytes: AsyncIterable<Buffer>, headers: IncomingHttpHeaders) => Promise<Body>;

export type FetchFault = 'timeout' | 'too_large' | 'cancelled' | 'failed';

/** A failed request. `cause` is the socket's own error and may contain the address: keep it internal. */
export class BoundedFetchError extends Error {
  readonly fault: FetchFault;
  /** False when the request surely did not arrive: no connection came about. */
  readonly mayHaveArrived: boolean;

  constructor(fault: FetchFault, mayHaveArrived: boolean, cause?: unknown) {
    super(`The request ended early: ${fault}.`, { cause });
    this.name = 'BoundedFetchError';
    this.fault = fault;
    this.mayHaveArrived = mayHaveArrived;
  }
}

/**
 * Sends one HTTP request within a deadline and a size.
 * @throws BoundedFetchError, and nothing else.
 */
export async function boundedFetch<Body>(
  url: URL,
  request: BoundedRequest,
  read: Read<Body>,
): Promise<BoundedAnswer<Body>> {
  const { clock = HOST_CLOCK } = request;
  let fault: FetchFault = 'failed';
  const stream = open(url, request);
  let mayHaveArrived = false;
  onceConnected(stream, () => {
    mayHaveArrived = true;
  });
  /** Ends the exchange, and records why for the error that follows. */
  const cut = (why: FetchFault): void => {
    fault = why;
    stream.destroy(new Error(why));
  };
  const onAbort = (): void => cut('cancelled');
  const timer = clock.setTimeout(() => cut('timeout'), request.deadlineMs);
  request.signal?.addEventListener('abort', onAbort, { once: true });
  // Errors are thrown by the awaits below; later ones have no caller.
  stream.on('error', () => {});
  try {
    if (request.signal?.aborted) cut('cancelled');
    const [response] = (await once(stream, 'response')) as [Response];
    const { statusCode: status, headers } = response;
    if (status < 200 || status > 299) return { status, headers };
    const bytes = upTo(request.maxBytes, stream as AsyncIterable<Buffer>, () => cut('too_large'));
    return { status, headers, body: await read(bytes, headers) };
  } catch (error) {
    // The client's error carries the request with its headers, the key among them; what caused it does not.
    throw new BoundedFetchError(fault, mayHaveArrived, error instanceof RequestError ? error.cause : error);
  } finally {
    clock.clearTimeout(timer);
    request.signal?.removeEventListener('abort', onAbort);
    stream.destroy();
  }
}

/** Reads a body that is small. */
export async function readWhole(bytes: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The chunks of a stream; `onExcess` destroys it with an error when there are more bytes. */
async function* upTo(
  maxBytes: number,
  stream: AsyncIterable<Buffer>,
  onExcess: () => void,
): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    if (size > maxBytes) onExcess();
    else yield chunk;
  }
}

/** Calls back as soon as bytes of the request can leave: its socket is connected, and its TLS handshake done. */
function onceConnected(stream: ReturnType<typeof open>, connected: () => void): void {
  stream.once('request', (sent: ClientRequest) =>
    sent.once('socket', (socket) => {
      // One whose name could not be resolved may have failed by now.
      if (socket.destroyed) return;
      if (!socket.connecting) connected();
      else socket.once(socket instanceof TLSSocket ? 'secureConnect' : 'connect', connected);
    }),
  );
}

/** The client's stream, with every convenience turned off that would break a bound. */
function open(url: URL, request: BoundedRequest) {
  return got.stream(url, {
    method: request.method,
    headers: { 'user-agent': 'whatsapp-gateway', 'accept-encoding': 'identity', ...request.headers },
    body: request.body,
    agent: request.agent,
    dnsLookup: request.lookup as never,
    retry: { limit: 0 },
    followRedirect: false,
    throwHttpErrors: false,
    decompress: false,
    enableUnixSockets: false,
  });
}
