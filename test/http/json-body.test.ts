import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect } from 'chai';
import sinon from 'sinon';
import { BODY_LIMITS, bodyDeadlineMs } from '../../src/http/middleware/json-body.ts';
import { parseJid } from '../../src/infra/whatsapp/phone-number.ts';
import { Harness } from '../support/http-harness.ts';

const to = '081234567890';
const TWO_AND_A_HALF_MBIT_PER_S = 2_500_000 / 8;

describe('bodies', () => {
  let http: Harness;
  beforeEach(async () => {
    http = await new Harness().start();
  });
  afterEach(async () => {
    sinon.restore();
    await http.stop();
  });

  /** Sends the head of a request of the agent and a part of its body. */
  function begin(operation: string, length: number, start: string): Socket {
    const socket = connect(http.port, '127.0.0.1');
    socket.write(
      `POST /agents/bot/${operation} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer secret-key\r\n` +
        `Content-Type: application/json\r\nContent-Length: ${length}\r\n\r\n${start}`,
    );
    return socket;
  }

  /** The first answer on a connection. */
  async function answerOn(socket: Socket): Promise<string> {
    const [bytes] = await once(socket, 'data');
    return String(bytes);
  }

  describe('on a slow uplink', () => {
    it('have the time of an image of 10 MB at 2.5 Mbit/s, within the server’s limit', () => {
      const seconds = BODY_LIMITS.media / TWO_AND_A_HALF_MBIT_PER_S;
      expect(bodyDeadlineMs(BODY_LIMITS.media)).to.be.above(seconds * 1_000);
      expect(http.server.requestTimeout).to.be.above(bodyDeadlineMs(BODY_LIMITS.media));
    });

    it('are accepted within it', async () => {
      const clock = sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      const body = JSON.stringify({ to, data: 'A'.repeat(13_900_000) });
      const request = once(http.server, 'request');
      const socket = begin('media', body.length, body.slice(0, -1));
      await request;
      clock.tick((body.length / TWO_AND_A_HALF_MBIT_PER_S) * 1_000);
      socket.write('}');
      expect(await answerOn(socket)).to.match(/^HTTP\/1.1 200 /);
      socket.destroy();
    });

    it('are refused later, and the connection is closed', async () => {
      const clock = sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      const request = once(http.server, 'request');
      const socket = begin('messages', 1_000, '{');
      await request;
      clock.tick(bodyDeadlineMs(1_000));
      expect(await answerOn(socket)).to.match(/^HTTP\/1.1 400 .*too long to arrive/s);
      await once(socket, 'close');
    });
  });

  for (const [operation, length] of [
    ['media', BODY_LIMITS.media + 1],
    ['messages', BODY_LIMITS.message + 1],
    ['run', 99_999_999_999],
  ] as const)
    it(`of ${length} bytes to /${operation} are refused with 413 before they are sent`, async () => {
      const socket = begin(operation, length, '{');
      expect(await answerOn(socket)).to.match(/^HTTP\/1.1 413 /);
      socket.destroy();
    });

  for (const charset of ['utf8', 'UTF8', '"utf8"', 'utf-8', 'UTF-8'])
    it(`are read with charset=${charset}`, async () => {
      const headers = { 'content-type': `application/json; charset=${charset}` };
      const reply = await http.send('messages', { to, message: 'café 漢' }, headers);
      expect(reply.status).to.equal(200);
      expect(http.system.sent.at(-1)).to.have.nested.property('message.content.text', 'café 漢');
    });

  it('may have null for every optional field', async () => {
    const message = await http.send('messages', { to, message: 'hi', quoteId: null });
    expect(message.status).to.equal(200);
    const nothing = { caption: null, mimetype: null, filename: null, quoteId: null, save_to_temp: null };
    const image = await http.send('media', { to, data: 'aGk=', url: null, ...nothing });
    expect(image.status).to.equal(200);
    expect(image.body).to.have.property('previewPath');
    expect((await http.send('media', { to, data: null, url: 'https://a.example/' })).status).to.equal(200);
    const fields = { openai_api_key: null, memory_enable: null, context_memory: null, rag_enable: null };
    const run = await http.send('run', { message: 'hi', sessionId: to, metadata: null, ...fields });
    expect(run.status).to.equal(200);
    const json = { userId: 7, agentId: 'new', agentName: 'New', apikey: null };
    expect((await http.ask('/sessions', { method: 'POST', json })).status).to.be.oneOf([200, 201]);
  });

  it('are refused with both spellings of a number that is ambiguous between two countries', async () => {
    const service = await new Harness().start({}, { parseJid });
    const reply = await service.send('messages', { to: '81234567890', message: 'hi' });
    await service.stop();
    expect(reply.status).to.equal(400);
    expect(reply.body.error.details).to.deep.equal([
      { path: 'to', message: 'could be a number of two countries: write +62… or +81…' },
    ]);
  });

  it('may have a URL of up to 8,192 characters', async () => {
    const url = (length: number) => 'https://a.example/'.padEnd(length, 'x');
    expect((await http.send('media', { to, url: url(8_192) })).status).to.equal(200);
    expect((await http.send('media', { to, url: url(8_193) })).status).to.equal(400);
  });
});
