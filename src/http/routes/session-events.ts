import type { Response } from 'express';
import type { MailboxView, PasskeyView } from '../../actors/domain/agent-view.ts';
import type { GatewayApi } from '../../actors/domain/gateway-api.ts';
import type { GatewayEvents } from '../../actors/domain/gateway-events.ts';
import { EventStream } from '../sse/event-stream.ts';
import { restrictionData } from './restriction-data.ts';

type Name = 'state' | 'qr' | 'passkey' | 'compatibility' | 'restriction' | 'mailbox' | 'message';

/**
 * Streams one agent's life as Server-Sent Events: first `state` and `mailbox` as they are now and, where there is one,
 * `qr`, `passkey`, `compatibility` and `restriction`, then each change; a comment every 15 s. Ends when the agent is deleted, the reader leaves or
 * falls behind, or `stopping` is aborted.
 *
 * @throws GatewayError `SESSION_NOT_FOUND`, before anything is written.
 */
export function streamEvents(
  system: GatewayApi,
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
  const onPasskey: GatewayEvents['passkey'] = ({ agentId: id, passkey }) => {
    if (id !== agentId) return;
    // Its end comes with a state of its own.
    if (passkey) tell('state', passkeyState(passkey));
    tell('passkey', passkeyData(passkey));
  };
  const onCompatibility: GatewayEvents['compatibility'] = ({ agentId: id, report }) => {
    if (id === agentId) tell('compatibility', { whatsapp: report });
  };
  const onRestriction: GatewayEvents['restriction'] = ({ agentId: id, restriction }) => {
    if (id === agentId) tell('restriction', { restriction: restrictionData(restriction) });
  };
  const onRemoved: GatewayEvents['removed'] = (id) => {
    if (id === agentId) stream.end();
  };

  const { events } = system;
  events.on('state', onState).on('qr', onQr).on('mailbox', onMailbox).on('message', onMessage);
  events.on('passkey', onPasskey).on('compatibility', onCompatibility).on('restriction', onRestriction);
  events.on('removed', onRemoved);
  stream.onClose(() => {
    events.off('state', onState).off('qr', onQr).off('mailbox', onMailbox).off('message', onMessage);
    events.off('passkey', onPasskey).off('compatibility', onCompatibility);
    events.off('restriction', onRestriction).off('removed', onRemoved);
  });

  tell('state', { status: agent.status, from: null, reason: agent.reason, at: new Date(agent.since) });
  tell('mailbox', mailboxData(agent.mailbox));
  const { qr, passkey, live, restriction } = agent;
  if (qr) tell('qr', { qr: qr.code, issuedAt: new Date(qr.issuedAt) });
  if (passkey) tell('passkey', passkeyData(passkey));
  if (live.whatsapp) tell('compatibility', { whatsapp: live.whatsapp });
  if (restriction) tell('restriction', { restriction: restrictionData(restriction) });
}

/** Whether a passkey is asked for, and whether its challenge can be read. */
function passkeyData(passkey: PasskeyView | null) {
  return { isRequired: passkey !== null, hasChallenge: (passkey?.challenge ?? null) !== null };
}

/** The state of a session that waits for a passkey: the status stays, the reason is new. */
function passkeyState({ since }: PasskeyView) {
  return { status: 'awaiting_qr', from: 'awaiting_qr', reason: 'PASSKEY_REQUIRED', at: new Date(since) };
}

/** The mailbox as `GET /sessions/{agentId}` shows it. */
function mailboxData({ depth, capacity, tokens }: MailboxView) {
  return { depth, capacity, tokens };
}
