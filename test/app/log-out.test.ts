import { expect } from 'chai';
import { callApi } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { BOT } from '../support/fixtures.ts';
import { linkAgent } from '../support/link-agent.ts';
import { withDatabase } from '../support/postgres.ts';
import { type Service, startService } from '../support/service.ts';

describe('logging out an agent with a lost session', () => {
  const database = withDatabase();
  let service: Service;

  before(async () => {
    service = await startService(database(), {
      limits: { unlinkMs: 2_000 },
    });
  });
  after(() => service.close());
  afterEach(() => service.network.faults.restore(BOT));

  /** Calls the service. */
  const call = (method: string, path: string, body?: unknown) => callApi(service.app.url, method, path, body);

  /** Links an agent whose session another browser then takes over: it has no client for a minute. */
  async function linkedButOffline(agentId: string): Promise<string> {
    const { network } = service;
    await linkAgent(service, agentId, BOT);
    const token = network.devicesOf(BOT)[0]!.token!;
    network.faults.setState(BOT, 'CONFLICT');
    await eventually('the disconnect', () => {
      return service.app.system.describe(agentId).states.includes('disconnected.idle');
    });
    network.faults.restore(BOT);
    return token;
  }

  for (const [method, path] of [
    ['DELETE', ''],
    ['POST', '/reconnect'],
  ] as const) {
    it(`unlinks the device on the phone: ${method} /sessions/{agentId}${path}`, async () => {
      const token = await linkedButOffline(`away-${method}`);
      const answer = await call(method, `/sessions/away-${method}${path}`);
      expect(answer.status).to.equal(200);
      expect(answer.body).not.to.have.property('unlinked');
      expect(service.network.isLinked(token)).to.equal(false);
    });

    it(`answers unlinked: false when WhatsApp can't be reached: ${method} /sessions/{agentId}${path}`, async () => {
      const token = await linkedButOffline(`cut-off-${method}`);
      service.network.faults.drop(BOT);
      const answer = await call(method, `/sessions/cut-off-${method}${path}`);
      expect(answer.body).to.include({ unlinked: false });
      expect(service.network.isLinked(token)).to.equal(true);
    });
  }
});
