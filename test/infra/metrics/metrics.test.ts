import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import type { AgentView } from '../../../src/actors/domain/agent-view.ts';
import type { WhatsAppClient } from '../../../src/actors/domain/ports/whatsapp.ts';
import { DEFAULT_LIMITS } from '../../../src/actors/domain/settings.ts';
import { Metrics } from '../../../src/infra/metrics/metrics.ts';
import { eventually } from '../../support/eventually.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { inbound, ME, memoryGateway, TRACE } from '../../support/memory-gateway.ts';
import { findProgram, whereFound } from '../../support/where-found.ts';

const NOW = Date.now();
const MISSING = 'no promtool found (Debian package: prometheus)';

/** An agent as the registry shows it: gauges are read off views, not off events. */
function agent(agentId: string, changes: Partial<AgentView> = {}): AgentView {
  const never = new Date(0);
  return {
    userId: 1,
    agentId,
    agentName: agentId,
    status: 'connected',
    supervisorStates: ['alive.running.steady'],
    account: null,
    qr: null,
    passkey: null,
    restriction: null,
    settings: {
      inboundTypes: ['text'],
      aiMedia: 'url',
      debounceMs: 0,
      debounceMaxMs: 30_000,
      handoverMinutes: 0,
      ignore: [],
      replyDelay: { perCharacterMs: 0, maxMs: 0 },
    },
    chats: { human: 0, closed: 0 },
    turns: { count: 0, first: [] },
    states: ['connected'],
    since: NOW - 5_000,
    reason: null,
    endpointUrlRun: null,
    lastConnectedAt: null,
    lastDisconnectedAt: null,
    createdAt: never,
    updatedAt: never,
    live: {
      isConnected: true,
      sessionState: 'CONNECTED',
      isReady: true,
      hasClient: true,
      whatsapp: WHATSAPP,
    },
    mailbox: { mode: 'idle', depth: 0, capacity: 500, tokens: 100, nextTokenSeconds: 0 },
    supervisor: { restarts: 0 },
    ...changes,
  };
}

/** A page with nothing missing. */
const WHATSAPP = { webVersion: '2.3000.1', compatibility: 'ok' as const, repaired: [], missing: [] };

/** A gateway on a manual clock. A look-up of a recipient takes 20 ms, a hand-over 12 ms, the AI 900 ms. */
function timedGateway() {
  const clock = new ManualClock();
  const after =
    <T>(ms: number, result: T) =>
    async () => {
      await clock.pass(ms);
      return result;
    };
  const gateway = memoryGateway({ clock, ask: after(900, 'hello'), settings: { qrMaxRefreshes: 2 } });
  gateway.driver.script = {
    resolveRecipient: after(20, '6283333333333@c.us'),
    send: after(12, { messageId: 'wa', timestamp: clock.now(), ack: 1 }),
  };
  return { ...gateway, clock };
}

