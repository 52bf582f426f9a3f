import type { Request, RequestHandler } from 'express';
import type { Logger } from 'pino';
import type { HttpObserver } from '../ports.ts';
import { addressOf } from './ip-rate-limit.ts';
import { traceIdOf } from './trace.ts';

/** The pattern of the route that answered, never the raw path: few values, and no id in a label. */
function routeOf(req: Request): string {
  const path: unknown = req.route?.path;
  return typeof path === 'string' ? `${req.baseUrl}${path}` : 'unmatched';
}

/** One log line and one observation per request, when its response has ended or its client has disconnected. */
export function accessLog(logger: Logger, observer?: HttpObserver): RequestHandler {
  return function logAccess(req, res, next) {
    const start = performance.now();
    // Read now: a closed connection has no address.
    const ip = addressOf(req);
    observer?.onStart();
    res.once('close', () => {
      const seconds = (performance.now() - start) / 1_000;
      const route = routeOf(req);
      // 499: the client disconnected before the response.
      const status = res.headersSent ? res.statusCode : 499;
      observer?.onRequest(route, req.method, status, seconds);
      const level = route === '/health' || route === '/metrics' || route === '/readyz' ? 'debug' : 'info';
      logger[level]({
        event: 'http.request',
        traceId: traceIdOf(res),
        agentId: res.locals.agentId,
        ip,
        method: req.method,
        route,
        status,
        code: res.locals.errorCode,
        durationMs: Math.round(seconds * 1000),
      });
    });
    next();
  };
}
