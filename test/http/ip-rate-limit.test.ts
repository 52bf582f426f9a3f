import { expect } from 'chai';
import { AddressLimit, clientOf } from '../../src/http/middleware/ip-rate-limit.ts';

/** A request from an address, through a proxy when both are given. */
const from = (ip: string | undefined, remoteAddress = '127.0.0.1') =>
  ({ ip, socket: { remoteAddress } }) as Parameters<typeof clientOf>[0];

describe('AddressLimit', () => {
  let now = 0;
  const limited = (burst: number, perMinute: number) => new AddressLimit({ burst, perMinute }, () => now);
  beforeEach(() => {
    now = 1_000_000;
  });

  it('allows a burst, then returns how long to wait, then allows one per interval', () => {
    const limit = limited(3, 60);
    expect([1, 2, 3].map(() => limit.take('a'))).to.deep.equal([0, 0, 0]);
    expect(limit.take('a')).to.equal(1);
    now += 999;
    expect(limit.take('a')).to.be.closeTo(0.001, 1e-9);
    now += 1;
    expect(limit.take('a')).to.equal(0);
    expect(limit.take('a')).to.equal(1);
  });

  it('allows the whole burst again after an idle time, and no more', () => {
    const limit = limited(3, 60);
    for (let i = 0; i < 5; i += 1) limit.take('a');
    now += 3_600_000;
    expect([1, 2, 3].map(() => limit.take('a'))).to.deep.equal([0, 0, 0]);
    expect(limit.take('a')).to.be.above(0);
  });

  it('counts each address separately', () => {
    const limit = limited(1, 1);
    expect(limit.take('a')).to.equal(0);
    expect(limit.take('a')).to.equal(60);
    expect(limit.take('b')).to.equal(0);
  });

  it('keeps 10,000 addresses and drops the least recently used one', () => {
    const limit = limited(1, 1);
    limit.take('first');
    for (let i = 0; i < 10_000; i += 1) limit.take(`address ${i}`);
    expect(limit.size).to.equal(10_000);
    expect(limit.take('address 9999')).to.be.above(0);
    expect(limit.take('first')).to.equal(0);
  });
});

describe('the client that a request counts for', () => {
  for (const [ip, client] of [
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8:1:2::1', '2001:db8:1:2'],
    ['"}\n{"level":"fatal"', '127.0.0.1'],
    ['', '127.0.0.1'],
    [undefined, '127.0.0.1'],
  ] as const) {
    it(`is ${client} for ${JSON.stringify(ip)}`, () => expect(clientOf(from(ip))).to.equal(client));
  }

  it('is a common one for clients that are disconnected already', () => {
    expect(clientOf({ ip: undefined, socket: {} } as never)).to.equal('unknown');
  });
});
