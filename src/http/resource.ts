import type { RequestHandler, Response, Router } from 'express';
import { TEXTS } from '../actors/domain/error-texts.ts';
import { GatewayError } from '../actors/domain/errors.ts';
import { sendJson } from './send-json.ts';

type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

/** A handler's response; written by `sendAnswer`, kept by the idempotency store. */
export interface Answer {
  status: number;
  body: unknown;
  headers?: Record<string, string>;
}

/** The `Allow` header of a resource: `HEAD` comes with `GET`, `OPTIONS` is always answered. */
function allowOf(methods: Method[]): string {
  const names = methods.flatMap((method) => (method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()]));
  return [...names, 'OPTIONS'].join(', ');
}

/**
 * Mounts all methods of one path. Any other method is 405 `METHOD_NOT_ALLOWED` with `Allow`; `OPTIONS` is
 * answered with it.
 */
export function resource(
  router: Router,
  path: string,
  handlers: Partial<Record<Method, RequestHandler[]>>,
): void {
  const methods = Object.keys(handlers) as Method[];
  const allow = allowOf(methods);
  const route = router.route(path);
  for (const method of methods) route[method](...handlers[method]!);
  route.all((req, res) => {
    if (req.method === 'OPTIONS') {
      res.set('Allow', allow).status(204).end();
      return;
    }
    throw new GatewayError('METHOD_NOT_ALLOWED', TEXTS.METHOD_NOT_ALLOWED.allowed(allow), {
      details: { allow },
    });
  });
}

/** Writes a handler's response. */
export function sendAnswer(res: Response, { status, body, headers }: Answer): void {
  sendJson(res, status, body, headers);
}
