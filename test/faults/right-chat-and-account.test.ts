import { expect } from 'chai';
import pg from 'pg';
import type { AgentRef } from '../../src/actors/domain/identity.ts';
import type { MessageContent } from '../../src/actors/domain/message-content.ts';
import type { Scheduler } from '../../src/actors/domain/ports/clock.ts';
import type { HandoverOptions, SentQuery, WhatsAppClient } from '../../src/actors/domain/ports/whatsapp.ts';
import { SandboxDriver } from '../../src/sandbox/driver/sandbox-driver.ts';
import { SandboxNetwork } from '../../src/sandbox/network/network.ts';
import { callApi } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { faultRuns, reportFigures, times } from '../support/fault-runs.ts';
import { BEARER } from '../support/fixtures.ts';
import { connected, linkAgent } from '../support/link-agent.ts';
import { withDatabase } from '../support/postgres.ts';
import { SandboxService } from '../support/sandbox-service.ts';
import { startService } from '../support/service.ts';

const RUNS = faultRuns(1, 20);
const NUMBER = '6281100000001';
const CUSTOMER = '6281200000001@c.us';
/** A send to this sandbox number drops the sender's connection. */
const DROPS_CONNECTION = '15550000008@c.us';

describe('a message accepted before a fault', function () {
  this.timeout(120_000 + RUNS * 60_000);
  const database = withDatabase();
  let service: SandboxService;

  before(async () => {
    service = await SandboxService.create({ DB_URL: database().url }, { door: true });
    await service.up();
  });
  after(() => service.close());

  /** Accepts texts; returns their ids. */
  const accept = async (agentId: string, to: string, texts: string[]): Promise<string[]> => {
    const ids: string[] = [];
    for (const text of texts) ids.push(String((await service.accept(agentId, to, text)).body.id));
    return ids;
  };

  /** The statuses of messages, with their error codes. */
  const outcomes = (agentId: string, ids: string[]) =>
    Promise.all(
      ids.map(async (id) => {
        const { body } = await service.call('GET', `/agents/${agentId}/messages/${id}`);
        return `${body.status} ${(body.error as { code: string } | undefined)?.code}`;
      }),
    );

  for (const isKilled of [false, true]) {
    const how = isKilled ? ', after a kill -9' : '';
    it(`is sent from no other account than the one it was accepted for${how}`, async () => {
      const figures = { accepted: 0, failed: 0, unknown: 0, 'sent by the other account': 0 };
      for (let run = 0; run < RUNS; run += 1) {
        const agentId = `relinked-${isKilled}-${run}`;
        const [former, latter] = [1, 2].map((place) => `6281${place}${isKilled ? 1 : 2}00000${100 + run}`);
        await service.link(agentId, former!);
        // The first is handed over and drops the connection; the others queue behind it.
        const [first] = await accept(agentId, DROPS_CONNECTION, [`${agentId} 1`]);
        const ids = [first!, ...(await accept(agentId, CUSTOMER, [`${agentId} 2`, `${agentId} 3`]))];
        const handedOver = `/sandbox/phones/${agentId}/messages?chat=${encodeURIComponent(DROPS_CONNECTION)}`;
        await eventually('the hand-over', async () => {
          const { body } = await service.call('GET', handedOver);
          return (body as unknown as unknown[]).length > 0;
        });
        await service.call('POST', `/sandbox/phones/${agentId}/network`, { drop: true });
        await service.call('POST', `/sandbox/phones/${agentId}/unlink`);
        await eventually('the logout', async () => {
          const { body } = await service.call('GET', `/sessions/${agentId}`);
          return body.status === 'disconnected';
        });
        if (isKilled) {
          await service.running.end('SIGKILL');
          await service.up();
        }
        await service.link(agentId, latter!);
        const counts = await service.settled(agentId, ids);
        expect(await outcomes(agentId, ids)).to.deep.equal([
          'unknown ACCOUNT_CHANGED',
          'failed ACCOUNT_CHANGED',
          'failed ACCOUNT_CHANGED',
        ]);
        figures.accepted += ids.length;
        figures.failed += counts.failed ?? 0;
        figures.unknown += counts.unknown ?? 0;
        for (const chat of [DROPS_CONNECTION, CUSTOMER])
          figures['sent by the other account'] += (await service.sentTexts(agentId, chat)).length;
        await service.call('DELETE', `/sessions/${agentId}`);
      }
      reportFigures('P1 P3', `another number linked while messages wait${how}, ${times(RUNS)}`, figures);
      expect(figures['sent by the other account']).to.equal(0);
    });
  }

  for (const row of ['has its id', 'is of an earlier version, without an id'] as const) {
    it(`is sent once to a number with two spellings across a kill -9 when its row ${row}`, async () => {
      const sql = new pg.Client(database().config);
      await sql.connect();
      const agentId = `spelled-${row.length}`;
      let duplicates = 0;
      try {
        await service.link(agentId, NUMBER);
        for (let run = 0; run < RUNS; run += 1) {
          const subscriber = `55${row.length}${String(10_000 + run).padStart(6, '0')}`;
          const [own, asked] = [`52${subscriber}@c.us`, `521${subscriber}@c.us`];
          await service.call('POST', '/sandbox/groups', { name: 'Shop', participants: [`52${subscriber}`] });
          const dying = service.running;
          await dying.ask({ crash: { point: 'after the hand-over to the page', pass: 1 } });
          const [id] = await accept(agentId, asked, ['once']).catch(() => []);
          expect((await dying.ended).signal).to.equal('SIGKILL');
          if (row !== 'has its id') await sql.query('update gateway_message set stanza_id = null');
          await service.up();
          await service.connected(agentId);
          if (id) expect(await service.settled(agentId, [id])).to.deep.equal({ sent: 1 });
          const sent = async () => (await service.sentTexts(agentId, own)).filter((text) => text === 'once');
          await eventually('it to be sent', async () => (await sent()).length > 0);
          duplicates += (await sent()).length - 1;
        }
      } finally {
        await sql.end();
      }
      reportFigures(
        'P1 P2',
        `kill -9 under a send to a number with two spellings, its row ${row}, ${times(RUNS)}`,
        {
          duplicates,
        },
      );
      expect(duplicates).to.equal(0);
    });
  }
});

