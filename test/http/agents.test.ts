import { expect } from 'chai';
import type { ErrorCode } from '../../src/actors/domain/errors.ts';
import { fileOf } from '../../src/actors/domain/message-content.ts';
import { STATUS } from '../../src/http/middleware/error-handler.ts';
import { AT } from '../support/fake-system.ts';
import { expectProblem, failure, Harness } from '../support/http-harness.ts';

const text = { to: '0812-3456-7890', message: 'Halo' };
const image = { to: '081234567890', data: 'iVBORw0KGgo=' };
const question = { message: 'Hello assistant!', sessionId: '081234567890' };

describe('/agents', () => {
  let http: Harness;
  beforeEach(async () => {
    http = await new Harness().start();
  });
  afterEach(() => http.stop());

  describe('POST /messages', () => {
    it('answers 200 with both ids and the normalized number once WhatsApp has the message', async () => {
      const reply = await http.send('messages', { ...text, quoteId: 'true_1@c.us_3EB0' });
      expect(reply.status).to.equal(200);
      expect(reply.body).to.deep.equal({
        messageId: 'true_6281234567890@c.us_3EB0',
        id: 'm-1',
        to: '6281234567890@c.us',
        status: 'sent',
        timestamp: '2025-11-07T08:00:00.000Z',
      });
      const { message, options } = http.system.sent[0]!;
      expect(message).to.deep.include({
        content: { kind: 'text', text: 'Halo' },
        quoteId: 'true_1@c.us_3EB0',
        origin: 'api',
      });
      expect(message.traceId).to.equal(reply.headers.get('x-trace-id'));
      expect(options).to.deep.equal({ respondAsync: false });
    });

    it('answers 202 with Location when the message waits, at once with Prefer: respond-async', async () => {
      http.system.onSend = async (message) => ({ status: 'queued', id: 'm-9', to: message.to, position: 3 });
      const reply = await http.send('messages', text, { prefer: 'wait=10, respond-async' });
      expect(reply.status).to.equal(202);
      expect(reply.headers.get('location')).to.equal('/agents/bot/messages/m-9');
      expect(reply.headers.get('preference-applied')).to.equal('respond-async');
      expect(reply.body).to.deep.equal({ id: 'm-9', status: 'queued', position: 3 });
      expect(http.system.sent[0]!.options).to.deep.equal({ respondAsync: true });
    });

    it("shows the agent's bucket in RateLimit and RateLimit-Policy", async () => {
      const reply = await http.send('messages', text);
      expect(reply.headers.get('ratelimit-policy')).to.equal('"send";q=100;w=60');
      expect(reply.headers.get('ratelimit')).to.equal('"send";r=99;t=1');
    });

    it('answers 429 with Retry-After when the mailbox is full, and 409 when the agent is not connected', async () => {
      http.system.refusal = failure('RATE_LIMITED', 'The mailbox is full.', {
        details: { retryAfterSeconds: 0.6 },
      });
      for (const [operation, body] of [
        ['messages', text],
        ['media', image],
        ['run', question],
      ] as const) {
        const reply = await http.send(operation, body);
        expect(reply.status).to.equal(429);
        expectProblem(reply, 'RATE_LIMITED');
        expect(reply.headers.get('retry-after')).to.equal('1');
        expect(reply.headers.get('ratelimit')).to.be.a('string');
      }
      expect(http.media.stored).to.be.empty;
      expect(http.system.ran).to.be.empty;
      http.system.refusal = failure('SESSION_NOT_READY', 'The agent is not connected.');
      expect((await http.send('messages', text)).status).to.equal(409);
    });

    it('returns the outcome and the id of an unacknowledged send', async () => {
      http.system.onSend = async () => {
        throw failure('BAD_GATEWAY', 'Not acknowledged.', {
          details: { outcome: 'unknown', id: 'm-1', cause: 'x' },
        });
      };
      const reply = await http.send('messages', text);
      expect(reply.status).to.equal(502);
      expect(reply.body.error.details).to.deep.equal({ outcome: 'unknown', id: 'm-1' });
    });
  });

  describe('errors of the actors', () => {
    const codes: ErrorCode[] = [
      'NOT_FOUND',
      'RECIPIENT_NOT_ON_WHATSAPP',
      'BAD_GATEWAY',
      'EXPIRED',
      'SHUTTING_DOWN',
      'DATABASE_UNAVAILABLE',
      'AI_DOWNSTREAM_ERROR',
      'AI_TIMEOUT',
    ];
    for (const code of codes) {
      it(`reach the caller: ${code} as ${STATUS[code]}`, async () => {
        http.system.onRun = async () => {
          throw failure(code, 'It went wrong.');
        };
        const reply = await http.send('run', question);
        expect(reply.status).to.equal(STATUS[code]);
        expectProblem(reply, code);
        const waits = code === 'SHUTTING_DOWN' || code === 'DATABASE_UNAVAILABLE';
        expect(reply.headers.has('retry-after')).to.equal(waits);
      });
    }

    it('are answered without their text when unexpected, and logged with their stack', async () => {
      http.system.onSend = async () => {
        throw new TypeError('secret-key of undefined');
      };
      const reply = await http.send('messages', text);
      expect(reply.status).to.equal(500);
      expectProblem(reply, 'INTERNAL');
      const line = http.log.find(({ event }) => event === 'http.bug');
      expect(line).to.include({ traceId: reply.body.error.traceId });
      expect(line).to.have.nested.property('err.stack').that.includes('agents.test.ts');
    });
  });

  describe('GET /messages/{id}', () => {
    it('returns the status of a message without its text', async () => {
      http.system.messages.set('m-1', {
        id: 'm-1',
        userId: 7,
        agentId: 'bot',
        seq: 1,
        to: '6281234567890@c.us',
        content: { kind: 'text', text: 'private words' },
        origin: 'api',
        traceId: 't',
        status: 'failed',
        messageId: null,
        error: { code: 'EXPIRED', message: 'Too late.' },
        createdAt: AT,
        account: null,
        stanzaId: null,
        chatId: null,
        handedOverAt: null,
        sentAt: null,
      });
      const reply = await http.ask('/agents/bot/messages/m-1', { key: 'secret-key' });
      expect(reply.body).to.deep.equal({
        id: 'm-1',
        status: 'failed',
        to: '6281234567890@c.us',
        kind: 'text',
        error: { code: 'EXPIRED', message: 'Too late.' },
        createdAt: AT.toISOString(),
      });
    });

    it('answers 404 NOT_FOUND for an unknown message, and 401 without the key', async () => {
      expectProblem(await http.ask('/agents/bot/messages/nope', { key: 'secret-key' }), 'NOT_FOUND');
      expectProblem(await http.ask('/agents/bot/messages/nope'), 'UNAUTHORIZED');
    });
  });

  describe('POST /media', () => {
    it('sends an image from base64 with its caption, and returns type, size and preview', async () => {
      const reply = await http.send('media', { ...image, caption: 'Invoice #123' });
      expect(reply.status).to.equal(200);
      expect(reply.body).to.include({
        mimetype: 'image/png',
        size: 68,
        previewPath: '/tmp/wwebjs/preview.png',
      });
      expect(http.system.sent[0]!.message.content).to.include({ kind: 'image', caption: 'Invoice #123' });
      expect(http.media.stored).to.have.length(1);
    });

    it('leaves no preview with save_to_temp=false', async () => {
      const reply = await http.send('media', {
        to: image.to,
        url: 'https://example.com/a.png',
        save_to_temp: false,
      });
      expect(reply.body).not.to.have.property('previewPath');
      expect(fileOf(http.system.sent[0]!.message.content)?.path).to.equal('link:https://example.com/a.png');
    });

    it('deletes the stored image when the send fails, and keeps it while the outcome is unknown', async () => {
      http.system.onSend = async () => {
        throw failure('RECIPIENT_NOT_ON_WHATSAPP', 'No account.');
      };
      expect((await http.send('media', image)).status).to.equal(422);
      expect(http.media.stored).to.be.empty;
      http.system.onSend = async () => {
        throw failure('BAD_GATEWAY', 'Not acknowledged.', { details: { outcome: 'unknown' } });
      };
      expect((await http.send('media', image)).status).to.equal(502);
      expect(http.media.stored).to.have.length(1);
    });

    for (const code of [
      'MEDIA_TOO_LARGE',
      'UNSUPPORTED_MEDIA_TYPE',
      'MEDIA_URL_BLOCKED',
      'MEDIA_FETCH_FAILED',
    ] as const) {
      it(`answers ${STATUS[code]} ${code} when the image is refused with it`, async () => {
        http.media.failure = failure(code, 'Refused.');
        const reply = await http.send('media', image);
        expect(reply.status).to.equal(STATUS[code]);
        expectProblem(reply, code);
        expect(http.system.sent).to.be.empty;
      });
    }
  });

  describe('POST /run', () => {
    it('passes unknown fields to the AI and returns its reply and the sent message', async () => {
      const reply = await http.send('run', { ...question, temperature: 0.2, metadata: { chat_name: 'VIP' } });
      expect(reply.body).to.deep.equal({
        reply: 'Hello!',
        replySent: true,
        sessionId: '6281234567890@c.us',
        id: 'm-1',
        messageId: 'true_1',
      });
      expect(http.system.ran[0]!.request).to.deep.equal({
        message: 'Hello assistant!',
        sessionId: '6281234567890@c.us',
        temperature: 0.2,
        metadata: { chat_name: 'VIP' },
      });
    });

    it('accepts the sessionId as a number, too', async () => {
      await http.send('run', { ...question, sessionId: 6281234567890 });
      expect(http.system.ran[0]!.request.sessionId).to.equal('6281234567890@c.us');
    });

    it('returns reply null and replySent false when the AI has no reply', async () => {
      http.system.onRun = async ({ sessionId }) => ({ reply: null, replySent: false, sessionId });
      const reply = await http.send('run', question);
      expect(reply.body).to.deep.equal({ reply: null, replySent: false, sessionId: '6281234567890@c.us' });
    });
  });
});
