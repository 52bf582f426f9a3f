import cors from 'cors';
import type { RequestHandler } from 'express';
import { TEXTS } from '../../actors/domain/error-texts.ts';
import type { HttpSettings } from '../ports.ts';
import { invalid } from './error-handler.ts';

const LOOPBACK = ['localhost', '127.0.0.1', '::1'];
/** Methods that change nothing (RFC 9110). */
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

/** True for a bind address that only this machine can reach. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.includes(host.toLowerCase()) || /^127(\.\d{1,3}){3}$/.test(host);
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

/** Counts the `Host` headers: of two, Node shows the first, and a proxy may have used the other. */
function countHosts(rawHeaders: string[]): number {
  let count = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]!.length === 4 && rawHeaders[i]!.toLowerCase() === 'host') count += 1;
  }
  return count;
}

/**
 * Requires one well-formed `Host`. While bound to loopback it must be a name of loopback or of `APP_BASE_URL`: a web
 * page that rebinds its own name to 127.0.0.1 sends that name.
 */
export function hostGuard(settings: Pick<HttpSettings, 'HOST' | 'APP_BASE_URL'>): RequestHandler {
  const known = new Set([...LOOPBACK, settings.HOST, hostName(new URL(settings.APP_BASE_URL).host)]);
  const isBoundToLoopback = isLoopback(settings.HOST);
  return function checkHost(req, _res, next) {
    const isOne = countHosts(req.rawHeaders) === 1;
    const name = hostName(req.headers.host);
    if (!isOne || name === undefined || (isBoundToLoopback && !known.has(name))) {
      throw invalid(
        [{ path: 'Host', message: 'is not a name of this service' }],
        TEXTS.INVALID_PAYLOAD.wrongHost,
      );
    }
    next();
  };
}

/** The host and port of an origin; null for none, such as `null` of a sandboxed frame. */
function originHost(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host || null : null;
}

/**
 * Refuses requests of other sites' pages that would change something. Browsers send simple requests without a preflight,
 * and `POST …/reconnect` needs no body: any page that an operator visits could log out agents. Browsers send the page's
 * `Origin`; other clients send none.
 */
export function originGuard(settings: Pick<HttpSettings, 'APP_BASE_URL' | 'CORS_ORIGINS'>): RequestHandler {
  const allowed = new Set(settings.CORS_ORIGINS);
  const own = new URL(settings.APP_BASE_URL).host;
  return function checkOrigin(req, _res, next) {
    const { origin } = req.headers;
    if (origin === undefined || SAFE.has(req.method) || allowed.has('*') || allowed.has(origin))
      return next();
    const from = originHost(origin);
    if (from === null || (from !== own && from !== req.headers.host?.toLowerCase())) {
      throw invalid([{ path: 'Origin', message: 'is another site' }], TEXTS.INVALID_PAYLOAD.crossSite);
    }
    next();
  };
}

/** Cross-origin access for `CORS_ORIGINS`; none at all when the list is empty. */
export function crossOrigin(origins: string[]): RequestHandler[] {
  if (origins.length === 0) return [];
  return [
    cors({
      origin: origins.includes('*') ? '*' : origins,
      methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
      allowedHeaders: [
        'Authorization',
        'Content-Type',
        'Idempotency-Key',
        'MCP-Protocol-Version',
        'Prefer',
        'Range',
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
        'Content-Disposition',
        'Content-Range',
        'ETag',
      ],
      maxAge: 600,
    }),
  ];
}
