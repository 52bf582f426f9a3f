import type { Response } from 'express';
import type { MailboxView, PasskeyView } from '../../actors/domain/agent-view.ts';
import { TEXTS } from '../../actors/domain/error-texts.ts';
import { GatewayError } from '../../actors/domain/errors.ts';
import type { GatewayApi } from '../../actors/domain/gateway-api.ts';
import type { GatewayEvents } from '../../actors/domain/gateway-events.ts';
import type { HttpContext } from '../context.ts';
import { stateFrame } from '../openapi/examples.ts';
import { agentPath } from '../openapi/request-schemas.ts';
import { operationOn } from '../operation.ts';
import { EventStream } from '../sse/event-stream.ts';
import { restrictionData } from './session-views.ts';

type Name = 'state' | 'qr' | 'passkey' | 'compatibility' | 'restriction' | 'mailbox' | 'message';

/**
 * Streams one agent's life as Server-Sent Events: first `state` and `mailbox` as they are now and, where there is one,
 * `qr`, `passkey`, `compatibility` and `restriction`, then each change. Ends when the agent is deleted, the reader
 * leaves or falls behind, or `stopping` is aborted.
 *
 * @throws GatewayError `SESSION_NOT_FOUND`, before anything is written.
 */
function streamEvents(system: GatewayApi, agentId: string, res: Response, stopping?: AbortSignal): void {
  const agent = system.describe(agentId);
  const stream = new EventStream(res, stopping);
  const emit = (event: Name, data: unknown) => stream.send([{ event, data }]);

  const onState: GatewayEvents['state'] = ({ agentId: id, from, to, reason, at }) => {
    if (id === agentId) emit('state', { status: to, from, reason, at: new Date(at) });
  };
  const onQr: GatewayEvents['qr'] = ({ agentId: id, qr }) => {
    if (id === agentId) emit('qr', { qr: qr?.code ?? null, issuedAt: qr ? new Date(qr.issuedAt) : null });
  };
  const onMailbox: GatewayEvents['mailbox'] = ({ agentId: id, mailbox }) => {
    if (id === agentId) emit('mailbox', mailboxData(mailbox));
  };
  const onMessage: GatewayEvents['message'] = ({ agentId: owner, id, kind, origin, status, error }) => {
    if (owner === agentId) emit('message', { id, kind, origin, status, error });
  };
  const onPasskey: GatewayEvents['passkey'] = ({ agentId: id, passkey }) => {
    if (id !== agentId) return;
    // Its end comes with a state of its own.
    if (passkey) emit('state', passkeyState(passkey));
    emit('passkey', passkeyData(passkey));
  };
  const onCompatibility: GatewayEvents['compatibility'] = ({ agentId: id, report }) => {
    if (id === agentId) emit('compatibility', { whatsapp: report });
  };
  const onRestriction: GatewayEvents['restriction'] = ({ agentId: id, restriction }) => {
    if (id === agentId) emit('restriction', { restriction: restrictionData(restriction) });
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

  emit('state', { status: agent.status, from: null, reason: agent.reason, at: new Date(agent.since) });
  emit('mailbox', mailboxData(agent.mailbox));
  const { qr, passkey, live, restriction } = agent;
  if (qr) emit('qr', { qr: qr.code, issuedAt: new Date(qr.issuedAt) });
  if (passkey) emit('passkey', passkeyData(passkey));
  if (live.whatsapp) emit('compatibility', { whatsapp: live.whatsapp });
  if (restriction) emit('restriction', { restriction: restrictionData(restriction) });
}

/** `GET /sessions/{agentId}/events`. */
export const watchSession = operationOn<HttpContext>()({
  method: 'get',
  path: '/sessions/{agentId}/events',
  operationId: 'watchSession',
  summary: 'Server-Sent Events: state, qr, passkey, compatibility, restriction, mailbox, message',
  description:
    'First what is, then each change; a comment every 15 s. At most 50 streams per address, 1,000 in all.',
  tag: 'sessions',
  access: 'operator',
  params: agentPath,
  before: ({ streams }) => [streams],
  responses: { 200: { description: 'The stream.', types: { 'text/event-stream': stateFrame } } },
  codes: ['SESSION_NOT_FOUND', 'RATE_LIMITED', 'SHUTTING_DOWN'],
  run: ({ system, stopping }, { params: { agentId } }, res) => {
    if (stopping?.aborted) throw new GatewayError('SHUTTING_DOWN', TEXTS.SHUTTING_DOWN.service);
    streamEvents(system, agentId, res, stopping);
  },
});

/** Whether a passkey is required, and whether its challenge can be read. */
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
