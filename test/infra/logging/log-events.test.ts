import { isDeepStrictEqual } from 'node:util';
import { expect } from 'chai';
import { GatewayError } from '../../../src/actors/domain/errors.ts';
import { logGateway } from '../../../src/infra/logging/log-events.ts';
import { createLogger } from '../../../src/infra/logging/logger.ts';
import { eventually } from '../../support/eventually.ts';
import { type LogLine, readLine } from '../../support/log-lines.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { inbound, ME, memoryGateway, TRACE as traceId } from '../../support/memory-gateway.ts';

const agentId = 'shop';
const QR = 'secret-qr';
const CHECK = { webVersion: '2.3000.1', repaired: ['message-key'], missing: ['WAWebX.y'] };

/** A gateway on a manual clock, whose AI takes 12 ms, and the lines that are logged of it. */
function logged(level = 'trace') {
  const clock = new ManualClock();
  const gateway = memoryGateway({
    clock,
    settings: { inboundTypes: ['text', 'audio'] },
    transcriber: { transcribe: async () => ({ status: 'completed', text: 'hello' }) },
    ask: async (_agent, { message }) => {
      await clock.pass(12);
      if (message === 'too slow') throw new GatewayError('AI_TIMEOUT', 'too slow');
      return 'hello';
    },
  });
  const lines: LogLine[] = [];
  const logger = createLogger(level, { write: (text: string) => void lines.push(readLine(text)) });
  const stopLog = logGateway(gateway.system.events, logger);
  const { client } = gateway;

  /** Connects the agent, and returns its client's events. */
  const connected = async () => {
    await gateway.connect();
    return client().events;
  };
  /** Sends a message, which the client answers after 3 ms. */
  const send = async (answer: { ack: number } | GatewayError) => {
    await gateway.connect();
    client().send = async () => {
      await clock.pass(3);
      if (answer instanceof GatewayError) throw answer;
      return { messageId: 'wa', timestamp: clock.now(), ...answer };
    };
    return gateway.send('hello').catch((error: unknown) => error);
  };
  /** A message with this text arrives. */
  const receive = async (body: string) =>
    (await connected()).emit('message', { ...inbound('1'), body, timestamp: clock.now() });
  return { ...gateway, clock, lines, stopLog, connected, send, receive };
}
type Logged = ReturnType<typeof logged>;

/** How WhatsApp fails a send. */
const failing = (outcome: 'failed' | 'unknown') =>
  new GatewayError('BAD_GATEWAY', 'WhatsApp failed the send.', { details: { outcome } });

