import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { expect } from 'chai';
import { GatewayError } from '../../../src/actors/domain/errors.ts';
import { type MessageContent, wordsOf } from '../../../src/actors/domain/message-content.ts';
import type { AiRequest } from '../../../src/actors/domain/ports/ai.ts';
import { HttpAiBackend } from '../../../src/infra/ai/http-ai-backend.ts';
import { BlockedAddressError, type Lookup } from '../../../src/infra/net/guarded-lookup.ts';
import { isMetadata } from '../../../src/infra/net/metadata-addresses.ts';
import { parseJid } from '../../../src/infra/whatsapp/phone-number.ts';
import { answerOf } from '../../support/answers.ts';

const toJid = (text: string) => parseJid(text, 'ID');
const KEY = 'sk-very-secret-key';
const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const REQUEST: AiRequest = { message: 'hello', sessionId: '628111@c.us', metadata: { chat_name: 'Ani' } };

describe('HttpAiBackend', () => {
  let server: Server;
  let base: string;
  let seen: { url: string; headers: IncomingMessage['headers']; body: string }[];
  let backend: HttpAiBackend;

  beforeEach(() => {
    seen = [];
  });
  afterEach(async () => {
    backend.close();
    if (!server) return;
    server.closeAllConnections();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  });

  /** Starts an AI server with this answer, and a backend that asks it. */
  async function answering(listener: RequestListener, timeoutMs = 5_000, lookup?: Lookup): Promise<void> {
    server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      seen.push({
        url: request.url ?? '',
        headers: request.headers,
        body: Buffer.concat(chunks).toString('utf8'),
      });
      listener(request, response);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    backend = new HttpAiBackend({ toJid, baseUrl: base, timeoutMs, lookup });
  }

  /** An AI server that answers 200 with the text. */
  const body =
    (text: string | Buffer, type = 'application/json'): RequestListener =>
    (_request, response) =>
      response.setHeader('content-type', type).end(text);

  /** Asks as agent `support`, by default at the server's own URL. */
  const ask = (endpointUrl: string | null = null, signal = new AbortController().signal) =>
    backend.ask({ agentId: 'support', apiKey: KEY, endpointUrl }, REQUEST, { traceId: TRACE_ID, signal });

  /** The error of a failed request, checked for leaks. */
  async function failure(asked: Promise<unknown>): Promise<GatewayError> {
    const error = await asked.then(
      (value) => expect.fail(`answered ${String(value)}`),
      (thrown: unknown) => thrown,
    );
    expect(error).to.be.instanceOf(GatewayError);
    const gatewayError = error as GatewayError;
    expect(gatewayError.message).not.to.contain(KEY);
    if (base) expect(gatewayError.message).not.to.contain(new URL(base).host);
    return gatewayError;
  }

  it('posts the request as JSON with the agent’s key and the trace, and returns the reply', async () => {
    await answering(body('{"reply":"hi\\nthere"}'));
    expect(await ask()).to.deep.equal(answerOf('hi\nthere'));
    expect(seen).to.have.length(1);
    expect(seen[0]?.url).to.equal('/agents/support/run');
    expect(seen[0]?.headers.authorization).to.equal(`Bearer ${KEY}`);
    expect(seen[0]?.headers.traceparent).to.match(new RegExp(`^00-${TRACE_ID}-[0-9a-f]{16}-01$`));
    expect(seen[0]?.headers['content-type']).to.equal('application/json');
    expect(JSON.parse(seen[0]?.body ?? '')).to.deep.equal(REQUEST);
  });

  it('prefers the URL of the agent’s record', async () => {
    await answering(body('{"reply":"own"}'));
    expect(await ask(`${base}/own/run`)).to.deep.equal(answerOf('own'));
    expect(seen[0]?.url).to.equal('/own/run');
  });

  it('reuses the connection for consecutive calls', async () => {
    await answering(body('{"reply":"hi"}'));
    let connections = 0;
    server.on('connection', () => {
      connections += 1;
    });
    await ask();
    await ask();
    expect(connections).to.equal(1);
  });

  describe('with kept connections', () => {
    it('closes an idle one before a server does that closes after a second', async () => {
      await answering(body('{"reply":"hi"}'));
      server.keepAliveTimeout = 0;
      const connection = once(server, 'connection');
      const asked = ask();
      const [socket] = (await connection) as [Socket];
      const ended = once(socket, 'end').then(() => 'ended by the backend');
      await asked;
      const closed = new Promise((resolve) => {
        socket.setTimeout(1_000, () => resolve('closed by the server'));
      });
      expect(await Promise.race([ended, closed])).to.equal('ended by the backend');
    });

    it('does not reuse one that its server announced to close', async () => {
      await answering((_request, response) => {
        response.setHeader('keep-alive', 'timeout=0');
        response.end('{"reply":"hi"}');
      });
      let connections = 0;
      server.on('connection', () => {
        connections += 1;
      });
      await ask();
      await ask();
      expect(connections).to.equal(2);
    });
  });

  describe('with a failed request', () => {
    /** A resolver that fails `failures` times, then returns the server. */
    function failing(times: number): { lookup: Lookup; calls: () => number } {
      let calls = 0;
      const lookup: Lookup = (_host, options, callback) => {
        calls += 1;
        if (calls <= times) return callback(Object.assign(new Error('away'), { code: 'EAI_AGAIN' }), '');
        if (options.all) callback(null, [{ address: '127.0.0.1', family: 4 }]);
        else callback(null, '127.0.0.1', 4);
      };
      return { lookup, calls: () => calls };
    }
    const named = () => `${base.replace('127.0.0.1', 'ai.example')}/run`;

    it('retries once when no connection was made', async () => {
      await answering(body('{"reply":"hi"}'), 5_000, failing(1).lookup);
      expect(await ask(named())).to.deep.equal(answerOf('hi'));
      expect(seen).to.have.length(1);
    });

    it('does not retry twice', async () => {
      const { lookup, calls } = failing(3);
      await answering(body('{"reply":"hi"}'), 5_000, lookup);
      expect((await failure(ask(named()))).code).to.equal('AI_DOWNSTREAM_ERROR');
      expect([calls(), seen.length]).to.deep.equal([2, 0]);
    });

    it('does not retry a request that may have arrived, on a new or a kept connection', async () => {
      let isKept = false;
      await answering((_request, response) => {
        if (isKept) response.end('{"reply":"hi"}');
        else response.destroy();
      });
      await failure(ask());
      isKept = true;
      await ask();
      isKept = false;
      await failure(ask());
      expect(seen).to.have.length(3);
    });
  });

  for (const answer of [
    '{}',
    '{"reply":null}',
    '{"reply":" \\u0000"}',
    '[{"reply":null}]',
    '',
    ' \n',
    '\ufeff',
  ])
    it(`has no reply in ${JSON.stringify(answer)}`, async () => {
      await answering(body(answer));
      expect(await ask()).to.deep.equal(answerOf(null));
    });

  it('has no reply in a 204', async () => {
    await answering((_request, response) => response.writeHead(204).end());
    expect(await ask()).to.deep.equal(answerOf(null));
  });

  for (const answer of ['[{"reply":"hi"}]', '\ufeff{"reply":"hi"}', '\ufeff[{"reply":"hi"}]\r\n'])
    it(`has a reply in ${JSON.stringify(answer)}`, async () => {
      await answering(body(answer));
      expect(await ask()).to.deep.equal(answerOf('hi'));
    });

  it('removes control characters from the reply, but not line breaks and tabs', async () => {
    await answering(body(JSON.stringify({ reply: 'a\u0000b\u001b[31m\r\n\tc\u0085\u007f😀\rd' })));
    expect(await ask()).to.deep.equal(answerOf('ab[31m\n\tc😀\nd'));
  });

  it('removes lone surrogates from the reply', async () => {
    await answering(body('{"reply":"a\\ud83d b\\ude00 \\ud83d\\ude00"}'));
    expect(await ask()).to.deep.equal(answerOf('a b 😀'));
  });

  it('returns a reply of more than 65,536 characters in full', async () => {
    const reply = `${'x'.repeat(65_535)}😀 and more`;
    await answering(body(JSON.stringify({ reply })));
    expect(await ask()).to.deep.equal(answerOf(reply));
  });

  it('returns messages of every kind in the shape of POST /messages, and a handoff', async () => {
    const named = { formatted_name: 'Sari' };
    const answer = {
      reply: 'first',
      messages: [
        { type: 'text', text: { body: 'x'.repeat(70_000) }, mentions: ['0812-3456-7890'], quoteId: 'true_1' },
        { type: 'image', image: { link: 'https://example.com/a.png', caption: 'a\u0000' } },
        { type: 'video', video: { id: '01f0a6c2-9b1d-4c63-8a4e-2f5d7c9e1b30' } },
        { type: 'audio', audio: { data: 'AAAA', voice: true } },
        { type: 'document', document: { data: 'AAAA', filename: 'a.pdf' } },
        { type: 'sticker', sticker: { data: 'AAAA' } },
        { type: 'location', location: { latitude: 1, longitude: 2 } },
        { type: 'contacts', contacts: [{ name: named, phones: [{ phone: '1' }] }] },
        { type: 'poll', poll: { name: 'a?', options: ['b', 'c'] } },
        { type: 'reaction', reaction: { message_id: 'true_1', emoji: '👍' } },
      ],
      handoff: true,
    };
    await answering(body(JSON.stringify(answer)));
    const { messages, ...rest } = await ask();
    expect(rest).to.deep.equal({ reply: 'first', dropped: 0, handoff: true });
    expect(messages.map(({ content }) => content.kind)).to.deep.equal(
      answer.messages.map(({ type }) => type),
    );
    expect(messages[0]).to.deep.include({ quoteId: 'true_1' });
    expect(messages[0]!.content).to.deep.include({
      text: 'x'.repeat(70_000),
      mentions: ['6281234567890@c.us'],
    });
    expect(messages[1]!.content).to.deep.include({
      caption: 'a',
      source: { link: 'https://example.com/a.png' },
    });
    expect(messages[3]!.content).to.deep.include({ voice: true, source: { data: 'AAAA' } });
  });

  for (const messages of [[{ role: 'assistant', content: 'a' }], [{ type: 'human', content: 'a' }], 'a', 2])
    it(`ignores, beside a reply, what another system means by messages: ${JSON.stringify(messages)}`, async () => {
      await answering(body(JSON.stringify({ reply: 'hi', messages })));
      expect(await ask()).to.deep.equal(answerOf('hi'));
    });

  it('returns the first ten of twelve messages, and how many it dropped', async () => {
    const messages = Array.from({ length: 12 }, (_, n) => ({ type: 'text', text: { body: `${n}` } }));
    await answering(body(JSON.stringify({ messages })));
    const answer = await ask();
    expect(answer.messages.map(({ content }) => wordsOf(content as MessageContent))).to.deep.equal(
      Array.from({ length: 10 }, (_, n) => `${n}`),
    );
    expect([answer.dropped, answer.reply, answer.handoff]).to.deep.equal([2, null, false]);
  });

  for (const [name, answer, path, reason] of [
    ['messages that are no list', { messages: 'hi' }, 'messages', 'must be a list'],
    [
      'a message without a type',
      { messages: [{ text: { body: 'a' } }] },
      'messages.0.type',
      'must be one of',
    ],
    [
      'a message of an unknown type',
      { messages: [{ type: 'template' }] },
      'messages.0.type',
      'must be one of',
    ],
    ['a type without its field', { messages: [{ type: 'image' }] }, 'messages.0.image', 'is missing'],
    [
      'a file with two sources',
      { messages: [{ type: 'image', image: { link: 'https://a', data: 'AAAA' } }] },
      'messages.0.image',
      'needs exactly one of link, data and id',
    ],
    [
      'a fault after a message that is valid',
      {
        reply: 'hi',
        messages: [
          { type: 'text', text: { body: 'a' } },
          { type: 'text', text: { body: '' } },
        ],
      },
      'messages.1.text.body',
      'must not be empty',
    ],
    [
      'a fault beyond the tenth message',
      { messages: [...Array(11).fill({ type: 'text', text: { body: 'a' } }), { type: 'text' }] },
      'messages.11.text',
      'is missing',
    ],
    [
      'a recipient',
      { messages: [{ type: 'text', text: { body: 'a' }, to: '6281234567890' }] },
      'messages.0.to',
      'must not be set: an answer goes to its chat',
    ],
    [
      'an unknown field',
      { messages: [{ type: 'location', location: { latitude: 1, longitude: 2, url: '' } }] },
      'messages.0.location.url',
      'is not a known field',
    ],
    [
      'a latitude out of range',
      { messages: [{ type: 'location', location: { latitude: 91, longitude: 2 } }] },
      'messages.0.location.latitude',
      'must be at most 90',
    ],
    [
      'a poll with one option',
      { messages: [{ type: 'poll', poll: { name: 'a', options: ['b'] } }] },
      'messages.0.poll.options',
      'must have at least 2 entries',
    ],
    ['a handoff that is a text', { reply: 'hi', handoff: 'yes' }, 'handoff', 'must be true or false'],
  ] as const)
    it(`rejects ${name} with the path and the reason, and returns nothing of the answer`, async () => {
      await answering(body(JSON.stringify(answer)));
      const error = await failure(ask());
      expect(error.code).to.equal('AI_DOWNSTREAM_ERROR');
      expect(error.message).to.contain(`${path} ${reason}`);
      expect(error.details).to.deep.equal({ path });
    });

  for (const status of [302, 400, 401, 404, 429, 500, 503])
    it(`rejects with AI_DOWNSTREAM_ERROR for ${status} after one request`, async () => {
      await answering((_request, response) =>
        response.writeHead(status, { location: `${base}/elsewhere` }).end('{"reply":"no"}'),
      );
      const error = await failure(ask());
      expect(error.code).to.equal('AI_DOWNSTREAM_ERROR');
      expect(error.message).to.contain(String(status));
      expect(seen).to.have.length(1);
    });

  for (const [name, text] of [
    ['broken JSON', '{"reply":'],
    ['HTML', '<html>Welcome</html>'],
    ['a JSON array', '["reply"]'],
    ['an empty list', '[]'],
    ['a list of two', '[{"reply":"hi"},{"reply":"ho"}]'],
    ['a JSON string', '"reply"'],
    ['null', 'null'],
    ['a reply that is a number', '{"reply":42}'],
    ['a reply that is an object', '{"reply":{"text":"hi"}}'],
    ['a reply that is a list', '{"reply":["hi"]}'],
    ['a reply that is true', '{"reply":true}'],
    ['Latin-1', Buffer.from('{"reply":"caf\u00e9"}', 'latin1')],
    ['UTF-16', Buffer.from('\ufeff{"reply":"hi"}', 'utf16le')],
    ['half a character', Buffer.from([...Buffer.from('{"reply":"'), 0xf0, 0x9f, ...Buffer.from('"}')])],
  ] as const)
    it(`rejects with AI_DOWNSTREAM_ERROR for ${name}`, async () => {
      await answering(body(text, 'text/html'));
      const error = await failure(ask());
      expect(error.code).to.equal('AI_DOWNSTREAM_ERROR');
    });

  it('stops reading an answer of 50 MB at 1 MB', async () => {
    let written = 0;
    await answering(async (_request, response) => {
      const megabyte = 'x'.repeat(1024 * 1024);
      for (; written < 50 && !response.destroyed; written += 1)
        if (!response.write(megabyte)) await Promise.race([once(response, 'drain'), once(response, 'close')]);
      response.end();
    });
    const error = await failure(ask());
    expect(error.code).to.equal('AI_DOWNSTREAM_ERROR');
    expect(error.message).to.contain('1 MB');
    expect(written).to.be.below(50);
  });

  it('rejects with AI_TIMEOUT without an answer, and closes the socket', async () => {
    const closed = new Promise((resolve) => {
      void answering((request) => request.socket.once('close', resolve), 100);
    });
    while (!server?.listening) await new Promise(setImmediate);
    expect((await failure(ask())).code).to.equal('AI_TIMEOUT');
    await closed;
  });

  it('rejects with AI_TIMEOUT for a slow answer, measured from the start', async () => {
    await answering((_request, response) => {
      const drip = setInterval(() => response.write(' '), 20);
      response.once('close', () => clearInterval(drip));
    }, 200);
    const before = performance.now();
    expect((await failure(ask())).code).to.equal('AI_TIMEOUT');
    expect(performance.now() - before).to.be.within(190, 10_000);
  });

  it('rejects with AI_DOWNSTREAM_ERROR when the socket closes half-way', async () => {
    await answering((_request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{"reply":"hal', () => response.destroy());
    });
    expect((await failure(ask())).code).to.equal('AI_DOWNSTREAM_ERROR');
    expect(seen).to.have.length(1);
  });

  it('rejects with AI_DOWNSTREAM_ERROR when the port is closed', async () => {
    await answering(body('{}'));
    server.close();
    await once(server, 'close');
    expect((await failure(ask())).code).to.equal('AI_DOWNSTREAM_ERROR');
  });

  it('rejects at once when it is aborted', async () => {
    await answering(() => {});
    const controller = new AbortController();
    const asked = failure(ask(null, controller.signal));
    await once(server, 'connection');
    controller.abort();
    expect((await asked).code).to.equal('AI_DOWNSTREAM_ERROR');
  });

  it('sends no request when it was aborted before', async () => {
    await answering(body('{"reply":"hi"}'));
    expect((await failure(ask(null, AbortSignal.abort()))).code).to.equal('AI_DOWNSTREAM_ERROR');
    expect(seen).to.have.length(0);
  });

  for (const url of [
    'file:///etc/passwd',
    'ftp://127.0.0.1/run',
    'unix:/run/docker.sock:/run',
    'not a url',
    `http://user:${KEY}@127.0.0.1:1/run`,
    'http://169.254.169.254/latest/meta-data',
    'http://2852039166/latest',
    'http://0xa9fea9fe/latest',
    'http://[::ffff:169.254.169.254]/latest',
    'http://[fe80::1]/run',
    'http://[fd00:ec2::254]/latest',
    'http://100.100.100.200/latest',
    'http://168.63.129.16/machine',
    'http://[::ffff:168.63.129.16]/machine',
    'http://[::168.63.129.16]/machine',
    'http://[::ffff:0:168.63.129.16]/machine',
    'http://[64:ff9b::168.63.129.16]/machine',
    'http://[2002:a83f:8110::]/machine',
    'http://192.0.0.192/opc/v2/instance/',
    'http://[64:ff9b::192.0.0.192]/opc',
    'http://[fd20:ce::254]/computeMetadata/v1/',
    'http://[fd00:ec2::23]/v1/credentials',
    'http://[fd00:42::42]/conf',
    'http://[64:ff9b:1::1]/run',
    'http://[64:ff9b:1:ffff::a9fe:a9fe]/run',
    'http://[64:ff9b::169.254.169.254]/latest',
    'http://[2002:a9fe:a9fe::]/latest',
  ])
    it(`refuses ${url.replace(KEY, '…')}`, async () => {
      base = '';
      backend = new HttpAiBackend({ toJid, baseUrl: undefined, timeoutMs: 1_000 });
      const error = await failure(ask(url));
      expect(error.code).to.equal('AI_DOWNSTREAM_ERROR');
      expect(error.message).to.match(/URL of the AI backend/);
    });

  for (const address of [
    '169.254.169.254',
    '168.63.129.16',
    '192.0.0.192',
    'fd20:ce::254',
    '64:ff9b:1::7f00:1',
  ])
    it(`refuses a name that resolves to ${address}`, async () => {
      base = '';
      const family = address.includes(':') ? 6 : 4;
      backend = new HttpAiBackend({
        toJid,
        baseUrl: 'http://ai.example',
        timeoutMs: 1_000,
        lookup: (_host, options, callback) =>
          options.all ? callback(null, [{ address, family }]) : callback(null, address, family),
      });
      const error = await failure(ask());
      expect(error.code).to.equal('AI_DOWNSTREAM_ERROR');
      expect((error.cause as Error).cause).to.be.instanceOf(BlockedAddressError);
    });

  it('connects to private and public addresses', () => {
    for (const address of ['10.0.0.1', '192.0.0.191', '168.63.129.17', 'fd20:ce::253', '64:ff9b:2::1', '::1'])
      expect(isMetadata(address), address).to.equal(false);
  });

  it('rejects with a clear error when no AI backend is configured', async () => {
    base = '';
    backend = new HttpAiBackend({ toJid, baseUrl: undefined, timeoutMs: 1_000 });
    const error = await failure(ask());
    expect(error.code).to.equal('AI_DOWNSTREAM_ERROR');
    expect(error.message).to.contain('AI_BACKEND_URL');
  });
});
