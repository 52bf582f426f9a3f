import { createHash } from 'node:crypto';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { EventEmitter } from 'eventemitter3';
import express from 'express';
import pino from 'pino';
import type { AgentView } from '../../src/actors/domain/agent-view.ts';
import { GatewayError } from '../../src/actors/domain/errors.ts';
import type { GatewayEvents } from '../../src/actors/domain/gateway-events.ts';
import type { WhatsAppClient, WhatsAppClientEvents } from '../../src/actors/domain/ports/whatsapp.ts';
import { problemHandler, unknownPath } from '../../src/http/middleware/error-handler.ts';
import { trace } from '../../src/http/middleware/trace.ts';
import { operationRoutes } from '../../src/http/operation-routes.ts';
import { CONTROL_OPERATIONS } from '../../src/sandbox/control-api/control-operations.ts';
import { SandboxDriver } from '../../src/sandbox/driver/sandbox-driver.ts';
import { startEchoAi } from '../../src/sandbox/echo-ai.ts';
import { SandboxNetwork } from '../../src/sandbox/network/network.ts';
import { text } from '../support/contents.ts';
import { eventually } from '../support/eventually.ts';
import { fakeAgents } from '../support/fake-agents.ts';
import { agentRef, BOT as BOT_NUMBER, CUSTOMER, PIXEL } from '../support/fixtures.ts';
import { sandboxCheck } from '../support/openapi-check.ts';
import { FILM, OPUS, STICKER, tone } from '../support/recordings.ts';

/** The part of an agent that the control API reads. */
const BOT = { agentId: 'bot', agentName: 'Bot', status: 'awaiting_qr', reason: null } as unknown as AgentView;
const IMAGE = PIXEL.toString('base64');