/** What happens to an agent, and the one line that it leaves. */
const LINES: [what: string, happen: (gateway: Logged) => Promise<unknown>, line: Record<string, unknown>][] =
  [
    ['an added agent', ({ connected }) => connected(), { level: 'info', event: 'session.added', traceId }],
    [
      'a removed agent',
      async ({ connected, remove }) => {
        await connected();
        await remove();
      },
      { level: 'info', event: 'session.removed', traceId },
    ],
    [
      'a passkey that is asked for',
      async ({ showQr }) => (await showQr()).emit('passkey', { challenge: 'x' }),
      { level: 'warn', event: 'session.passkey', reason: 'PASSKEY_REQUIRED', hasChallenge: true },
    ],
    [
      'a page that lacks something',
      async ({ connected }) =>
        (await connected()).emit('compatibility', { ...CHECK, compatibility: 'broken' }),
      { level: 'error', event: 'whatsapp.incompatible', webVersion: '2.3000.1', missing: ['WAWebX.y'] },
    ],
    [
      'a page that works through a repair',
      async ({ connected }) =>
        (await connected()).emit('compatibility', { ...CHECK, compatibility: 'repaired', missing: [] }),
      { level: 'info', event: 'whatsapp.compatible', webVersion: '2.3000.1', repaired: ['message-key'] },
    ],
    [
      'a restriction',
      async ({ connected }) =>
        (await connected()).emit('restriction', { kind: 'message_cap', until: 1_800_000_000_000 }),
      { level: 'warn', event: 'whatsapp.restricted', kind: 'message_cap', until: '2027-01-15T08:00:00.000Z' },
    ],
    [
      'the end of a restriction',
      async ({ connected, clock }) => {
        (await connected()).emit('restriction', { kind: 'message_cap', until: clock.now() + 50 });
        await clock.pass(50);
      },
      { level: 'info', event: 'whatsapp.unrestricted' },
    ],
    [
      'messages that were not reported',
      async ({ connected }) => (await connected()).emit('unreported', 2),
      { level: 'error', event: 'whatsapp.unreported', count: 2 },
    ],
    [
      'a change of state',
      async ({ connected, clock }) => {
        const events = await connected();
        await clock.pass(7);
        events.emit('disconnected', 'LOGOUT');
      },
      {
        ...{ level: 'info', event: 'session.state', from: 'connected', to: 'disconnected' },
        ...{ reason: 'LOGOUT', heldMs: 7 },
      },
    ],
    [
      'a failed authentication',
      async ({ showQr }) => (await showQr()).emit('auth_failure', 'no'),
      { level: 'warn', event: 'session.state', to: 'auth_failed' },
    ],
    [
      'a QR',
      ({ showQr }) => showQr(agentId, QR),
      { level: 'info', event: 'session.qr', issuedAt: '2023-11-14T22:13:20.000Z', traceId },
    ],
    [
      'a transition',
      ({ connected }) => connected(),
      {
        ...{ level: 'trace', event: 'session.transition', machine: 'agent', cause: 'client.ready', traceId },
        edges: ['awaiting_qr.starting → connected'],
      },
    ],
    [
      'a message that waits',
      ({ send }) => send({ ack: 1 }),
      { level: 'debug', event: 'message.queued', id: '1', traceId },
    ],
    [
      'a message on its way',
      ({ send }) => send({ ack: 1 }),
      { level: 'debug', event: 'message.sending', id: '1', waitedMs: 0 },
    ],
    [
      'a message that WhatsApp has',
      ({ send }) => send({ ack: 1 }),
      { level: 'info', event: 'message.sent', id: '1', kind: 'text', origin: 'api', waitedMs: 3, traceId },
    ],
    [
      'a message that was read',
      async ({ send, client }) => {
        await send({ ack: 1 });
        client().events.emit('ack', { messageId: 'wa', ack: 3 });
      },
      { level: 'debug', event: 'message.read', id: '1', kind: 'text', origin: 'api', traceId },
    ],
    [
      'a message that failed',
      ({ send }) => send({ ack: -1 }),
      { level: 'warn', event: 'message.failed', code: 'BAD_GATEWAY' },
    ],
    [
      'a message of unknown outcome',
      ({ send }) => send(failing('unknown')),
      { level: 'warn', event: 'message.unknown', code: 'BAD_GATEWAY' },
    ],
    [
      'a message that was refused',
      async ({ showQr, system }) => {
        await showQr();
        await system
          .ask(agentId, { type: 'message.check', userId: 1, traceId })
          .catch((error: unknown) => error);
      },
      { level: 'warn', event: 'message.rejected', reason: 'not_ready', traceId },
    ],
    [
      'a message that came in',
      ({ receive }) => receive('hi'),
      { level: 'info', event: 'inbound', type: 'chat', handled: 'answered', why: 'replied', traceId },
    ],
    [
      'an AI that answered',
      ({ receive }) => receive('hi'),
      { level: 'info', event: 'ai.call', outcome: 'reply', durationMs: 12, traceId },
    ],
    [
      'an AI that did not',
      ({ receive }) => receive('too slow'),
      { level: 'warn', event: 'ai.call', outcome: 'timeout', durationMs: 12 },
    ],
    [
      'a recording that was not turned into text',
      async ({ connected, clock }) =>
        (await connected()).emit('message', { ...inbound('1'), type: 'ptt', timestamp: clock.now() }),
      { level: 'warn', event: 'transcription', outcome: 'failed', reason: 'no_file', traceId },
    ],
    [
      'a call of the client that failed',
      ({ send }) => send(failing('failed')),
      { level: 'warn', event: 'client.operation', operation: 'send_text', outcome: 'error', durationMs: 3 },
    ],
    [
      'a restart',
      async ({ connected }) => (await connected()).emit('crash', 'gone'),
      { level: 'warn', event: 'restart', reason: 'CRASH', attempt: 1, delayMs: 1_000 },
    ],
    [
      'a fault',
      async ({ connected }) => (await connected()).emit('crash', 'gone'),
      { level: 'error', event: 'fault', where: 'client', err: 'gone' },
    ],
  ];

describe('logGateway', () => {
  let gateway: Logged;
  beforeEach(() => {
    gateway = logged();
  });
  afterEach(() => gateway.system.stop(1_000));

  for (const [what, happen, line] of LINES)
    it(`logs ${what} in one line`, async () => {
      await happen(gateway);
      const isOfIt = (logLine: LogLine) =>
        Object.entries({ agentId, ...line }).every(([field, value]) =>
          isDeepStrictEqual(logLine[field], value),
        );
      await eventually(`the line of ${what}`, () => gateway.lines.some(isOfIt));
      expect(gateway.lines.filter(isOfIt)).to.have.length(1);
      expect(JSON.stringify(gateway.lines)).not.to.contain(QR);
    });

  it('has no line for a withdrawn QR', async () => {
    const events = await gateway.showQr();
    const shown: boolean[] = [];
    gateway.system.events.on('qr', ({ qr }) => shown.push(qr !== null));
    events.emit('ready', ME);
    expect(shown).to.deep.equal([false]);
    expect(gateway.lines.filter(({ event }) => event === 'session.qr')).to.have.length(1);
  });

  it('omits the agent of a fault without one', async () => {
    await gateway.connect();
    gateway.client().destroy = () => new Promise(() => undefined);
    const stopped = gateway.system.stop(100);
    await gateway.clock.pass(0);
    await gateway.clock.pass(100);
    await stopped;
    const fault = gateway.lines.find(({ event, where }) => event === 'fault' && where === 'stop');
    expect(fault).to.include({ level: 'error' }).and.not.have.property('agentId');
  });

  it('writes no transition above trace', async () => {
    const quieter = logged('debug');
    await quieter.connect();
    expect(quieter.lines.map(({ event }) => event))
      .to.include('session.state')
      .and.not.include('session.transition');
    await quieter.system.stop(1_000);
  });

  it('logs nothing once it is stopped', async () => {
    gateway.stopLog();
    expect(gateway.system.events.eventNames()).to.deep.equal([]);
    await gateway.send({ ack: 1 });
    expect(gateway.lines).to.deep.equal([]);
  });
});
