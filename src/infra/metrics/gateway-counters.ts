import type { EventEmitter } from 'eventemitter3';
import { Counter, Histogram, type Registry } from 'prom-client';
import type { ChartGraph } from '../../actors/domain/chart-graph.ts';
import { ERROR_CODES } from '../../actors/domain/errors.ts';
import type { GatewayApi } from '../../actors/domain/gateway-api.ts';
import type { GatewayEvents } from '../../actors/domain/gateway-events.ts';
import { SESSION_STATES } from '../../actors/domain/ports/stores.ts';
import { RESTART_REASONS } from '../../actors/domain/restart-policy.ts';

type Events = EventEmitter<GatewayEvents>;

const MINUTE = 60;
const HOUR = 3_600;
const STATE_BUCKETS = [1, 10, 30, MINUTE, 300, 900, HOUR, 6 * HOUR, 24 * HOUR, 168 * HOUR];
const PAIRING_BUCKETS = [5, 10, 20, 30, MINUTE, 120, 300, 600];
const WAIT_BUCKETS = [0.01, 0.05, 0.1, 0.5, 1, 5, 15, 30, MINUTE, 300, 900, HOUR];
const AI_BUCKETS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 45, MINUTE, 120];
const OPERATION_BUCKETS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 90];
/** Error codes of failed messages; others are counted as `other`. */
const SEND_ERRORS =
  'BAD_GATEWAY EXPIRED NOT_FOUND RECIPIENT_NOT_ON_WHATSAPP SESSION_NOT_FOUND REACHOUT_TIMELOCKED MESSAGE_CAPPED ACCOUNT_CHANGED CHAT_HANDED_OVER'.split(
    ' ',
  );
const OPERATIONS =
  'start logout destroy reload send_text send_image set_typing watch_typing resolve_recipient identify probe find_sent fetch_missed request_pairing_code answer_passkey'.split(
    ' ',
  );
/** The limit that refused an incoming message, by why it was not answered. */
const REFUSALS = new Map([
  ['chat_queue_full', 'chat'],
  ['agent_queue_full', 'agent'],
]);
/** WhatsApp's message types with a series of their own; others are counted as `other`. */
const INBOUND_TYPES = new Set(
  'chat image video audio ptt document sticker location vcard revoked e2e_notification'.split(' '),
);

/**
 * Counts the gateway's events (docs/metrics.md). Labels come from closed sets: values that others choose are counted as
 * `other`. Every series that is known in advance starts at 0, so that its first event is an increase.
 */
export function countGateway({ events, charts }: Pick<GatewayApi, 'events' | 'charts'>, registry: Registry) {
  countTransitions(events, charts.agent, registry);
  countSessions(events, registry);
  countPairings(events, registry);
  countMessages(events, registry);
  timeCalls(events, registry);
  countFaults(events, registry);
}

/** Errors without a caller. */
function countFaults(events: Events, registry: Registry): void {
  const faults = new Counter({
    name: 'wa_faults_total',
    help: 'Errors without a caller; the log names the agent, where there is one.',
    labelNames: ['where'],
    registers: [registry],
  });
  for (const where of ['unhandledRejection', 'uncaughtException', 'actor', 'client'])
    faults.inc({ where }, 0);
  events.on('fault', ({ where }) => faults.inc({ where }));
}

/** Transitions of the agents' charts, and events that they ignored. */
function countTransitions(events: Events, chart: ChartGraph, registry: Registry): void {
  const registers = [registry];
  const transitions = new Counter({
    name: 'wa_session_transitions_total',
    help: 'Transitions of the agents’ charts.',
    labelNames: ['from', 'to', 'event'],
    registers,
  });
  const ignored = new Counter({
    name: 'wa_session_events_ignored_total',
    help: 'Events that an agent’s chart had no transition for.',
    labelNames: ['state', 'event'],
    registers,
  });
  for (const { edge, transitions: ways } of chart.edges) {
    for (const { event } of ways) {
      transitions.inc({ ...endsOf(edge), event: eventKind(event) }, 0);
      if (!event.startsWith('xstate.')) for (const state of SESSION_STATES) ignored.inc({ state, event }, 0);
    }
  }
  events.on('transition', (_agentId, { machine, event, ignored: isIgnored, edges, from }) => {
    if (machine !== 'agent') return;
    if (isIgnored) ignored.inc({ state: topState(from), event: eventKind(event) });
    for (const edge of edges) transitions.inc({ ...endsOf(edge), event: eventKind(event) });
  });
}