describe('Metrics', () => {
  let metrics: Metrics;
  let gateway: ReturnType<typeof timedGateway>;
  /** Agents in place of the gateway's own. */
  let agents: AgentView[] | null;
  let memory: Map<string, number>;

  beforeEach(() => {
    metrics = new Metrics({ driver: 'sandbox' });
    gateway = timedGateway();
    agents = null;
    memory = new Map();
    const { system } = gateway;
    metrics.observeGateway(
      { events: system.events, charts: system.charts, list: () => agents ?? system.list() },
      { mailboxCapacity: 500, memory: async () => memory },
    );
    metrics.observePool(() => ({ total: 5, idle: 2, waiting: 1 }));
    metrics.observeFiles(async () => ({ files: 3, bytes: 50_000, maxBytes: 2_147_483_648 }));
    metrics.observeWebhooks(
      async () =>
        system
          .list()
          .map(({ agentId }) => ({ id: 'w', agentId, waiting: 2, dead: 1, oldestAt: new Date(0) })),
      Date,
    );
  });
  afterEach(() => gateway.system.stop(1_000));

  /** The series of one metric as `labels` → value, with the labels in the order of the exposition. */
  async function series(name: string): Promise<Record<string, number>> {
    const { body } = await metrics.text();
    const found: Record<string, number> = {};
    for (const line of body.split('\n')) {
      const [, metric, , labels = '', value] = /^(\w+)(\{(.*)\})? (\S+)$/.exec(line) ?? [];
      if (metric === name) found[labels] = Number(value);
    }
    return found;
  }

  /** Counts a request and a query, and drives an agent through what is counted of it. */
  async function exercise(): Promise<void> {
    metrics.ready(true);
    metrics.onStart();
    metrics.onRequest('/agents/:agentId/messages', 'POST', 200, 0.2);
    metrics.onIdempotency('new');
    metrics.dbQuery('append', 0.003);
    metrics.onDelivery({ outcome: 'delivered' });
    memory.set('shop', 1);
    const { clock, send, database } = gateway;
    const events = await gateway.showQr('shop', 'secret-qr');
    await send('too early').catch(() => undefined);
    await clock.pass(30_000);
    events.emit('authenticated');
    events.emit('ready', ME);
    events.emit('qr', 'ignored');
    events.emit('compatibility', { webVersion: '2.3', compatibility: 'ok', repaired: [], missing: [] });
    await send('hello');
    events.emit('message', { ...inbound('1'), timestamp: clock.now() });
    await eventually('the reply', () => database.messages.get('2')?.status === 'sent');
    events.emit('crash', 'gone');
  }

  it('has the names, types, labels, buckets and meanings of docs/metrics.md', async () => {
    await exercise();
    const { body, contentType } = await metrics.text();
    expect(contentType).to.match(/^text\/plain; version=0\.0\.4/);
    const page = await readFile(new URL('../../../docs/metrics.md', import.meta.url), 'utf8');
    const documented = page.split('\n').filter((line) => /^\| `(wa|http)_/.test(line));
    expect(exposed(body)).to.have.length(43).and.have.members(documented);
  });

  it('has metrics of the process and of Node, without gauges named like counters', async () => {
    const { body } = await metrics.text();
    const types = [...body.matchAll(/^# TYPE (\S+ \S+)$/gm)].map(([, type]) => type!);
    for (const type of ['process_resident_memory_bytes gauge', 'nodejs_eventloop_lag_p99_seconds gauge'])
      expect(types).to.include(type);
    expect(types.filter((type) => /_total gauge$/.test(type))).to.deep.equal([]);
  });

  it('has the compatibility, the versions and the restrictions of the agents', async () => {
    const whatsapp = { ...WHATSAPP, compatibility: 'broken' as const, missing: ['X.y'] };
    const { live } = agent('support');
    agents = [
      agent('support', { live: { ...live, whatsapp }, restriction: { kind: 'message_cap', since: NOW } }),
      agent('unchecked', { live: { ...live, whatsapp: null } }),
    ];
    (await gateway.showQr()).emit('unreported', 3);
    expect(await series('wa_compatibility')).to.deep.equal({
      'agent_id="support",state="ok"': 0,
      'agent_id="support",state="repaired"': 0,
      'agent_id="support",state="broken"': 1,
    });
    expect(await series('wa_whatsapp_web_version_info')).to.deep.equal({ 'version="2.3000.1"': 1 });
    expect(await series('wa_restricted')).to.deep.equal({
      'agent_id="support",kind="reachout_timelock"': 0,
      'agent_id="support",kind="message_cap"': 1,
      'agent_id="unchecked",kind="reachout_timelock"': 0,
      'agent_id="unchecked",kind="message_cap"': 0,
    });
    expect(await series('wa_unreported_messages_total')).to.deep.equal({ '': 3 });
  });

  it('contains no QR', async () => {
    await exercise();
    expect((await metrics.text()).body).not.to.contain('secret-qr');
  });

  it('counts each event once, under its labels', async () => {
    await exercise();
    const http =
      'http_request_method="POST",http_route="/agents/:agentId/messages",http_response_status_code="200"';
    for (const [name, labels, value] of [
      ['wa_build_info', `version="0.1.0",node_version="${process.version}",driver="sandbox"`, 1],
      ['wa_ready', '', 1],
      ['http_server_active_requests', '', 0],
      ['http_server_request_duration_seconds_sum', http, 0.2],
      ['http_server_request_duration_seconds_bucket', `le="0.1",${http}`, 0],
      ['http_server_request_duration_seconds_bucket', `le="0.25",${http}`, 1],
      ['wa_idempotency_requests_total', 'outcome="new"', 1],
      ['wa_db_query_duration_seconds_sum', 'operation="append"', 0.003],
      ['wa_db_pool_connections', 'state="in_use"', 3],
      ['wa_db_pool_connections', 'state="idle"', 2],
      ['wa_db_pool_connections', 'state="waiting"', 1],
      ['wa_mailbox_wait_duration_seconds_sum', '', 0.04],
      ['wa_messages_sent_total', 'type="text",outcome="sent",error_type=""', 2],
      ['wa_mailbox_rejected_messages_total', 'reason="not_ready"', 1],
      ['wa_messages_received_total', 'type="chat",handled="answered"', 1],
      ['wa_ai_request_duration_seconds_sum', 'outcome="reply"', 0.9],
      ['wa_client_operation_duration_seconds_sum', 'operation="send_text",outcome="ok"', 0.024],
      ['wa_session_restarts_total', 'reason="CRASH"', 1],
      ['wa_session_transitions_total', 'from="awaiting_qr.linking",to="connected",event="client.ready"', 1],
      ['wa_session_events_ignored_total', 'state="connected",event="client.qr"', 1],
      ['wa_session_qr_issued_total', '', 1],
      ['wa_session_pairing_duration_seconds_sum', 'outcome="connected"', 30],
      ['wa_session_state_duration_seconds_sum', 'state="awaiting_qr"', 30],
    ] as const)
      expect((await series(name))[labels], `${name}{${labels}}`).to.equal(value);
  });

  it('starts at 0 where all labels are known', async () => {
    expect(await series('wa_idempotency_requests_total')).to.deep.equal({
      'outcome="new"': 0,
      'outcome="replayed"': 0,
      'outcome="in_flight"': 0,
      'outcome="mismatch"': 0,
    });
    expect(Object.values(await series('wa_mailbox_rejected_messages_total'))).to.deep.equal([0, 0, 0]);
    const counters = [
      ['wa_messages_sent_total', 'type="image",outcome="failed",error_type="EXPIRED"'],
      ['wa_messages_received_total', 'type="ptt",handled="ignored"'],
      ['wa_session_restarts_total', 'reason="CRASH"'],
      ['wa_session_restarts_total', 'reason="other"'],
      ['wa_session_events_ignored_total', 'state="auth_failed",event="client.ready"'],
      ['wa_session_state_duration_seconds_count', 'state="auth_failed"'],
      ['wa_client_operation_duration_seconds_count', 'operation="send_text",outcome="ok"'],
    ] as const;
    for (const [name, labels] of counters) {
      const all = await series(name);
      expect(all, name).to.include({ [labels]: 0 });
      expect(new Set(Object.values(all)), name).to.deep.equal(new Set([0]));
    }
    expect(Object.values(await series('wa_ai_request_duration_seconds_count'))).to.deep.equal([0, 0, 0, 0]);
    expect(await series('wa_session_qr_issued_total')).to.deep.equal({ '': 0 });
    expect(await series('wa_ready')).to.deep.equal({ '': 0 });
  });

  it('starts at 0 for every transition of the chart', async () => {
    const all = await series('wa_session_transitions_total');
    const ends = new Set(Object.keys(all).map((labels) => labels.replace(/,event=.*/, '')));
    const drawn = gateway.system.charts.agent.edges.map(
      ({ edge }) => `from="${edge.replace(' → ', '",to="')}"`,
    );
    expect(drawn).to.have.length.above(20);
    expect([...ends]).to.have.members(drawn);
    expect(new Set(Object.values(all))).to.deep.equal(new Set([0]));
  });

  it('has the memory of existing browsers of existing agents', async () => {
    agents = [agent('support'), agent('sales')];
    memory.set('support', 123_456_789).set('gone', 5);
    expect(await series('wa_chromium_memory_bytes')).to.deep.equal({ 'agent_id="support"': 123_456_789 });
  });

  it('has the state of each agent at the time of the scrape', async () => {
    const oldestAt = Date.now() - 60_000;
    agents = [
      agent('support', {
        mailbox: { mode: 'closed', depth: 3, capacity: 500, tokens: 7, nextTokenSeconds: 0, oldestAt },
      }),
      agent('sales', { status: 'disconnected' }),
    ];
    expect(await series('wa_sessions')).to.deep.equal({
      'state="awaiting_qr"': 0,
      'state="connected"': 1,
      'state="disconnected"': 1,
      'state="auth_failed"': 0,
    });
    const states = await series('wa_session_state');
    expect(Object.keys(states)).to.have.length(8);
    expect(states['agent_id="sales",state="disconnected"']).to.equal(1);
    expect(states['agent_id="sales",state="connected"']).to.equal(0);
    expect((await series('wa_session_state_since_timestamp_seconds'))['agent_id="sales"']).to.equal(
      (NOW - 5_000) / 1000,
    );
    expect((await series('wa_mailbox_messages'))['agent_id="support"']).to.equal(3);
    expect((await series('wa_rate_limiter_tokens'))['agent_id="support"']).to.equal(7);
    expect(await series('wa_mailbox_capacity_messages')).to.deep.equal({ '': 500 });
    const ages = await series('wa_mailbox_oldest_message_age_seconds');
    expect(ages['agent_id="support"']).to.be.within(60, (Date.now() - oldestAt) / 1000);
    expect(ages['agent_id="sales"']).to.equal(0);
  });

  it('drops the series of a removed agent', async () => {
    await gateway.link('sales');
    await gateway.link();
    expect((await metrics.text()).body).to.contain('sales');
    await gateway.remove('sales');
    expect((await metrics.text()).body).not.to.contain('sales');
    await gateway.remove();
    expect((await metrics.text()).body).not.to.contain('agent_id');
    expect(await series('wa_sessions')).to.include({ 'state="connected"': 0 });
  });

  it('has agent_id on gauges only', async () => {
    await exercise();
    const { body } = await metrics.text();
    const gauges = new Set([...body.matchAll(/^# TYPE (\S+) gauge$/gm)].map(([, name]) => name));
    for (const [, name] of body.matchAll(/^(\w+)\{[^}]*agent_id=/gm)) expect(gauges).to.include(name);
  });

  it('counts requests in progress', async () => {
    metrics.onStart();
    expect(await series('http_server_active_requests')).to.deep.equal({ '': 1 });
  });

  for (const [end, outcome, happen] of [
    ['connected', 'connected', (events) => events.emit('ready', ME)],
    ['QR_EXPIRED', 'expired', (events) => events.emit('qr', 'one too many')],
    ['CRASH', 'failed', (events) => events.emit('crash', 'gone')],
    ['AUTH_FAILURE', 'failed', (events) => events.emit('auth_failure', 'no')],
  ] as [string, string, (events: WhatsAppClient['events']) => void][])
    it(`times a pairing that ends with ${end} as ${outcome}`, async () => {
      const events = await gateway.showQr();
      await gateway.clock.pass(20_000);
      events.emit('qr', 'second');
      await gateway.clock.pass(25_000);
      happen(events);
      events.emit('disconnected', 'LOGOUT');
      const counts = await series('wa_session_pairing_duration_seconds_count');
      expect(Object.values(counts).reduce((sum, count) => sum + count)).to.equal(1);
      expect((await series('wa_session_pairing_duration_seconds_sum'))[`outcome="${outcome}"`]).to.equal(45);
    });

  it('has no pairing for a session without a QR', async () => {
    await gateway.connect();
    expect(Object.values(await series('wa_session_pairing_duration_seconds_count'))).to.deep.equal([0, 0, 0]);
  });

  it('has no label with values that others choose', async () => {
    const { clock, driver, client, system } = gateway;
    await gateway.connect();
    client().events.emit('message', { ...inbound('1'), type: '6281234567890' });
    client().events.emit('disconnected', 'no page at 6281234567890');
    await eventually('the end', () => system.describe('shop').supervisorStates.includes('alive.backing_off'));
    // The next client reports nothing until the limit of its start.
    await clock.pass(10_000);
    expect(driver.clients).to.have.length(2);
    await clock.pass(DEFAULT_LIMITS.startMs);
    // By hand: the gateway itself fails messages with its own codes alone.
    system.events.emit('message', {
      ...{ agentId: 'shop', id: '1', kind: 'text', origin: 'api', traceId: TRACE },
      ...{ status: 'failed', error: 'no 6281234567890' },
    });
    metrics.onRequest('unmatched', 'PROPFIND', 405, 0.1);
    const { body } = await metrics.text();
    for (const series of [
      'wa_messages_received_total{type="other",handled="ignored"} 1',
      'wa_session_restarts_total{reason="other"} 1',
      'wa_session_transitions_total{from="disconnected.queued",to="disconnected.starting",event="xstate.done"} 2',
      'wa_session_transitions_total{from="disconnected.starting",to="disconnected.closing",event="xstate.after"} 1',
      'wa_messages_sent_total{type="text",outcome="failed",error_type="other"} 1',
      'http_server_request_duration_seconds_count{http_request_method="_OTHER"',
    ])
      expect(body).to.contain(series);
    expect(body).not.to.contain('6281234567890');
  });

  it('counts transitions of the session, not of its supervisor', async () => {
    await gateway.connect();
    const counts = Object.entries(await series('wa_session_transitions_total'));
    expect(counts.map(([, count]) => count)).to.include(1);
    expect(counts.filter(([labels]) => labels.includes('alive.'))).to.deep.equal([]);
  });

  whereFound('promtool check metrics', findProgram('promtool'), MISSING, (promtool) => {
    it('is empty', async () => {
      await exercise();
      const { body } = await metrics.text();
      const run = spawnSync(promtool, ['check', 'metrics'], { input: body, encoding: 'utf8' });
      expect(`${run.stdout}${run.stderr}`.trim()).to.equal('');
      expect(run.status).to.equal(0);
    });
  });
});

/** The metrics of an exposition as rows of the documentation: name, type, labels, buckets, meaning. */
function exposed(body: string): string[] {
  return [...body.matchAll(/^# HELP ((?:wa|http)_\w+) (.*)\n# TYPE \S+ (\S+)\n((?:[a-z].*\n)*)/gm)].map(
    ([, name, help, type, series]) => {
      const keys = new Set([...series!.matchAll(/[{,](\w+)=/g)].map(([, key]) => key!));
      const buckets = new Set([...series!.matchAll(/le="([\d.]+)"/g)].map(([, le]) => le!));
      keys.delete('le');
      const labels = keys.size === 0 ? '' : `\`${[...keys].join(', ')}\``;
      return `| \`${name}\` | ${type} | ${labels} | ${[...buckets].join(' ')} | ${help} |`;
    },
  );
}
