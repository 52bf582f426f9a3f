import { expect } from 'chai';
import { GatewayError } from '../../../src/actors/domain/errors.ts';
import type { StoredMessage } from '../../../src/actors/domain/ports/stores.ts';
import { OutboundQueue } from '../../../src/actors/outbound/outbound-queue.ts';
import { TokenBucket } from '../../../src/actors/outbound/token-bucket.ts';

/** A clock that is advanced by hand. */
function stillClock() {
  const clock = { ms: 0, now: () => clock.ms, monotonic: () => clock.ms };
  return clock;
}

/** A queued message by number. */
function entry(id: number) {
  return { message: { id: String(id) } as StoredMessage, acceptedAt: 0, mayHaveLeft: false };
}

describe('the token bucket', () => {
  it('allows a burst at once, then its rate per minute', () => {
    const bucket = new TokenBucket(100, 100, 0);
    for (let i = 0; i < 100; i += 1) expect(bucket.take(0)).to.equal(true);
    expect(bucket.take(0)).to.equal(false);
    expect(bucket.msUntilNext(0)).to.equal(600);
    expect(bucket.take(599)).to.equal(false);
    expect(bucket.take(600)).to.equal(true);
    let taken = 0;
    for (let now = 600; now <= 60_600; now += 100) if (bucket.take(now)) taken += 1;
    expect(taken).to.equal(100);
  });

  it('tolerates a clock that stands still or goes back', () => {
    const bucket = new TokenBucket(60, 1, 1_000);
    expect(bucket.take(1_000)).to.equal(true);
    expect(bucket.take(500)).to.equal(false);
    expect(bucket.available(2_000)).to.equal(1);
  });
});

describe('the outbound queue', () => {
  const settings = { mailboxCapacity: 500, sendRatePerMinute: 100, sendBurst: 100 };

  it('of 1,000 concurrent messages releases 100, keeps 500 and refuses the rest with Retry-After', () => {
    const mailbox = new OutboundQueue(settings, stillClock());
    mailbox.open();
    let refused = 0;
    for (let i = 0; i < 1_000; i += 1) {
      try {
        const place = mailbox.reserve();
        place.release();
        mailbox.put(entry(i));
      } catch (error) {
        expect(error).to.be.instanceOf(GatewayError).with.property('code', 'RATE_LIMITED');
        expect((error as GatewayError).details?.retryAfterSeconds).to.be.at.least(1);
        refused += 1;
      }
    }
    expect(mailbox.view().depth).to.equal(500);
    expect(mailbox.length).to.equal(600);
    expect(refused).to.equal(400);
  });

  it('counts places reserved for messages that are being stored', () => {
    const mailbox = new OutboundQueue({ ...settings, mailboxCapacity: 2, sendBurst: 1 }, stillClock());
    const held = [mailbox.reserve(), mailbox.reserve()];
    expect(() => mailbox.reserve()).to.throw(GatewayError, 'full');
    held[0]!.release();
    held[0]!.release();
    expect(() => mailbox.reserve()).not.to.throw();
    expect(() => mailbox.reserve()).to.throw(GatewayError, 'full');
  });

  it('keeps its order across a lost connection, and returns unused tokens', () => {
    const mailbox = new OutboundQueue({ ...settings, sendBurst: 3 }, stillClock());
    mailbox.open();
    for (let i = 0; i < 5; i += 1) mailbox.put(entry(i));
    expect(mailbox.view()).to.include({ depth: 2, tokens: 0 });
    mailbox.dropOldest();
    mailbox.close();
    expect(mailbox.next()).to.equal(undefined);
    expect(mailbox.view()).to.include({ depth: 4, tokens: 2 });
    mailbox.open();
    const order = [];
    for (let next = mailbox.oldest(); next; next = mailbox.oldest())
      order.push(mailbox.dropOldest()!.message.id);
    expect(order).to.deep.equal(['1', '2', '3', '4']);
  });

  it('returns the position of a message', () => {
    const mailbox = new OutboundQueue({ ...settings, sendBurst: 2 }, stillClock());
    mailbox.open();
    const positions = [0, 1, 2, 3].map((id) => mailbox.put(entry(id)));
    expect(positions).to.deep.equal([0, 1, 2, 3]);
    expect(mailbox.positionOf('3')).to.equal(3);
    mailbox.dropOldest();
    expect(mailbox.positionOf('3')).to.equal(2);
    expect(mailbox.positionOf('gone')).to.equal(0);
  });
});
