import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect } from 'chai';
import { STATUS } from '../../src/http/middleware/error-handler.ts';
import { ROWS } from '../http/bad-input-rows.ts';
import { AttackedService } from '../support/attacked-service.ts';
import { eventually } from '../support/eventually.ts';
import { expectProblem } from '../support/http-harness.ts';
import { png } from '../support/images.ts';
import { withDatabase } from '../support/postgres.ts';
import { sendBytes } from '../support/raw-http.ts';
import { BODIES } from './body-rows.ts';
import { HARMLESS, HEADERS } from './header-rows.ts';
import { KEYS } from './key-rows.ts';
import { MEDIA } from './media-rows.ts';
import { type Attack, KEY, MARK, OTHER_KEY } from './row.ts';
import { TRAVERSALS } from './traversal-rows.ts';
import { URLS } from './url-rows.ts';
import { WIRE } from './wire-rows.ts';

/** Generous limits: nothing may take minutes or gigabytes, even on a loaded machine. */
const MAX_MS = 15_000;
const MAX_GROWTH = 400 * 1024 * 1024;
const IMAGE = png(8, 8).toString('base64');

describe('the whole service under attack', function () {
  this.timeout(60_000);
  const database = withDatabase();
  const attacked = new AttackedService();
  let qr = '';
  const slow: { name: string; socket: Socket; text: () => string }[] = [];

  before(async () => {
    await attacked.open(database(), { bot: KEY, other: OTHER_KEY });
    // They run until the time limits; the other attacks run meanwhile.
    for (const [name, head, more] of SLOW) slow.push({ name, ...dripping(head, more) });
  });
  after(() => attacked.close());

  /** The starts of endless requests, and what is sent every second. */
  const SLOW = [
    ['without a byte', '', ''],
    ['in the middle of a line', 'GET /health HT', ''],
    ['with ever more headers', 'GET /health HTTP/1.1\r\nHost: localhost\r\n', 'X: y\r\n'],
    [
      'with a body of a byte a second',
      `POST /agents/bot/messages HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${KEY}\r\nContent-Type: application/json\r\nContent-Length: 500000\r\n\r\n{`,
      ' ',
    ],
    [
      'with ever smaller chunks',
      `POST /sessions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`,
      '1\r\n \r\n',
    ],
  ] as const;

  /** Opens a connection that sends too slowly to complete. */
  function dripping(head: string, more: string): { socket: Socket; text: () => string } {
    const socket = connect(Number(new URL(attacked.url).port), '127.0.0.1');
    let text = '';
    socket
      .on('error', () => {})
      .on('data', (chunk) => {
        text += chunk;
      });
    socket.write(head);
    const timer = setInterval(() => socket.write(more), 1_000);
    socket.once('close', () => clearInterval(timer));
    return { socket, text: () => text };
  }

  /** A valid request, which must succeed right after every attack. */
  async function expectGood(): Promise<void> {
    const json = { to: '081234567890', message: `${MARK} is fine` };
    const reply = await attacked.ask('/agents/bot/messages', { method: 'POST', key: KEY, json });
    expect(reply.status, 'the good request after it').to.equal(200);
  }

  /** The numbers of messages and agents, which no attack may change. */
  async function counts() {
    const { rows } = await attacked.service.pool.query(
      `select (select count(*)::int from gateway_message where content->>'text' not like $1) as messages,
              (select count(*)::int from whatsapp_user) as agents`,
      [`${MARK} is fine`],
    );
    return rows[0];
  }

  /** Inserts the ports and origins of this run into an attack's URL. */
  function aimed({ ask }: Attack): Attack['ask'] {
    const json = ask.json as { url?: string } | undefined;
    if (typeof json?.url !== 'string') return ask;
    const url = json.url.replaceAll('PORT', String(attacked.canary.port)).replace('WEB', attacked.web.url);
    return { ...ask, json: { ...json, url } };
  }

  for (const [title, rows] of [
    ['paths that lead elsewhere', TRAVERSALS],
    ['keys that are none', KEYS],
    ['bodies that cost', BODIES],
    ['media that lie', MEDIA],
    ['URLs that lead inside', URLS],
    ['headers and methods', HEADERS],
    ['everything else that does not fit', ROWS as Attack[]],
  ] as const) {
    describe(title, () => {
      for (const attack of rows) {
        const { name, path, code } = attack;
        it(`get ${STATUS[code]} ${code} and change nothing: ${name}`, async () => {
          const before = { counts: await counts(), rss: process.memoryUsage().rss };
          const start = performance.now();
          const reply = await attacked.ask(path, aimed(attack));
          expect(performance.now() - start).to.be.below(MAX_MS);
          expect(reply.status, reply.text).to.equal(STATUS[code]);
          expectProblem(reply, code);
          expect(process.memoryUsage().rss - before.rss).to.be.below(MAX_GROWTH);
          expect(await counts()).to.deep.equal(before.counts);
          expect(attacked.canary.received).to.deep.equal([]);
          expect(({} as { x?: unknown }).x).to.equal(undefined);
          await expectGood();
        });
      }
    });
  }

  describe('bytes on the wire', () => {
    for (const { name, bytes, status } of WIRE) {
      it(`are answered or cut off, and smuggle no request: ${name}`, async () => {
        const answer = await sendBytes(attacked.url, Buffer.from(bytes, 'latin1'));
        attacked.answers.push(answer);
        expect(answer).to.match(status);
        if (answer.startsWith('HTTP/1.1 400')) expect(answer).to.include('"code":"INVALID_PAYLOAD"');
        expect(answer.match(/HTTP\/1\.1 200/g) ?? [], 'requests that were answered').to.have.length.below(2);
        await expectGood();
      });
    }
  });

  describe('harmless input', () => {
    it('includes headers that prove nothing', async () => {
      for (const headers of HARMLESS) {
        const reply = await attacked.ask('/sessions/bot', { headers });
        expect(reply.status, JSON.stringify(headers)).to.equal(200);
        expect(reply.headers.get('x-trace-id')).to.match(/^[0-9a-f]{32}$/);
        expect(reply.text).not.to.include('evil');
      }
      await expectGood();
    });

    it('includes data with any field names', async () => {
      const metadata = { constructor: { prototype: { x: 1 } }, $where: '1', toString: 'x' };
      const json = {
        message: MARK,
        sessionId: '081234567890',
        metadata,
        openai_api_key: 'sk-marked-key-of-openai',
      };
      attacked.service.ai.behave = () => ({ body: { reply: 'understood' } });
      const reply = await attacked.ask('/agents/bot/run', { method: 'POST', key: KEY, json });
      expect(reply.status).to.equal(200);
      expect(({} as { x?: unknown }).x).to.equal(undefined);
      expect(attacked.service.ai.calls.at(-1)?.body.metadata).to.deep.equal(metadata);
    });

    it('that the database rejects is reported without values of the row', async () => {
      const { pool } = attacked.service;
      await pool.query('alter table gateway_message add constraint attacked check (false) not valid');
      try {
        const json = { to: '081234567890', message: MARK };
        const reply = await attacked.ask('/agents/bot/messages', { method: 'POST', key: KEY, json });
        expect(reply.status).to.equal(500);
        expectProblem(reply, 'INTERNAL');
      } finally {
        await pool.query('alter table gateway_message drop constraint attacked');
      }
      expect(attacked.logLines.join('')).to.include('attacked');
      await expectGood();
    });

    it('is answered beside 1,000 idle connections', async () => {
      const port = Number(new URL(attacked.url).port);
      const sockets = Array.from({ length: 1_000 }, () => connect(port, '127.0.0.1').on('error', () => {}));
      try {
        await Promise.all(sockets.map((socket) => once(socket, 'connect')));
        await expectGood();
      } finally {
        for (const socket of sockets) socket.destroy();
      }
    });

    it('includes a valid image, and a create that returns a QR', async () => {
      const json = { to: '081234567890', data: IMAGE };
      const sent = await attacked.ask('/agents/bot/media', { method: 'POST', key: KEY, json });
      expect(sent.status).to.equal(200);
      const waiting = { userId: 9, agentId: 'waiting', agentName: 'Waiting', apikey: 'key-of-who-waits' };
      const created = await attacked.ask('/sessions', { method: 'POST', json: waiting });
      expect(created.status).to.equal(201);
      qr = String(created.body.qr);
      // The only answer that may contain it.
      attacked.answers.pop();
      expect(qr).to.have.length.above(20);
      for (const path of ['/sessions', '/sessions/waiting', '/metrics', '/inspector/api/agents', '/readyz'])
        expect((await attacked.ask(path)).text).not.to.include(qr);
    });
  });

  describe('after all attacks, the service', () => {
    it('has closed every request that is too slow', async () => {
      for (const { name, socket, text } of slow) {
        if (!socket.closed) await eventually(`the end of one ${name}`, () => socket.closed, 55_000);
        expect(text(), name).not.to.match(/HTTP\/1\.1 2/);
      }
      await expectGood();
    });

    it('has changed nothing outside its folders, and called no private address', async () => {
      const { now, before } = await attacked.outside();
      expect(now).to.deep.equal(before);
      expect(Object.keys(before)).to.have.length.above(10);
      expect(attacked.canary.received).to.deep.equal([]);
    });

    it('has disclosed no key, QR, image or text in logs, metrics, answers or streams', async () => {
      const metrics = (await attacked.ask('/metrics')).text;
      const outputs: Record<string, string> = {
        log: attacked.logLines.join(''),
        metrics,
        answers: attacked.answers.join('\n'),
        'events of the session': attacked.streams[0]!.text,
        'events of all agents': attacked.streams[1]!.text,
        'events of one agent': attacked.streams[2]!.text,
      };
      const secrets = {
        key: KEY,
        'the other key': OTHER_KEY,
        'a key given at the create': 'key-of-who-waits',
        'the key of the AI': 'sk-marked-key-of-openai',
        QR: qr,
        image: IMAGE,
        text: MARK,
      };
      for (const [where, text] of Object.entries(outputs)) {
        expect(text.length, where).to.be.above(100);
        for (const [what, secret] of Object.entries(secrets)) {
          expect(text.includes(secret), `${what} in ${where}`).to.equal(false);
        }
      }
      for (const line of attacked.logLines) {
        expect(() => JSON.parse(line) as unknown, line).not.to.throw();
        expect(line.indexOf('\n')).to.equal(line.length - 1);
        expect(line.length).to.be.below(20_000);
      }
      expect(attacked.logLines.join('')).not.to.include('"fatal"');
    });
  });
});
