import { expect } from 'chai';
import { GatewayError } from '../../../src/actors/domain/errors.ts';
import { DEFAULT_LIMITS } from '../../../src/actors/domain/settings.ts';
import { logGateway } from '../../../src/infra/logging/log-events.ts';
import { createLogger } from '../../../src/infra/logging/logger.ts';
import { Metrics } from '../../../src/infra/metrics/metrics.ts';
import { eventually } from '../../support/eventually.ts';
import { type LogLine, readLine } from '../../support/log-lines.ts';
import { inbound, memoryGateway } from '../../support/memory-gateway.ts';

type Changes = NonNullable<Parameters<typeof memoryGateway>[0]>;

/** A request's trace id that differs from others by one digit. */
const trace = (digit: number) => `${digit}`.padStart(32, 'a');
const TO = '6283333333333@c.us';
const refused = (outcome: 'failed' | 'unknown') =>
  new GatewayError('BAD_GATEWAY', 'WhatsApp failed the send.', { details: { outcome } });

/** A gateway with the service's metrics and log: only the gateway itself emits events. */
function observed(changes: Changes = {}) {
  const gateway = memoryGateway(changes);
  const metrics = new Metrics({ driver: 'sandbox' });
  metrics.observeGateway(gateway.system, { mailboxCapacity: 500 });
  const lines: LogLine[] = [];
  logGateway(gateway.system.events, createLogger('trace', { write: (line) => lines.push(readLine(line)) }));

  /** The series of a metric: labels → value. */
  async function series(name: string): Promise<Record<string, number>> {
    const { body } = await metrics.text();
    const rows = [...body.matchAll(new RegExp(`^${name}\\{(.*)\\} (\\S+)$`, 'gm'))];
    return Object.fromEntries(rows.map(([, labels, value]) => [labels!, Number(value)]));
  }
  /** The counted values of one label, in order. */
  async function counted(name: string, label: string): Promise<string[]> {
    const rows = Object.entries(await series(name)).filter(([, value]) => value > 0);
    return [...new Set(rows.map(([labels]) => new RegExp(`${label}="([^"]*)"`).exec(labels)![1]!))].sort();
  }
  const logged = (event: string) => lines.filter((line) => line.event === event);
  return { ...gateway, lines, logged, series, counted };
}

