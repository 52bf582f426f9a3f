import type { EventEmitter } from 'eventemitter3';
import type { Logger } from 'pino';
import type { GatewayEvents } from '../../actors/domain/gateway-events.ts';
import { subscribe } from '../../actors/domain/subscribe.ts';

/** One listener per event; each writes at most one line. */
type Listeners = Partial<GatewayEvents>;

/**
 * Writes the gateway's events as log lines, at most one each, with an `event` of the vocabulary (docs/logs.md).
 *
 * No line holds a phone number or a text: only ids, kinds, codes and times.
 * @returns the function that stops it
 */
export function logGateway(events: EventEmitter<GatewayEvents>, logger: Logger): () => void {
  return subscribe(events, {
    ...sessionListeners(logger),
    ...whatsAppListeners(logger),
    ...trafficListeners(logger),
  });
}

/** Lines about the life of the agents. */
function sessionListeners(logger: Logger): Listeners {
  return {
    added: (agentId, traceId) => logger.info({ event: 'session.added', traceId, agentId }),
    removed: (agentId, traceId) => logger.info({ event: 'session.removed', traceId, agentId }),
    state: ({ agentId, from, to, reason, heldMs, traceId }) =>
      logger[to === 'auth_failed' ? 'warn' : 'info']({
        event: 'session.state',
        traceId,
        agentId,
        from,
        to,
        reason,
        heldMs,
      }),
    qr: ({ agentId, qr, traceId }) => {
      if (!qr) return;
      logger.info({ event: 'session.qr', traceId, agentId, issuedAt: new Date(qr.issuedAt).toISOString() });
    },
    transition: (agentId, { machine, event, edges, ignored, dwellMs, traceId }) => {
      // There are many of these: the line is not even built when it is not written.
      if (!logger.isLevelEnabled('trace')) return;
      const line = { traceId, agentId, machine, cause: event, edges, ignored, dwellMs };
      logger.trace({ event: 'session.transition', ...line });
    },
    restart: ({ agentId, reason, attempt, delayMs }) =>
      logger.warn({ event: 'restart', agentId, reason, attempt, delayMs }),
    fleet: ({ state, reason, agents }) =>
      logger[state === 'fault' ? 'error' : 'info']({ event: `fleet.${state}`, reason, agents }),
    fault: ({ agentId, where, error }) =>
      logger.error({ event: 'fault', agentId: agentId ?? undefined, where, err: error }),
  };
}

/** Lines about what WhatsApp and its page do with an agent. */
function whatsAppListeners(logger: Logger): Listeners {
  return {
    passkey: ({ agentId, passkey }) => {
      if (!passkey) return;
      const hasChallenge = passkey.challenge !== null;
      logger.warn({ event: 'session.passkey', agentId, reason: 'PASSKEY_REQUIRED', hasChallenge });
    },
    compatibility: ({ agentId, report }) => {
      if (!report) return;
      const { compatibility, webVersion, repaired, missing } = report;
      const line = { agentId, webVersion, compatibility, repaired, missing };
      if (compatibility === 'broken') logger.error({ event: 'whatsapp.incompatible', ...line });
      else logger.info({ event: 'whatsapp.compatible', ...line });
    },
    restriction: ({ agentId, restriction }) => {
      if (!restriction) logger.info({ event: 'whatsapp.unrestricted', agentId });
      else {
        const { kind, until } = restriction;
        const end = until === undefined ? undefined : new Date(until).toISOString();
        logger.warn({ event: 'whatsapp.restricted', agentId, kind, until: end });
      }
    },
    unreported: ({ agentId, count }) => logger.error({ event: 'whatsapp.unreported', agentId, count }),
  };
}

/** Lines about messages, in and out. */
function trafficListeners(logger: Logger): Listeners {
  return {
    message: ({ agentId, id, kind, origin, status, error, traceId, waitedMs }) => {
      const line = {
        event: `message.${status}` as const,
        traceId,
        agentId,
        id,
        kind,
        origin,
        code: error,
        waitedMs,
      };
      if (status === 'sent') logger.info(line);
      else if (status === 'failed' || status === 'unknown') logger.warn(line);
      else logger.debug(line);
    },
    receipt: ({ agentId, ack, message: { id, content, origin, traceId } }) =>
      logger.debug({ event: `message.${ack}`, traceId, agentId, id, kind: content.kind, origin }),
    rejected: ({ agentId, reason, traceId }) =>
      logger.warn({ event: 'message.rejected', traceId, agentId, reason }),
    inbound: ({ agentId, type, handled, why, traceId }) =>
      logger[handled === 'failed' || handled === 'looping' ? 'warn' : 'info']({
        event: 'inbound',
        traceId,
        agentId,
        type,
        handled,
        why,
      }),
    chatMode: ({ agentId, from, mode, cause, traceId }) =>
      logger[from === mode ? 'debug' : 'info']({
        event: 'chat.mode',
        traceId,
        agentId,
        from,
        to: mode,
        cause,
      }),
    settings: ({ agentId, names, traceId }) =>
      logger.info({ event: 'settings.changed', traceId, agentId, names }),
    ai: ({ agentId, outcome, durationMs, traceId }) =>
      logger[outcome === 'timeout' || outcome === 'error' ? 'warn' : 'info']({
        event: 'ai.call',
        traceId,
        agentId,
        outcome,
        durationMs,
      }),
    transcription: ({ agentId, outcome, reason, httpStatus, durationMs, traceId }) =>
      logger[outcome === 'failed' ? 'warn' : 'info']({
        event: 'transcription',
        traceId,
        agentId,
        outcome,
        reason,
        httpStatus,
        durationMs,
      }),
    operation: ({ agentId, operation, outcome, durationMs }) =>
      logger[outcome === 'ok' ? 'debug' : 'warn']({
        event: 'client.operation',
        agentId,
        operation,
        outcome,
        durationMs,
      }),
  };
}
