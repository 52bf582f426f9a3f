import { expect } from 'chai';
import type { ErrorCode } from '../../src/actors/domain/errors.ts';
import { STATUS } from '../../src/http/middleware/error-handler.ts';
import { AttackedService } from '../support/attacked-service.ts';
import { eventually } from '../support/eventually.ts';
import { expectProblem } from '../support/http-harness.ts';
import { connected, createAgent } from '../support/link-agent.ts';
import { withDatabase } from '../support/postgres.ts';
import { KEY, OTHER_KEY } from './row.ts';

const CUSTOMER = '6281234567890';

/** Malicious AIs, and the error of a run with them; `WEB` and `PORT` as in the media URLs. */
const AIS: [name: string, url: string, code: ErrorCode][] = [
  ['redirects inside', 'WEB/redirect?to=http://127.0.0.1:PORT/', 'AI_DOWNSTREAM_ERROR'],
  ['redirects to itself', 'WEB/loop', 'AI_DOWNSTREAM_ERROR'],
  ['answers HTML', 'WEB/html', 'AI_DOWNSTREAM_ERROR'],
  ['answers an image, compressed', 'WEB/gzip', 'AI_DOWNSTREAM_ERROR'],
  ['answers 11 MB', 'WEB/big', 'AI_DOWNSTREAM_ERROR'],
  ['answers without an end', 'WEB/endless', 'AI_DOWNSTREAM_ERROR'],
  ['drips', 'WEB/drip', 'AI_TIMEOUT'],
  ['hangs up half-way', 'WEB/cut', 'AI_DOWNSTREAM_ERROR'],
  ['hangs up at once', 'WEB/nothing', 'AI_DOWNSTREAM_ERROR'],
  ['speaks no HTTP', 'WEB/no-http', 'AI_DOWNSTREAM_ERROR'],
  ['has 200 KB of headers', 'WEB/headers', 'AI_DOWNSTREAM_ERROR'],
  ['is not there', 'WEB/missing', 'AI_DOWNSTREAM_ERROR'],
  ['is a file', 'file:///etc/passwd', 'AI_DOWNSTREAM_ERROR'],
  ['is a socket', 'unix:/var/run/docker.sock:/info', 'AI_DOWNSTREAM_ERROR'],
  ['holds credentials', 'http://user:password@127.0.0.1:PORT/', 'AI_DOWNSTREAM_ERROR'],
  ['is the metadata of a cloud', 'http://169.254.169.254/latest/meta-data', 'AI_DOWNSTREAM_ERROR'],
  ['is that in hex', 'http://0xa9fea9fe/latest', 'AI_DOWNSTREAM_ERROR'],
  ['is that as IPv6', 'http://[::ffff:a9fe:a9fe]/latest', 'AI_DOWNSTREAM_ERROR'],
  ['is that through 6to4', 'http://[2002:a9fe:a9fe::1]/latest', 'AI_DOWNSTREAM_ERROR'],
  ['is that through NAT64', 'http://[64:ff9b::a9fe:a9fe]/latest', 'AI_DOWNSTREAM_ERROR'],
  ['is that as an old IPv6', 'http://[::a9fe:a9fe]/latest', 'AI_DOWNSTREAM_ERROR'],
  ['is no URL', 'the one in the cellar', 'AI_DOWNSTREAM_ERROR'],
];

describe('a compromised AI backend', function () {
  this.timeout(60_000);
  const database = withDatabase();
  const attacked = new AttackedService();

  before(async () => {
    await attacked.open(database(), { bot: KEY, other: OTHER_KEY });
  });
  after(() => attacked.close());

  /** Connects an agent with this AI. */
  async function agentWith(agentId: string, number: string, endpoint: string): Promise<void> {
    const { pool, network } = attacked.service;
    const create = () => createAgent(attacked.url, agentId, { userId: 7, apikey: KEY });
    expect((await create()).status).to.equal(201);
    const url = endpoint.replace('PORT', String(attacked.canary.port)).replace('WEB', attacked.web.url);
    await pool.query('update whatsapp_user set endpoint_url_run = $2 where agent_id = $1', [agentId, url]);
    network.scan(String((await create()).body.qr), number);
    await connected(attacked.url, agentId);
  }

  /** Runs the agent for the customer. */
  const run = (agentId: string) =>
    attacked.ask(`/agents/${agentId}/run`, {
      method: 'POST',
      key: KEY,
      json: { message: 'hello', sessionId: CUSTOMER },
    });

  for (const [index, [name, url, code]] of AIS.entries()) {
    it(`is answered with ${code} when it ${name}: nothing is sent, typing is off, no connection is left`, async () => {
      const agentId = `ai${index}`;
      const number = `62811000${1_000 + index}`;
      await agentWith(agentId, number, url);
      const reply = await run(agentId);
      expect(reply.status, reply.text).to.equal(STATUS[code]);
      expectProblem(reply, code);
      expect(reply.text).not.to.match(/127\.0\.0\.1|169\.254|passwd|docker/);
      const { network } = attacked.service;
      await eventually('typing to be off', () => !network.isTyping(CUSTOMER, `${number}@c.us`));
      expect(network.messages(number).filter((message) => message.fromMe)).to.deep.equal([]);
      await eventually('its connections to be closed', async () => (await attacked.web.connections()) === 0);
      expect(attacked.canary.received).to.deep.equal([]);
    });
  }

  it('can only send text, and only to the chat that asked', async () => {
    await agentWith('talker', '6281100009999', 'WEB/reply');
    const { network } = attacked.service;
    const reply = await run('talker');
    expect(reply.status, reply.text).to.equal(200);
    const sent = network.messages('6281100009999').filter((message) => message.fromMe);
    const bodies = sent.map(({ body }) => body);
    expect(bodies.map(({ length }) => length)).to.deep.equal([
      65_536,
      String(reply.body.reply).length - 65_536,
    ]);
    expect(bodies.join('')).to.equal(reply.body.reply);
    expect(bodies.join('')).not.to.match(/[^\P{Cc}\n\t]/u);
    expect(bodies[0]).to.include('http://127.0.0.1');
    expect(attacked.canary.received, 'a link in a reply is not followed').to.deep.equal([]);
  });

  it('leaves a customer’s message unanswered, and is reported to the developer without the key', async () => {
    const { network } = attacked.service;
    network.account('62895619356936');
    network.write(CUSTOMER, { to: '628110001002@c.us', text: 'help me' });
    const developer = () => network.messages('62895619356936').map((message) => message.body);
    await eventually('the report', () => developer().some((text) => text.includes('help me')));
    expect(developer().join('\n')).not.to.include(KEY);
    await eventually('typing to be off', () => !network.isTyping(CUSTOMER, '628110001002@c.us'));
    const answered = network.messages('628110001002', `${CUSTOMER}@c.us`).filter((message) => message.fromMe);
    expect(answered).to.deep.equal([]);
  });
});
