import { Router } from 'express';
import { GatewayError } from '../../actors/domain/errors.ts';
import { problemBody, problemHeaders, statusOf } from '../middleware/error-handler.ts';
import { traceIdOf } from '../middleware/trace.ts';
import { openApiDocument } from '../openapi/document.ts';
import type { HttpDeps } from '../ports.ts';
import { type Answer, resource, sendAnswer } from '../resource.ts';
import { documentRoutes } from './documents.ts';

/** 200 when every dependency is `ok`; else the contract's 503 that says which one is not. */
function readyAnswer(dependencies: Record<string, string>, traceId: string): Answer {
  const down = Object.keys(dependencies).filter((name) => dependencies[name] !== 'ok');
  if (down.length === 0) return { status: 200, body: { status: 'ok', dependencies } };
  const error = new GatewayError(
    down.includes('database') ? 'DATABASE_UNAVAILABLE' : 'SHUTTING_DOWN',
    `Not ready: ${down.join(', ')}.`,
    { details: { dependencies } },
  );
  return { status: statusOf(error), headers: problemHeaders(error), body: problemBody(error, traceId) };
}

/** `/health`, `/readyz`, `/metrics` and the OpenAPI document (SPEC §3 Service). */
export function serviceRoutes({ readiness, metricsText, settings }: HttpDeps): Router {
  const router = Router({ caseSensitive: true });

  resource(router, '/health', {
    get: [
      (_req, res) => {
        const body = { status: 'ok', uptime: process.uptime(), timestamp: new Date().toISOString() };
        sendAnswer(res, { status: 200, body });
      },
    ],
  });
  resource(router, '/readyz', {
    get: [
      async (_req, res) => {
        sendAnswer(res, readyAnswer(await readiness(), traceIdOf(res)));
      },
    ],
  });
  resource(router, '/metrics', {
    get: [
      async (_req, res) => {
        const { contentType, body } = await metricsText();
        res.set({ 'Content-Type': contentType, 'Cache-Control': 'no-store' }).send(body);
      },
    ],
  });
  router.use(documentRoutes(() => openApiDocument(settings.APP_BASE_URL)));
  return router;
}
