import { expect } from 'chai';
import { type SinonFakeTimers, useFakeTimers } from 'sinon';
import { expectProblem, Harness, type Reply } from '../support/http-harness.ts';

/** One path of each router that requires the token. */
const GUARDED = ['/sessions', '/sessions/bot/statechart', '/inspector', '/inspector/api/agents', '/docs'];

describe('guesses at SESSIONS_TOKEN', () => {
  let http: Harness;
  let clock: SinonFakeTimers;
  beforeEach(async () => {
    http = await new Harness().start({ SESSIONS_TOKEN: 'letmein', TRUST_PROXY: 1 });
    // Stopped, since every second allows another guess.
    clock = useFakeTimers({ toFake: ['performance'] });
  });
  afterEach(async () => {
    clock.restore();
    await http.stop();
  });

  /** Reads with this token from this address. */
  const reading = (path: string, key?: string, from = '192.0.2.7', accept = 'application/json') =>
    http.ask(path, { key, headers: { 'x-forwarded-for': from, accept } });

  /** Presents wrong tokens on all paths until one is answered with 429. */
  async function untilThrottled(from?: string): Promise<{ reply: Reply; guesses: number }> {
    for (let guesses = 1; guesses <= 1_000; guesses += 1) {
      const reply = await reading(GUARDED[guesses % GUARDED.length]!, `wrong-${guesses}`, from);
      if (reply.status === 429) return { reply, guesses };
      expectProblem(reply, 'UNAUTHORIZED');
    }
    return expect.fail('never throttled');
  }

  it('are answered with 429 and Retry-After after a hundred from one address on all paths together', async () => {
    const { reply, guesses } = await untilThrottled();
    expectProblem(reply, 'RATE_LIMITED');
    expect(Number(reply.headers.get('retry-after'))).to.be.within(1, 60);
    expect(guesses).to.equal(101);
    for (const path of GUARDED) expectProblem(await reading(path, 'wrong'), 'RATE_LIMITED');
    expectProblem(await reading('/inspector', 'wrong', '192.0.2.7', 'text/html'), 'RATE_LIMITED');
  });

  it('never block the right token, not even from the same address', async () => {
    await untilThrottled();
    for (const path of GUARDED) expect((await reading(path, 'letmein')).status, path).to.equal(200);
    expectProblem((await untilThrottled()).reply, 'RATE_LIMITED');
  });

  it('count for their address alone, and an IPv6 network as one', async () => {
    await untilThrottled('2001:db8:1:2::1');
    expectProblem(await reading('/sessions', 'wrong', '2001:db8:1:2:ffff::9'), 'RATE_LIMITED');
    expectProblem(await reading('/sessions', 'wrong', '2001:db8:1:3::1'), 'UNAUTHORIZED');
    expectProblem(await reading('/sessions', 'wrong', '192.0.2.8'), 'UNAUTHORIZED');
  });

  it('do not count without a Bearer: 401, and browsers are redirected to the form', async () => {
    await untilThrottled();
    expectProblem(await reading('/sessions'), 'UNAUTHORIZED');
    const led = await reading('/inspector', undefined, '192.0.2.7', 'text/html');
    expect(led.status).to.equal(303);
  });

  it('are counted apart from guesses at the agents’ keys', async () => {
    await untilThrottled();
    const headers = { 'x-forwarded-for': '192.0.2.7' };
    const wrong = await http.ask('/agents/bot/messages', { method: 'POST', key: 'wrong', json: {}, headers });
    expectProblem(wrong, 'UNAUTHORIZED');
  });
});
