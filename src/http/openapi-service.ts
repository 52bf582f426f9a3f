import type { ZodOpenApiPathsObject } from 'zod-openapi';
import type { ErrorCode } from '../actors/errors.ts';
import { health, ready } from './answers.ts';
import { json, OPEN_OR_TOKEN, other, problems, redirect } from './openapi-responses.ts';

const tags = ['service'];

/** A page or file that is always there. */
function file(operationId: string, summary: string, type: string, codes: ErrorCode[] = []) {
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
    '/metrics': file('getMetrics', 'Metrics for Prometheus', 'text/plain'),
    '/openapi.json': file('getOpenApiJson', 'This document as JSON', 'application/json'),
    '/openapi.yaml': file('getOpenApiYaml', 'This document as YAML', 'application/yaml'),
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
