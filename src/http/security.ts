import type { IncomingMessage, ServerResponse } from 'node:http';
import cors from 'cors';
import type { RequestHandler } from 'express';
import helmet from 'helmet';
import type { HttpSettings } from './ports.ts';
import { invalid } from './problem.ts';

/** The host names that lead to this machine alone. */
export const LOOPBACK = new Set(['localhost', '127.0.0.1', '::1']);

/**
 * Helmet with a policy of our own: plain HTTP behind a proxy, so nothing that is TLS's business. It is asked once:
 * its headers are the same for every request.
 */
function headers(directives: Record<string, string[]>): RequestHandler {
  const fixed = new Headers();
  const recorder = { setHeader: (name: string, value: string) => fixed.set(name, value), removeHeader() {} };
  helmet({
    contentSecurityPolicy: { useDefaults: false, directives },
    strictTransportSecurity: false,
    referrerPolicy: { policy: 'no-referrer' },
  })({} as IncomingMessage, recorder as unknown as ServerResponse, () => undefined);
  const pairs = [...fixed];
  return function securityHeaders(_req, res, next) {
    for (const [name, value] of pairs) res.setHeader(name, value);
    next();
  };
}

/** For answers that are data: nothing in them may be run, loaded or framed. */
export const dataHeaders: RequestHandler = headers({
  'default-src': ["'none'"],
  'frame-ancestors': ["'none'"],
});

/** For pages: everything from this origin, no inline script, nothing from elsewhere. */
export const pageHeaders: RequestHandler = headers({
  'default-src': ["'none'"],
  'script-src': ["'self'"],
  'style-src': ["'self'", "'unsafe-inline'"],
  'img-src': ["'self'", 'data:', 'blob:'],
  'font-src': ["'self'"],
  'connect-src': ["'self'"],
  'base-uri': ["'self'"],
  'form-action': ["'self'"],
  'frame-ancestors': ["'none'"],
});

/** Cross-origin access for `CORS_ORIGINS`; none at all when the list is empty (SPEC §2). */
export function crossOrigin(origins: string[]): RequestHandler[] {
  if (origins.length === 0) return [];
  return [
    cors({
      origin: origins.includes('*') ? '*' : origins,
      methods: ['GET', 'HEAD', 'POST', 'DELETE'],
      allowedHeaders: [
        'Authorization',
        'Content-Type',
        'Idempotency-Key',
        'Prefer',
        'traceparent',
        'tracestate',
      ],
      exposedHeaders: [
        'X-Trace-Id',
        'RateLimit',
        'RateLimit-Policy',
        'Retry-After',
        'Location',
        'Idempotent-Replayed',
        'Preference-Applied',
      ],
      maxAge: 600,
    }),
  ];
}

/** Puts fixed headers on every answer, refusals included. */
export function stamp(headers: Record<string, string> = {}): RequestHandler {
  return function stampHeaders(_req, res, next) {
    res.set(headers);
    next();
  };
}

/** The host name of a `Host` header, without port and brackets; undefined when it can't be one. */
function hostName(header: string | undefined): string | undefined {
  if (!header || !/^[A-Za-z0-9.\-_:[\]]+$/.test(header)) return undefined;
  try {
    return new URL(`http://${header}`).hostname.replace(/^\[|\]$/g, '').toLowerCase();
  } catch {
    return undefined;
  }
}

/**
 * While bound to loopback, answers only to names of loopback and of `APP_BASE_URL`: a web page that rebinds its
 * own name to 127.0.0.1 comes with that name as `Host`. Every request needs one `Host` that is well-formed.
 */
export function hostGuard(settings: HttpSettings): RequestHandler {
  const known = new Set([...LOOPBACK, hostName(new URL(settings.APP_BASE_URL).host)]);
  const isLoopback = LOOPBACK.has(settings.HOST);
  let passed: string | undefined;
  return function checkHost(req, _res, next) {
    // Nearly every request comes with the host of the one before.
    if (passed !== undefined && req.headers.host === passed) return next();
    const name = hostName(req.headers.host);
    if (name === undefined || (isLoopback && !known.has(name))) {
      throw invalid(
        [{ path: 'Host', message: 'is not a name of this service' }],
        'This is not the host asked for.',
      );
    }
    passed = req.headers.host;
    next();
  };
}
