import { expect } from 'chai';
import { AttackedService } from '../support/attacked-service.ts';
import { eventually } from '../support/eventually.ts';
import { expectProblem, type Reply } from '../support/http-harness.ts';
import { connected, createAgent } from '../support/link-agent.ts';
import { withDatabase } from '../support/postgres.ts';
import { KEY, OTHER_KEY } from './row.ts';

/** Public by every rule, and unused since 2006: the network of the former 6bone. */
const PUBLIC = '3ffe::1';
const METADATA = '169.254.169.254';
const CUSTOMER = '6281234567890';

describe('names that change their address (DNS rebinding)', function () {
  this.timeout(60_000);
  const database = withDatabase();
  const attacked = new AttackedService();

  before(async () => {
    await attacked.open(database(), { bot: KEY, other: OTHER_KEY });
  });
  beforeEach(() => {
    attacked.names.asked.length = 0;
  });
  after(() => attacked.close());

  /** A send whose image is at this URL. */
  const fetching = (url: string): Promise<Reply> =>
    attacked.ask('/agents/bot/media', { method: 'POST', key: KEY, json: { to: CUSTOMER, url } });

  /** A URL of the name, at the port where the canary listens. */
  const at = (name: string): string => `http://${name}:${attacked.canary.port}/`;

  /** A valid request, which must succeed right after the attack; no private address was called. */
  async function expectGood(): Promise<void> {
    expect(attacked.canary.received).to.deep.equal([]);
    const json = { to: CUSTOMER, message: 'is fine' };
    const reply = await attacked.ask('/agents/bot/messages', { method: 'POST', key: KEY, json });
    expect(reply.status, 'the good request after it').to.equal(200);
  }

  for (const [kind, inside] of [
    ['IPv4', '127.0.0.1'],
    ['IPv6', '::1'],
    ['mapped', '::ffff:127.0.0.1'],
  ] as const) {
    it(`gain nothing between the check and the connection: ${kind} loopback after a public address`, async () => {
      const name = `rebound-${kind.toLowerCase()}.example`;
      attacked.names.set(name, [PUBLIC], [inside]);
      const first = await fetching(at(name));
      expectProblem(first, 'MEDIA_FETCH_FAILED');
      expect(attacked.names.asked, 'looked up once, and dialled as it was checked').to.deep.equal([name]);
      const second = await fetching(at(name));
      expectProblem(second, 'MEDIA_URL_BLOCKED');
      expect(first.text + second.text).not.to.match(/127\.0\.0\.1|::1|3ffe|secret/);
      await expectGood();
    });
  }

  it('gain nothing by a redirect to themselves', async () => {
    const name = 'redirected.example';
    attacked.names.set(name, ['127.0.0.1'], [PUBLIC]);
    const to = encodeURIComponent(at(name));
    expectProblem(await fetching(`${attacked.web.url}/redirect?to=${to}`), 'MEDIA_URL_BLOCKED');
    expect(attacked.names.asked).to.deep.equal([name]);
    await expectGood();
  });

  it('gain nothing by having both addresses at once, in either order', async () => {
    attacked.names.set('both.example', [PUBLIC, '127.0.0.1'], ['127.0.0.1', PUBLIC]);
    expectProblem(await fetching(at('both.example')), 'MEDIA_URL_BLOCKED');
    expectProblem(await fetching(at('both.example')), 'MEDIA_URL_BLOCKED');
    await expectGood();
  });

  it('gain nothing by resolving to the server of an allowed origin', async () => {
    attacked.names.set('ally.example', ['127.0.0.1']);
    const { port } = new URL(attacked.web.url);
    expectProblem(await fetching(`http://ally.example:${port}/image.png`), 'MEDIA_URL_BLOCKED');
    expect((await fetching(`${attacked.web.url}/image.png`)).status).to.equal(200);
    await expectGood();
  });

  it('do not lead an AI backend’s call to the metadata of a cloud', async () => {
    const { pool, network } = attacked.service;
    const { port } = new URL(attacked.web.url);
    const create = () => createAgent(attacked.url, 'rebound', { userId: 7, apikey: KEY });
    await create();
    const url = `http://ai.example:${port}/reply`;
    await pool.query('update whatsapp_user set endpoint_url_run = $1 where agent_id = $2', [url, 'rebound']);
    network.scan(String((await create()).body.qr), '6281100000003');
    await connected(attacked.url, 'rebound');
    const run = () => {
      const json = { message: 'hello', sessionId: CUSTOMER };
      return attacked.ask('/agents/rebound/run', { method: 'POST', key: KEY, json });
    };
    attacked.names.set('ai.example', ['127.0.0.1'], [METADATA], ['127.0.0.1', METADATA]);
    expect((await run()).status, 'an AI on loopback is allowed').to.equal(200);
    // A checked connection may be reused; the attack needs a new one.
    await eventually('its connections to be closed', async () => (await attacked.web.connections()) === 0);
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const reply = await run();
      expectProblem(reply, 'AI_DOWNSTREAM_ERROR');
      expect(reply.text).not.to.include('169.254');
    }
    expect(attacked.names.asked).to.deep.equal(['ai.example', 'ai.example', 'ai.example']);
    await expectGood();
  });
});
