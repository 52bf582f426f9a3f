import { type RequestHandler, Router } from 'express';
import QRCode from 'qrcode';
import type { AgentView } from '../../actors/domain/agent-view.ts';
import { GatewayError } from '../../actors/domain/errors.ts';
import type { GatewayApi, StartOutcome } from '../../actors/domain/gateway-api.ts';
import type { EdgeDeps } from '../context.ts';
import { createAdmission } from '../middleware/create-limits.ts';
import { BODY_LIMITS, jsonBody, parseWith } from '../middleware/json-body.ts';
import { traceIdOf } from '../middleware/trace.ts';
import { agentPath, createSessionBody } from '../openapi/request-schemas.ts';
import { type Answer, resource, sendAnswer } from '../resource.ts';
import { restrictionData } from './restriction-data.ts';
import { streamEvents } from './session-events.ts';
import { linkingRoutes } from './session-linking.ts';

/** What every view of a session begins with; the endpoints are made from `APP_BASE_URL`. */
function sessionBody(agent: AgentView, baseUrl: string) {
  const base = `${baseUrl}/agents/${agent.agentId}`;
  const { isConnected, sessionState, isReady, hasClient } = agent.live;
  return {
    userId: agent.userId,
    agentId: agent.agentId,
    agentName: agent.agentName,
    status: agent.status,
    endpoints: { run: `${base}/run`, messages: `${base}/messages`, media: `${base}/media` },
    live: { isConnected, sessionState, isReady, hasClient },
  };
}

/** A URL of the AI without what may be secret in it: credentials, query and fragment. */
function shownUrl(url: string | null): string | null {
  if (url === null) return null;
  const { protocol, host, pathname } = URL.canParse(url) ? new URL(url) : { protocol: '' };
  return /^https?:$/.test(protocol) ? `${protocol}//${host}${pathname}` : 'not an http(s) URL';
}

/** Everything to be told of a session: the row without its key, and the live side. */
function detailsBody(agent: AgentView, baseUrl: string) {
  const { depth, capacity, tokens } = agent.mailbox;
  const { restarts, lastError, nextStartAt } = agent.supervisor;
  const body = sessionBody(agent, baseUrl);
  return {
    ...body,
    live: { ...body.live, whatsapp: agent.live.whatsapp },
    restriction: restrictionData(agent.restriction),
    reason: agent.reason,
    states: agent.states,
    since: new Date(agent.since),
    endpointUrlRun: shownUrl(agent.endpointUrlRun),
    lastConnectedAt: agent.lastConnectedAt,
    lastDisconnectedAt: agent.lastDisconnectedAt,
    createdAt: agent.createdAt,
    updatedAt: agent.updatedAt,
    mailbox: { depth, capacity, tokens },
    supervisor: {
      restarts,
      lastError,
      nextStartAt: nextStartAt === undefined ? undefined : new Date(nextStartAt),
    },
  };
}

/** Only a device that a log-out has left linked is mentioned. */
function unlinkedField(isUnlinked = true): { unlinked?: false } {
  return isUnlinked ? {} : { unlinked: false };
}

/** 202 while neither QR nor readiness is there, 201 for a new record, else 200. */
function startAnswer(start: StartOutcome, baseUrl: string): Answer {
  const status = start.outcome === 'pending' ? 202 : start.created ? 201 : 200;
  const qr = start.qr?.code;
  return {
    status,
    headers: status === 200 ? {} : { Location: `/sessions/${start.agent.agentId}` },
    body: { ...sessionBody(start.agent, baseUrl), qr, ...unlinkedField(start.isUnlinked) },
  };
}

/** The QR of this moment as PNG, SVG or its bare text, by `Accept`; PNG for whoever takes none of them. */
function qrHandler(system: GatewayApi): RequestHandler {
  return async function showQr(req, res) {
    const { agentId } = parseWith(agentPath, req.params);
    const { code } = system.qr(agentId);
    res.set({ 'Cache-Control': 'no-store', Vary: 'Accept' });
    switch (req.accepts(['image/png', 'image/svg+xml', 'text/plain'])) {
      case 'image/svg+xml':
        res.type('image/svg+xml').send(await QRCode.toString(code, { type: 'svg' }));
        break;
      case 'text/plain':
        res.type('text/plain').send(code);
        break;
      default:
        res.type('image/png').send(await QRCode.toBuffer(code, { width: 512 }));
    }
  };
}

/** `/sessions*` (SPEC §3): open, unless `SESSIONS_TOKEN` is set. */
export function sessionRoutes(deps: EdgeDeps): Router {
  const { system, settings, stopping, guards, streams } = deps;
  const router = Router({ caseSensitive: true });
  const guard = guards.api;
  const baseUrl = settings.APP_BASE_URL;
  const admission = createAdmission(system, settings);

  resource(router, '/sessions', {
    get: [
      guard,
      (_req, res) => {
        const sessions = system.list().map((agent) => detailsBody(agent, baseUrl));
        sendAnswer(res, { status: 200, body: { sessions } });
      },
    ],
    post: [
      guard,
      jsonBody(BODY_LIMITS.sessions),
      async (req, res) => {
        const { apikey, ...spec } = parseWith(createSessionBody, req.body);
        const create = () => system.create({ ...spec, apiKey: apikey }, traceIdOf(res));
        const start = await admission.create(req, spec.agentId, create);
        sendAnswer(res, startAnswer(start, baseUrl));
      },
    ],
  });

  resource(router, '/sessions/:agentId', {
    get: [
      guard,
      (req, res) => {
        const { agentId } = parseWith(agentPath, req.params);
        sendAnswer(res, { status: 200, body: detailsBody(system.describe(agentId), baseUrl) });
      },
    ],
    delete: [
      guard,
      async (req, res) => {
        const { agentId } = parseWith(agentPath, req.params);
        const { isUnlinked } = await system.remove(agentId, traceIdOf(res));
        sendAnswer(res, { status: 200, body: { agentId, deleted: true, ...unlinkedField(isUnlinked) } });
      },
    ],
  });

  resource(router, '/sessions/:agentId/reconnect', {
    post: [
      guard,
      async (req, res) => {
        const { agentId } = parseWith(agentPath, req.params);
        const reconnect = () => system.reconnect(agentId, traceIdOf(res));
        const start = await admission.restart(req, agentId, reconnect);
        sendAnswer(res, startAnswer(start, baseUrl));
      },
    ],
  });

  resource(router, '/sessions/:agentId/qr', { get: [guard, qrHandler(system)] });

  resource(router, '/sessions/:agentId/events', {
    get: [
      guard,
      streams,
      (req, res) => {
        const { agentId } = parseWith(agentPath, req.params);
        if (stopping?.aborted) throw new GatewayError('SHUTTING_DOWN', 'The service is stopping.');
        streamEvents(system, agentId, res, stopping);
      },
    ],
  });

  linkingRoutes(router, deps);
  return router;
}
