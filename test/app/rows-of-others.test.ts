import { expect } from 'chai';
import type pg from 'pg';
import { createLogger } from '../../src/infra/logging/logger.ts';
import { SandboxDriver } from '../../src/sandbox/driver/sandbox-driver.ts';
import { SandboxNetwork } from '../../src/sandbox/network/network.ts';
import { callApi } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { agentRef, BOT, CUSTOMER, OTHER_BOT } from '../support/fixtures.ts';
import { connected, linkAgent } from '../support/link-agent.ts';
import { withDatabase } from '../support/postgres.ts';
import { type Service, startService } from '../support/service.ts';

describe('the rows of whatsapp_user', () => {
  const database = withDatabase();
  const stopped: Service[] = [];
  let service: Service;
  let network: SandboxNetwork;
  let faults: string[];

  /** Starts the service on the test's database and network. */
  async function start(): Promise<void> {
    service = await startService(database(), {
      env: { SEND_BURST: '1', SEND_RATE_PER_MINUTE: '1' },
      network,
      driver: new SandboxDriver(network),
      logger: createLogger('error', { write: (line) => void faults.push(line) }),
    });
  }

  beforeEach(async () => {
    network = new SandboxNetwork();
    faults = [];
    await start();
  });
  afterEach(async () => {
    await sql('truncate whatsapp_user, api_keys, gateway_message, gateway_inbound, gateway_idempotency');
    for (const each of [...stopped.splice(0), service]) await each.close();
  });

  const sql = async (text: string): Promise<pg.QueryResult> => service.pool.query(text);
  const call = (method: string, path: string, body?: object, key?: string) =>
    callApi(service.app.url, method, path, body, key ? { authorization: `Bearer ${key}` } : {});
  const create = (userId: number, apikey?: string) =>
    call('POST', '/sessions', { userId, agentId: 'shop', agentName: `Of ${userId}`, apikey });
  const session = async () => (await call('GET', '/sessions/shop')).body;
  const send = (message: string, key: string) =>
    call('POST', '/agents/shop/messages', { to: CUSTOMER, message }, key);
  const arrived = () => network.messages(CUSTOMER).map(({ body }) => body);

  /** Advances the clock past the next poll of the rows. */
  async function polled(): Promise<void> {
    await network.clock.advance(2_000);
  }

  /** Links user 1's agent. */
  const linked = () => linkAgent(service, 'shop', BOT, { apikey: 'key-1' });

  /** Sends two texts of user 1's agent; the second waits for a token. */
  async function queued(): Promise<void> {
    expect((await send('the only token', 'key-1')).status).to.equal(200);
    const text = { to: CUSTOMER, message: 'of user 1' };
    const headers = { authorization: 'Bearer key-1', prefer: 'respond-async', 'idempotency-key': 'k' };
    const { status } = await callApi(service.app.url, 'POST', '/agents/shop/messages', text, headers);
    expect(status).to.equal(202);
  }

  describe('changed by another system', () => {
    it('apply within one poll and without a restart: the key, the AI endpoint and the name', async () => {
      await linked();
      await sql(
        `update whatsapp_user set api_key = 'key-2', agent_name = 'Renamed', endpoint_url_run = '${service.ai.url}/other'`,
      );
      await polled();
      await eventually('the new key', async () => (await send('with the new key', 'key-2')).status === 200);
      expect((await send('with the old key', 'key-1')).status).to.equal(401);
      expect(await session()).to.include({ agentName: 'Renamed', endpointUrlRun: `${service.ai.url}/other` });
      expect((await session()).status).to.equal('connected');
      expect(arrived()).to.deep.equal(['with the new key']);
    });

    it('are reported without the key when no request can present it', async () => {
      await linked();
      await sql(`update whatsapp_user set api_key = 'kéy with blanks'`);
      await polled();
      const report = await eventually('the report', () =>
        faults.find((line) => line.includes('no request can present')),
      );
      expect(report).to.include('user_id 1 and agent_id \\"shop\\"').and.not.to.include('kéy');
    });

    it('become a disconnected agent when new, which starts on request', async () => {
      await sql(
        `insert into whatsapp_user (user_id, agent_id, agent_name, api_key, status)
         values (1, 'shop', 'Inserted', 'key-1', 'connected')`,
      );
      await polled();
      await eventually('the agent', async () => (await session()).agentName === 'Inserted');
      expect(await session()).to.deep.include({ status: 'disconnected', userId: 1 });
      expect((await create(1)).body).to.have.property('qr');
      await eventually('the stored key and status', async () => {
        const { rows } = await sql('select api_key, status from whatsapp_user');
        return rows[0].api_key === 'key-1' && rows[0].status === 'awaiting_qr';
      });
    });
  });

  describe('deleted by another system', () => {
    it('remove the agent as a DELETE does: logged out, its queue failed, 404', async () => {
      await linked();
      await queued();
      await sql('delete from whatsapp_user');
      await polled();
      await eventually('the removal', async () => (await call('GET', '/sessions/shop')).status === 404);
      expect(network.devicesOf(BOT)).to.deep.equal([]);
      expect(network.tokens.of(agentRef('shop'))).to.equal(null);
      expect((await sql('select from gateway_message')).rowCount).to.equal(0);
    });

    for (const while_ of ['the service runs', 'the service is stopped'] as const)
      it(`while ${while_}, leave the next user of the agentId no credentials, queue, keys or claims`, async () => {
        await linked();
        await queued();
        if (while_ === 'the service is stopped') {
          await service.app.stop();
          stopped.push(service);
          await sql('delete from whatsapp_user');
          await start();
        } else await sql('delete from whatsapp_user');
        const { status, body } = await create(2, 'key-2');
        expect(status).to.equal(201);
        expect(body).to.have.property('qr');
        network.scan(String(body.qr), OTHER_BOT);
        await connected(service.url, 'shop');
        expect((await send('of user 2', 'key-2')).status).to.equal(200);
        expect((await send('of user 1 again', 'key-1')).status).to.equal(401);
        await network.clock.advance(60_000);
        expect(arrived()).to.deep.equal(['the only token', 'of user 2']);
      });
  });

  describe('of two users with one agentId', () => {
    /** Adds a newer row of user 2 with the same agentId. */
    const namesake = () =>
      sql(
        `insert into whatsapp_user (user_id, agent_id, agent_name, api_key, status, updated_at)
         values (2, 'shop', 'Of 2', 'key-2', 'disconnected', now() + interval '1 hour')`,
      );
    const statuses = async () =>
      (await sql('select user_id, status from whatsapp_user order by 1')).rows.map(Object.values);

    it('leave the agent to the linked user, also after a restart, and report the other', async () => {
      await linked();
      await namesake();
      await polled();
      await eventually('the report', () => faults.length > 0);
      expect(await session()).to.include({ userId: 1, status: 'connected' });
      await service.app.stop();
      stopped.push(service);
      faults = [];
      await start();
      await eventually('the connection', async () => (await session()).status === 'connected');
      expect(await session()).to.include({ userId: 1 });
      expect((await create(2, 'key-2')).status).to.equal(409);
      await polled();
      await eventually('the report', () => faults.length > 0);
      expect(faults).to.have.length(1);
      expect(faults[0]).to.include(
        'user_id 2 and agent_id \\"shop\\" is ignored: another user has this agent_id.',
      );
    });

    it('have their own status: a DELETE removes one row, and the other then becomes an agent', async () => {
      await linked();
      await namesake();
      await eventually('the state', async () => (await statuses())[0]?.[1] === 'connected');
      expect(await statuses()).to.deep.equal([
        [1, 'connected'],
        [2, 'disconnected'],
      ]);
      expect((await call('DELETE', '/sessions/shop')).status).to.equal(200);
      expect(await statuses()).to.deep.equal([[2, 'disconnected']]);
      await polled();
      await eventually('the agent of user 2', async () => (await session()).userId === 2);
      expect((await create(2)).body).to.have.property('qr');
    });
  });

  describe('of an agent that is created again', () => {
    it('keep the key when the user has no active one and none is given', async () => {
      await create(1, 'key-1');
      const { status, body } = await create(1);
      expect(status).to.equal(200);
      expect(body).to.have.property('qr');
      expect((await send('x', 'key-1')).status).to.equal(409);
    });

    it('get the newest active key that a request can present, and report the skipped ones', async () => {
      await sql(
        `insert into api_keys (user_id, api_key, is_active, created_at) values
           (1, 'with blank', true, now()), (1, E'line\\nend', true, now()), (1, 'kéy', true, now()),
           (1, 'newest-usable', true, now() - interval '1 day'), (1, 'older', true, now() - interval '2 days')`,
      );
      expect((await create(1)).status).to.equal(201);
      expect((await send('x', 'newest-usable')).status).to.equal(409);
      expect(faults.filter((text) => text.includes('3 active'))).to.have.length(1);
      expect(faults.join()).not.to.match(/with blank|line.nend|kéy/);
    });
  });
});
