import { expect } from 'chai';
import sinon from 'sinon';
import { StartCircuitBreaker } from '../../../src/actors/session/start-circuit-breaker.ts';
import { HOST_CLOCK } from '../../../src/infra/host-clock.ts';

describe('the start circuit breaker', () => {
  let timers: sinon.SinonFakeTimers;
  let published: string[];
  let breaker: StartCircuitBreaker;

  beforeEach(() => {
    timers = sinon.useFakeTimers();
    published = [];
    breaker = new StartCircuitBreaker(HOST_CLOCK, () => 10, {
      fault: (reason, agents) => published.push(`fault ${reason} ${agents}`),
      recovered: (reason) => published.push(`recovered ${reason}`),
    });
  });
  afterEach(() => {
    breaker.close();
    timers.restore();
  });

  /** Asks for admission; adds the agent once it may start. */
  function ask(admitted: string[], agentId: string, signal = new AbortController().signal): Promise<unknown> {
    return breaker.admit(agentId, signal).then(
      () => admitted.push(agentId),
      () => undefined,
    );
  }

  /** Agents fail for the same reason. */
  const fail = (...agentIds: string[]) => {
    for (const agentId of agentIds) breaker.down(agentId, 'LINK_TIMEOUT');
  };

  it('admits every agent while few fail, or for different reasons', async () => {
    fail('a', 'b');
    for (const agentId of ['c', 'd', 'e', 'f']) breaker.down(agentId, 'CRASH');
    timers.tick(600_001);
    fail('g');
    const admitted: string[] = [];
    await Promise.all(['a', 'b', 'c'].map((agentId) => ask(admitted, agentId)));
    expect(admitted).to.deep.equal(['a', 'b', 'c']);
    expect(published).to.deep.equal([]);
  });

  it('admits one trial start a minute once many fail for one reason, and publishes the fault once', async () => {
    fail('a', 'b', 'c', 'd');
    const admitted: string[] = [];
    for (const agentId of ['a', 'b', 'c']) void ask(admitted, agentId);
    await timers.tickAsync(300_000);
    expect(admitted).to.deep.equal(['a']);
    fail('a');
    await timers.tickAsync(59_999);
    expect(admitted).to.deep.equal(['a']);
    await timers.tickAsync(1);
    expect(admitted).to.deep.equal(['a', 'b']);
    expect(published).to.deep.equal(['fault LINK_TIMEOUT 3']);
  });

  it('finds the one name that many pages lack, whatever else each lacks', () => {
    breaker.down('a', 'INCOMPATIBLE', ['A.a', 'X.x']);
    breaker.down('b', 'INCOMPATIBLE', ['B.b']);
    breaker.down('c', 'INCOMPATIBLE', ['X.x', 'C.c']);
    expect(published).to.deep.equal([]);
    breaker.down('d', 'INCOMPATIBLE', ['D.d', 'X.x']);
    expect(published).to.deep.equal(['fault INCOMPATIBLE: X.x 3']);
  });

  it('admits all once one is connected', async () => {
    fail('a', 'b', 'c');
    const admitted: string[] = [];
    const asked = ['a', 'b', 'c'].map((agentId) => ask(admitted, agentId));
    breaker.connected('a');
    await Promise.all(asked);
    expect(admitted).to.have.members(['a', 'b', 'c']);
    expect(published.at(-1)).to.equal('recovered LINK_TIMEOUT');
    await ask(admitted, 'd');
    expect(admitted).to.include('d');
  });

  it('skips aborted starts, and admits the next one when the trial agent is stopped', async () => {
    fail('a', 'b', 'c');
    const admitted: string[] = [];
    const aborted = new AbortController();
    void ask(admitted, 'a');
    void ask(admitted, 'b', aborted.signal);
    void ask(admitted, 'c');
    aborted.abort();
    await timers.tickAsync(0);
    breaker.down('a', 'STOPPED');
    await timers.tickAsync(60_000);
    expect(admitted).to.deep.equal(['a', 'c']);
  });

  it('admits a trial agent again when its machine crashed and was recreated', async () => {
    fail('a', 'b', 'c');
    const admitted: string[] = [];
    await ask(admitted, 'a');
    void ask(admitted, 'b');
    void ask(admitted, 'a');
    await timers.tickAsync(0);
    expect(admitted).to.deep.equal(['a', 'b']);
  });

  it('admits none once the gateway stops', async () => {
    fail('a', 'b', 'c');
    const admitted: string[] = [];
    for (const agentId of ['a', 'b', 'c']) void ask(admitted, agentId);
    await timers.tickAsync(0);
    breaker.close();
    await timers.tickAsync(600_000);
    expect(admitted).to.deep.equal(['a']);
  });
});
