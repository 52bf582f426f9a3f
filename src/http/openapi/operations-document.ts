import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiPathsObject } from 'zod-openapi';
import type { Operation } from '../ports.ts';
import { withTraceHeader } from './document.ts';
import { json, OPEN_OR_TOKEN, other, problems } from './responses.ts';

/** One operation as its document shows it. */
function described<Context>(operation: Operation<Context>): ZodOpenApiOperationObject {
  const { operationId, summary, tag, params, query, body, answer, codes = [] } = operation;
  const success = 'json' in answer ? json('Done.', answer.json) : other('Done.', answer.type);
  const refusals = body ? (['PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'] as const) : [];
  return {
    operationId,
    summary,
    tags: [tag],
    security: OPEN_OR_TOKEN,
    requestParams: { ...(params && { path: params }), ...(query && { query }) },
    ...(body && { requestBody: { content: { 'application/json': { schema: body } } } }),
    responses: { 200: success, ...problems('UNAUTHORIZED', ...codes, ...refusals) },
  };
}

/** The OpenAPI 3.1 document of operations that are mounted at `server`. */
export function operationsDocument<Context>(
  about: { title: string; description: string; server: string; tags: Record<string, string> },
  operations: Operation<Context>[],
): ReturnType<typeof createDocument> {
  const paths: ZodOpenApiPathsObject = {};
  for (const operation of operations)
    paths[operation.path] = { ...paths[operation.path], [operation.method]: described(operation) };
  return createDocument({
    openapi: '3.1.0',
    info: {
      title: about.title,
      version: '0.1.0',
      description: about.description,
      license: { name: 'Proprietary', identifier: 'LicenseRef-Proprietary' },
    },
    servers: [{ url: about.server }],
    tags: Object.entries(about.tags).map(([name, description]) => ({ name, description })),
    components: {
      securitySchemes: {
        sessionsToken: {
          type: 'http',
          scheme: 'bearer',
          description: 'Wanted only when the service runs with `SESSIONS_TOKEN`.',
        },
      },
    },
    paths: withTraceHeader(paths),
  });
}
