import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import type { Response } from 'express';
import { EventStream } from '../../src/http/sse/event-stream.ts';

describe('a stream of Server-Sent Events', () => {
  it('ignores events sent after its end, when the service stops', async () => {
    const stopping = new AbortController();
    const errors: unknown[] = [];
    const server = createServer((_req, res: ServerResponse & { set?: unknown }) => {
      res.on('error', (error) => errors.push(error));
      res.set = (headers: Record<string, string>) => res.setHeaders(new Headers(headers));
      const stream = new EventStream(res as unknown as Response, stopping.signal);
      stream.send([{ event: 'news', data: 1 }]);
      stopping.abort();
      stream.send([{ event: 'news', data: 2 }]);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
      expect(await answer.text()).to.equal('retry: 2000\n\nevent: news\ndata: 1\n\n');
      expect(errors).to.deep.equal([]);
    } finally {
      server.close();
    }
  });
});