describe('what the gateway itself reports', () => {
  let gateway: ReturnType<typeof observed>;
  afterEach(() => gateway.system.stop(1_000));

  it('is each refused message, once, with its reason and the trace id of its request', async () => {
    gateway = observed({ settings: { mailboxCapacity: 1, sendBurst: 1, sendRatePerMinute: 1 } });
    const { system, client, send } = gateway;
    const refusal = (digit: number) => {
      const message = {
        to: TO,
        content: { kind: 'text', text: 'x' },
        origin: 'api',
        traceId: trace(digit),
      } as const;
      return system.ask('shop', { type: 'message.send', userId: 1, message, respondAsync: true }).then(
        () => 'accepted',
        (error: GatewayError) => error.code,
      );
    };
    await gateway.connect();
    await send('takes the only token');
    expect(await refusal(1)).to.equal('accepted');
    expect(await refusal(2)).to.equal('RATE_LIMITED');
    const request = { message: 'x', sessionId: TO };
    const run = system.ask('shop', { type: 'turn.run', userId: 1, request, traceId: trace(3) });
    expect(await run.catch((error: GatewayError) => error.code)).to.equal('RATE_LIMITED');
    client().events.emit('disconnected', 'LOGOUT');
    expect(await refusal(4)).to.equal('SESSION_NOT_READY');
    const stopped = system.stop(1_000);
    expect(await refusal(5)).to.equal('SHUTTING_DOWN');
    await stopped;
    expect(await gateway.series('wa_mailbox_rejected_messages_total')).to.deep.equal({
      'reason="full"': 2,
      'reason="not_ready"': 1,
      'reason="draining"': 1,
    });
    expect(
      gateway.logged('message.rejected').map(({ agentId, reason, traceId }) => [agentId, reason, traceId]),
    ).to.deep.equal([
      ['shop', 'full', trace(2)],
      ['shop', 'full', trace(3)],
      ['shop', 'not_ready', trace(4)],
      ['shop', 'draining', trace(5)],
    ]);
  });

  it('is the life of a session, with the trace id of the request that caused each part of it', async () => {
    gateway = observed({ settings: { qrMaxRefreshes: 1 } });
    const { system, driver, client } = gateway;
    const spec = { type: 'session.create', userId: 1, agentName: 'Shop', apiKey: 'key' } as const;
    /** Starts a session in which this many clients show a QR one after the other. */
    const started = async (start: () => Promise<unknown>, clients = 1) => {
      const made = driver.clients.length;
      const asked = start();
      for (let place = 1; place <= clients; place += 1) {
        await eventually('a client', () => driver.clients.length === made + place);
        client().events.emit('qr', 'secret');
      }
      await asked;
    };
    const isIn = (status: string) => () => system.describe('shop').supervisorStates.includes(status);
    await started(() => system.ask('shop', { ...spec, traceId: trace(1) }));
    client().events.emit('ready', { pn: '6281111111111@c.us' });
    client().events.emit('disconnected', 'TIMEOUT');
    await eventually('the backing off', isIn('alive.backing_off'));
    // The first is for the logout: its QR shows that the phone has unlinked the device already.
    await started(() => system.ask('shop', { type: 'session.reconnect', traceId: trace(2) }), 2);
    client().events.emit('qr', 'never scanned');
    await eventually('the rest', isIn('alive.idle'));
    await system.ask('shop', { type: 'session.remove', traceId: trace(3) });
    const lines = gateway.lines.filter(({ event }) => /^session\.(added|removed|state|qr)$/.test(event));
    expect(lines.map(({ event, to, traceId }) => [to ?? event, traceId])).to.deep.equal([
      ['session.added', trace(1)],
      ['session.qr', trace(1)],
      ['connected', trace(1)],
      ['disconnected', undefined],
      ['awaiting_qr', trace(2)],
      ['session.qr', trace(2)],
      ['disconnected', trace(2)],
      ['session.removed', trace(3)],
    ]);
    const moves = gateway.logged('session.transition');
    const traceOf = (cause: string) =>
      moves.filter((move) => move.cause === cause).map(({ traceId }) => traceId);
    expect(traceOf('client.qr')).to.deep.equal([trace(1), trace(2), trace(2), trace(2)]);
    expect(traceOf('client.disconnected')).to.deep.equal([undefined]);
  });

  it('is every way in which a call of the AI ends, and what becomes of the message', async () => {
    const answers: Record<string, () => Promise<string | null>> = {
      reply: async () => 'hello',
      silence: async () => null,
      timeout: () => Promise.reject(new GatewayError('AI_TIMEOUT', 'too slow')),
      error: () => Promise.reject(new GatewayError('AI_DOWNSTREAM_ERROR', '500')),
    };
    gateway = observed({
      ask: (_agent, { message }) => answers[message]!(),
    });
    await gateway.connect();
    const receive = (id: string, body: string, more: object = {}) =>
      gateway.client().events.emit('message', { ...inbound(id), body, ...more });
    for (const body of Object.keys(answers)) receive(body, body);
    receive('reply', 'reply');
    receive('own', 'reply', { fromMe: true });
    await eventually('the messages to be handled', () => gateway.logged('inbound').length === 6);
    for (let i = 0; gateway.logged('inbound').every(({ handled }) => handled !== 'looping'); i += 1) {
      expect(i, 'replies without a loop being seen').to.be.below(40);
      receive(`again ${i}`, 'reply');
      await eventually('the next one', () => gateway.logged('inbound').length === 7 + i);
    }
    expect(await gateway.counted('wa_ai_request_duration_seconds_count', 'outcome')).to.deep.equal(
      Object.keys(answers).sort(),
    );
    expect(await gateway.counted('wa_messages_received_total', 'handled')).to.deep.equal(
      ['answered', 'duplicate', 'failed', 'ignored', 'looping'].sort(),
    );
    expect(new Set(gateway.logged('ai.call').map(({ outcome }) => outcome)).size).to.equal(4);
  });

  it('is every way in which a message and a call of the client end', async () => {
    gateway = observed({ settings: { messageTtlMs: 60_000 } });
    const { client, driver, send } = gateway;
    await gateway.connect();
    await send('leaves');
    for (const outcome of ['failed', 'unknown'] as const) {
      client().send = () => Promise.reject(refused(outcome));
      const error: GatewayError = (await send(outcome).catch(
        (thrown: GatewayError) => thrown,
      )) as GatewayError;
      expect(error.details?.outcome).to.equal(outcome);
    }
    expect(driver.sent).to.deep.equal(['leaves']);
    expect(await gateway.counted('wa_messages_sent_total', 'outcome')).to.deep.equal([
      'failed',
      'sent',
      'unknown',
    ]);
    expect(await gateway.counted('wa_client_operation_duration_seconds_count', 'outcome')).to.deep.equal([
      'error',
      'ok',
      'timeout',
    ]);
    for (const status of ['queued', 'sending', 'sent', 'failed', 'unknown'])
      expect(gateway.logged(`message.${status}`), status).not.to.be.empty;
    expect((await gateway.series('wa_mailbox_wait_duration_seconds_bucket'))['le="+Inf"']).to.equal(3);
  });

  it('is every way in which a pairing ends, each QR, restart and fault, and a fault of the fleet', async () => {
    gateway = observed({
      settings: { qrMaxRefreshes: 1, startConcurrency: 9, limits: { ...DEFAULT_LIMITS, probeAgainMs: 5 } },
    });
    const { system, driver } = gateway;
    const ids = ['a', 'b', 'c'];
    const clients = new Map<string, ReturnType<typeof gateway.client>>();
    const start = async (agentId: string) => {
      const made = driver.clients.length;
      const spec = { userId: 1, agentName: agentId, apiKey: 'key', traceId: trace(1) };
      const created = system.ask(agentId, { type: 'session.create', ...spec });
      await eventually('a client', () => driver.clients.length > made);
      clients.set(agentId, gateway.client());
      gateway.client().events.emit('qr', 'secret');
      await created;
    };
    for (const id of ids) await start(id);
    clients.get('a')!.events.emit('ready', { pn: '6281111111111@c.us' });
    clients.get('b')!.events.emit('qr', 'secret');
    clients.get('c')!.events.emit('auth_failure', 'no');
    await eventually('two ends', () =>
      ['b', 'c'].every((id) => system.describe(id).supervisorStates.includes('alive.idle')),
    );
    for (const id of ['b', 'c']) {
      await start(id);
      clients.get(id)!.events.emit('ready', { pn: '6281111111111@c.us' });
    }
    clients.get('a')!.events.emit('crash', 'boom');
    await eventually('the restart', () => gateway.logged('restart').length === 1);
    await start('a');
    for (const id of ids) clients.get(id)!.events.emit('disconnected', 'DEPRECATED_VERSION');
    await eventually('the fault of many', () => gateway.logged('fleet.fault').length === 1);
    await start('d');
    clients.get('d')!.events.emit('ready', { pn: '6281111111111@c.us' });
    await eventually('its end', () => gateway.logged('fleet.recovered').length === 1);
    await system.ask('d', { type: 'session.remove', traceId: trace(2) });
    expect(await gateway.counted('wa_session_pairing_duration_seconds_count', 'outcome')).to.deep.equal([
      'connected',
      'expired',
      'failed',
    ]);
    expect(await gateway.counted('wa_session_restarts_total', 'reason')).to.deep.equal([
      'CRASH',
      'DEPRECATED_VERSION',
    ]);
    expect(await gateway.counted('wa_faults_total', 'where')).to.include('client');
    expect(await gateway.counted('wa_session_state_duration_seconds_count', 'state')).to.deep.equal([
      'auth_failed',
      'awaiting_qr',
      'connected',
      'disconnected',
    ]);
    for (const event of [
      'session.added',
      'session.removed',
      'session.state',
      'session.qr',
      'restart',
      'fault',
    ])
      expect(gateway.logged(event), event).not.to.be.empty;
  });
});
