import { TEXTS } from '../../actors/domain/error-texts.ts';
import { GatewayError } from '../../actors/domain/errors.ts';
import type { HttpContext } from '../context.ts';
import { problemBody, problemHeaders, statusOf } from '../middleware/error-handler.ts';
import { traceIdOf } from '../middleware/trace.ts';
import { health, ready } from '../openapi/response-schemas.ts';
import { type Operation, operationOn } from '../operation.ts';
import { type Answer, sendAnswer } from '../resource.ts';

const operation = operationOn<HttpContext>();
const service = { method: 'get', tag: 'service', access: 'open' } as const;
const METRICS = '# HELP wa_ready 1 while the service takes requests.\n# TYPE wa_ready gauge\nwa_ready 1\n';

/** 200 when every dependency is `ok`; else 503 that names the failing ones. */
function readyAnswer(dependencies: Record<string, string>, traceId: string): Answer {
  const down = Object.keys(dependencies).filter((name) => dependencies[name] !== 'ok');
  if (down.length === 0) return { status: 200, body: { status: 'ok', dependencies } };
  const error = new GatewayError(
    down.includes('database') ? 'DATABASE_UNAVAILABLE' : 'SHUTTING_DOWN',
    TEXTS.DATABASE_UNAVAILABLE.notReady(down),
    { details: { dependencies } },
  );
  return { status: statusOf(error), headers: problemHeaders(error), body: problemBody(error, traceId) };
}

/** `/health`, `/readyz` and `/metrics`. */
export const serviceOperations: Operation<HttpContext>[] = [
  operation({
    ...service,
    path: '/health',
    operationId: 'getHealth',
    summary: 'The process answers',
    responses: {
      200: {
        description: 'Alive.',
        json: health,
        example: { status: 'ok', uptime: 12.5, timestamp: '2025-11-07T08:00:00.000Z' },
      },
    },
    run: () => ({ status: 'ok', uptime: process.uptime(), timestamp: new Date().toISOString() }),
  }),
  operation({
    ...service,
    path: '/readyz',
    operationId: 'getReadiness',
    summary: 'Every dependency answers; an agent that is down never fails it',
    responses: {
      200: {
        description: 'Ready.',
        json: ready,
        example: { status: 'ok', dependencies: { database: 'ok' } },
      },
    },
    codes: ['DATABASE_UNAVAILABLE', 'SHUTTING_DOWN'],
    run: async ({ readiness }, _input, res) =>
      sendAnswer(res, readyAnswer(await readiness(), traceIdOf(res))),
  }),
  operation({
    ...service,
    path: '/metrics',
    operationId: 'getMetrics',
    summary: 'Metrics for Prometheus',
    responses: { 200: { description: 'Metrics for Prometheus', types: { 'text/plain': METRICS } } },
    run: async ({ metricsText }, _input, res) => {
      const { contentType, body } = await metricsText();
      res.set({ 'Content-Type': contentType, 'Cache-Control': 'no-store' }).send(body);
    },
  }),
];
