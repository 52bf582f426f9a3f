import { createHmac } from 'node:crypto';
import type { Request, RequestHandler, Response } from 'express';
import type { GatewayError } from '../../actors/domain/errors.ts';
import { bearerOf, sameSecret, unauthorized } from './agent-auth.ts';
import { wrongKeys } from './wrong-keys.ts';

const COOKIE = 'gateway_login';
/** A login ends with the browser, and after twelve hours at the latest. */
const LOGIN_MS = 12 * 3_600_000;

/** What proves that `SESSIONS_TOKEN` was known: made from it, so that nothing has to be stored. */
function proofOf(token: string, until: string): string {
  return createHmac('sha256', token).update(`login until ${until}`).digest('base64url');
}

/** The login cookie of a request, or undefined. */
function cookieOf(req: Request): string | undefined {
  const pairs = (req.headers.cookie ?? '').split(/; */);
  return pairs.find((pair) => pair.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1);
}

/** True for a cookie of ours that still holds. */
function isLoggedIn(req: Request, token: string): boolean {
  const [until = '', proof = ''] = cookieOf(req)?.split('.') ?? [];
  return sameSecret(proof, proofOf(token, until)) && Number(until) > Date.now();
}

/** True when the request is a person's, who would rather see a page than JSON. */
export function isBrowser(req: Request): boolean {
  return req.accepts(['application/json', 'text/html']) === 'text/html';
}

/** Gives the browser its login. */
export function logIn(req: Request, res: Response, token: string): void {
  const until = String(Date.now() + LOGIN_MS);
  res.cookie(COOKIE, `${until}.${proofOf(token, until)}`, attributes(req));
}

/** Takes it away. */
export function logOut(req: Request, res: Response): void {
  res.clearCookie(COOKIE, attributes(req));
}

/** Out of reach of scripts and of other sites; over https only, where it came over https. */
function attributes(req: Request) {
  return { httpOnly: true, sameSite: 'strict', secure: req.secure, path: '/' } as const;
}

/** The two ways to want `SESSIONS_TOKEN`: of a program, and of a person who looks at a page. */
export interface TokenGuards {
  api: RequestHandler;
  /** The same, but a browser that may not see the page is led to the log-in form. */
  page: RequestHandler;
}

/**
 * Wants `SESSIONS_TOKEN` as Bearer, or for reading the cookie of the login; without a token set, lets everyone
 * through. The cookie never allows a change, so no other site can have a browser make one.
 *
 * Make them once: wrong tokens are counted per address, on all guarded paths together.
 *
 * Errors: `UNAUTHORIZED`, `RATE_LIMITED` (429, `Retry-After`) after too many wrong tokens; never for the right one.
 */
export function tokenGuards(token: string | undefined): TokenGuards {
  if (token === undefined) return { api: letThrough, page: letThrough };
  const refusal = wrongKeys();

  /** The error of a request that may not see; one without a Bearer has guessed nothing. */
  function refused(req: Request): GatewayError {
    return bearerOf(req) === undefined ? unauthorized() : refusal(req, unauthorized());
  }

  return {
    api: function requireSessionsToken(req, _res, next) {
      if (!maySee(req, token)) throw refused(req);
      next();
    },
    page: function requireLogin(req, res, next) {
      if (maySee(req, token)) return next();
      const error = refused(req);
      if (error.code === 'RATE_LIMITED' || !isBrowser(req)) throw error;
      res.set('Cache-Control', 'no-store').redirect(303, `/login?to=${encodeURIComponent(req.originalUrl)}`);
    },
  };
}

/** The guard of what is open. */
const letThrough: RequestHandler = (_req, _res, next) => next();

/** True when the request shows the token, or reads with a login. */
function maySee(req: Request, token: string): boolean {
  const isReading = req.method === 'GET' || req.method === 'HEAD';
  return sameSecret(bearerOf(req) ?? '', token) || (isReading && isLoggedIn(req, token));
}
