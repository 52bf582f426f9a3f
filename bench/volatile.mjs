// Loaded into the measured service before its own code (`--import`): the message log numbers messages without storing
// them, which leaves the service without its durable writes. Changes nothing else.
import { randomUUID } from 'node:crypto';
import { PgMessageLog } from '../dist/infra/postgres/stores/message-log.js';

let seq = 0;

PgMessageLog.prototype.append = async (agentId, message, { at = new Date(), status = 'queued' } = {}) => {
  seq += 1;
  return {
    id: message.id ?? randomUUID(),
    agentId,
    seq,
    to: message.to,
    kind: message.kind,
    text: message.text,
    origin: message.origin,
    traceId: message.traceId,
    status,
    messageId: null,
    error: null,
    createdAt: at,
    handedOverAt: status === 'sending' ? at : null,
    sentAt: null,
  };
};
PgMessageLog.prototype.markSending = async () => undefined;
PgMessageLog.prototype.settle = async () => undefined;
