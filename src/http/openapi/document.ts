import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiPathsObject } from 'zod-openapi';
import { agentOperations } from './agents.ts';
import { inspectorOperations } from './inspector.ts';
import { loginOperations } from './login.ts';
import { agentBodies, pairingCodeBody } from './request-schemas.ts';
import { codesTable, TRACE_HEADER } from './responses.ts';
import { withSamples } from './samples.ts';
import { serviceOperations } from './service.ts';
import { sessionOperations } from './sessions.ts';

const DESCRIPTION = `WhatsApp as an API. Every response carries \`X-Trace-Id\`; every 4xx and 5xx has one body,
\`{"error":{"code","message","traceId"}}\`. Branch on \`code\`, never on \`message\`.

A \`traceparent\` header (W3C) gives its trace id to the answer, the log and the AI call. An unknown path is
404 \`NOT_FOUND\`; a method that a path doesn't know is 405 \`METHOD_NOT_ALLOWED\` with \`Allow\`.

<details><summary>All error codes</summary>

${codesTable()}

</details>`;

/** Every operation gets the headers that all responses carry. */
export function withTraceHeader(paths: ZodOpenApiPathsObject): ZodOpenApiPathsObject {
  for (const item of Object.values(paths)) {
    for (const operation of Object.values(item) as ZodOpenApiOperationObject[]) {
      for (const response of Object.values(operation.responses)) {
        response.headers = { ...response.headers, ...TRACE_HEADER };
      }
    }
  }
  return paths;
}

/**
 * The OpenAPI 3.1 document, made from the very schemas that validate.
 *
 * @param serverUrl where the service is reached: `APP_BASE_URL`.
 */
export function openApiDocument(serverUrl: string): ReturnType<typeof createDocument> {
  const bodies = agentBodies((text) => text);
  const document = createDocument({
    openapi: '3.1.0',
    info: {
      title: 'WhatsApp gateway',
      version: '0.1.0',
      description: DESCRIPTION,
      license: { name: 'Proprietary', identifier: 'LicenseRef-Proprietary' },
    },
    servers: [{ url: serverUrl }],
    tags: [
      { name: 'sessions', description: 'Link agents with WhatsApp and watch them.' },
      { name: 'agents', description: "Send and answer as an agent, with the agent's key." },
      { name: 'inspector', description: 'What the inspector shows, for scripts; read only.' },
      { name: 'service', description: 'Health, metrics and this document.' },
    ],
    components: {
      securitySchemes: {
        agentKey: { type: 'http', scheme: 'bearer', description: "The agent's API key." },
        sessionsToken: {
          type: 'http',
          scheme: 'bearer',
          description: 'Wanted only when the service runs with `SESSIONS_TOKEN`.',
        },
      },
    },
    paths: withTraceHeader({
      ...sessionOperations(pairingCodeBody((text) => text)),
      ...agentOperations(bodies),
      ...inspectorOperations(),
      ...serviceOperations(),
      ...loginOperations(),
    }),
  });
  return withSamples(document, serverUrl);
}
