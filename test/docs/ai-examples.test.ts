import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { json } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import type { Draft } from '../../src/sandbox/network/types.ts';
import { callApi } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { BEARER, BOT, CUSTOMER, CUSTOMER_CHAT, KEY, PIXEL, UNLIMITED } from '../support/fixtures.ts';
import { freePort } from '../support/free-port.ts';
import { linkAgent } from '../support/link-agent.ts';
import { HEADS } from '../support/media-files.ts';
import { createDatabase } from '../support/postgres.ts';
import { type Service, startService } from '../support/service.ts';
import { SttServer } from '../support/stt-server.ts';

const EXAMPLES = fileURLToPath(new URL('../../examples/', import.meta.url));
const VOICE = HEADS['audio/ogg; codecs=opus'];

/** Starts an example as its own process; `url` is where it listens. */
async function startExample(name: string, env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [EXAMPLES + name], {
    env: { AGENT_KEY: KEY, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let complaints = '';
  child.stderr.on('data', (chunk: Buffer) => {
    complaints += chunk.toString();
  });
  const exited = once(child, 'exit');
  const first = await Promise.race([
    once(createInterface({ input: child.stdout }), 'line').then(([line]) => String(line)),
    exited.then(() => Promise.reject(new Error(`${name} did not start: ${complaints}`))),
  ]);
  return {
    url: first.replace('AI_BACKEND_URL=', ''),
    complaints: () => complaints,
    stop: async () => {
      child.kill();
      await exited;
    },
  };
}
type Example = Awaited<ReturnType<typeof startExample>>;

describe('examples/ai-backend.mjs', function () {
  this.timeout(60_000);
  let example: Example;
  let service: Service;
  let stt: SttServer;

  before(async () => {
    example = await startExample('ai-backend.mjs');
    stt = await new SttServer().open();
    stt.behave = () => ({ body: '{"text":"Are you open today?"}' });
    const port = await freePort();
    service = await startService(await createDatabase(), {
      env: {
        ...{ PORT: `${port}`, APP_BASE_URL: `http://127.0.0.1:${port}`, ...UNLIMITED },
        ...{ AI_BACKEND_URL: example.url, AI_INBOUND_TYPES: 'text,image,audio,document', STT_URL: stt.url },
      },
    });
    await linkAgent(service, 'shop', BOT);
  });
  after(async () => {
    await service?.close();
    await stt?.close();
    await example?.stop();
  });

  /** The bot's answer to a message of a customer. */
  async function answerTo(draft: Partial<Draft>): Promise<string | undefined> {
    const shown = () =>
      service.network.messages(BOT, CUSTOMER_CHAT).flatMap(({ fromMe, body }) => (fromMe ? [body] : []));
    const before = shown().length;
    service.network.write(CUSTOMER, { text: '', ...draft, to: BOT });
    await eventually('the answer', () => shown().length > before);
    return shown().at(-1);
  }

  it('describes a file by its bytes, fetched with the signed link', async () => {
    const data = Buffer.concat([HEADS['application/pdf'], Buffer.alloc(200_000, 'x')]);
    const file = { type: 'document', mimetype: 'application/pdf', filename: 'invoice.pdf', data } as const;
    expect(await answerTo({ file })).to.equal(
      `I got your document “invoice.pdf”: application/pdf, ${data.length} bytes.`,
    );
    const image = { type: 'image', mimetype: 'image/png', data: PIXEL } as const;
    expect(await answerTo({ file: image, text: 'Is this open?' })).to.match(
      /^I got your image: image\/png, \d+ bytes\.\nHello .*, we are open from 8 to 17\.$/,
    );
  });

  it('answers what was said in a voice note', async () => {
    const file = { type: 'ptt', mimetype: 'audio/ogg; codecs=opus', seconds: 2, data: VOICE } as const;
    expect(await answerTo({ file })).to.match(
      /^I got your voice note: audio\/ogg; codecs=opus, \d+ bytes, saying “Are you open today\?”\.\nHello /,
    );
  });

  it('hands over to a person on a keyword, and continues with what the person wrote', async () => {
    expect(await answerTo({ text: 'Can I talk to a human?' })).to.equal(
      'A colleague will write to you here.',
    );
    const chat = `/agents/shop/chats/${CUSTOMER}`;
    await eventually('the handover', async () => {
      const { body } = await callApi(service.url, 'GET', chat, undefined, BEARER);
      return (body as { mode?: string }).mode === 'human';
    });
    service.network.write(BOT, { to: CUSTOMER, text: 'Your order is ready.' });
    await eventually('the message of the person', async () => {
      const { rows } = await service.pool.query('select from gateway_chat_message');
      return rows.length > 0;
    });
    await callApi(service.url, 'PUT', chat, { mode: 'bot' }, BEARER);
    expect(await answerTo({ text: 'Until when are you open?' })).to.match(
      /^My colleague wrote to you: “Your order is ready\.”\nHello .*, we are open from 8 to 17\.$/,
    );
    expect(example.complaints()).to.equal('');
  });
});

/** A request that a fake platform received. */
interface PlatformCall {
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  body: Record<string, unknown>;
}

describe('the bridges', function () {
  this.timeout(20_000);
  let platform: Server;
  let calls: PlatformCall[];
  let answer: (call: PlatformCall) => { status?: number; body: unknown };
  let bridge: Example;

  before(async () => {
    platform = createServer(async (request, response) => {
      const { method = '', url = '', headers } = request;
      const body = method === 'POST' ? ((await json(request)) as Record<string, unknown>) : {};
      const call = { method, url, headers, body };
      calls.push(call);
      const { status = 200, body: given } = answer(call);
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(given));
    });
    platform.listen(0, '127.0.0.1');
    await once(platform, 'listening');
  });
  after(async () => {
    platform.closeAllConnections();
    platform.close();
    await once(platform, 'close');
  });
  beforeEach(() => {
    calls = [];
  });

  const platformUrl = () => `http://127.0.0.1:${(platform.address() as AddressInfo).port}`;
  const LINK = 'https://wa.example.com/files/1?expires=2&signature=3';
  const IMAGE = { type: 'image', mimeType: 'image/png', sizeBytes: 68, sha256: '00', messageId: 'm' };

  /** What the bridge answers to a request of the gateway. */
  async function run(request: object, key = KEY): Promise<{ status: number; body: unknown }> {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ message: '', sessionId: CUSTOMER_CHAT, ...request });
    const response = await fetch(`${bridge.url}/agents/shop/run`, { method: 'POST', headers, body });
    return { status: response.status, body: await response.json() };
  }

  describe('to Flowise', () => {
    before(async () => {
      const FLOWISE_URL = `${platformUrl()}/api/v1/prediction/f1`;
      bridge = await startExample('flowise-bridge.mjs', { FLOWISE_URL, FLOWISE_KEY: 'flow-key' });
    });
    after(() => bridge.stop());
    beforeEach(() => {
      answer = ({ body }) => ({ body: { text: `You asked: ${body.question}`, sessionId: 's', chatId: 'c' } });
    });

    it('asks the flow in the chat’s session, and replies with its text', async () => {
      expect(await run({ message: 'hello' })).to.deep.equal({
        status: 200,
        body: { reply: 'You asked: hello' },
      });
      const [{ method, url, headers, body }] = calls as [PlatformCall];
      expect({ method, url }).to.deep.equal({ method: 'POST', url: '/api/v1/prediction/f1' });
      expect(headers).to.include({ authorization: 'Bearer flow-key', 'content-type': 'application/json' });
      const overrideConfig = { sessionId: CUSTOMER_CHAT };
      expect(body).to.deep.equal({ question: 'hello', streaming: false, overrideConfig });
    });

    it('passes images on, by link or with their bytes', async () => {
      const failed = { ...IMAGE, error: { code: 'MEDIA_FETCH_FAILED', message: 'gone' } };
      const attachments = [{ ...IMAGE, url: LINK }, { ...IMAGE, data: 'AAAA' }, failed];
      await run({ message: 'what is it?', attachments });
      const image = { name: 'image', mime: 'image/png' };
      expect(calls[0]!.body.uploads).to.deep.equal([
        { ...image, type: 'url', data: LINK },
        { ...image, type: 'file', data: 'data:image/png;base64,AAAA' },
      ]);
    });

    it('answers nothing to a message without words and images, and 500 when the flow fails', async () => {
      expect(await run({ attachments: [{ ...IMAGE, type: 'sticker', url: LINK }] })).to.deep.equal({
        status: 200,
        body: {},
      });
      expect(calls).to.deep.equal([]);
      answer = () => ({ status: 404, body: {} });
      expect((await run({ message: 'hello' })).status).to.equal(500);
      expect((await run({ message: 'hello' }, 'another key')).status).to.equal(401);
    });
  });

  describe('to Dify', () => {
    let conversations: string[];
    before(async () => {
      bridge = await startExample('dify-bridge.mjs', {
        DIFY_URL: `${platformUrl()}/v1`,
        DIFY_KEY: 'app-key',
      });
    });
    after(() => bridge.stop());
    beforeEach(() => {
      conversations = [];
      answer = ({ method, body }) => {
        if (method === 'GET')
          return { body: { limit: 1, has_more: false, data: conversations.map((id) => ({ id })) } };
        conversations = ['c1'];
        return { body: { event: 'message', conversation_id: 'c1', answer: `You asked: ${body.query}` } };
      };
    });

    it('asks the app as the chat’s user, and continues its conversation', async () => {
      expect(await run({ message: 'hello' })).to.deep.equal({
        status: 200,
        body: { reply: 'You asked: hello' },
      });
      await run({ message: 'and then?' });
      const [list, first, , second] = calls as [PlatformCall, PlatformCall, PlatformCall, PlatformCall];
      expect(list.url).to.equal(`/v1/conversations?user=${encodeURIComponent(CUSTOMER_CHAT)}&limit=1`);
      expect(list.headers.authorization).to.equal('Bearer app-key');
      expect([first.method, first.url]).to.deep.equal(['POST', '/v1/chat-messages']);
      expect(first.headers.authorization).to.equal('Bearer app-key');
      const asked = { inputs: {}, response_mode: 'blocking', user: CUSTOMER_CHAT };
      expect(first.body).to.deep.equal({ ...asked, query: 'hello', conversation_id: '' });
      expect(second.body).to.deep.equal({ ...asked, query: 'and then?', conversation_id: 'c1' });
    });

    it('passes images on by link', async () => {
      const attachments = [
        { ...IMAGE, url: LINK },
        { ...IMAGE, type: 'document', url: LINK },
      ];
      await run({ message: 'what is it?', attachments });
      expect(calls[1]!.body.files).to.deep.equal([
        { type: 'image', transfer_method: 'remote_url', url: LINK },
      ]);
    });

    it('answers 500 when the app fails', async () => {
      answer = () => ({ status: 400, body: { status: 400, code: 'app_unavailable' } });
      expect((await run({ message: 'hello' })).status).to.equal(500);
    });
  });
});
