import { Router } from 'express';
import { GatewayError } from '../../actors/domain/errors.ts';
import type { EdgeDeps } from '../context.ts';
import { parseWith } from '../middleware/json-body.ts';
import { isBrowser } from '../middleware/operator-auth.ts';
import { pageHeaders } from '../middleware/security-headers.ts';
import { inspectorEventsQuery, lastEventId } from '../openapi/inspector-schemas.ts';
import { agentPath } from '../openapi/request-schemas.ts';
import { sendPage } from '../pages/built-pages.ts';
import { resource, sendAnswer } from '../resource.ts';
import { EventStream } from '../sse/event-stream.ts';
import { streamAgent, streamAgents } from '../sse/inspector-streams.ts';
import { detailOf, summaryOf } from './inspector-views.ts';

/**
 * `GET /inspector`: the live state chart of every agent, for people (SPEC §3), and what the page is fed with. Read
 * only; whoever may see `/sessions*` may see this. A person who comes to `/` is led here.
 */
export function inspectorRoutes({ system, settings, stopping, guards, streams }: EdgeDeps): Router {
  const router = Router({ caseSensitive: true });
  const guard = guards.api;

  resource(router, '/', {
    get: [
      (req, res) => {
        if (!isBrowser(req)) throw new GatewayError('NOT_FOUND', 'There is no such path.');
        res.set('Cache-Control', 'no-store').redirect(303, '/inspector');
      },
    ],
  });

  resource(router, '/inspector', {
    get: [guards.page, pageHeaders, sendPage('inspector')],
  });

  resource(router, '/inspector/api/agents', {
    get: [
      guard,
      (_req, res) => {
        const charts = { agent: system.charts.agent.hash, supervisor: system.charts.supervisor.hash };
        const agents = system.list().map(summaryOf);
        const { WHATSAPP_DRIVER: driver, SESSIONS_TOKEN } = settings;
        const hasLogin = SESSIONS_TOKEN !== undefined;
        sendAnswer(res, { status: 200, body: { charts, driver, hasLogin, agents } });
      },
    ],
  });

  resource(router, '/inspector/api/agents/:agentId', {
    get: [
      guard,
      (req, res) => {
        const { agentId } = parseWith(agentPath, req.params);
        const body = { ...detailOf(system, agentId), history: system.history(agentId) };
        sendAnswer(res, { status: 200, body });
      },
    ],
  });

  resource(router, '/inspector/api/events', {
    get: [
      guard,
      streams,
      (req, res) => {
        const { agentId, after } = parseWith(inspectorEventsQuery, req.query);
        if (stopping?.aborted) throw new GatewayError('SHUTTING_DOWN', 'The service is stopping.');
        if (agentId === undefined) return streamAgents(system, new EventStream(res, stopping));
        system.describe(agentId);
        const lastSeq = lastEventId(req.headers['last-event-id']) ?? after ?? null;
        streamAgent(system, agentId, lastSeq, new EventStream(res, stopping));
      },
    ],
  });

  return router;
}
