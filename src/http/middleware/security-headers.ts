import type { RequestHandler } from 'express';
import helmet from 'helmet';

/** Helmet with a policy of our own, without the headers for TLS: a proxy terminates it. */
function headers(
  directives: Record<string, string[]>,
  policy: 'no-referrer' | 'same-origin' = 'no-referrer',
): RequestHandler {
  return helmet({
    contentSecurityPolicy: { useDefaults: false, directives },
    strictTransportSecurity: false,
    frameguard: { action: 'deny' },
    referrerPolicy: { policy },
  });
}

/** For responses that are data: nothing may be run, loaded or framed. */
export const dataHeaders: RequestHandler = headers({
  'default-src': ["'none'"],
  'frame-ancestors': ["'none'"],
});

/** For pictures with inline styles, opened as a page: nothing else is loaded or run. */
export const pictureHeaders: RequestHandler = headers({
  'default-src': ["'none'"],
  'style-src': ["'unsafe-inline'"],
  'frame-ancestors': ["'none'"],
});

const OF_PAGES = {
  'default-src': ["'none'"],
  'script-src': ["'self'"],
  'style-src': ["'self'"],
  'img-src': ["'self'", 'data:', 'blob:'],
  'media-src': ["'self'"],
  'font-src': ["'self'"],
  'connect-src': ["'self'"],
  'base-uri': ["'self'"],
  'form-action': ["'self'"],
  'frame-ancestors': ["'none'"],
};

/** For pages whose styles are in files: everything from this origin, nothing inline. */
export const strictPageHeaders: RequestHandler = headers(OF_PAGES, 'same-origin');

/**
 * For pages: everything from this origin, no inline script. They send a referrer to this origin alone; without one,
 * browsers would send their forms with the origin `null` (see `originGuard`).
 */
export const pageHeaders: RequestHandler = headers(
  { ...OF_PAGES, 'style-src': ["'self'", "'unsafe-inline'"] },
  'same-origin',
);

/** Puts fixed headers on every response, refusals included. */
export function stamp(headers: Record<string, string> = {}): RequestHandler {
  const pairs = Object.entries(headers);
  return function stampHeaders(_req, res, next) {
    for (const [name, value] of pairs) res.setHeader(name, value);
    next();
  };
}
