import type { z } from 'zod';
import {
  createDocument,
  type ZodOpenApiObject,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathsObject,
} from 'zod-openapi';
import type { ErrorCode } from '../../actors/domain/errors.ts';
import { type Access, type Operation, redirectTo } from '../operation.ts';
import { errorResponses, headerObjects, responseObject, TRACE_HEADER } from './responses.ts';

/** The version of the API. */
export const API_VERSION = '0.1.0';

type SecuritySchemes = 'agentKey' | 'sessionsToken';

/** What a document says of its API as a whole. */
export interface About {
  title: string;
  description: string;
  /** Where the operations are mounted. */
  server: string;
  /** Descriptions of the tags, in the order of the document. */
  tags: Record<string, string>;
  /** The error responses of an operation by status; in the format of the gateway by default. */
  errors?: typeof errorResponses;
  /** What the service posts to its callers. */
  webhooks?: NonNullable<ZodOpenApiObject['webhooks']>;
}

/** Without `SESSIONS_TOKEN` an operator needs nothing. */
const SECURITY: Record<Access, Partial<Record<SecuritySchemes, string[]>>[]> = {
  open: [],
  operator: [{}, { sessionsToken: [] }],
  page: [{}, { sessionsToken: [] }],
  agent: [{ agentKey: [] }],
};

const SCHEMES: Record<SecuritySchemes, string> = {
  agentKey: "The agent's API key.",
  sessionsToken: 'Wanted only when the service runs with `SESSIONS_TOKEN`.',
};

/** All error codes of an operation: those of its access and of its body come by themselves. */
function codesOf<Context>({ access, body, bodyTypes, codes = [] }: Operation<Context>): ErrorCode[] {
  const size: ErrorCode[] = codes.includes('MEDIA_TOO_LARGE') ? [] : ['PAYLOAD_TOO_LARGE'];
  return [
    ...(access === 'open' ? [] : (['UNAUTHORIZED'] as const)),
    ...codes,
    ...(body || bodyTypes ? ([...size, 'UNSUPPORTED_MEDIA_TYPE'] as const) : []),
  ];
}

/** A body as a document shows it. */
function requestBodyOf(types: Record<string, z.ZodType>, required: boolean) {
  const content = Object.entries(types).map(([type, schema]) => [type, { schema }] as const);
  return { ...(required && { required }), content: Object.fromEntries(content) };
}

/** One operation as its document shows it. */
function described<Context>(
  operation: Operation<Context>,
  errors: typeof errorResponses,
): ZodOpenApiOperationObject {
  const { operationId, summary, description, tag, access, params, query, requestHeaders, body } = operation;
  const { bodyType = 'application/json', readBody, responses, responseHeaders = {} } = operation;
  const { bodyTypes = body && { [bodyType]: body } } = operation;
  const redirect = access === 'page' && { 303: redirectTo('A browser without login is led to the form.') };
  const shared = headerObjects(responseHeaders);
  const success = Object.entries({ ...responses, ...redirect }).map(
    ([status, response]) => [status, responseObject(response)] as const,
  );
  const all = Object.entries({ ...Object.fromEntries(success), ...errors(codesOf(operation)) }).map(
    ([status, response]) => [
      status,
      { ...response, headers: { ...shared, ...response.headers, ...TRACE_HEADER } },
    ],
  );
  const requestParams = {
    ...(params && { path: params }),
    ...(query && { query }),
    ...(requestHeaders && { header: requestHeaders }),
  };
  return {
    operationId,
    summary,
    ...(description && { description }),
    tags: [tag],
    security: SECURITY[access],
    ...(Object.keys(requestParams).length > 0 && { requestParams }),
    ...(bodyTypes && { requestBody: requestBodyOf(bodyTypes, readBody !== undefined || body === undefined) }),
    responses: Object.fromEntries(all),
  };
}

/** The OpenAPI 3.1 document of a table of operations. */
export function operationsDocument<Context>(
  { title, description, server, tags, errors = errorResponses, webhooks }: About,
  operations: Operation<Context>[],
): ReturnType<typeof createDocument> {
  const names = Object.keys(tags);
  const paths: ZodOpenApiPathsObject = {};
  for (const operation of operations.toSorted((a, b) => names.indexOf(a.tag) - names.indexOf(b.tag)))
    paths[operation.path] = { ...paths[operation.path], [operation.method]: described(operation, errors) };
  const used = operations.flatMap(({ access }) => SECURITY[access].flatMap((scheme) => Object.keys(scheme)));
  const schemes = [...new Set(used as SecuritySchemes[])].sort().map((name) => {
    return [name, { type: 'http' as const, scheme: 'bearer', description: SCHEMES[name] }];
  });
  return createDocument({
    openapi: '3.1.0',
    info: {
      title,
      version: API_VERSION,
      description,
      license: { name: 'Proprietary', identifier: 'LicenseRef-Proprietary' },
    },
    servers: [{ url: server }],
    tags: names.map((name) => ({ name, description: tags[name] })),
    components: { securitySchemes: Object.fromEntries(schemes) },
    paths,
    ...(webhooks && { webhooks }),
  });
}
