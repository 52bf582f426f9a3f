import { expect } from 'chai';
import type { TransitionRecord } from '../../src/actors/domain/agent-view.ts';
import { callApi } from '../support/api.ts';
import { EventStream } from '../support/event-stream.ts';
import { eventually } from '../support/eventually.ts';
import { BOT } from '../support/fixtures.ts';
import { createAgent } from '../support/link-agent.ts';
import { withDatabase } from '../support/postgres.ts';
import { type Recording, replay } from '../support/replay.ts';
import { type Service, startService } from '../support/service.ts';

describe('a recorded history', () => {
  const database = withDatabase();
  const limits = { probeEveryMs: 1_000, probeAgainMs: 500, maxOfflineProbes: 2, steadyMs: 5_000 };
  let service: Service;
  let recording: Recording;
  let stream: EventStream;
  let last: { states: string[]; supervisorStates: string[] };

  /** Calls the service. */
  const call = async (method: string, path: string, body?: unknown) =>
    (await callApi(service.app.url, method, path, body)).body;

  /** Waits until the agent is in a state, advancing the clock past its delays. */
  async function reaches(path: string, machine: 'states' | 'supervisorStates' = 'states'): Promise<void> {
    await eventually(`the agent to be ${path}`, async () => {
      const [agent] = (await call('GET', '/inspector/api/agents')).agents as (typeof last)[];
      if (agent![machine].some((state) => state.startsWith(path))) return true;
      await service.network.clock.advance(250);
      return false;
    });
  }

  before(async () => {
    service = await startService(database(), { limits });
    const { network } = service;
    const { qr } = (await createAgent(service.url, 'sales')).body;
    stream = await EventStream.open(`${service.app.url}/inspector/api/events?agentId=sales&after=0`);
    network.scan(String(qr), BOT);
    await reaches('connected');
    await reaches('alive.running.steady', 'supervisorStates');
    network.faults.drop(BOT);
    await reaches('disconnected');
    network.faults.restore(BOT);
    await reaches('connected');
    network.faults.crash(BOT);
    await reaches('alive.backing_off', 'supervisorStates');
    await reaches('connected');
    const again = await call('POST', '/sessions/sales/reconnect');
    network.scan(String(again.qr), BOT);
    await reaches('connected');
    network.unlink(BOT);
    await reaches('disconnected.idle');
    const { history, ...detail } = await call('GET', '/inspector/api/agents/sales');
    // As copied by the page's "copy as JSON".
    recording = JSON.parse(JSON.stringify({ agentId: 'sales', records: history }));
    last = detail as typeof last;
  });

  after(async () => {
    stream?.close();
    await service?.close();
  });

  it('contains the link, drop, reload, crash, backoff and logout', () => {
    const edges = recording.records.flatMap((record) => record.edges);
    expect(edges).to.include.members([
      'awaiting_qr.scanning → awaiting_qr.linking',
      'alive.running → alive.backing_off',
      'alive.backing_off → alive.running',
      'alive → alive.relinking',
      'disconnected.closing → disconnected.idle',
    ]);
    expect(recording.records.at(-1)!.seq).to.equal(recording.records.length);
  });

  it('equals the records and the final state that a viewer received', async () => {
    await stream.has(`id: ${recording.records.length}\n`);
    const received = [...stream.text.matchAll(/^event: record\nid: (\d+)\ndata: (.*)$/gm)];
    expect(received.map(([, id]) => Number(id))).to.deep.equal(recording.records.map(({ seq }) => seq));
    expect(received.map(([, , data]) => JSON.parse(data!))).to.deep.equal(recording.records);
    await eventually('the final state', () => {
      const [, agent = '{}'] = [...stream.text.matchAll(/^event: agent\ndata: (.*)\n\n/gm)].at(-1) ?? [];
      return String(JSON.parse(agent).states) === String(last.states);
    });
  });

  it('starts at the initial states', () => {
    const [first, second] = ['supervisor', 'agent'].map((name) =>
      recording.records.find(({ machine }) => machine === name),
    );
    expect(first!.from).to.deep.equal(['alive.idle']);
    expect(second!.from).to.deep.equal(['disconnected.idle']);
  });

  it('contains no numbers, QRs or names', () => {
    expect(JSON.stringify(recording)).not.to.match(/62811111|2@|"key"|"me"/);
  });

  it('replays to the same states, step by step', () => {
    const replayed = replay(recording, { limits });
    expect(replayed.divergence).to.equal(null);
    expect(replayed.agent).to.deep.equal(last.states);
    expect(replayed.supervisor).to.deep.equal(last.supervisorStates);
  });

  it('replays from the middle', () => {
    const middle = recording.records.findIndex(({ event }) => event === 'session.reconnect');
    const replayed = replay({ ...recording, records: recording.records.slice(middle - 5) }, { limits });
    expect(replayed.agent).to.deep.equal(last.states);
    expect(replayed.supervisor).to.deep.equal(last.supervisorStates);
  });

  it('replays up to the first record that the machines don’t follow', () => {
    const records = structuredClone(recording.records);
    const index = records.findIndex(({ event }) => event === 'client.ready');
    (records[index] as TransitionRecord).event = 'client.authenticated';
    const { divergence } = replay({ ...recording, records }, { limits });
    expect(divergence?.record.seq).to.equal(records[index]!.seq);
    expect(divergence?.found).not.to.deep.equal(divergence?.expected);
  });

  it('keeps the states of a history that was recorded with a former chart', () => {
    const former: Recording = JSON.parse(
      JSON.stringify(recording)
        .replaceAll('"disconnected.idle"', '"disconnected.resting"')
        .replaceAll('"connected.healthy"', '"connected.link.healthy","connected.mailbox.idle"'),
    );
    expect(replay(former, { limits }).divergence?.expected.join()).to.match(/resting|mailbox/);
    const middle = former.records.findIndex(({ to }) => to.includes('connected.mailbox.idle'));
    const { divergence } = replay({ ...former, records: former.records.slice(middle + 1) }, { limits });
    expect(divergence?.expected.join()).to.match(/resting|mailbox/);
  });
});