/** Restarts, QRs, and how long stored states were held. */
function countSessions(events: Events, registry: Registry): void {
  const registers = [registry];
  const held = new Histogram({
    name: 'wa_session_state_duration_seconds',
    help: 'How long a stored state was held, observed when it is left.',
    labelNames: ['state'],
    buckets: STATE_BUCKETS,
    registers,
  });
  const restarts = new Counter({
    name: 'wa_session_restarts_total',
    help: 'Restarts of clients, by what ended the one before.',
    labelNames: ['reason'],
    registers,
  });
  const qrs = new Counter({ name: 'wa_session_qr_issued_total', help: 'QRs that were shown.', registers });
  for (const state of SESSION_STATES) held.zero({ state });
  for (const reason of [...RESTART_REASONS, 'other']) restarts.inc({ reason }, 0);
  events.on('state', ({ from, heldMs }) => {
    if (from) held.observe({ state: from }, heldMs / 1000);
  });
  events.on('restart', ({ reason }) =>
    restarts.inc({ reason: RESTART_REASONS.includes(reason) ? reason : 'other' }),
  );
  events.on('qr', ({ qr }) => {
    if (qr) qrs.inc();
  });
}

/** Time from the first QR to the end of the pairing. */
function countPairings(events: Events, registry: Registry): void {
  const pairing = new Histogram({
    name: 'wa_session_pairing_duration_seconds',
    help: 'Time from the first QR to the end of the pairing.',
    labelNames: ['outcome'],
    buckets: PAIRING_BUCKETS,
    registers: [registry],
  });
  for (const outcome of ['connected', 'expired', 'failed']) pairing.zero({ outcome });
  const firstQrAt = new Map<string, number>();
  events.on('qr', ({ agentId, qr }) => {
    if (qr && !firstQrAt.has(agentId)) firstQrAt.set(agentId, qr.issuedAt);
  });
  events.on('state', ({ agentId, to, reason, at }) => {
    const startedAt = firstQrAt.get(agentId);
    if (to === 'awaiting_qr' || startedAt === undefined) return;
    firstQrAt.delete(agentId);
    const outcome = to === 'connected' ? to : reason === 'QR_EXPIRED' ? 'expired' : 'failed';
    pairing.observe({ outcome }, Math.max(0, at - startedAt) / 1000);
  });
  events.on('removed', (agentId) => firstQrAt.delete(agentId));
}

