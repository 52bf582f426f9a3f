import { z } from 'zod';
import type { ZodOpenApiPathsObject } from 'zod-openapi';
import type { ErrorCode } from '../../actors/domain/errors.ts';
import { health, ready } from './response-schemas.ts';
import { json, OPEN_OR_TOKEN, other, problems, redirect } from './responses.ts';

const tags = ['service'];
const INFO = { title: 'WhatsApp gateway', version: '0.1.0' };
const METRICS = '# HELP wa_ready 1 while the service takes requests.\n# TYPE wa_ready gauge\nwa_ready 1\n';
const openApi = z
  .looseObject({
    openapi: z.literal('3.1.0'),
    info: z.looseObject({ title: z.string(), version: z.string() }),
  })
  .meta({ id: 'OpenApi' });

/** A page or file that is always there; `type` with an example where it is a text. */
function file(
  operationId: string,
  summary: string,
  type: string | [type: string, example: string],
  codes: ErrorCode[] = [],
) {
  const security = codes.includes('UNAUTHORIZED') ? OPEN_OR_TOKEN : [];
  const responses = {
    200: other(summary, type),
    ...(codes.includes('UNAUTHORIZED') && { 303: redirect('A browser without login is led to the form.') }),
    ...problems(...codes),
  };
  return { get: { operationId, summary, tags, security, responses } };
}

/** The operations of the service itself. */
export function serviceOperations(): ZodOpenApiPathsObject {
  return {
    '/health': {
      get: {
        operationId: 'getHealth',
        summary: 'The process answers',
        tags,
        security: [],
        responses: {
          200: json('Alive.', health, { status: 'ok', uptime: 12.5, timestamp: '2025-11-07T08:00:00.000Z' }),
          ...problems(),
        },
      },
    },
    '/readyz': {
      get: {
        operationId: 'getReadiness',
        summary: 'Every dependency answers; an agent that is down never fails it',
        tags,
        security: [],
        responses: {
          200: json('Ready.', ready, { status: 'ok', dependencies: { database: 'ok' } }),
          ...problems('DATABASE_UNAVAILABLE', 'SHUTTING_DOWN'),
        },
      },
    },
    '/metrics': file('getMetrics', 'Metrics for Prometheus', ['text/plain', METRICS]),
    '/openapi.json': {
      get: {
        operationId: 'getOpenApiJson',
        summary: 'This document as JSON',
        tags,
        security: [],
        responses: { 200: json('The document.', openApi, { openapi: '3.1.0', info: INFO }), ...problems() },
      },
    },
    '/openapi.yaml': file('getOpenApiYaml', 'This document as YAML', [
      'application/yaml',
      'openapi: 3.1.0\n',
    ]),
    '/': {
      get: {
        operationId: 'getHome',
        summary: 'Leads a browser to the inspector',
        tags,
        security: [],
        responses: { 303: redirect('The inspector, for a browser.'), ...problems('NOT_FOUND') },
      },
    },
    '/inspector': file('getInspector', 'The live state chart of every agent, as a page', 'text/html', [
      'UNAUTHORIZED',
    ]),
    '/docs': file('getDocs', 'This document as a page', 'text/html', ['UNAUTHORIZED']),
    '/docs/start.js': file('getDocsStart', 'A file of the page', 'text/javascript', ['UNAUTHORIZED']),
    '/docs/swagger-ui.css': file('getDocsStyle', 'A file of the page', 'text/css', ['UNAUTHORIZED']),
    '/docs/swagger-ui-bundle.js': file('getDocsScript', 'A file of the page', 'text/javascript', [
      'UNAUTHORIZED',
    ]),
    '/docs/favicon-32x32.png': file('getDocsIcon', 'A file of the page', 'image/png', ['UNAUTHORIZED']),
  };
}
