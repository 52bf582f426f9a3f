import { expect } from 'chai';
import { EventEmitter } from 'eventemitter3';
import type { TransitionRecord } from '../../../src/actors/domain/agent-view.ts';
import type { GatewayEvents } from '../../../src/actors/domain/gateway-events.ts';
import { logGateway } from '../../../src/infra/logging/log-events.ts';
import { createLogger } from '../../../src/infra/logging/logger.ts';

describe('logGateway', () => {
  let events: EventEmitter<GatewayEvents>;
  let lines: Record<string, unknown>[];
  let stop: () => void;

  beforeEach(() => {
    listen('trace');
  });

  /** Starts logging at this level. */
  function listen(level: string): void {
    events = new EventEmitter();
    lines = [];
    stop = logGateway(
      events,
      createLogger(level, {
        write: (text: string) => lines.push(JSON.parse(text) as Record<string, unknown>),
      }),
    );
  }

  const agentId = 'support';
  const traceId = '0af7651916cd43dd8448eb211c80319c';
  const check = {
    webVersion: '2.3000.1',
    compatibility: 'repaired' as const,
    repaired: ['message-key'],
    missing: ['WAWebX.y'],
  };
  const message = { agentId, id: '1', kind: 'text', origin: 'api', traceId } as const;
  const record: TransitionRecord = {
    seq: 1,
    at: 0,
    machine: 'agent',
    event: 'client.ready',
    edges: ['a → b'],
    ignored: false,
    from: ['a'],
    to: ['b'],
    dwellMs: 5,
    traceId,
  };

  /** Events and their log lines. */
  const logged: [string, () => void, Record<string, unknown>][] = [
    ['an agent that came', () => events.emit('added', agentId), { level: 'info', event: 'session.added' }],
    [
      'an agent that went',
      () => events.emit('removed', agentId),
      { level: 'info', event: 'session.removed' },
    ],
    [
      'a passkey that is asked for',
      () => events.emit('passkey', { agentId, passkey: { challenge: { challenge: 'x' }, since: 0 } }),
      { level: 'warn', event: 'session.passkey', reason: 'PASSKEY_REQUIRED', hasChallenge: true },
    ],
    [
      'a page that lacks something',
      () => events.emit('compatibility', { agentId, report: { ...check, compatibility: 'broken' } }),
      { level: 'error', event: 'whatsapp.incompatible', webVersion: '2.3000.1', missing: ['WAWebX.y'] },
    ],
    [
      'a page that has all again',
      () => events.emit('compatibility', { agentId, report: { ...check, missing: [] } }),
      { level: 'info', event: 'whatsapp.compatible', webVersion: '2.3000.1', repaired: ['message-key'] },
    ],
    [
      'a restriction',
      () => events.emit('restriction', { agentId, restriction: { kind: 'message_cap', since: 0, until: 1 } }),
      { level: 'warn', event: 'whatsapp.restricted', kind: 'message_cap', until: '1970-01-01T00:00:00.001Z' },
    ],
    [
      'the end of a restriction',
      () => events.emit('restriction', { agentId, restriction: null }),
      { level: 'info', event: 'whatsapp.unrestricted' },
    ],
    [
      'messages that were not reported',
      () => events.emit('unreported', { agentId, count: 2 }),
      { level: 'error', event: 'whatsapp.unreported', count: 2 },
    ],
    [
      'a change of state',
      () =>
        events.emit('state', {
          agentId,
          from: 'connected',
          to: 'disconnected',
          reason: 'LOGOUT',
          at: 0,
          heldMs: 7,
        }),
      {
        level: 'info',
        event: 'session.state',
        from: 'connected',
        to: 'disconnected',
        reason: 'LOGOUT',
        heldMs: 7,
      },
    ],
    [
      'a failed authentication',
      () => events.emit('state', { agentId, from: null, to: 'auth_failed', reason: null, at: 0, heldMs: 0 }),
      { level: 'warn', event: 'session.state' },
    ],
    [
      'a QR',
      () => events.emit('qr', { agentId, qr: { code: 'secret-qr', issuedAt: 0 } }),
      { level: 'info', event: 'session.qr', issuedAt: '1970-01-01T00:00:00.000Z' },
    ],
    [
      'a transition',
      () => events.emit('transition', agentId, record),
      { level: 'trace', event: 'session.transition', cause: 'client.ready', traceId },
    ],
    [
      'a message that waits',
      () => events.emit('message', { ...message, status: 'queued' }),
      { level: 'debug', event: 'message.queued', traceId },
    ],
    [
      'a message on its way',
      () => events.emit('message', { ...message, status: 'sending' }),
      { level: 'debug', event: 'message.sending' },
    ],
    [
      'a message that WhatsApp has',
      () => events.emit('message', { ...message, status: 'sent', waitedMs: 3 }),
      { level: 'info', event: 'message.sent', id: '1', kind: 'text', origin: 'api', waitedMs: 3 },
    ],
    [
      'a message that failed',
      () => events.emit('message', { ...message, status: 'failed', error: 'EXPIRED' }),
      { level: 'warn', event: 'message.failed', code: 'EXPIRED' },
    ],
    [
      'a message of unknown outcome',
      () => events.emit('message', { ...message, status: 'unknown', error: 'BAD_GATEWAY' }),
      { level: 'warn', event: 'message.unknown', code: 'BAD_GATEWAY' },
    ],
    [
      'a message that was refused',
      () => events.emit('rejected', { agentId, reason: 'full', traceId }),
      { level: 'warn', event: 'message.rejected', traceId, reason: 'full' },
    ],
    [
      'a message that came in',
      () => events.emit('inbound', { agentId, type: 'chat', handled: 'answered', why: 'direct', traceId }),
      { level: 'info', event: 'inbound', type: 'chat', handled: 'answered', why: 'direct', traceId },
    ],
    [
      'an AI that answered',
      () => events.emit('ai', { agentId, outcome: 'reply', durationMs: 12, traceId }),
      { level: 'info', event: 'ai.call', outcome: 'reply', durationMs: 12, traceId },
    ],
    [
      'an AI that did not',
      () => events.emit('ai', { agentId, outcome: 'timeout', durationMs: 60_000, traceId }),
      { level: 'warn', event: 'ai.call', outcome: 'timeout' },
    ],
    [
      'a call of the client that failed',
      () => events.emit('operation', { agentId, operation: 'sendText', outcome: 'timeout', durationMs: 1 }),
      { level: 'warn', event: 'client.operation', operation: 'sendText', outcome: 'timeout' },
    ],
    [
      'a restart',
      () => events.emit('restart', { agentId, reason: 'CRASHED', attempt: 2, delayMs: 2_000 }),
      { level: 'warn', event: 'restart', reason: 'CRASHED', attempt: 2, delayMs: 2_000 },
    ],
    [
      'a fault',
      () => events.emit('fault', { agentId, where: 'mailbox', error: new Error('boom') }),
      { level: 'error', event: 'fault', where: 'mailbox' },
    ],
  ];
  for (const [what, happen, line] of logged)
    it(`logs ${what} in one line`, () => {
      happen();
      expect(lines).to.have.length(1);
      expect(lines[0]).to.deep.include({ agentId, ...line });
      expect(JSON.stringify(lines)).not.to.contain('secret-qr');
    });

  it('has no line for a withdrawn QR', () => {
    events.emit('qr', { agentId, qr: null });
    expect(lines).to.deep.equal([]);
  });

  it('omits the agent of a fault without one', () => {
    events.emit('fault', { agentId: null, where: 'stop', error: 'bare' });
    expect(lines[0]).to.include({ where: 'stop', err: 'bare' }).and.not.have.property('agentId');
  });

  it('writes no transition above trace', () => {
    stop();
    listen('debug');
    events.emit('transition', agentId, record);
    expect(lines).to.deep.equal([]);
  });

  it('logs nothing once it is stopped', () => {
    stop();
    for (const [, happen] of logged) happen();
    expect(lines).to.deep.equal([]);
    expect(events.eventNames()).to.deep.equal([]);
  });
});