/** Messages out and in. */
function countMessages(events: Events, registry: Registry): void {
  const registers = [registry];
  const sent = new Counter({
    name: 'wa_messages_sent_total',
    help: 'Messages that were settled; error_type is empty for those that were sent.',
    labelNames: ['type', 'outcome', 'error_type'],
    registers,
  });
  const acks = new Counter({
    name: 'wa_message_acks_total',
    help: 'Sent messages by how far they got: each counts once for each step.',
    labelNames: ['ack'],
    registers,
  });
  const wait = new Histogram({
    name: 'wa_mailbox_wait_duration_seconds',
    help: 'Time from the acceptance of a message to its hand-over.',
    buckets: WAIT_BUCKETS,
    registers,
  });
  const rejected = new Counter({
    name: 'wa_mailbox_rejected_messages_total',
    help: 'Messages that were refused before they were stored.',
    labelNames: ['reason'],
    registers,
  });
  const received = new Counter({
    name: 'wa_messages_received_total',
    help: 'Messages that came in, by what became of them.',
    labelNames: ['type', 'handled'],
    registers,
  });
  const refused = new Counter({
    name: 'wa_inbound_refused_messages_total',
    help: 'Incoming messages that were not answered because too many of their chat, or of their agent, were waiting.',
    labelNames: ['limit'],
    registers,
  });
  const unreported = new Counter({
    name: 'wa_unreported_messages_total',
    help: 'Messages that reached a page and were not reported by the driver within a minute; the log names the agent.',
    registers,
  });
  for (const type of ['text', 'image']) {
    sent.inc({ type, outcome: 'sent', error_type: '' }, 0);
    sent.inc({ type, outcome: 'unknown', error_type: 'BAD_GATEWAY' }, 0);
    for (const error_type of SEND_ERRORS) sent.inc({ type, outcome: 'failed', error_type }, 0);
  }
  for (const ack of ['delivered', 'read', 'played']) acks.inc({ ack }, 0);
  for (const reason of ['full', 'not_ready', 'draining']) rejected.inc({ reason }, 0);
  for (const handled of ['answered', 'ignored', 'handed_over', 'duplicate', 'looping', 'failed'])
    received.inc({ type: 'chat', handled }, 0);
  for (const type of [...INBOUND_TYPES, 'other']) received.inc({ type, handled: 'ignored' }, 0);
  events.on('message', ({ kind, status, error, waitedMs }) => {
    if (status === 'sending' && waitedMs !== undefined) wait.observe(Math.max(0, waitedMs) / 1000);
    if (status === 'queued' || status === 'sending') return;
    sent.inc({ type: kind, outcome: status, error_type: errorType(error) });
  });
  events.on('receipt', ({ ack }) => acks.inc({ ack }));
  events.on('unreported', ({ count }) => unreported.inc(count));
  events.on('rejected', ({ reason }) => rejected.inc({ reason }));
  for (const limit of REFUSALS.values()) refused.inc({ limit }, 0);
  events.on('inbound', ({ type, handled, why }) => {
    received.inc({ type: INBOUND_TYPES.has(type) ? type : 'other', handled });
    const limit = REFUSALS.get(why);
    if (limit) refused.inc({ limit });
  });
}

/** Calls to the AI and to the WhatsApp client. */
function timeCalls(events: Events, registry: Registry): void {
  const registers = [registry];
  const ai = new Histogram({
    name: 'wa_ai_request_duration_seconds',
    help: 'Time that the AI backend took.',
    labelNames: ['outcome'],
    buckets: AI_BUCKETS,
    registers,
  });
  for (const outcome of ['reply', 'silence', 'timeout', 'error']) ai.zero({ outcome });
  const transcriptions = new Histogram({
    name: 'wa_transcription_duration_seconds',
    help: 'Time that turning a recording into text took.',
    labelNames: ['outcome'],
    buckets: AI_BUCKETS,
    registers,
  });
  for (const outcome of ['completed', 'skipped', 'failed']) transcriptions.zero({ outcome });
  const operations = new Histogram({
    name: 'wa_client_operation_duration_seconds',
    help: 'Time of a call of the WhatsApp client.',
    labelNames: ['operation', 'outcome'],
    buckets: OPERATION_BUCKETS,
    registers,
  });
  for (const operation of OPERATIONS) operations.zero({ operation, outcome: 'ok' });
  events.on('ai', ({ outcome, durationMs }) => ai.observe({ outcome }, durationMs / 1000));
  events.on('transcription', ({ outcome, durationMs }) =>
    transcriptions.observe({ outcome }, durationMs / 1000),
  );
  events.on('operation', ({ operation, outcome, durationMs }) =>
    operations.observe({ operation, outcome }, durationMs / 1000),
  );
}

/** The ends of an edge: `source → target`. */
function endsOf(edge: string): { from: string; to: string } {
  const [from = '', to = ''] = edge.split(' → ');
  return { from, to };
}

/** An event's name; those that the chart's library makes carry ids and delays, of which only the kind is kept. */
function eventKind(event: string): string {
  return /^xstate\.(after|done|error|init|stop)/.exec(event)?.[0] ?? event;
}

/** The stored state that a record began in. */
function topState(from: string[]): string {
  return from[0]?.split('.')[0] ?? '';
}

/** The code that a message ended with; empty for one that was sent. */
function errorType(code: string | undefined): string {
  if (code === undefined) return '';
  return (ERROR_CODES as readonly string[]).includes(code) ? code : 'other';
}
