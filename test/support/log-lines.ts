import { expect } from 'chai';
import { z } from 'zod';
import type { LogEvent } from '../../src/infra/logging/log-vocabulary.ts';

const traceId = z.string().regex(/^[0-9a-f]{32}$/);
const agentId = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/);
const err = z.unknown();
const code = z.string().regex(/^[A-Z_]+$/);
const ms = z.number();
const kind = z.enum(['text', 'image']);
const message = { traceId, agentId, id: z.string(), kind, origin: z.enum(['api', 'reply', 'report']) };
const settled = { ...message, code: code.optional(), waitedMs: ms };
const STATES = ['awaiting_qr', 'connected', 'disconnected', 'auth_failed'];
const checked = {
  agentId,
  webVersion: z.string().nullable(),
  compatibility: z.enum(['ok', 'repaired', 'broken']),
  repaired: z.array(z.string()),
  missing: z.array(z.string()),
};
const fleet = { reason: z.string(), agents: z.int().optional() };

/** The fields that each event has, beside those of every line. */
export const FIELDS: Record<LogEvent, z.ZodRawShape> = {
  'service.ready': { url: z.url(), driver: z.enum(['wwebjs', 'sandbox']) },
  'service.open': { host: z.string() },
  'service.notice': {},
  'service.note': {},
  'service.stopping': { signal: z.enum(['SIGTERM', 'SIGINT']) },
  'service.stop_failed': { err },
  'service.start_failed': { err },
  'database.waiting': {},
  'database.lost': {},
  'database.regained': {},
  'database.taken': {},
  'database.row_skipped': {},
  'http.request': {
    traceId,
    agentId: agentId.optional(),
    ip: z.string(),
    method: z.string(),
    route: z.string(),
    status: z.int(),
    code: code.optional(),
    durationMs: z.int(),
  },
  'http.bug': { traceId, err },
  'idempotency.lost': { traceId, err },
  'session.added': { traceId: traceId.optional(), agentId },
  'session.removed': { traceId: traceId.optional(), agentId },
  'session.state': {
    traceId: traceId.optional(),
    agentId,
    from: z.enum(STATES).nullable(),
    to: z.enum(STATES),
    reason: z.string().nullable(),
    heldMs: ms,
  },
  'session.qr': { traceId: traceId.optional(), agentId, issuedAt: z.iso.datetime() },
  'session.transition': {
    traceId: traceId.optional(),
    agentId,
    machine: z.enum(['agent', 'supervisor']),
    cause: z.string(),
    edges: z.array(z.string()),
    ignored: z.boolean(),
    dwellMs: ms,
  },
  'session.passkey': { agentId, reason: z.literal('PASSKEY_REQUIRED'), hasChallenge: z.boolean() },
  'whatsapp.compatible': checked,
  'whatsapp.incompatible': checked,
  'whatsapp.restricted': {
    agentId,
    kind: z.enum(['reachout_timelock', 'message_cap']),
    until: z.iso.datetime().optional(),
  },
  'whatsapp.unrestricted': { agentId },
  'whatsapp.unreported': { agentId, count: z.int() },
  'message.queued': message,
  'message.sending': { ...message, waitedMs: ms },
  'message.sent': { ...message, waitedMs: ms },
  'message.delivered': message,
  'message.read': message,
  'message.played': message,
  'message.failed': settled,
  'message.unknown': settled,
  'message.rejected': { traceId, agentId, reason: z.enum(['full', 'not_ready', 'draining']) },
  inbound: { traceId, agentId, type: z.string(), handled: z.string(), why: z.string() },
  'chat.mode': { traceId: traceId.optional(), agentId, from: z.string(), to: z.string(), cause: z.string() },
  'settings.changed': { traceId, agentId, names: z.array(z.string()) },
  'webhook.failing': { agentId, webhookId: z.uuid(), code: z.string() },
  'webhook.recovered': { agentId, webhookId: z.uuid(), failures: z.int() },
  'webhook.dead': { agentId, webhookId: z.uuid(), count: z.int() },
  'ai.call': { traceId, agentId, outcome: z.string(), durationMs: ms },
  transcription: {
    traceId,
    agentId,
    outcome: z.enum(['completed', 'skipped', 'failed']),
    reason: z.string().optional(),
    httpStatus: z.int().optional(),
    durationMs: ms,
  },
  'client.operation': { agentId, operation: z.string(), outcome: z.string(), durationMs: ms },
  restart: { agentId, reason: z.string(), attempt: z.int(), delayMs: ms },
  'fleet.fault': fleet,
  'fleet.recovered': fleet,
  fault: { agentId: agentId.optional(), where: z.string(), err },
};

/** A line of the log, checked. */
export interface LogLine {
  level: string;
  event: LogEvent;
  [field: string]: unknown;
}

/** Reads one line; it must be what docs/logs.md says of its event, and nothing more. */
export function readLine(text: string): LogLine {
  expect(text).to.match(/^\{.*\}\n$/);
  const value = JSON.parse(text) as LogLine;
  expect(FIELDS, text).to.have.property(value.event);
  const schema = z.strictObject({
    level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal']),
    time: z.iso.datetime(),
    event: z.literal(value.event),
    msg: z.string().optional(),
    ...FIELDS[value.event],
  });
  const { error } = schema.safeParse(value);
  expect(error, text).to.equal(undefined);
  return value;
}
