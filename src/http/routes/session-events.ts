import type { Response } from 'express';
import type { MailboxView, PasskeyView, QrView } from '../../actors/domain/agent-view.ts';
import type { GatewayApi } from '../../actors/domain/gateway-api.ts';
import { subscribe } from '../../actors/domain/subscribe.ts';
import type { HttpContext } from '../context.ts';
import { stateFrame } from '../openapi/examples.ts';
import { agentPath } from '../openapi/request-schemas.ts';
import { operationOn } from '../operation.ts';
import { EventStream } from '../sse/event-stream.ts';
import { restrictionData } from './session-views.ts';

type Name =
  | 'state'
  | 'qr'
  | 'passkey'
  | 'compatibility'
  | 'restriction'
  | 'mailbox'
  | 'message'
  | 'chat.mode';

/**
 * Streams one agent as Server-Sent Events: first `state` and `mailbox` as they are now and, where there is one, `qr`,
 * `passkey`, `compatibility` and `restriction`; then each change. Ends when the agent is deleted.
 *
 * @throws GatewayError `SESSION_NOT_FOUND`, `SHUTTING_DOWN`, before anything is written.
 */
function streamEvents(system: GatewayApi, agentId: string, res: Response, stopping?: AbortSignal): void {
  const { status, reason, since, mailbox, qr, passkey, live, restriction } = system.describe(agentId);
  const stream = new EventStream(res, stopping);
  const emit = (event: Name, data: unknown) => stream.send([{ event, data }]);
  /** A listener for changes of this agent alone. */
  const own =
    <Change extends { agentId: string }>(listener: (change: Change) => void) =>
    (change: Change) => {
      if (change.agentId === agentId) listener(change);
    };

  const unsubscribe = subscribe(system.events, {
    state: own(({ from, to, reason, at }) => emit('state', { status: to, from, reason, at: new Date(at) })),
    qr: own(({ qr }) => emit('qr', qrData(qr))),
    mailbox: own(({ mailbox }) => emit('mailbox', mailboxData(mailbox))),
    message: own(({ id, kind, origin, status, error }) =>
      emit('message', { id, kind, origin, status, error }),
    ),
    receipt: own(({ message: { id, content, origin, status, deliveredAt, readAt, playedAt } }) =>
      emit('message', { id, kind: content.kind, origin, status, deliveredAt, readAt, playedAt }),
    ),
    passkey: own(({ passkey }) => {
      // When it is no longer required, the state changes by itself.
      if (passkey) emit('state', passkeyState(passkey));
      emit('passkey', passkeyData(passkey));
    }),
    compatibility: own(({ report }) => emit('compatibility', { whatsapp: report })),
    restriction: own(({ restriction }) => emit('restriction', { restriction: restrictionData(restriction) })),
    chatMode: own(({ chatId, from, mode, since, until, cause }) =>
      emit('chat.mode', {
        chatId,
        mode,
        from,
        since: new Date(since),
        until: until === null ? null : new Date(until),
        cause,
      }),
    ),
    removed: (id) => {
      if (id === agentId) stream.end();
    },
  });
  stream.onClose(unsubscribe);

  emit('state', { status, from: null, reason, at: new Date(since) });
  emit('mailbox', mailboxData(mailbox));
  if (qr) emit('qr', qrData(qr));
  if (passkey) emit('passkey', passkeyData(passkey));
  if (live.whatsapp) emit('compatibility', { whatsapp: live.whatsapp });
  if (restriction) emit('restriction', { restriction: restrictionData(restriction) });
}

/** `GET /sessions/{agentId}/events`. */
export const watchSession = operationOn<HttpContext>()({
  method: 'get',
  path: '/sessions/{agentId}/events',
  operationId: 'watchSession',
  summary: 'Server-Sent Events: state, qr, passkey, compatibility, restriction, mailbox, message, chat.mode',
  description:
    'First what is, then each change; a comment every 15 s. At most 50 streams per address, 1,000 in all.',
  tag: 'sessions',
  access: 'operator',
  params: agentPath,
  before: ({ streams }) => [streams],
  responses: { 200: { description: 'The stream.', types: { 'text/event-stream': stateFrame } } },
  codes: ['SESSION_NOT_FOUND', 'RATE_LIMITED', 'SHUTTING_DOWN'],
  run: ({ system, stopping }, { params: { agentId } }, res) => streamEvents(system, agentId, res, stopping),
});

/** The code to scan; null when it is withdrawn. */
function qrData(qr: QrView | null) {
  return { qr: qr?.code ?? null, issuedAt: qr ? new Date(qr.issuedAt) : null };
}

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
