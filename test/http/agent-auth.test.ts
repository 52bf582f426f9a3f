import { expect } from 'chai';
import { type SinonFakeTimers, useFakeTimers } from 'sinon';
import { eventually } from '../support/eventually.ts';
import { expectProblem, Harness } from '../support/http-harness.ts';

const text = { to: '0812-3456-7890', message: 'Halo' };

describe('authentication of /agents', () => {
  let http: Harness;
  let clock: SinonFakeTimers;
  beforeEach(async () => {
    http = await new Harness().start();
    // Stopped, since every second allows another guess.
    clock = useFakeTimers({ toFake: ['performance'] });
  });
  afterEach(async () => {
    clock.restore();
    await http.stop();
  });

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

  it('looks up the newest key in the background after a wrong one, so that the next call passes', async () => {
    http.system.onRefresh = (agentId): undefined => {
      http.system.agents.get(agentId)!.key = 'new-key';
    };
    expect((await sendAs('Bearer new-key')).status).to.equal(401);
    expect((await sendAs('Bearer new-key')).status).to.equal(200);
  });

  it('does not look up once per wrong key when there are many', async () => {
    await Promise.all(Array.from({ length: 50 }, () => sendAs('Bearer wrong')));
    expect(http.system.refreshed.length).to.be.within(1, 10);
  });

  it('answers 404 for an unknown agent with a Bearer and 401 without one', async () => {
    expectProblem(await sendAs('Bearer secret-key', 'ghost'), 'SESSION_NOT_FOUND');
    expectProblem(await sendAs(undefined, 'ghost'), 'UNAUTHORIZED');
  });

  it('answers 401 before a body of 14 MB is read, without 100 Continue', async () => {
    const head = 'POST /agents/bot/media HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
    const isAnswered = (got: string) => got.includes('traceId');
    for (const expectation of ['', 'Expect: 100-continue\r\n']) {
      const answer = await http.raw(`${head}${expectation}Content-Length: 14000000\r\n\r\n`, isAnswered);
      expect(answer).to.match(/^HTTP\/1.1 401 /);
    }
    const authorized = `${head}Authorization: Bearer secret-key\r\nExpect: 100-continue\r\n`;
    const asked = await http.raw(`${authorized}Content-Length: 14000000\r\n\r\n`, (got) => got !== '');
    expect(asked).to.match(/^HTTP\/1.1 100 Continue/);
  });

  /** Presents wrong keys until one is answered with 429; returns that answer. */
  async function untilThrottled(agentId: string) {
    for (let i = 0; i < 1_000; i += 1) {
      const reply = await sendAs(`Bearer wrong-${i}`, agentId);
      if (reply.status === 429) return reply;
    }
    return expect.fail('never throttled');
  }

  it('answers 429 with Retry-After to an address with too many wrong keys, never to the right key', async () => {
    const reply = await untilThrottled('bot');
    expectProblem(reply, 'RATE_LIMITED');
    expect(Number(reply.headers.get('retry-after'))).to.be.within(1, 60);
    expect((await sendAs('Bearer secret-key')).status).to.equal(200);
    expectProblem(await sendAs(undefined), 'UNAUTHORIZED');
  });

  it('throttles guesses at unknown agents like those at existing ones', async () => {
    expectProblem(await untilThrottled('ghost'), 'RATE_LIMITED');
    expectProblem(await sendAs('Bearer wrong'), 'RATE_LIMITED');
  });

  it('still looks up the newest key for a throttled address', async () => {
    await untilThrottled('bot');
    http.system.onRefresh = (agentId): undefined => {
      http.system.agents.get(agentId)!.key = 'new-key';
    };
    await eventually('the new key to pass', async () => (await sendAs('Bearer new-key')).status === 200);
  });
});
