import type { ZodOpenApiPathsObject } from 'zod-openapi';
import * as examples from './examples.ts';
import {
  inspectedAgent,
  inspectedAgents,
  inspectorEventsQuery,
  statechartQuery,
} from './inspector-schemas.ts';
import { agentPath } from './request-schemas.ts';
import { json, OPEN_OR_TOKEN, other, problems } from './responses.ts';

const security = OPEN_OR_TOKEN;
const tags = ['inspector'];

/** The operations of the inspector and of the drawn chart. */
export function inspectorOperations(): ZodOpenApiPathsObject {
  return {
    '/sessions/{agentId}/statechart': {
      get: {
        operationId: 'drawSession',
        summary: 'The state chart with the live states lit: SVG, or mermaid text by the Accept header',
        tags: ['sessions'],
        security,
        requestParams: { path: agentPath, query: statechartQuery },
        responses: {
          200: other(
            'The chart.',
            ['image/svg+xml', '<svg xmlns="http://www.w3.org/2000/svg">…</svg>'],
            ['text/vnd.mermaid', examples.mermaid],
            ['text/plain', examples.mermaid],
          ),
          ...problems('UNAUTHORIZED', 'SESSION_NOT_FOUND'),
        },
      },
    },
    '/inspector/api/agents': {
      get: {
        operationId: 'inspectAgents',
        summary: 'All agents as the inspector lists them',
        tags,
        security,
        responses: {
          200: json('All agents.', inspectedAgents, examples.inspectedAgents),
          ...problems('UNAUTHORIZED'),
        },
      },
    },
    '/inspector/api/agents/{agentId}': {
      get: {
        operationId: 'inspectAgent',
        summary: 'One agent: live states, what led there, what can happen next',
        tags,
        security,
        requestParams: { path: agentPath },
        responses: {
          200: json('The agent.', inspectedAgent, examples.inspectedAgent),
          ...problems('UNAUTHORIZED', 'SESSION_NOT_FOUND'),
        },
      },
    },
    '/inspector/api/events': {
      get: {
        operationId: 'watchAgents',
        summary: 'Server-Sent Events for the inspector',
        description:
          'Without `agentId`: `agents` (`{agents, complete}`; first all of them, then those that changed) and ' +
          '`removed`. With it: `agent` (the agent without its history), `record` (one `TransitionRecord`, its ' +
          '`seq` as id), `removed`, and `reset` when the numbers began anew. At most ten frames a second; a ' +
          'comment every 15 s. `Last-Event-ID`, or `after`, brings what came since, of the newest 200 records.',
        tags,
        security,
        requestParams: { query: inspectorEventsQuery },
        responses: {
          200: other('The stream.', ['text/event-stream', examples.removedFrame]),
          ...problems('UNAUTHORIZED', 'SESSION_NOT_FOUND', 'RATE_LIMITED', 'SHUTTING_DOWN'),
        },
      },
    },
  };
}
