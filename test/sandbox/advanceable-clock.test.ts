import { setImmediate as turn } from 'node:timers/promises';
import { expect } from 'chai';
import { HOST_CLOCK } from '../../src/infra/host-clock.ts';
import { AdvanceableClock } from '../../src/sandbox/network/advanceable-clock.ts';

const HOUR = 3_600_000;

describe('AdvanceableClock', () => {
  it('fires timers in the order of due time, then of creation, each at its own moment', async () => {
    const clock = new AdvanceableClock();
    const start = clock.now();
    const rung: [string, number][] = [];
    const note = (name: string) => () => void rung.push([name, Math.round((clock.now() - start) / 1_000)]);
    clock.setTimeout(note('second'), 2 * HOUR);
    clock.setTimeout(note('first'), HOUR);
    const due = clock.monotonic() + 3 * HOUR;
    clock.at(due, note('third'));
    clock.at(due, note('fourth'));
    clock.clearTimeout(clock.at(due, note('cleared')));
    await clock.advance(4 * HOUR);
    expect(rung).to.deep.equal([
      ['first', 3_600],
      ['second', 7_200],
      ['third', 10_800],
      ['fourth', 10_800],
    ]);
    expect(clock.advancedMs).to.be.within(4 * HOUR - 1_000, 4 * HOUR);
  });

  it('runs the effects of a timer before the next one fires', async () => {
    const clock = new AdvanceableClock();
    const order: string[] = [];
    clock.setTimeout(() => {
      order.push('ring');
      // After promises and a turn of the event loop, and with a timer within the advanced time.
      void turn().then(() => {
        order.push('consequence');
        clock.setTimeout(() => order.push('its timer'), 1_000);
      });
    }, HOUR);
    clock.setTimeout(() => order.push('next ring'), HOUR + 5_000);
    await clock.advance(2 * HOUR);
    expect(order).to.deep.equal(['ring', 'consequence', 'its timer', 'next ring']);
  });

  it('runs advances one after the other', async () => {
    const clock = new AdvanceableClock();
    const rung: number[] = [];
    for (const hour of [1, 2, 3]) clock.setTimeout(() => rung.push(hour), hour * HOUR);
    const first = clock.advance(2 * HOUR).then(() => rung.push(-1));
    await Promise.all([first, clock.advance(2 * HOUR)]);
    expect(rung).to.deep.equal([1, 2, -1, 3]);
  });

  it('clears the timers of one owner only', async () => {
    const clock = new AdvanceableClock();
    const rung: string[] = [];
    const owner = {};
    clock.at(clock.monotonic() + HOUR, () => rung.push('of the owner'), owner);
    clock.at(clock.monotonic() + HOUR, () => rung.push('of another'), {});
    clock.setTimeout(() => rung.push('without owner'), HOUR);
    clock.forget(owner);
    await clock.advance(2 * HOUR);
    expect(rung).to.deep.equal(['of another', 'without owner']);
  });

  it('runs as the host does, on one of its timers', async () => {
    let timers = 0;
    const clock = new AdvanceableClock({
      ...HOST_CLOCK,
      setTimeout: (ring, ms) => {
        timers += 1;
        return HOST_CLOCK.setTimeout(ring, ms);
      },
    });
    const long = Array.from({ length: 100 }, (_, index) => clock.setTimeout(() => undefined, HOUR + index));
    expect(timers).to.equal(1);
    await new Promise<void>((resolve) => clock.setTimeout(resolve, 1));
    for (const timer of long) clock.clearTimeout(timer);
  });
});
