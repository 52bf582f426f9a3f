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
      inboundTypes: agent.settings.inboundTypes,
      aiMedia: agent.settings.aiMedia,
      debounceMs: agent.settings.debounceMs,
      debounceMaxMs: agent.settings.debounceMaxMs,
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
  return { ...summaryOf(agent), qr: qrOf(agent.qr), turns: turnsOf(agent), next: system.next(agentId) };
}

/** The chats whose messages are being answered, with what each waits for. */
function turnsOf({ turns: { count, first } }: AgentView) {
  return {
    count,
    first: first.map(({ chatId, since, until, ...turn }) => ({
      chat: maskedChat(chatId),
      ...turn,
      since: new Date(since),
      until: until === undefined ? undefined : new Date(until),
    })),
  };
}

/** The address of a chat with the last three digits of its number alone. */
function maskedChat(chatId: string): string {
  return chatId.replace(/^.*?(\d{0,3})@/, '•••$1@');
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
