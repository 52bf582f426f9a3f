/** Every `event` of the log; docs/logs.md describes each with its fields. */
export const LOG_EVENTS = [
  'service.ready',
  'service.open',
  'service.notice',
  'service.note',
  'service.stopping',
  'service.stop_failed',
  'service.start_failed',
  'database.waiting',
  'database.lost',
  'database.regained',
  'database.taken',
  'database.row_skipped',
  'http.request',
  'http.bug',
  'idempotency.lost',
  'session.added',
  'session.removed',
  'session.state',
  'session.qr',
  'session.transition',
  'session.passkey',
  'whatsapp.compatible',
  'whatsapp.incompatible',
  'whatsapp.restricted',
  'whatsapp.unrestricted',
  'whatsapp.unreported',
  'message.queued',
  'message.sending',
  'message.sent',
  'message.delivered',
  'message.read',
  'message.played',
  'message.failed',
  'message.unknown',
  'message.rejected',
  'inbound',
  'chat.mode',
  'settings.changed',
  'webhook.failing',
  'webhook.recovered',
  'webhook.dead',
  'ai.call',
  'transcription',
  'client.operation',
  'restart',
  'fleet.fault',
  'fleet.recovered',
  'fault',
] as const;

/** The `event` of a line. */
export type LogEvent = (typeof LOG_EVENTS)[number];

/** A log line: the event, and the fields that docs/logs.md lists for it. */
interface LogLine {
  event: LogEvent;
  [field: string]: unknown;
}

declare module 'pino' {
  // Together these two make a line without an event of the vocabulary not compile, wherever it is written.
  interface LogFnFields {
    event: LogEvent;
  }
  interface LogFn {
    (line: LogLine, message?: string): void;
    (message: string): void;
  }
}
