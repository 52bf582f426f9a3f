import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { type RequestOptions, request } from 'node:https';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { BODY_LIMITS } from '../../src/http/middleware/json-body.ts';
import { readConfig } from '../../src/infra/config.ts';
import { eventually } from '../support/eventually.ts';
import { KEY } from '../support/fixtures.ts';
import { Nginx } from '../support/nginx.ts';
import { SandboxService } from '../support/sandbox-service.ts';
import { findProgram, whereFound } from '../support/where-found.ts';

const NAME = 'gateway.example.com';
/** Differs from the proxy's own address. */
const CLIENT = '127.0.0.2';

const shipped = await readFile(new URL('../../docs/nginx.conf', import.meta.url), 'utf8');

/** Seconds of a setting in the shipped file. */
function secondsOf(setting: string): number {
  return Number(new RegExp(`${setting} (\\d+)s;`).exec(shipped)?.[1]);
}

describe('docs/nginx.conf', () => {
  it('waits longer than the longest held answer', () => {
    const { AI_TIMEOUT_MS, SEND_WAIT_MS, SEND_TIMEOUT_MS } = readConfig({});
    expect(secondsOf('proxy_read_timeout') * 1_000).to.be.above(
      AI_TIMEOUT_MS + SEND_WAIT_MS + SEND_TIMEOUT_MS,
    );
  });

  it('passes bodies that the service accepts, and slightly larger ones for it to refuse', () => {
    const [, megabytes] = /client_max_body_size (\d+)m;/.exec(shipped)!;
    expect(Number(megabytes) * 1024 * 1024).to.be.above(Math.max(...Object.values(BODY_LIMITS)));
  });

  it('closes an idle connection before the service does', () => {
    expect(secondsOf('keepalive_timeout')).to.be.below(5);
  });
});

