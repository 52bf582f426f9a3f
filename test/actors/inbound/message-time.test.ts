import { expect } from 'chai';
import { MessageTime } from '../../../src/actors/inbound/message-time.ts';

describe('WhatsApp’s time, learned from incoming messages', () => {
  /** A host clock that starts at 1,000,000 and is advanced by hand. */
  function timeOf() {
    const clock = { wall: 1_000_000, up: 0, now: () => clock.wall, monotonic: () => clock.up };
    const pass = (ms: number) => {
      clock.wall += ms;
      clock.up += ms;
    };
    return { time: new MessageTime(clock), clock, pass };
  }

  it('is the host’s until a fresh message shows another, then advances by the monotonic clock', () => {
    const { time, clock, pass } = timeOf();
    time.connected();
    time.seen(400_000);
    expect(time.now()).to.equal(1_000_000);
    pass(31_000);
    time.seen(500_000);
    clock.wall += 3_600_000;
    pass(1_000);
    expect(time.now()).to.equal(501_000);
    expect(time.at(0)).to.equal(469_000);
  });

  it('is not turned back by a message that arrives before the connection is restored', () => {
    const { time, pass } = timeOf();
    time.disconnected();
    pass(1_200_000);
    time.seen(1_000_000);
    expect(time.now()).to.equal(2_200_000);
  });

  it('is not turned back by a late message, and never behind the newest one', () => {
    const { time, pass } = timeOf();
    time.connected();
    time.seen(1_060_000);
    expect(time.now()).to.equal(1_060_000);
    pass(60_000);
    time.seen(1_000_000);
    expect(time.now()).to.equal(1_120_000);
  });
});
