import type { createDocument } from 'zod-openapi';
import type { HttpContext } from '../context.ts';
import type { Operation } from '../operation.ts';
import { operations } from '../operations.ts';
import { operationsDocument } from './operations-document.ts';
import { codesTable } from './responses.ts';
import { withSamples } from './samples.ts';
import { webhookEvents } from './webhook-events.ts';

const DESCRIPTION = `WhatsApp as an API. Every response carries \`X-Trace-Id\`; every 4xx and 5xx has one body,
\`{"error":{"code","message","traceId"}}\`. Branch on \`code\`, never on \`message\`.

A \`traceparent\` header (W3C) gives its trace id to the answer, the log and the AI call. An unknown path is
404 \`NOT_FOUND\`; a method that the path does not allow is 405 \`METHOD_NOT_ALLOWED\` with \`Allow\`.

<details><summary>All error codes</summary>

${codesTable()}

</details>`;

const TAGS = {
  sessions: 'Link agents with WhatsApp and watch them.',
  agents: "Send and answer as an agent, with the agent's key.",
  inspector: 'What the inspector shows, for scripts; read only.',
  service: 'Health, metrics and this document.',
};

/**
 * The gateway's OpenAPI 3.1 document.
 *
 * @param serverUrl where the service is reached: `APP_BASE_URL`.
 */
export function openApiDocument(
  serverUrl: string,
  table: Operation<HttpContext>[] = operations((text) => text),
): ReturnType<typeof createDocument> {
  const about = {
    ...{ title: 'WhatsApp gateway', description: DESCRIPTION, server: serverUrl, tags: TAGS },
    webhooks: webhookEvents(),
  };
  return withSamples(operationsDocument(about, table), serverUrl);
}
