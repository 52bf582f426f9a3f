import type { AgentView, QrView } from '../../actors/domain/agent-view.ts';
import type { GatewayApi } from '../../actors/domain/gateway-api.ts';
import { restrictionData } from './session-views.ts';

// What the inspector shows of an agent: everything that explains a lifecycle, no key, no text of a message.

/** One row of the inspector's table. */
export function summaryOf(agent: AgentView) {
  const { agentId, agentName, userId, status, states, supervisorStates, reason, mailbox, supervisor } = agent;
  const { nextStartAt, restarts, lastError } = supervisor;
  return {
    agentId,
    agentName,
    userId,
    status,
    states,
    supervisorStates,
    since: new Date(agent.since),
    reason,
    mailbox: {
      mode: mailbox.mode,
      depth: mailbox.depth,
      capacity: mailbox.capacity,
      tokens: mailbox.tokens,
    },
    supervisor: {
      restarts,
      lastError,
      nextStartAt: nextStartAt === undefined ? undefined : new Date(nextStartAt),
    },
    hasQr: agent.qr !== null,
    chats: agent.chats,
    settings: {
      handoverMinutes: agent.settings.handoverMinutes,
      ignored: agent.settings.ignore.length,
      replyDelayMs: agent.settings.replyDelay.perCharacterMs && agent.settings.replyDelay.maxMs,
    },
    whatsapp: agent.live.whatsapp,
    restriction: restrictionData(agent.restriction),
  };
}

export type Summary = ReturnType<typeof summaryOf>;

/** One agent at this moment, with what can happen next. @throws GatewayError `SESSION_NOT_FOUND` */
export function detailOf(system: GatewayApi, agentId: string) {
  const agent = system.describe(agentId);
  return { ...summaryOf(agent), qr: qrOf(agent.qr), next: system.next(agentId) };
}

/** A QR with its times as ISO, or null. */
function qrOf(qr: QrView | null) {
  if (!qr) return null;
  const { code, issuedAt, expiresAt } = qr;
  return {
    code,
    issuedAt: new Date(issuedAt),
    expiresAt: expiresAt === undefined ? null : new Date(expiresAt),
  };
}