describe('sandbox control API', () => {
  let network: SandboxNetwork;
  let driver: SandboxDriver;
  let client: WhatsAppClient;
  let server: Server;
  let base: string;
  let qr = '';
  let agents: EventEmitter<GatewayEvents>;
  let stopping: AbortController;

  beforeEach(async () => {
    network = new SandboxNetwork({ connectMs: 0 });
    driver = new SandboxDriver(network);
    client = driver.create(agentRef('bot'));
    client.events.on('qr', (code) => {
      qr = code;
    });
    agents = new EventEmitter();
    const qrOf = (agentId: string) => {
      if (agentId === 'bot') return { code: qr, issuedAt: 0 };
      throw new GatewayError('SESSION_NOT_FOUND', 'There is no such agent.');
    };
    stopping = new AbortController();
    const control = operationRoutes(CONTROL_OPERATIONS, {
      network,
      agents: fakeAgents({
        list: () => [BOT],
        qr: qrOf,
        ask: async () => ({ isUnlinked: true }) as never,
        events: agents,
      }),
      stopping: stopping.signal,
      forgetInbound: async () => undefined,
    });
    const app = express()
      .use(trace)
      .use('/sandbox', control, unknownPath, problemHandler(pino({ level: 'silent' })));
    server = app.listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/sandbox`;
    await client.start();
  });
  afterEach(async () => {
    await driver.close();
    network.close();
    await new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  });

  /** One request; its status and parsed body. */
  async function call(method: string, path: string, sent?: unknown): Promise<{ status: number; body: Body }> {
    const response = await fetch(`${base}${path}`, {
      method,
      ...(sent !== undefined && {
        body: JSON.stringify(sent),
        headers: { 'Content-Type': 'application/json' },
      }),
    });
    const body = (await response.json()) as Body;
    sandboxCheck.answer(method, path, { status: response.status, headers: response.headers, body });
    return { status: response.status, body };
  }
  type Body = Record<string, unknown> & Record<number, Record<string, unknown>> & { error: Problem };
  type Problem = { code: string; message: string; details: Record<string, unknown> & { path: string }[] };

  /** Scans the agent's QR and waits until it is ready. */
  async function scan(): Promise<void> {
    const ready = new Promise((resolve) => client.events.once('ready', resolve));
    expect((await call('POST', '/phones/bot/scan', { number: BOT_NUMBER })).status).to.equal(200);
    await ready;
  }

  /** The next event of the client. */
  function next(name: keyof WhatsAppClientEvents): Promise<unknown> {
    return new Promise((resolve) => client.events.once(name, (payload?: unknown) => resolve(payload)));
  }

  it('scans the QR of an agent with no body at all, and lists its phone', async () => {
    const ready = new Promise((resolve) => client.events.once('ready', resolve));
    const { status, body } = await call('POST', '/phones/bot/scan');
    expect(status).to.equal(200);
    await ready;
    const phones = await call('GET', '/phones');
    expect(phones.body[0]).to.include({ agentId: 'bot', linked: true });
    expect(phones.body[0]?.account).to.deep.equal(body.account);
    expect(phones.body[0]?.devices).to.deep.equal(['CONNECTED']);
  });

  it('refuses a QR that was scanned already', async () => {
    await scan();
    const again = await call('POST', '/phones/bot/scan', { number: CUSTOMER, qr });
    expect(again.status).to.equal(409);
    expect(again.body.error).to.deep.include({
      code: 'SESSION_NOT_READY',
      details: { reason: 'ALREADY_SCANNED' },
    });
  });

  it('returns the service’s error for an unknown agent', async () => {
    expect((await call('POST', '/phones/unknown/scan', {})).body.error.code).to.equal('SESSION_NOT_FOUND');
    expect(
      (await call('POST', '/phones/bot/messages', { from: CUSTOMER, text: 'x' })).body.error.code,
    ).to.equal('SESSION_NOT_READY');
  });

  it('declines a QR', async () => {
    const failed = next('auth_failure');
    expect((await call('POST', '/phones/bot/refuse')).status).to.equal(200);
    await failed;
  });

  it('writes as a customer, directly and in a group with a mention', async () => {
    await scan();
    const direct = next('message');
    await call('POST', '/phones/bot/messages', { from: CUSTOMER, name: 'Ayu', text: 'hello' });
    expect(await direct).to.include({ chatId: `${CUSTOMER}@c.us`, body: 'hello', senderName: 'Ayu' });
    const grouped = next('message');
    await call('POST', '/phones/bot/messages', {
      from: CUSTOMER,
      text: 'hey',
      group: 'Friends',
      mention: true,
    });
    expect(await grouped).to.deep.include({ mentionedIds: [`${BOT_NUMBER}@c.us`], chatName: 'Friends' });
    await call('POST', '/phones/bot/messages', { from: '628119000002', text: 'me too', group: 'Friends' });
    expect(network.groups()).to.have.length(1);
    expect(network.groups()[0]?.participants).to.have.length(3);
  });

  it('types a pairing code into the phone, and refuses a wrong one', async () => {
    const code = await client.requestPairingCode(BOT_NUMBER);
    const wrong = await call('POST', '/phones/bot/code', { number: BOT_NUMBER, code: 'AAAAAAAA' });
    expect(wrong.status).to.equal(404);
    const ready = next('ready');
    const typed = `${code.slice(0, 4)}-${code.slice(4)}`;
    const { body } = await call('POST', '/phones/bot/code', { number: BOT_NUMBER, code: typed });
    expect(body.account).to.include({ pn: `${BOT_NUMBER}@c.us` });
    await ready;
  });

  it('requires a passkey when set to, and signs with that of the phone', async () => {
    const unasked = await call('POST', '/phones/bot/passkey', { number: BOT_NUMBER });
    expect(unasked.status).to.equal(409);
    const settings = await call('POST', '/settings', { passkey: 'refs_stop' });
    expect(settings.body).to.deep.include({ passkey: 'refs_stop', lidForAll: false });
    const challenged = new Promise<void>((resolve) => {
      client.events.on('passkey', (options) => {
        if (options) resolve();
      });
    });
    await call('POST', '/phones/bot/scan', { number: BOT_NUMBER });
    await challenged;
    const { body } = await call('POST', '/phones/bot/passkey', { number: BOT_NUMBER });
    const ready = next('ready');
    await client.answerPasskey(body);
    await ready;
    expect((await call('GET', '/settings')).body).to.deep.equal(settings.body);
  });

  it('edits and deletes messages of a customer, and no others', async () => {
    await scan();
    const sent = await call('POST', '/phones/bot/messages', { from: CUSTOMER, text: 'tpyo' });
    const messageId = String(sent.body.id);
    const edited = next('edited');
    await call('POST', '/phones/bot/edit', { from: CUSTOMER, messageId, text: 'typo' });
    expect(await edited).to.deep.include({ body: 'typo', chatId: `${CUSTOMER}@c.us` });
    const other = { from: '628119000002', messageId };
    expect((await call('POST', '/phones/bot/revoke', other)).status).to.equal(404);
    const revoked = next('revoked');
    await call('POST', '/phones/bot/revoke', { from: CUSTOMER, messageId });
    expect(await revoked).to.deep.include({ chatId: `${CUSTOMER}@c.us` });
    const { body } = await call('GET', '/phones/bot/messages');
    expect(body[0]).to.include({ type: 'revoked', body: '' });
    expect((await call('POST', '/phones/bot/revoke', { from: CUSTOMER, messageId })).status).to.equal(404);
  });

  it('reacts and calls as a customer', async () => {
    await scan();
    const sent = await call('POST', '/phones/bot/messages', { from: CUSTOMER, text: 'hello' });
    const reacted = next('reaction');
    const chatId = `${CUSTOMER}@c.us`;
    await call('POST', '/phones/bot/react', { from: CUSTOMER, messageId: sent.body.id, emoji: '👍' });
    expect(await reacted).to.include({ chatId, senderId: chatId, fromMe: false, emoji: '👍' });
    const direct = next('call');
    const { body } = await call('POST', '/phones/bot/call', { from: CUSTOMER, isVideo: true });
    expect(await direct).to.include({ id: body.id, from: chatId, isVideo: true, isGroup: false });
    const grouped = next('call');
    await call('POST', '/phones/bot/call', { from: CUSTOMER, group: 'Regulars' });
    expect(await grouped).to.include({ from: chatId, isVideo: false, isGroup: true });
  });

  it('restricts an account until a time of WhatsApp’s clock, and ends it', async () => {
    await call('POST', '/settings', { clockSkewMs: -30_400 });
    await scan();
    const restricted = next('restriction');
    const line = await call('POST', '/phones/bot/network', {
      restrict: { kind: 'message_cap', forMs: 60_000 },
    });
    expect(line.body.restriction).to.include({ kind: 'message_cap' });
    expect(await restricted).to.include({ kind: 'message_cap' });
    const lifted = next('restriction');
    await call('POST', '/clock', { advanceMs: 60_000 });
    expect(network.faults.view(BOT_NUMBER).restriction).to.equal(null);
    expect(await lifted).to.equal(null);
    const again = await call('POST', '/phones/bot/network', { restrict: { kind: 'reachout_timelock' } });
    expect(again.body.restriction).to.deep.equal({ kind: 'reachout_timelock' });
    expect((await call('POST', '/phones/bot/network', { restore: true })).body.restriction).to.equal(null);
  });

  it('writes an image that can be fetched, and as a person known by LID', async () => {
    await scan();
    const received = next('message');
    const sent = { from: CUSTOMER, image: IMAGE, byLid: true, hidesNumber: true };
    await call('POST', '/phones/bot/messages', sent);
    expect(await received)
      .to.have.property('chatId')
      .that.matches(/@lid$/);
    const { body } = await call('GET', '/phones/bot/messages');
    const media = body[0]?.media as { sha256: string };
    const image = await fetch(`${base}/media/${media.sha256}`);
    expect(image.headers.get('content-type')).to.equal('image/png');
    expect(Buffer.from(await image.arrayBuffer()).toString('base64')).to.equal(IMAGE);
  });

  /** Files as customers send them, what they arrive as, and whether a browser shows them. */
  const FILES = {
    'an image': { file: { data: PIXEL }, type: 'image', mimetype: 'image/png', shown: true },
    'a film': { file: { data: FILM }, type: 'video', mimetype: 'video/mp4', shown: true },
    'a song': { file: { data: OPUS }, type: 'audio', mimetype: 'audio/ogg; codecs=opus', shown: true },
    'a voice note': {
      file: { data: tone(1), type: 'ptt', seconds: 1, waveform: [0, 50, 100] },
      ...{ type: 'ptt', mimetype: 'audio/wav', shown: true },
    },
    'a sticker': {
      file: { data: STICKER, type: 'sticker' },
      ...{ type: 'sticker', mimetype: 'image/webp', shown: true },
    },
    'an image as a document': {
      file: { data: PIXEL, type: 'document', filename: 'scan.png' },
      ...{ type: 'document', mimetype: 'image/png', shown: true },
    },
    'a PDF': {
      file: { data: Buffer.from('%PDF-1.7'), filename: 'Faktur №1.pdf' },
      ...{ type: 'document', mimetype: 'application/pdf', shown: false },
    },
    'a page': {
      file: { data: Buffer.from('<script>alert(1)</script>'), mimetype: 'text/html', filename: 'a.html' },
      ...{ type: 'document', mimetype: 'text/html', shown: false },
    },
    'bytes that are no image, whatever they claim': {
      file: { data: Buffer.from([1, 2, 3]), mimetype: 'image/png' },
      ...{ type: 'document', mimetype: 'application/octet-stream', shown: false },
    },
  };
  for (const [what, { file, type, mimetype, shown }] of Object.entries(FILES))
    it(`delivers ${what} of a customer as ${type}, with the same bytes`, async () => {
      await scan();
      const received = next('message');
      const { data, type: _, ...facts } = { type: undefined, ...file };
      const sent = { from: CUSTOMER, file: { ...file, data: data.toString('base64') } };
      const { status, body } = await call('POST', '/phones/bot/messages', sent);
      expect(status).to.equal(200);
      expect(await received).to.include({ type, body: '', chatId: `${CUSTOMER}@c.us` });
      const sha256 = createHash('sha256').update(data).digest('hex');
      expect(body.media).to.deep.equal({ ...facts, mimetype, size: data.length, sha256 });
      const copy = (await call('GET', '/phones/bot/messages')).body[0];
      expect(copy).to.deep.include({ type, media: body.media });
      const answer = await fetch(`${base}/media/${sha256}`);
      expect(answer.headers.get('content-type')).to.equal(mimetype);
      expect(answer.headers.get('x-content-type-options')).to.equal('nosniff');
      expect(answer.headers.get('content-security-policy')).to.include("default-src 'none'");
      expect(answer.headers.get('content-disposition')?.startsWith('attachment') ?? false).to.equal(!shown);
      expect(Buffer.from(await answer.arrayBuffer()).equals(data)).to.equal(true);
    });

  it('sends a part of a file, so that a player can seek', async () => {
    await scan();
    const file = { data: FILM.toString('base64') };
    const { body } = await call('POST', '/phones/bot/messages', { from: CUSTOMER, text: 'look', file });
    const { sha256 } = body.media as { sha256: string };
    const part = async (range: string) => {
      const answer = await fetch(`${base}/media/${sha256}`, { headers: { range } });
      const bytes = Buffer.from(await answer.arrayBuffer());
      return { status: answer.status, range: answer.headers.get('content-range'), bytes };
    };
    const size = FILM.length;
    const middle = { status: 206, range: `bytes 10-19/${size}`, bytes: FILM.subarray(10, 20) };
    expect(await part('bytes=10-19')).to.deep.equal(middle);
    const end = { status: 206, range: `bytes ${size - 5}-${size - 1}/${size}`, bytes: FILM.subarray(-5) };
    expect(await part('bytes=-5')).to.deep.equal(end);
    expect(await part(`bytes=${size}-`)).to.include({ status: 416, range: `bytes */${size}` });
    expect(await part('lines=1-2')).to.deep.equal({ status: 200, range: null, bytes: FILM });
    expect((await fetch(`${base}/media/${'0'.repeat(64)}`)).status).to.equal(404);
  });

  it('delivers a location and contacts of a customer', async () => {
    await scan();
    const location = { latitude: -6.1754, longitude: 106.8272, name: 'Monas', address: 'Gambir, Jakarta' };
    const card = (name: string) => ({ name: { formatted_name: name }, phones: [{ phone: '+62 811' }] });
    for (const [sent, type] of [
      [{ location }, 'location'],
      [{ contacts: [card('Ayu')] }, 'vcard'],
      [{ contacts: [card('Ayu'), card('Bagas')] }, 'multi_vcard'],
    ] as const) {
      const received = next('message');
      const { body } = await call('POST', '/phones/bot/messages', { from: CUSTOMER, ...sent });
      expect(body).to.deep.include({ type, body: '', ...sent });
      expect(await received).to.include({ type, body: '' });
    }
  });

  it('refuses what a phone does not send, and says why', async () => {
    await scan();
    const write = (sent: object) => call('POST', '/phones/bot/messages', { from: CUSTOMER, ...sent });
    const data = PIXEL.toString('base64');
    const wrong = await write({ file: { data, type: 'sticker' } });
    expect([wrong.status, wrong.body.error.message]).to.deep.equal([
      415,
      "A file of type image/png can't be sent as sticker; accepted: image/webp.",
    ]);
    expect((await write({ file: { data, type: 'ptt' } })).status).to.equal(415);
    const location = { latitude: 1, longitude: 2 };
    for (const sent of [
      {},
      { file: { data }, location },
      { text: 'here', location },
      { text: 'listen', file: { data: tone(1).toString('base64'), type: 'ptt' } },
      { location: { latitude: 91, longitude: 0 } },
      { file: { data: '%' } },
      { contacts: [] },
    ])
      expect((await write(sent)).status, JSON.stringify(sent)).to.equal(400);
  });

  it('plays a voice note, reacts and votes as a customer, all of which the agent’s phone shows', async () => {
    await scan();
    const acks: number[] = [];
    client.events.on('ack', ({ ack }) => acks.push(ack));
    const to = `${CUSTOMER}@c.us`;
    const note = { type: 'ptt' as const, data: tone(1), mimetype: 'audio/wav' };
    const poll = { name: 'Lunch?', options: ['Soto', 'Rawon'], selectableCount: 1 };
    const sent = [{ file: note }, { poll }].map((parts) =>
      network.write(BOT_NUMBER, { to, text: '', ...parts }),
    );
    await eventually('both to arrive', () => network.messages(CUSTOMER).length === 2);
    const [noteId, pollId] = network.messages(CUSTOMER).map(({ id }) => id);
    const play = (messageId: unknown) => call('POST', `/people/${CUSTOMER}/play`, { messageId });
    expect((await play(noteId)).status).to.equal(200);
    expect((await play(pollId)).status).to.equal(404);
    expect(acks).to.include(4);

    const as = (what: string, body: object) =>
      call('POST', `/phones/bot/${what}`, { from: CUSTOMER, ...body });
    expect((await as('react', { messageId: noteId, emoji: '👍' })).status).to.equal(200);
    expect((await as('vote', { messageId: pollId, options: ['Soto'] })).status).to.equal(200);
    expect((await as('vote', { messageId: pollId, options: ['Pizza'] })).status).to.equal(400);
    expect((await as('vote', { messageId: pollId, options: ['Soto', 'Rawon'] })).status).to.equal(400);
    expect((await as('react', { messageId: 'none', emoji: '👍' })).status).to.equal(404);
    const shown = () =>
      network.messages(BOT_NUMBER).map(({ ack, reactions, poll }) => ({ ack, reactions, poll }));
    const [playedNote, askedPoll] = shown();
    expect(playedNote).to.deep.include({ ack: 4 });
    expect(playedNote?.reactions?.[0]).to.include({ senderId: to, fromMe: false, emoji: '👍' });
    expect(askedPoll?.poll?.votes).to.deep.equal([{ voterId: to, fromMe: false, options: ['Soto'] }]);

    await as('react', { messageId: sent[0]?.stanzaId, emoji: '' });
    await as('vote', { messageId: sent[1]?.stanzaId, options: [] });
    expect(shown().map(({ reactions, poll }) => reactions ?? poll?.votes)).to.deep.equal([[], []]);
  });

  it('posts a status and in a channel', async () => {
    await scan();
    const status = next('message');
    await call('POST', '/phones/bot/status', { from: CUSTOMER, text: 'away' });
    expect(await status).to.include({ chatId: 'status@broadcast' });
    const post = next('message');
    await call('POST', '/phones/bot/channel', { text: 'news' });
    expect(await post)
      .to.have.property('chatId')
      .that.matches(/@newsletter$/);
  });

  it('shows the chats and messages of a phone, and types and reads as a customer', async () => {
    await scan();
    const ack = (wanted: number) =>
      new Promise<void>((resolve) => client.events.on('ack', ({ ack }) => ack === wanted && resolve()));
    const [delivered, read] = [ack(2), ack(3)];
    await client.send(`${CUSTOMER}@c.us`, text('from the bot'));
    await delivered;
    await call('POST', '/phones/bot/typing', { from: CUSTOMER });
    const chats = await call('GET', '/phones/bot/chats');
    expect(chats.body[0]).to.include({ id: `${CUSTOMER}@c.us`, kind: 'direct', typing: true });
    await call('POST', '/phones/bot/read', { from: CUSTOMER });
    await read;
    const { body } = await call('GET', `/phones/bot/messages?chat=${CUSTOMER}@c.us&limit=5`);
    expect(body[0]).to.include({ body: 'from the bot', ack: 3, fromMe: true });
  });

  it('applies and ends faults of the line', async () => {
    await scan();
    const faults = { latencyMs: 5, failureRate: 0.5, drop: true };
    expect((await call('POST', '/phones/bot/network', faults)).body).to.include({
      online: false,
      latencyMs: 5,
      failureRate: 0.5,
    });
    expect((await call('POST', '/phones/bot/network', { restore: true })).body).to.include({
      online: true,
      latencyMs: 0,
    });
    const gone = next('disconnected');
    await call('POST', '/phones/bot/network', { state: 'PROXYBLOCK' });
    expect(await gone).to.equal('PROXYBLOCK');
    const crashed = next('crash');
    await call('POST', '/phones/bot/network', { crash: true });
    await crashed;
  });

  it('unlinks the phone', async () => {
    await scan();
    const gone = next('disconnected');
    await call('POST', '/phones/bot/unlink');
    expect(await gone).to.equal('LOGOUT');
  });

  it('shows the wire log from a line on, advances the clock, and resets', async () => {
    await scan();
    const { body: log } = await call('GET', '/wire-log');
    const lines = log as unknown as { seq: number }[];
    const later = await call('GET', `/wire-log?since=${lines.at(-2)?.seq}`);
    expect(later.body).to.have.length(1);
    expect((await call('POST', '/clock', { advanceMs: 60_000 })).status).to.equal(200);
    const gone = next('disconnected');
    await call('POST', '/reset', { seed: 'other' });
    await gone;
    expect(network.tokens.agents()).to.deep.equal([]);
    expect((await call('GET', '/numbers')).body).to.have.length(8);
  });

  it('names every invalid field', async () => {
    const { body } = await call('POST', '/phones/bot/network', { failureRate: 2, latencyMs: -1 });
    expect(body.error.code).to.equal('INVALID_PAYLOAD');
    expect(body.error.details.map(({ path }) => path).sort()).to.deep.equal(['failureRate', 'latencyMs']);
    const form = await fetch(`${base}/reset`, { method: 'POST', body: 'seed=x' });
    expect(form.status).to.equal(415);
  });

  it('answers 405 with the allowed methods', async () => {
    const wrong = await fetch(`${base}/clock`, { method: 'DELETE' });
    expect(wrong.status).to.equal(405);
    expect(wrong.headers.get('allow')).to.equal('GET, HEAD, POST, OPTIONS');
    expect((await fetch(`${base}/nowhere`)).status).to.equal(404);
  });

  it('accepts images only where an image belongs', async () => {
    await scan();
    const { status, body } = await call('POST', '/phones/bot/messages', {
      from: CUSTOMER,
      image: 'bm9uZQ==',
    });
    expect(status).to.equal(415);
    expect(body.error.code).to.equal('UNSUPPORTED_MEDIA_TYPE');
  });

  it('has a valid example for every body of its document', () => sandboxCheck.examples());
});

describe('echo AI', () => {
  it('echoes the message of a run, and refuses anything else', async () => {
    const echo = await startEchoAi();
    const ask = (body: unknown) =>
      fetch(`${echo.url}/agents/bot/run`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
      });
    expect(await (await ask({ message: 'hi', sessionId: 'x@c.us' })).json()).to.deep.equal({
      reply: 'You said: hi',
    });
    expect((await ask({})).status).to.equal(400);
    await echo.close();
    const closed = await ask({ message: 'hi' }).catch((thrown: unknown) => thrown);
    expect(closed).to.be.instanceOf(Error);
  });
});
