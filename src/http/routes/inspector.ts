import { TEXTS } from '../../actors/domain/error-texts.ts';
import { GatewayError } from '../../actors/domain/errors.ts';
import type { HttpContext } from '../context.ts';
import { isBrowser } from '../middleware/operator-auth.ts';
import { pageHeaders } from '../middleware/security-headers.ts';
import * as examples from '../openapi/examples.ts';
import {
  inspectedAgent,
  inspectedAgents,
  inspectorEventsQuery,
  lastEventId,
} from '../openapi/inspector-schemas.ts';
import { agentPath } from '../openapi/request-schemas.ts';
import { type Operation, operationOn, redirectTo } from '../operation.ts';
import { sendPage } from '../pages/web-files.ts';
import { EventStream } from '../sse/event-stream.ts';
import { streamAgent, streamAgents } from '../sse/inspector-streams.ts';
import { detailOf, summaryOf } from './inspector-views.ts';

const operation = operationOn<HttpContext>();
const api = { method: 'get', tag: 'inspector', access: 'operator' } as const;
const page = sendPage('inspector');

/** The inspector's page and its API, which is read only; `/` redirects browsers to the page. */
export const inspectorOperations: Operation<HttpContext>[] = [
  operation({
    method: 'get',
    path: '/',
    operationId: 'getHome',
    summary: 'Leads a browser to the inspector',
    tag: 'service',
    access: 'open',
    responses: { 303: redirectTo('The inspector, for a browser.') },
    codes: ['NOT_FOUND'],
    run: (_context, _input, res) => {
      if (!isBrowser(res.req)) throw new GatewayError('NOT_FOUND', TEXTS.NOT_FOUND.path);
      res.set('Cache-Control', 'no-store').redirect(303, '/inspector');
    },
  }),
  operation({
    method: 'get',
    path: '/inspector',
    operationId: 'getInspector',
    summary: 'The live state chart of every agent, as a page',
    tag: 'service',
    access: 'page',
    before: () => [pageHeaders],
    responses: {
      200: { description: 'The live state chart of every agent, as a page', types: { 'text/html': null } },
    },
    run: (_context, _input, res) => page(res),
  }),
  operation({
    ...api,
    path: '/inspector/api/agents',
    operationId: 'inspectAgents',
    summary: 'All agents as the inspector lists them',
    responses: {
      200: { description: 'All agents.', json: inspectedAgents, example: examples.inspectedAgents },
    },
    run: ({ system, settings }) => ({
      charts: { agent: system.charts.agent.hash, supervisor: system.charts.supervisor.hash },
      driver: settings.WHATSAPP_DRIVER,
      hasLogin: settings.SESSIONS_TOKEN !== undefined,
      agents: system.list().map(summaryOf),
    }),
  }),
  operation({
    ...api,
    path: '/inspector/api/agents/{agentId}',
    operationId: 'inspectAgent',
    summary: 'One agent: live states, what led there, what can happen next',
    params: agentPath,
    responses: { 200: { description: 'The agent.', json: inspectedAgent, example: examples.inspectedAgent } },
    codes: ['SESSION_NOT_FOUND'],
    run: ({ system }, { params: { agentId } }) => ({
      ...detailOf(system, agentId),
      history: system.history(agentId),
    }),
  }),
  operation({
    ...api,
    path: '/inspector/api/events',
    operationId: 'watchAgents',
    summary: 'Server-Sent Events for the inspector',
    description:
      'Without `agentId`: `agents` (`{agents, complete}`; first all of them, then those that changed) and ' +
      '`removed`. With it: `agent` (the agent without its history), `record` (one `TransitionRecord`, its ' +
      '`seq` as id), `removed`, and `reset` when numbering has restarted. At most ten frames a second; a ' +
      'comment every 15 s. `Last-Event-ID`, or `after`, brings what came since, of the newest 200 records.',
    query: inspectorEventsQuery,
    before: ({ streams }) => [streams],
    responses: { 200: { description: 'The stream.', types: { 'text/event-stream': examples.removedFrame } } },
    codes: ['SESSION_NOT_FOUND', 'RATE_LIMITED', 'SHUTTING_DOWN'],
    run: ({ system, stopping }, { query: { agentId, after } }, res) => {
      if (agentId === undefined) return streamAgents(system, new EventStream(res, stopping));
      system.describe(agentId);
      const lastSeq = lastEventId(res.req.headers['last-event-id']) ?? after ?? null;
      streamAgent(system, agentId, lastSeq, new EventStream(res, stopping));
    },
  }),
];
