import { createServer, IncomingMessage, type Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Express } from 'express';
import { TEXTS } from '../actors/domain/error-texts.ts';
import { GatewayError } from '../actors/domain/errors.ts';
import { problemBody } from './middleware/error-handler.ts';
import { newTraceId } from './middleware/trace.ts';

/**
 * Node's classes with the app's own prototypes. Express sets these on every request; set from the start, that is a
 * no-op, and V8 keeps its fast paths: half the cost of a request (expressjs/express#5998).
 */
function expressClasses(app: Express) {
  /** An `IncomingMessage` with the app's prototype. */
  function Request(this: IncomingMessage, socket: Socket): void {
    IncomingMessage.call(this, socket);
  }
  Request.prototype = app.request;
  /** A `ServerResponse` with the app's prototype. */
  function Response(this: ServerResponse, request: IncomingMessage, options: object): void {
    // Node passes options that its types don't show.
    Reflect.apply(ServerResponse, this, [request, options]);
  }
  Response.prototype = app.response;
  return {
    IncomingMessage: Request as unknown as typeof IncomingMessage,
    ServerResponse: Response as unknown as typeof ServerResponse,
  };
}

/** The 400 for bytes that are not HTTP, or too slow; it closes the connection. */
function refusal(code: string | undefined, headers: Record<string, string>): string {
  const traceId = newTraceId();
  const message =
    code === 'ERR_HTTP_REQUEST_TIMEOUT' ? TEXTS.INVALID_PAYLOAD.tooSlow : TEXTS.INVALID_PAYLOAD.notHttp;
  const body = JSON.stringify(problemBody(new GatewayError('INVALID_PAYLOAD', message), traceId));
  return [
    'HTTP/1.1 400 Bad Request',
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Trace-Id: ${traceId}`,
    'X-Content-Type-Options: nosniff',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    'Connection: close',
    '',
    body,
  ].join('\r\n');
}

/** Above what the largest body may take; each body has its own deadline. */
const REQUEST_TIMEOUT_MS = 300_000;
/** Connections at once; an idle one takes 10 KB and ends after 10 s without a request. */
const MAX_CONNECTIONS = 10_000;

/**
 * An HTTP server for the app, not listening yet. Its timeouts are for receiving a request: a send that waits for its
 * response is not cut. Requests that Node would refuse without a body get the usual error body, and `headers`.
 */
export function createHttpServer(app: Express, headers: Record<string, string> = {}): Server {
  const server = createServer(
    {
      ...expressClasses(app),
      headersTimeout: 10_000,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: 5_000,
      connectionsCheckingInterval: 1_000,
      maxHeaderSize: 16 * 1024,
      requireHostHeader: false,
    },
    app,
  );
  server.maxConnections = MAX_CONNECTIONS;
  const newest = new WeakMap<object, ServerResponse>();
  server.on('request', (req, res) => newest.set(req.socket, res));
  server.on('checkExpectation', (req, res) => server.emit('request', req, res));
  // Node would send 100 Continue before the key is checked.
  server.on('checkContinue', (req, res) => server.emit('request', req, res));
  const refused = new WeakSet<object>();
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (!socket.writable || error.code === 'ECONNRESET') socket.destroy();
    if (socket.destroyed || refused.has(socket)) return;
    refused.add(socket);
    inTurn(newest.get(socket), (isBegun) => {
      if (isBegun || !socket.writable) socket.destroy();
      else socket.end(refusal(error.code, headers));
    });
  });
  return server;
}

/**
 * Runs `refuse` after the responses to all complete requests of the connection. `isBegun`: the bytes belong to a request
 * whose response has already begun.
 */
function inTurn(newest: ServerResponse | undefined, refuse: (isBegun: boolean) => void): void {
  if (newest === undefined || newest.writableFinished) refuse(false);
  else if (newest.req.complete) newest.once('close', () => refuse(false));
  // A response without a socket waits for those before it.
  else if (newest.socket === null) newest.once('socket', () => refuse(newest.headersSent));
  else refuse(newest.headersSent);
}
