import type { AgentView } from '../../actors/domain/agent-view.ts';
import type { StartOutcome } from '../../actors/domain/commands.ts';
import type { Answer } from '../resource.ts';

/** A restriction as answers and events show it, its times as ISO; null when there is none. */
export function restrictionData(restriction: AgentView['restriction']) {
  if (!restriction) return null;
  const { kind, since, until } = restriction;
  return { kind, since: new Date(since), ...(until !== undefined && { until: new Date(until) }) };
}

/** The part that all views of a session share; its endpoints are below `APP_BASE_URL`. */
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

/** A session in detail: its row without the key, and its connection. */
export function detailsBody(agent: AgentView, baseUrl: string) {
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

/** Mentions only a device that a log-out has left linked. */
export function unlinkedField(isUnlinked = true): { unlinked?: false } {
  return isUnlinked ? {} : { unlinked: false };
}

/** 202 while there is neither a QR nor readiness, 201 for a new record, else 200. */
export function startAnswer(start: StartOutcome, baseUrl: string): Answer {
  const status = start.outcome === 'pending' ? 202 : start.created ? 201 : 200;
  const qr = start.qr?.code;
  return {
    status,
    headers: status === 200 ? {} : { Location: `/sessions/${start.agent.agentId}` },
    body: { ...sessionBody(start.agent, baseUrl), qr, ...unlinkedField(start.isUnlinked) },
  };
}
