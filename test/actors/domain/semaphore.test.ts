import { expect } from 'chai';
import { Semaphore } from '../../../src/actors/domain/semaphore.ts';

describe('the start semaphore', () => {
  it('allows two holders at a time, admits others in order and drops aborted ones', async () => {
    const semaphore = new Semaphore(2);
    const order: number[] = [];
    const aborted = new AbortController();
    const never = new AbortController();
    const slots = await Promise.all([semaphore.acquire(never.signal), semaphore.acquire(never.signal)]);
    const third = semaphore.acquire(aborted.signal).catch(() => order.push(-3));
    const fourth = semaphore.acquire(never.signal).then((release) => {
      order.push(4);
      release();
    });
    aborted.abort(new Error('aborted'));
    await third;
    expect(order).to.deep.equal([-3]);
    slots[0]();
    slots[0]();
    await fourth;
    expect(order).to.deep.equal([-3, 4]);
  });
});
