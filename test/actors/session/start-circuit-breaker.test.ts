import { expect } from 'chai';
import sinon from 'sinon';
import { StartCircuitBreaker } from '../../../src/actors/session/start-circuit-breaker.ts';
import { HOST_CLOCK } from '../../../src/infra/host-clock.ts';

describe('a fleet', () => {
  let timers: sinon.SinonFakeTimers;
  let told: string[];
  let fleet: StartCircuitBreaker;

  beforeEach(() => {
    timers = sinon.useFakeTimers();
    told = [];
    fleet = new StartCircuitBreaker(HOST_CLOCK, () => 10, {
      fault: (reason, agents) => told.push(`fault ${reason} ${agents}`),
      recovered: (reason) => told.push(`recovered ${reason}`),
    });
  });
  afterEach(() => {
    fleet.close();
    timers.restore();
  });

  /** Asks for admission; notes the agent when it may start. */
  function ask(admitted: string[], agentId: string, signal = new AbortController().signal): Promise<unknown> {
    return fleet.admit(agentId, signal).then(
      () => admitted.push(agentId),
      () => undefined,
    );
  }

  /** Many agents end alike. */
  const fall = (...agentIds: string[]) => {
    for (const agentId of agentIds) fleet.down(agentId, 'LINK_TIMEOUT');
  };

  it('holds nobody while agents end one by one, or for reasons of their own', async () => {
    fall('a', 'b');
    for (const agentId of ['c', 'd', 'e', 'f']) fleet.down(agentId, 'CRASH');
    timers.tick(600_001);
    fall('g');
    const admitted: string[] = [];
    await Promise.all(['a', 'b', 'c'].map((agentId) => ask(admitted, agentId)));
    expect(admitted).to.deep.equal(['a', 'b', 'c']);
    expect(told).to.deep.equal([]);
  });

  it('lets one canary start at a time, a minute apart, when many end alike; told once', async () => {
    fall('a', 'b', 'c', 'd');
    const admitted: string[] = [];
    for (const agentId of ['a', 'b', 'c']) void ask(admitted, agentId);
    await timers.tickAsync(300_000);
    expect(admitted).to.deep.equal(['a']);
    fall('a');
    await timers.tickAsync(59_999);
    expect(admitted).to.deep.equal(['a']);
    await timers.tickAsync(1);
    expect(admitted).to.deep.equal(['a', 'b']);
    expect(told).to.deep.equal(['fault LINK_TIMEOUT 3']);
  });

  it('sees the one name that many pages lack, whatever else each of them lacks', () => {
    fleet.down('a', 'INCOMPATIBLE', ['A.a', 'X.x']);
    fleet.down('b', 'INCOMPATIBLE', ['B.b']);
    fleet.down('c', 'INCOMPATIBLE', ['X.x', 'C.c']);
    expect(told).to.deep.equal([]);
    fleet.down('d', 'INCOMPATIBLE', ['D.d', 'X.x']);
    expect(told).to.deep.equal(['fault INCOMPATIBLE: X.x 3']);
  });

  it('lets all go when one is connected', async () => {
    fall('a', 'b', 'c');
    const admitted: string[] = [];
    const asked = ['a', 'b', 'c'].map((agentId) => ask(admitted, agentId));
    fleet.connected('a');
    await Promise.all(asked);
    expect(admitted).to.have.members(['a', 'b', 'c']);
    expect(told.at(-1)).to.equal('recovered LINK_TIMEOUT');
    await ask(admitted, 'd');
    expect(admitted).to.include('d');
  });

  it('passes over those who gave up, and sends the next when the canary is stopped', async () => {
    fall('a', 'b', 'c');
    const admitted: string[] = [];
    const gaveUp = new AbortController();
    void ask(admitted, 'a');
    void ask(admitted, 'b', gaveUp.signal);
    void ask(admitted, 'c');
    gaveUp.abort();
    await timers.tickAsync(0);
    fleet.down('a', 'STOPPED');
    await timers.tickAsync(60_000);
    expect(admitted).to.deep.equal(['a', 'c']);
  });

  it('takes a canary that asks again for one whose machine died, and lets it go again', async () => {
    fall('a', 'b', 'c');
    const admitted: string[] = [];
    await ask(admitted, 'a');
    void ask(admitted, 'b');
    void ask(admitted, 'a');
    await timers.tickAsync(0);
    expect(admitted).to.deep.equal(['a', 'b']);
  });

  it('lets nobody go when the gateway stops', async () => {
    fall('a', 'b', 'c');
    const admitted: string[] = [];
    for (const agentId of ['a', 'b', 'c']) void ask(admitted, agentId);
    await timers.tickAsync(0);
    fleet.close();
    await timers.tickAsync(600_000);
    expect(admitted).to.deep.equal(['a']);
  });
});
