import { channel } from 'node:diagnostics_channel';
import type { ServerResponse } from 'node:http';
import type { MessageOutcome } from '../../src/actors/domain/ports/stores.ts';
import { Dispatcher } from '../../src/actors/outbound/dispatcher.ts';
import { PgFileRows } from '../../src/infra/postgres/stores/file-rows.ts';
import { PgInboundLog } from '../../src/infra/postgres/stores/inbound-log.ts';
import { PgMessageLog } from '../../src/infra/postgres/stores/message-log.ts';
import { PgWebhookStore } from '../../src/infra/postgres/stores/webhook-store.ts';
import { WebhookDispatcher } from '../../src/infra/webhooks/webhook-dispatcher.ts';
import { SandboxClient } from '../../src/sandbox/driver/sandbox-client.ts';
import type { CrashPoint } from './crash-points.ts';

// A test's door into the service's process: loaded before the service (`--import`), controlled over the IPC channel.
// The service does not know it.

/** Requests of a test: die at a point, hold the next call that reaches one, leave a rejection unhandled, throw out of a timer. */
export type DoorRequest =
  | { crash: { point: CrashPoint; pass: number } }
  | { hold: CrashPoint }
  | { reject: string }
  | { throwText: string };

let armed: { point: CrashPoint; pass: number } | null = null;
/** Points whose next call never resolves. */
const held = new Set<CrashPoint>();

/** Ends the process as a power cut would, when it is to die here; true when the call is to be held here. */
function passing(point: CrashPoint): boolean {
  if (armed?.point === point) {
    armed.pass -= 1;
    if (armed.pass <= 0) process.kill(process.pid, 'SIGKILL');
  }
  return held.delete(point);
}

const never = new Promise<never>(() => {});

type Method = (...args: never[]) => unknown;

/** Puts `before` and `after` (its promise has resolved, or it has returned one) around a method of a class. */
function around<Name extends string>(
  prototype: Record<Name, Method>,
  name: Name,
  moments: {
    before?: (...args: never[]) => boolean;
    begun?: () => void;
    after?: (...args: never[]) => boolean;
  },
): void {
  const original = prototype[name];
  prototype[name] = function (this: unknown, ...args: never[]) {
    if (moments.before?.(...args)) return never;
    const result = original.apply(this, args);
    moments.begun?.();
    if (!moments.after || !(result instanceof Promise)) return result;
    return result.then((value: unknown) => (moments.after?.(...args) ? never : value));
  };
}

around(PgMessageLog.prototype, 'append', {
  before: () => passing('after the body was parsed'),
  after: () => passing('after INSERT accepted'),
});
// Only of a message that had to wait: one that can go at once is stored as `sending`.
around(PgMessageLog.prototype, 'markSending', {
  before: () => passing('before the lease of one that waited'),
});
around(PgMessageLog.prototype, 'settle', {
  before: (_id: string, { status }: MessageOutcome) =>
    passing(status === 'sent' ? 'before the `sent` write' : 'before the dead letter is written'),
  after: (_id: string, { status }: MessageOutcome) =>
    passing(status === 'sent' ? 'after the `sent` write' : 'after the dead letter was written'),
});
around(PgMessageLog.prototype, 'pending', {
  after: () => passing('while the queue is restored at the start'),
});
around(PgMessageLog.prototype, 'close', { before: () => passing('when the drain of a stop has ended') });
around(PgInboundLog.prototype, 'claimTurn', { after: () => passing('after an inbound message was claimed') });
around(PgFileRows.prototype, 'insert', {
  before: () => passing('before the row of a file is written'),
  after: () => passing('after the row of a file was written'),
});
around(PgFileRows.prototype, 'remove', { after: () => passing('after the row of a file was deleted') });
around(PgWebhookStore.prototype, 'record', {
  before: () => passing('before an event is recorded'),
  after: () => passing('after an event was recorded'),
});
around(WebhookDispatcher.prototype, 'post', {
  before: () => passing('before the request of a delivery'),
  // The request leaves meanwhile.
  begun: () => setImmediate(() => passing('during the request of a delivery')),
});
around(PgWebhookStore.prototype, 'delivered', {
  before: () => passing('after the 2xx of a delivery'),
  after: () => passing('after a delivery was deleted'),
});
around(SandboxClient.prototype, 'send', {
  before: () => passing('after the lease'),
  begun: () => passing('after the hand-over to the page'),
  after: () => passing('after the hand-over resolved'),
});
around(SandboxClient.prototype, 'findSent', {
  before: () => passing('before an indeterminate message is looked up'),
  after: () => passing('after an indeterminate message was looked up'),
});
around(Dispatcher.prototype, 'acked', {
  before: ({ ack }: { ack: number }) => ack === 1 && passing('after the ack'),
});
channel('http.server.response.finish').subscribe((message) => {
  const { response } = message as { response: ServerResponse };
  if (response.statusCode === 202) passing('after the 202 was flushed');
});

/** Does what is asked. */
function obey(request: DoorRequest): void {
  if ('crash' in request) armed = { ...request.crash };
  if ('hold' in request) held.add(request.hold);
  if ('reject' in request) void Promise.reject(request.reject);
  if ('throwText' in request)
    setTimeout(() => {
      throw new Error(request.throwText);
    }, 0);
}

const { DOOR_CRASH } = process.env;
if (DOOR_CRASH) armed = { point: DOOR_CRASH as CrashPoint, pass: 1 };

process.on('message', (request: DoorRequest) => {
  obey(request);
  process.send?.({ obeyed: request });
});
process.channel?.unref();
