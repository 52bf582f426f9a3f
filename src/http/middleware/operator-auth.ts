import { createHmac } from 'node:crypto';
import type { Request, RequestHandler, Response } from 'express';
import type { GatewayError } from '../../actors/domain/errors.ts';
import { bearerOf, sameSecret, unauthorized } from './agent-auth.ts';
import { wrongKeys } from './wrong-keys.ts';

const COOKIE = 'gateway_login';
/** A login ends when the browser closes, after twelve hours at the latest. */
const LOGIN_MS = 12 * 3_600_000;

/** Proves knowledge of `SESSIONS_TOKEN`: computed from it, so that nothing is stored. */
function proofOf(token: string, until: string): string {
  return createHmac('sha256', token).update(`login until ${until}`).digest('base64url');
}

/** The login cookie of a request, or undefined. */
function cookieOf(req: Request): string | undefined {
  const pairs = (req.headers.cookie ?? '').split(/; */);
  return pairs.find((pair) => pair.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1);
}

/** True for a valid login cookie that has not expired. */
function isLoggedIn(req: Request, token: string): boolean {
  const [until = '', proof = ''] = cookieOf(req)?.split('.') ?? [];
  return sameSecret(proof, proofOf(token, until)) && Number(until) > Date.now();
}

/** True when the client prefers HTML to JSON. */
export function isBrowser(req: Request): boolean {
  return req.accepts(['application/json', 'text/html']) === 'text/html';
}

/** Sets the login cookie. */
export function logIn(req: Request, res: Response, token: string): void {
  const until = String(Date.now() + LOGIN_MS);
  res.cookie(COOKIE, `${until}.${proofOf(token, until)}`, attributes(req));
}

/** Clears the login cookie. */
export function logOut(req: Request, res: Response): void {
  res.clearCookie(COOKIE, attributes(req));
}

/** Not readable by scripts or other sites; sent over https only if it was set over https. */
function attributes(req: Request) {
  return { httpOnly: true, sameSite: 'strict', secure: req.secure, path: '/' } as const;
}

/** Guards that require `SESSIONS_TOKEN`, for programs and for pages. */
export interface TokenGuards {
  api: RequestHandler;
  /** The same, but an unauthorised browser is redirected to the log-in form. */
  page: RequestHandler;
}

/**
 * Requires `SESSIONS_TOKEN` as Bearer, or for reading the login cookie; requires nothing while no token is set. The
 * cookie never allows a change, so that other sites can't make a browser change anything.
 *
 * Create it once: wrong tokens are counted per address, on all guarded paths together.
 *
 * Errors: `UNAUTHORIZED`, `RATE_LIMITED` (429, `Retry-After`) after too many wrong tokens; never for the right one.
 */
export function tokenGuards(token: string | undefined): TokenGuards {
  if (token === undefined) return { api: letThrough, page: letThrough };
  const refusal = wrongKeys();

  /** The refusal of a request; only one with a Bearer counts as a guess. */
  function refused(req: Request): GatewayError {
    return bearerOf(req) === undefined ? unauthorized() : refusal(req, unauthorized());
  }

  return {
    api: function requireSessionsToken(req, _res, next) {
      if (!isAuthorized(req, token)) throw refused(req);
      next();
    },
    page: function requireLogin(req, res, next) {
      if (isAuthorized(req, token)) return next();
      const error = refused(req);
      if (error.code === 'RATE_LIMITED' || !isBrowser(req)) throw error;
      res.set('Cache-Control', 'no-store').redirect(303, `/login?to=${encodeURIComponent(req.originalUrl)}`);
    },
  };
}

/** Requires nothing. */
const letThrough: RequestHandler = (_req, _res, next) => next();

/** True when the request has the token, or is a read with a login. */
function isAuthorized(req: Request, token: string): boolean {
  const isReading = req.method === 'GET' || req.method === 'HEAD';
  return sameSecret(bearerOf(req) ?? '', token) || (isReading && isLoggedIn(req, token));
}
