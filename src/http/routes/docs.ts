import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import type { HttpContext } from '../context.ts';
import { pageHeaders } from '../middleware/security-headers.ts';
import { type Operation, operationOn } from '../operation.ts';
import { docsPage, docsScript } from '../pages/docs-page.ts';

const ASSETS = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));

const operation = operationOn<HttpContext>();
const page = { method: 'get', tag: 'service', access: 'page', before: () => [pageHeaders] } as const;

/** A file of Swagger UI. */
function asset(file: string, operationId: string, type: string): Operation<HttpContext> {
  return operation({
    ...page,
    path: `/docs/${file}`,
    operationId,
    summary: 'A file of the page',
    responses: { 200: { description: 'A file of the page', types: { [type]: null } } },
    run: (_context, _input, res) => res.sendFile(file, { root: ASSETS, maxAge: '1h', etag: false }),
  });
}

/** `/docs`: Swagger UI from this origin alone, under a policy without inline scripts; works offline. */
export const docsOperations: Operation<HttpContext>[] = [
  operation({
    ...page,
    path: '/docs',
    operationId: 'getDocs',
    summary: 'This document as a page',
    responses: { 200: { description: 'This document as a page', types: { 'text/html': null } } },
    run: ({ edition }, _input, res) => void res.type('html').send(docsPage(edition)),
  }),
  operation({
    ...page,
    path: '/docs/start.js',
    operationId: 'getDocsStart',
    summary: 'A file of the page',
    responses: { 200: { description: 'A file of the page', types: { 'text/javascript': null } } },
    run: ({ edition }, _input, res) => void res.type('js').send(docsScript(edition)),
  }),
  asset('swagger-ui.css', 'getDocsStyle', 'text/css'),
  asset('swagger-ui-bundle.js', 'getDocsScript', 'text/javascript'),
  asset('favicon-32x32.png', 'getDocsIcon', 'image/png'),
];
