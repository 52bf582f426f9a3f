import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { McpError } from '@modelcontextprotocol/sdk/types.js';
import { expect } from 'chai';
import type { Command } from '../../src/actors/domain/commands.ts';
import { TEXTS } from '../../src/actors/domain/error-texts.ts';
import { AT } from '../support/fake-system.ts';
import { expectProblem, failure, Harness } from '../support/http-harness.ts';
import { connectMcp } from '../support/mcp-client.ts';

const CHAT = '6281234567890@c.us';
const KEY = 'secret-key';
const READING = ['list_chats', 'read_chat', 'find_contact', 'get_message'];
const WRITING = ['send_message', 'set_chat_mode'];

describe('the MCP endpoint', () => {
  let http: Harness;
  let client: Client;

  /** Calls a tool; its text must say the same as its structured content. */
  async function call(name: string, args: Record<string, unknown>, caller = client) {
    const result = await caller.callTool({ name, arguments: args });
    const [{ type, text }] = result.content as [{ type: string; text: string }];
    expect(type).to.equal('text');
    expect(JSON.parse(text)).to.deep.equal(result.structuredContent);
    return { isError: result.isError === true, body: result.structuredContent as Record<string, unknown> };
  }

  /** Calls a tool that fails; returns the error. */
  async function refused(name: string, args: Record<string, unknown>) {
    const { isError, body } = await call(name, args);
    expect(isError, JSON.stringify(body)).to.equal(true);
    const { error } = body as { error: { code: string; traceId: string; details?: unknown } };
    expect(error.traceId).to.match(/^[0-9a-f]{32}$/);
    return error;
  }

  /** The commands of a type that agents were asked, with the agent. */
  const asked = (type: Command['type']) => http.system.asked.filter(({ command }) => command.type === type);

  /** A message of JSON-RPC, sent without a client. */
  const post = (json: unknown, more: { key?: string; headers?: Record<string, string> } = {}) =>
    http.ask('/mcp/bot', { method: 'POST', key: KEY, json, ...more });

  const rpc = (method: string, params: object = {}) => ({ jsonrpc: '2.0', id: 1, method, params });

  afterEach(() => {
    http.system.refusal = null;
    http.system.sent.length = 0;
  });

  describe('by default', () => {
    before(async () => {
      http = await new Harness().start();
      http.system.add('other', 'other-key');
      client = await connectMcp(http.url, 'bot', KEY);
    });
    after(async () => {
      await client.close();
      await http.stop();
    });

    it('has the tools that read, described with their schemas, and no other', async () => {
      const { tools } = await client.listTools();
      expect(tools.map(({ name }) => name)).to.deep.equal(READING);
      for (const { description, inputSchema, outputSchema, annotations } of tools) {
        expect(description).to.have.length.above(50);
        expect(inputSchema).to.include({ type: 'object', additionalProperties: false });
        expect(outputSchema).to.include({ type: 'object' });
        expect(annotations).to.include({ readOnlyHint: true, destructiveHint: false });
      }
    });

    it('does not know the tools that write', async () => {
      for (const name of [...WRITING, 'drop_tables']) {
        const error = await client.callTool({ name, arguments: { to: CHAT, text: 'Hi' } }).catch((e) => e);
        expect(error).to.be.instanceOf(McpError).and.include({ code: -32_602 });
      }
      expect(http.system.sent).to.deep.equal([]);
    });

    it('names itself and says how to use it, in JSON and without a session', async () => {
      expect(client.getServerVersion()).to.include({ name: 'whatsapp-gateway' });
      expect(client.getInstructions()).to.include('unknown');
      const answer = await post(rpc('tools/list'));
      expect([answer.status, answer.headers.get('mcp-session-id')]).to.deep.equal([200, null]);
    });

    it('answers a notification with 202 and no body', async () => {
      const { status, text } = await post({ jsonrpc: '2.0', method: 'notifications/initialized' });
      expect([status, text]).to.deep.equal([202, '']);
    });

    it('is for the holder of the agent’s key alone', async () => {
      const list = rpc('tools/list');
      expectProblem(await http.ask('/mcp/bot', { method: 'POST', json: list }), 'UNAUTHORIZED');
      for (const key of ['wrong', 'other-key']) expectProblem(await post(list, { key }), 'UNAUTHORIZED');
      const unknown = { method: 'POST', key: KEY, json: list };
      expectProblem(await http.ask('/mcp/unknown', unknown), 'SESSION_NOT_FOUND');
      const refusal = await connectMcp(http.url, 'bot', 'other-key').catch((error: Error) => error.message);
      expect(refusal).to.include('UNAUTHORIZED');
    });

    it('asks each agent for its own messages', async () => {
      const other = await connectMcp(http.url, 'other', 'other-key');
      await call('get_message', { message_id: 'm-1' }, other);
      const command = { type: 'message.find', userId: 7, id: 'm-1' };
      expect(asked('message.find').at(-1)).to.deep.equal({ agentId: 'other', command });
      await other.close();
    });

    it('checks the key with each request', async () => {
      const replaced = await connectMcp(http.url, 'other', 'other-key');
      http.system.add('other', 'new-key');
      const refusal = await replaced.listTools().catch((error: Error) => error.message);
      expect(refusal).to.include('UNAUTHORIZED');
      await replaced.close();
    });

    it('refuses other methods, hosts, sites and bodies as all routes do', async () => {
      for (const method of ['GET', 'DELETE', 'PUT']) {
        const reply = await http.ask('/mcp/bot', { method, key: KEY });
        expectProblem(reply, 'METHOD_NOT_ALLOWED');
        expect(reply.headers.get('allow')).to.equal('POST, OPTIONS');
      }
      const list = rpc('tools/list');
      expectProblem(await post(list, { headers: { origin: 'https://evil.example' } }), 'INVALID_PAYLOAD');
      const rebound = await http.raw(
        `POST /mcp/bot HTTP/1.1\r\nHost: evil.example\r\nAuthorization: Bearer ${KEY}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
      );
      expect(rebound)
        .to.match(/^HTTP\/1\.1 400 /)
        .and.include('"path":"Host"');
      const form = { 'content-type': 'text/plain' };
      expectProblem(await post(list, { headers: form }), 'UNSUPPORTED_MEDIA_TYPE');
      expectProblem(await post(rpc('tools/list', { x: 'x'.repeat(600_000) })), 'PAYLOAD_TOO_LARGE');
    });

    it('refuses what is no message of JSON-RPC, batches, and versions that it does not know', async () => {
      const bad = [{}, [], 7, 'x', [rpc('tools/list')], { jsonrpc: '1.0', id: 1, method: 'tools/list' }];
      for (const json of [...bad, { jsonrpc: '2.0', id: 1.5, method: 'ping' }, { jsonrpc: '2.0', id: 1 }])
        expectProblem(await post(json), 'INVALID_PAYLOAD');
      const headers = { 'mcp-protocol-version': '2026-07-28' };
      const reply = await post(rpc('tools/list'), { headers });
      expectProblem(reply, 'INVALID_PAYLOAD');
      expect(reply.text).to.include('2025-11-25');
      const { body } = await post(rpc('resources/list'));
      expect(body.error).to.include({ code: -32_601 });
    });

    it('refuses arguments that do not fit, naming them', async () => {
      const rows: [Record<string, unknown>, string][] = [
        [{}, 'message_id'],
        [{ message_id: 7 }, 'message_id'],
        [{ message_id: '' }, 'message_id'],
        [{ message_id: 'x'.repeat(257) }, 'message_id'],
        [{ message_id: 'm', agentId: 'other' }, 'agentId'],
      ];
      for (const [args, path] of rows) {
        const { code, details } = await refused('get_message', args);
        expect(code).to.equal('INVALID_PAYLOAD');
        expect(details).to.have.nested.property('[0].path', path);
      }
      const nul = rpc('tools/call', { name: 'get_message', arguments: { message_id: 'a\0b' } });
      expectProblem(await post(nul), 'INVALID_PAYLOAD');
    });

    it('lists the chats a page at a time', async () => {
      const lastMessage = { id: 'false_1', fromMe: false, type: 'text', text: 'Halo', at: AT.getTime() };
      const chat = { chatId: CHAT, name: 'Ani', isGroup: false, unreadCount: 2, mode: 'bot' as const };
      http.system.chatPage = { chats: [{ ...chat, lastMessage }], next: 'older' };
      const first = await call('list_chats', {});
      const listed = { ...chat, lastMessage: { ...lastMessage, at: AT.toISOString() } };
      expect(first).to.deep.equal({ isError: false, body: { chats: [listed], next: 'older' } });
      await call('list_chats', { limit: 100, before: 'older' });
      expect(
        asked('chats.read')
          .slice(-2)
          .map(({ command }) => command),
      ).to.deep.equal([
        { type: 'chats.read', userId: 7, limit: 20 },
        { type: 'chats.read', userId: 7, limit: 100, before: 'older' },
      ]);
      for (const args of [{ limit: 0 }, { limit: 101 }, { limit: '20' }, { before: '' }])
        expect(await refused('list_chats', args)).to.include({ code: 'INVALID_PAYLOAD' });
    });

    it('reads a chat by its number in any form, long texts cut', async () => {
      const message = { id: 'false_1', from: CHAT, fromMe: false, by: 'customer', type: 'text' } as const;
      const text = `${'x'.repeat(1_999)}😀${'x'.repeat(60_000)}`;
      const quoted = { messageId: 'true_1', text, type: 'text', fromMe: true };
      const at = AT.getTime();
      http.system.messagePage = {
        messages: [
          { ...message, text: 'Halo', at },
          { ...message, text, quoted, at },
        ],
      };
      const { body } = await call('read_chat', { chat_id: '081234567890', limit: 2 });
      const cut = 'x'.repeat(1_999);
      const shown = { ...message, at: AT.toISOString() };
      expect(body).to.deep.equal({
        messages: [
          { ...shown, text: 'Halo' },
          { ...shown, text: cut, truncated: true, quoted: { ...quoted, text: cut } },
        ],
      });
      const command = { type: 'chat.read_messages', userId: 7, chatId: CHAT, limit: 2 };
      expect(asked('chat.read_messages').at(-1)?.command).to.deep.equal(command);
      expect(await refused('read_chat', {})).to.include({ code: 'INVALID_PAYLOAD' });
    });

    it('finds a person by number, not a group', async () => {
      const { body } = await call('find_contact', { number: '+62 812-3456-7890' });
      expect(body).to.deep.equal({ exists: true, jid: CHAT });
      expect(await refused('find_contact', { number: '1@g.us' })).to.include({ code: 'INVALID_PAYLOAD' });
    });

    it('returns the refusals of the agent with their codes', async () => {
      http.system.refusal = failure('SESSION_NOT_READY', TEXTS.SESSION_NOT_READY.notConnected('awaiting_qr'));
      const calls = { list_chats: {}, read_chat: { chat_id: CHAT }, find_contact: { number: CHAT } };
      for (const [name, args] of Object.entries(calls))
        expect(await refused(name, args)).to.include({ code: 'SESSION_NOT_READY' });
    });

    it('returns the state of a message, and NOT_FOUND for one that the agent does not have', async () => {
      const message = {
        id: 'm-9',
        agentId: 'bot',
        userId: 7,
        to: CHAT,
        content: { kind: 'text', text: 'Halo' },
        status: 'delivered',
        messageId: 'true_1',
        createdAt: AT,
        sentAt: AT,
        deliveredAt: AT,
      } as never;
      http.system.messages.set('m-9', message);
      const { isError, body } = await call('get_message', { message_id: 'm-9' });
      expect([isError, body.status, body.createdAt]).to.deep.equal([false, 'delivered', AT.toISOString()]);
      expect(body).not.to.have.property('text');
      expect(await refused('get_message', { message_id: 'm-8' })).to.include({ code: 'NOT_FOUND' });
    });

    it('is logged and counted by its route, with the code of a tool’s error', async () => {
      await refused('get_message', { message_id: 'm-8' });
      const lines = http.log.filter(({ event }) => event === 'http.request');
      const line = { route: '/mcp/:agentId', agentId: 'bot', method: 'POST', status: 200, code: 'NOT_FOUND' };
      expect(lines.at(-1)).to.include(line);
      expect(http.observed.at(-1)).to.deep.equal(['/mcp/:agentId', 'POST', 200]);
    });

    it('keeps the text of a bug in the log', async () => {
      const broken = {
        get status() {
          throw new Error('secret detail');
        },
      };
      http.system.messages.set('m-7', broken as never);
      const error = await refused('get_message', { message_id: 'm-7' });
      expect(error).to.include({ code: 'INTERNAL', message: TEXTS.INTERNAL.bug });
      const bug = http.log.find(({ event }) => event === 'http.bug');
      expect(bug)
        .to.include({ traceId: error.traceId })
        .and.have.nested.property('err.message', 'secret detail');
    });
  });

  describe('with MCP_WRITE', () => {
    before(async () => {
      http = await new Harness().start({ MCP_WRITE: true });
      client = await connectMcp(http.url, 'bot', KEY);
    });
    after(async () => {
      await client.close();
      await http.stop();
    });

    it('has the tools that write, too, and says which they are', async () => {
      const { tools } = await client.listTools();
      expect(tools.map(({ name }) => name)).to.deep.equal([...READING, ...WRITING]);
      const writing = tools.filter(({ annotations }) => !annotations?.readOnlyHint);
      expect(writing.map(({ name, annotations }) => [name, annotations?.destructiveHint])).to.deep.equal([
        ['send_message', false],
        ['set_chat_mode', true],
      ]);
    });

    it('sends a text as the native API does', async () => {
      const { isError, body } = await call('send_message', {
        to: '081234567890',
        text: 'Halo',
        quote_id: 'true_1',
      });
      expect(isError).to.equal(false);
      expect(body).to.include({ id: 'm-1', status: 'sent', to: CHAT });
      await http.send('messages', { to: '081234567890', message: 'Halo', quoteId: 'true_1' });
      const [mcp, native] = http.system.sent.map(
        ({ message: { id: _id, traceId: _own, ...message }, ...sent }) => {
          return { ...sent, message };
        },
      );
      expect(mcp).to.deep.equal(native);
    });

    it('says that a message waits, and what became of one that failed', async () => {
      const { onSend } = http.system;
      http.system.onSend = async ({ to }) => ({ status: 'queued', id: 'm-1', to, position: 3 });
      const { body } = await call('send_message', { to: CHAT, text: 'Halo' });
      expect(body).to.deep.equal({ id: 'm-1', status: 'queued', position: 3 });
      for (const outcome of ['failed', 'unknown'] as const) {
        const text = TEXTS.BAD_GATEWAY.notAcknowledged;
        http.system.onSend = () =>
          Promise.reject(failure('BAD_GATEWAY', text, { details: { outcome, id: 'm-2' } }));
        const error = await refused('send_message', { to: CHAT, text: 'Halo' });
        expect(error).to.include({ code: 'BAD_GATEWAY', message: text });
        expect(error.details).to.deep.equal({ outcome, id: 'm-2' });
      }
      http.system.onSend = onSend;
      http.system.refusal = failure('RATE_LIMITED', TEXTS.RATE_LIMITED.mailboxFull(500));
      expect(await refused('send_message', { to: CHAT, text: 'Halo' })).to.include({ code: 'RATE_LIMITED' });
    });

    it('sends nothing for arguments that do not fit, nor as a task', async () => {
      const rows: [Record<string, unknown>, string][] = [
        [{ text: 'Halo' }, 'to'],
        [{ to: CHAT }, 'text'],
        [{ to: 'someone', text: 'Halo' }, 'to'],
        [{ to: [CHAT], text: 'Halo' }, 'to'],
        [{ to: CHAT, text: '' }, 'text'],
        [{ to: CHAT, text: 'x'.repeat(65_537) }, 'text'],
        [{ to: CHAT, text: 'Halo', quote_id: 'two words' }, 'quote_id'],
        [{ to: CHAT, text: 'Halo', save_to_temp: true }, 'save_to_temp'],
      ];
      for (const [args, path] of rows) {
        const { code, details } = await refused('send_message', args);
        expect(code).to.equal('INVALID_PAYLOAD');
        expect(details, JSON.stringify(args).slice(0, 99)).to.have.nested.property('[0].path', path);
      }
      const task = { name: 'send_message', arguments: { to: CHAT, text: 'Halo' }, task: { ttl: 1_000 } };
      expect((await post(rpc('tools/call', task))).body).to.have.property('error');
      expect(http.system.sent).to.deep.equal([]);
    });

    it('sets who answers a chat', async () => {
      const set = await call('set_chat_mode', { chat_id: '081234567890', mode: 'human', minutes: 30 });
      const until = new Date(AT.getTime() + 1_800_000).toISOString();
      const expected = { chatId: CHAT, mode: 'human', since: AT.toISOString(), until };
      expect([set.isError, set.body]).to.deep.equal([false, expected]);
      for (const args of [
        { chat_id: CHAT, mode: 'bot', minutes: 5 },
        { chat_id: CHAT, mode: 'robot' },
        { mode: 'bot' },
      ])
        expect(await refused('set_chat_mode', args)).to.include({ code: 'INVALID_PAYLOAD' });
      expect(http.system.chats.get(CHAT)).to.include({ mode: 'human' });
    });
  });
});
