import type { Response } from 'express';
import type { GatewayEvents, GatewaySystem, MailboxView } from '../../actors/protocol.ts';
import { EventStream } from '../event-stream.ts';

type Name = 'state' | 'qr' | 'mailbox' | 'message';

/**
 * Streams one agent's life as Server-Sent Events (SPEC §3): first `state`, `mailbox` and, if there is one, `qr`
 * as they are now, then each change; a comment every 15 s. Ends when the agent is deleted, the reader leaves or
 * falls behind, or `stopping` is aborted.
 *
 * @throws GatewayError `SESSION_NOT_FOUND`, before anything is written.
 */
export function streamEvents(
  system: GatewaySystem,
  agentId: string,
  res: Response,
  stopping?: AbortSignal,
): void {
  const agent = system.describe(agentId);
  const stream = new EventStream(res, stopping);
  const tell = (event: Name, data: unknown) => stream.send([{ event, data }]);

  const onState: GatewayEvents['state'] = ({ agentId: id, from, to, reason, at }) => {
    if (id === agentId) tell('state', { status: to, from, reason, at: new Date(at) });
  };
  const onQr: GatewayEvents['qr'] = ({ agentId: id, qr }) => {
    if (id === agentId) tell('qr', { qr: qr?.code ?? null, issuedAt: qr ? new Date(qr.issuedAt) : null });
  };
  const onMailbox: GatewayEvents['mailbox'] = ({ agentId: id, mailbox }) => {
    if (id === agentId) tell('mailbox', mailboxData(mailbox));
  };
  const onMessage: GatewayEvents['message'] = ({ agentId: owner, id, kind, origin, status, error }) => {
    if (owner === agentId) tell('message', { id, kind, origin, status, error });
  };
  const onRemoved: GatewayEvents['removed'] = (id) => {
    if (id === agentId) stream.end();
  };

  const { events } = system;
  events.on('state', onState).on('qr', onQr).on('mailbox', onMailbox).on('message', onMessage);
  events.on('removed', onRemoved);
  stream.onClose(() => {
    events.off('state', onState).off('qr', onQr).off('mailbox', onMailbox).off('message', onMessage);
    events.off('removed', onRemoved);
  });

  tell('state', { status: agent.status, from: null, reason: agent.reason, at: new Date(agent.since) });
  tell('mailbox', mailboxData(agent.mailbox));
  const { qr } = agent;
  if (qr) tell('qr', { qr: qr.code, issuedAt: new Date(qr.issuedAt) });
}

/** The mailbox as `GET /sessions/{agentId}` shows it. */
function mailboxData({ depth, capacity, tokens }: MailboxView) {
  return { depth, capacity, tokens };
}