/** The sandbox without our stanza ids: messages are looked up by content and time. */
class IdlessDriver extends SandboxDriver {
  override create(agent: AgentRef): WhatsAppClient {
    const client = super.create(agent);
    const send = client.send.bind(client);
    const findSent = client.findSent.bind(client);
    client.send = (to: string, content: MessageContent, { quoteId }: HandoverOptions = {}) =>
      send(to, content, { quoteId });
    client.findSent = ({ stanzaId: _unknown, ...query }: SentQuery) => findSent(query);
    return client;
  }
}

describe("a host's clock ahead of WhatsApp's", function () {
  this.timeout(120_000 + RUNS * 20_000);
  const database = withDatabase();

  for (const aheadMs of [60_000, -60_000]) {
    it(`by ${aheadMs / 1000} s causes no duplicate when the browser crashes during a send`, async () => {
      const network = new SandboxNetwork();
      const clock: Scheduler = {
        now: () => network.clock.now() + aheadMs,
        monotonic: () => network.clock.monotonic(),
        setTimeout: (ring, ms) => network.clock.setTimeout(ring, ms),
        clearTimeout: (timer) => network.clock.clearTimeout(timer),
      };
      const driver = new IdlessDriver(network);
      const service = await startService(database(), {
        network,
        driver,
        clock,
      });
      const agentId = `skewed${aheadMs}`.replace('-', '_');
      let duplicates = 0;
      try {
        await linkAgent(service, agentId, NUMBER);
        for (let run = 0; run < RUNS; run += 1) {
          await connected(service.url, agentId);
          network.faults.setLatency(NUMBER, 300);
          const text = `${agentId} ${run}`;
          const handedOver = new Promise<void>((resolve) => {
            const onMessage = (_owner: string, message: { body: string }) => {
              if (message.body !== text) return;
              network.events.off('message', onMessage);
              resolve();
            };
            network.events.on('message', onMessage);
          });
          const sent = callApi(
            service.app.url,
            'POST',
            `/agents/${agentId}/messages`,
            { to: CUSTOMER, message: text },
            BEARER,
          );
          await handedOver;
          network.faults.crash(NUMBER);
          expect((await sent).status).to.equal(200);
          const copies = network.messages(CUSTOMER, `${NUMBER}@c.us`).filter((each) => each.body === text);
          duplicates += copies.length - 1;
        }
      } finally {
        await service.close();
      }
      const skew = `${Math.abs(aheadMs) / 1000} s ${aheadMs > 0 ? 'ahead of' : 'behind'} WhatsApp's`;
      reportFigures('P2', `a browser's crash during a send, the host's clock ${skew}, ${times(RUNS)}`, {
        duplicates,
      });
      expect(duplicates).to.equal(0);
    });
  }
});
