import { expect } from 'chai';
import type { RequestHandler } from 'express';
import { GatewayError } from '../../src/actors/domain/errors.ts';
import { streamLimit } from '../../src/http/sse/stream-limit.ts';
import { EventStream } from '../support/event-stream.ts';
import { eventually } from '../support/eventually.ts';
import { expectProblem, Harness } from '../support/http-harness.ts';

/** A request from an address with the parts that the limit uses, and a function to close it. */
function request(limit: RequestHandler, ip: string): () => void {
  let close = () => {};
  const res = { once: (_name: string, listener: () => void) => (close = listener) };
  limit({ ip, socket: {} } as never, res as never, () => {});
  return close;
}

describe('event streams', () => {
  it('are limited per address and in all', () => {
    const limit = streamLimit({ perAddress: 2, inAll: 3 });
    const [first] = [request(limit, '192.0.2.1'), request(limit, '192.0.2.1')];
    expect(() => request(limit, '192.0.2.1')).to.throw(GatewayError, 'from this address');
    request(limit, '192.0.2.2');
    expect(() => request(limit, '192.0.2.3')).to.throw(GatewayError, 'Too many event streams are open;');
    first();
    request(limit, '192.0.2.3');
    expect(() => request(limit, '192.0.2.1')).to.throw(GatewayError);
  });

  describe('of one address', () => {
    let http: Harness;
    let streams: EventStream[];
    beforeEach(async () => {
      http = await new Harness().start({ TRUST_PROXY: 1 });
      streams = [];
    });
    afterEach(async () => {
      for (const stream of streams) stream.close();
      await http.stop();
    });

    it('are 50 at most on all paths together, and one that ends makes room for another', async () => {
      const paths = ['/sessions/bot/events', '/inspector/api/events', '/inspector/api/events?agentId=bot'];
      for (let i = 0; i < 50; i += 1) {
        streams.push(await EventStream.open(`${http.url}${paths[i % paths.length]}`));
      }
      expect(streams.map(({ response }) => response.statusCode)).to.deep.equal(Array(50).fill(200));
      for (const path of paths) {
        const refused = await http.ask(path);
        expect(refused.status).to.equal(429);
        expectProblem(refused, 'RATE_LIMITED');
        expect(Number(refused.headers.get('retry-after'))).to.be.above(0);
      }
      const headers = { 'x-forwarded-for': '192.0.2.9' };
      streams.push(await EventStream.open(`${http.url}${paths[0]}`, headers));
      expect(streams.at(-1)!.response.statusCode).to.equal(200);
      streams.shift()!.close();
      await eventually('room for another', async () => {
        const next = await EventStream.open(`${http.url}${paths[0]}`);
        streams.push(next);
        return next.response.statusCode === 200;
      });
    });
  });
});