whereFound(
  'the service behind nginx',
  findProgram('nginx'),
  'no nginx found: apt-get install nginx',
  function suite(this: Mocha.Suite, program) {
    this.timeout(60_000);
    let service: SandboxService;
    let output: () => string;
    let nginx: Nginx;

    before(async () => {
      service = await SandboxService.create({
        APP_BASE_URL: `https://${NAME}`,
        TRUST_PROXY: '1',
        SESSIONS_TOKEN: KEY,
      });
      ({ output } = await service.up());
      nginx = await Nginx.start(program, new URL(service.url).host);
      await service.link('shop', '6281100000001');
    });
    after(async () => {
      await nginx?.stop();
      await service?.close();
    });

    /** Calls nginx from outside; resolves with the head of the response. */
    async function ask(path: string, options: RequestOptions = {}, body?: Buffer): Promise<IncomingMessage> {
      const { headers, ...rest } = options;
      const asked = request({
        host: '127.0.0.1',
        port: nginx.ports.https,
        path,
        localAddress: CLIENT,
        servername: NAME,
        rejectUnauthorized: false,
        agent: false,
        headers: { Host: NAME, Authorization: `Bearer ${KEY}`, ...headers },
        ...rest,
      });
      const answered = once(asked, 'response') as Promise<[IncomingMessage]>;
      asked.end(body);
      return (await answered)[0];
    }

    /** The JSON of a response. */
    const json = async (answer: IncomingMessage) => JSON.parse(await text(answer));

    /** A POST of some bytes of JSON to an operation of the agent. */
    function post(operation: string, bytes: number): Promise<IncomingMessage> {
      const headers = { 'Content-Type': 'application/json', 'Content-Length': bytes };
      return ask(`/agents/shop/${operation}`, { method: 'POST', headers }, Buffer.alloc(bytes, ' '));
    }

    it('answers over TLS, under its public name', async () => {
      const answer = await ask('/sessions/shop');
      expect(answer.statusCode).to.equal(200);
      expect((await json(answer)).endpoints.messages).to.equal(`https://${NAME}/agents/shop/messages`);
    });

    it("logs the client's address, also when the client claims another", async () => {
      const trace = '0af7651916cd43dd8448eb211c80319c';
      const headers = { 'X-Forwarded-For': '6.6.6.6', traceparent: `00-${trace}-b7ad6b7169203331-01` };
      (await ask('/sessions', { headers })).resume();
      const line = await eventually('the log line', () =>
        output()
          .split('\n')
          .find((each) => each.includes('http.request') && each.includes(trace)),
      );
      expect(JSON.parse(line)).to.include({ ip: CLIENT, status: 200 });
    });

    it('sets login cookies for https only', async () => {
      const headers = { 'Content-Type': 'application/x-www-form-urlencoded', Origin: `https://${NAME}` };
      const answer = await ask('/login', { method: 'POST', headers }, Buffer.from(`token=${KEY}`));
      answer.resume();
      expect(String(answer.headers['set-cookie'])).to.match(
        /^gateway_login=.*; HttpOnly; Secure; SameSite=Strict$/,
      );
    });

    it('streams events as they happen, one by one', async () => {
      const stream = await ask('/sessions/shop/events');
      expect(stream.headers['content-type']).to.match(/^text\/event-stream/);
      let seen = '';
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        seen += chunk;
      });
      await eventually('how things are', () => seen.includes('event: mailbox'));
      for (const number of [1, 2, 3]) {
        const { body } = await service.accept('shop', '6281200000001', String(number));
        await eventually('its message', () => seen.includes(`"id":"${body.id}"`));
      }
      expect(stream.complete).to.equal(false);
      stream.destroy();
    });

    it('holds a send until WhatsApp has acknowledged it', async () => {
      await service.delaySends('shop', 500);
      const body = Buffer.from(JSON.stringify({ to: '6281200000002', message: 'Halo' }));
      const headers = { 'Content-Type': 'application/json' };
      const answer = await ask('/agents/shop/messages', { method: 'POST', headers }, body);
      expect(await json(answer)).to.include({ status: 'sent' });
      await service.delaySends('shop', 0);
    });

    const tooLarge: [string, string, number, string][] = [
      ['a question', 'run', BODY_LIMITS.text + 1, 'PAYLOAD_TOO_LARGE'],
      ['a message', 'messages', BODY_LIMITS.message + 1, 'MEDIA_TOO_LARGE'],
      ['an image', 'media', BODY_LIMITS.media + 1, 'MEDIA_TOO_LARGE'],
      ['a question that nginx refuses', 'run', 26 * 1024 * 1024, 'PAYLOAD_TOO_LARGE'],
      ['a message that nginx refuses', 'messages', 26 * 1024 * 1024, 'MEDIA_TOO_LARGE'],
      ['an image that nginx refuses', 'media', 26 * 1024 * 1024, 'MEDIA_TOO_LARGE'],
    ];
    for (const [what, operation, bytes, code] of tooLarge) {
      it(`responds with ${code} in the common error format: ${what}`, async () => {
        const answer = await post(operation, bytes);
        expect(answer.statusCode).to.equal(413);
        const { error } = await json(answer);
        expect(error).to.include({ code, traceId: answer.headers['x-trace-id'] });
        expect(error.traceId).to.match(/^[0-9a-f]{32}$/);
      });
    }

    it('restricts the metrics to its own machine', async () => {
      expect((await ask('/metrics')).resume().statusCode).to.equal(403);
      expect((await ask('/metrics', { localAddress: '127.0.0.1' })).resume().statusCode).to.equal(200);
    });

    it('redirects plain HTTP to https', async () => {
      const answer = await fetch(`http://127.0.0.1:${nginx.ports.http}/docs`, { redirect: 'manual' });
      expect(answer.status).to.equal(301);
    });

    it('responds in the common error format that the outcome is unknown, when the service is down', async () => {
      const alone = await Nginx.start(program, '127.0.0.1:9');
      try {
        const answer = await ask('/sessions', { port: alone.ports.https });
        expect(answer.statusCode).to.equal(502);
        const { error } = await json(answer);
        expect(error).to.deep.include({ code: 'BAD_GATEWAY', details: { outcome: 'unknown' } });
        expect(error.traceId).to.equal(answer.headers['x-trace-id']);
      } finally {
        await alone.stop();
      }
    });
  },
);
