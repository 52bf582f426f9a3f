import crypto from 'node:crypto';
import { once } from 'node:events';
import { syncBuiltinESMExports } from 'node:module';
import { connect } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'chai';
import type { Request, Response } from 'express';
import sinon from 'sinon';
import { toGatewayError } from '../../src/actors/domain/errors.ts';
import { agentAuth } from '../../src/http/middleware/agent-auth.ts';
import { FakeSystem } from '../support/fake-system.ts';
import { Harness } from '../support/http-harness.ts';
import { difference, type Groups, interleaved, noise } from '../support/statistics.ts';

const SAMPLES = 10_000;
/** Of whole requests, which take some hundred times as long. */
const REQUESTS = 4_000;
/** A real difference shows every time; one that shows only sometimes comes from the machine. */
const ROUNDS = 3;

/** An address for each request, so that none is throttled. */
const addressOf = (index: number): string => `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`;

describe('a wrong key costs the same for an unknown agent as for a known one', function () {
  this.timeout(180_000);
  const AGENTS = { known: 'bot', unknown: 'ghost' };
  let count = 0;

  afterEach(() => {
    sinon.restore();
    syncBuiltinESMExports();
  });

  /** The authentication alone, without HTTP. */
  function authentication() {
    const system = new FakeSystem();
    system.add('bot', 'secret-key');
    const authenticate = agentAuth(system);
    /** Presents a new wrong key; returns the code of the refusal. */
    const guess = (agentId: string): string => {
      count += 1;
      const headers = { authorization: `Bearer wrong-key-${count}` };
      const req = { headers, params: { agentId }, ip: addressOf(count), socket: {} };
      try {
        authenticate(req as unknown as Request, { locals: {} } as Response, () => {});
      } catch (thrown) {
        return toGatewayError(thrown).code;
      }
      return 'passed';
    };
    return { system, guess };
  }

  /** Passes when the groups differ by less than a multiple of the difference between halves of one group. */
  async function expectAlike(what: string, times: number, measure: () => Promise<Groups>): Promise<void> {
    const seen: string[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const groups = await measure();
      const [apart, within] = [difference(groups), noise(groups)];
      seen.push(`${apart.toFixed(3)} µs where noise is ${within.toFixed(3)} µs`);
      if (apart < times * within) return;
    }
    expect.fail(`${what} differs: ${seen.join(', ')}`);
  }

  it('in steps: one look-up of the key, two digests, one comparison of 32 bytes, and no query before the response', async () => {
    const { system, guess } = authentication();
    expect(guess('bot')).to.equal('UNAUTHORIZED');
    expect(system.refreshed, 'look-ups begun before the answer').to.deep.equal([]);
    await nextTurn();
    expect(system.refreshed, 'look-ups begun after it').to.deep.equal(['bot']);
    const looked = sinon.spy(system, 'credentials');
    const hashed = sinon.spy(crypto, 'hash');
    const created = sinon.spy(crypto, 'createHash');
    const compared = sinon.spy(crypto, 'timingSafeEqual');
    syncBuiltinESMExports();
    const work = (agentId: string) => {
      const before = [looked, hashed, created, compared].map((spy) => spy.callCount);
      const code = guess(agentId);
      const done = [looked, hashed, created, compared].map((spy, index) => spy.callCount - before[index]!);
      return { code, done, bytes: compared.lastCall.args.map((side) => side.byteLength) };
    };
    expect(work('bot')).to.deep.equal({ code: 'UNAUTHORIZED', done: [1, 2, 0, 1], bytes: [32, 32] });
    expect(work('ghost')).to.deep.equal({ code: 'SESSION_NOT_FOUND', done: [1, 2, 0, 1], bytes: [32, 32] });
  });

  it(`in the time of the authentication, over ${SAMPLES} guesses in random order`, async () => {
    const { guess } = authentication();
    // Three times the noise is half of a digest's time, so an omitted digest would show.
    await expectAlike('the authentication', 3, () =>
      interleaved(AGENTS, SAMPLES, (agentId) => {
        const start = performance.now();
        guess(agentId);
        return performance.now() - start;
      }),
    );
  });

  it(`in the time until the answer, over ${REQUESTS} guesses in random order on one connection`, async () => {
    const http = await new Harness().start({ TRUST_PROXY: 1 });
    const socket = connect(http.port, '127.0.0.1').setNoDelay();
    await once(socket, 'connect');
    let answers = '';
    /** Milliseconds from the request to the first bytes of its answer. */
    const ask = async (agentId: string): Promise<number> => {
      count += 1;
      const head = `POST /agents/${agentId}/messages HTTP/1.1\r\nHost: localhost\r\n`;
      const request = `${head}X-Forwarded-For: ${addressOf(count)}\r\nAuthorization: Bearer wrong-${count}\r\n\r\n`;
      const start = performance.now();
      socket.write(request);
      const [answer] = (await once(socket, 'data')) as [Buffer];
      const took = performance.now() - start;
      answers += answer.subarray(9, 13).toString();
      return took;
    };
    try {
      await expectAlike('the answer', 1, () => interleaved(AGENTS, REQUESTS, ask));
      expect([...new Set(answers.trim().split(' '))].sort()).to.deep.equal(['401', '404']);
    } finally {
      socket.destroy();
      await http.stop();
    }
  });
});
