import { expect } from 'chai';
import { expectProblem, Harness } from '../support/http-harness.ts';

const text = { to: '0812-3456-7890', message: 'Halo' };

describe('authentication of /agents', () => {
  let http: Harness;
  beforeEach(async () => {
    http = await new Harness().start();
  });
  afterEach(() => http.stop());

  /** A send with a given Authorization header. */
  const sendAs = (authorization: string | undefined, agentId = 'bot') =>
    http.ask(`/agents/${agentId}/messages`, {
      method: 'POST',
      json: text,
      headers: authorization === undefined ? {} : { authorization },
    });

  it('answers 401 with WWW-Authenticate for any Bearer but the key, and accepts the scheme in any case', async () => {
    http.system.add('other', 'other-key');
    for (const header of [
      undefined,
      'Bearer',
      'Bearer wrong',
      'Bearer secret-ke',
      'Bearer secret-key2',
      'Bearer SECRET-KEY',
      'Basic c2VjcmV0LWtleQ==',
      'secret-key',
      'Bearer other-key',
      'Bearer secret-key, Bearer secret-key',
    ]) {
      const reply = await sendAs(header);
      expect(reply.status, header).to.equal(401);
      expectProblem(reply, 'UNAUTHORIZED');
      expect(reply.headers.get('www-authenticate')).to.equal('Bearer');
    }
    expect(http.system.sent).to.be.empty;
    expect((await sendAs('bearer secret-key')).status).to.equal(200);
  });

  it('looks the newest key up in the background after a wrong one, so that the next call passes', async () => {
    http.system.refreshApiKey = (agentId) => {
      http.system.agents.get(agentId)!.key = 'new-key';
    };
    expect((await sendAs('Bearer new-key')).status).to.equal(401);
    expect((await sendAs('Bearer new-key')).status).to.equal(200);
  });

  it('asks no look-up per wrong key of a stream of them', async () => {
    await Promise.all(Array.from({ length: 50 }, () => sendAs('Bearer wrong')));
    expect(http.system.refreshed.length).to.be.within(1, 10);
  });

  it('answers 404 for an unknown agent with a Bearer and 401 without one', async () => {
    expectProblem(await sendAs('Bearer secret-key', 'ghost'), 'SESSION_NOT_FOUND');
    expectProblem(await sendAs(undefined, 'ghost'), 'UNAUTHORIZED');
  });

  it('answers 401 before a body is read', async () => {
    const head = 'POST /agents/bot/media HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
    const answer = await http.raw(`${head}Content-Length: 14000000\r\n\r\n{`, (got) =>
      got.includes('traceId'),
    );
    expect(answer).to.match(/^HTTP\/1.1 401 /);
  });
});
