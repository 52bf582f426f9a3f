import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { expect } from 'chai';
import type { Attachment } from '../../src/actors/inbound/attachments.ts';
import { callApi } from './api.ts';
import { eventually } from './eventually.ts';
import { BOT, CUSTOMER, PIXEL } from './fixtures.ts';
import { connected, createAgent } from './link-agent.ts';
import { HEADS } from './media-files.ts';
import type { Service } from './service.ts';

/** Traces that a driver with browsers leaves of the agent on this machine. */
export interface Traces {
  authFolder: string;
  browsers: number;
}

const DEVELOPER = '62895619356936';
const KEY = 'key-of-user-7';

/** What a link gives to a client without a key. */
const bytesOf = async (url: string) => Buffer.from(await (await fetch(url)).arrayBuffer());

/**
 * Registers the steps of an agent's lifecycle in order: each `it` continues where the one before ended. Both functions
 * are called when the steps run; `traces` is for drivers with browsers.
 */
export function registerAgentLifecycle(service: () => Service, traces?: () => Traces): void {
  const group = '120363000000000001@g.us';

  /** Calls the API as a JSON client. */
  const call = (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
    callApi(service().app.url, method, path, body, headers);

  /** Calls an endpoint of the agent with its key. */
  const asAgent = (path: string, body: unknown) =>
    call('POST', `/agents/shop/${path}`, body, { authorization: `Bearer ${KEY}` });

  /** The bot's messages in one of its chats, by text. */
  const sentTo = (chat: string, text: string) =>
    service()
      .network.messages(BOT, chat)
      .filter((message) => message.fromMe && message.body === text);

  /** The agent's row of `whatsapp_user`. */
  const row = async () =>
    (await service().pool.query('select * from whatsapp_user where agent_id = $1', ['shop'])).rows[0] as
      | Record<string, unknown>
      | undefined;

  it('creates a session with the latest active key of the user and answers with a QR', async () => {
    await service().pool.query(
      "insert into api_keys (user_id, api_key, is_active, created_at) values (7, 'old', true, now() - interval '1 day'), (7, $1, true, now()), (7, 'off', false, now() + interval '1 day')",
      [KEY],
    );
    const { status, body } = await createAgent(service().url, 'shop', {
      userId: 7,
      apikey: 'not-used',
    });
    expect(status).to.equal(201);
    expect(body).to.include({ status: 'awaiting_qr' });
    expect(String(body.qr).split(',')).to.have.length.at.least(5);
    expect(await row()).to.include({ status: 'awaiting_qr', api_key: KEY });
  });

  it('connects and writes the status when the QR is scanned', async () => {
    const qr = await fetch(`${service().app.url}/sessions/shop/qr`, { headers: { accept: 'text/plain' } });
    service().network.scan(await qr.text(), BOT);
    await connected(service().url, 'shop');
    const stored = await eventually('the row', async () => {
      const found = await row();
      return found?.status === 'connected' ? found : undefined;
    });
    expect(stored.last_connected_at).to.be.instanceOf(Date);
    expect((await call('GET', '/sessions/shop')).body.live).to.deep.include({
      isConnected: true,
      isReady: true,
    });
  });

  it('answers a create of a connected agent with 200 and no QR', async () => {
    const { status, body } = await call('POST', '/sessions', {
      userId: 7,
      agentId: 'shop',
      agentName: 'Shop',
    });
    expect(status).to.equal(200);
    expect(body).not.to.have.property('qr');
  });

  it('refuses other users and other keys', async () => {
    const taken = await call('POST', '/sessions', {
      userId: 8,
      agentId: 'shop',
      agentName: 'Theft',
      apikey: 'x',
    });
    expect([taken.status, taken.body.error?.code]).to.deep.equal([409, 'AGENT_ID_TAKEN']);
    const wrong = await call(
      'POST',
      '/agents/shop/messages',
      { to: CUSTOMER, message: 'x' },
      { authorization: 'Bearer old' },
    );
    expect([wrong.status, wrong.body.error?.code]).to.deep.equal([401, 'UNAUTHORIZED']);
  });

  it('sends a text to a number in national form; 200 means that WhatsApp has acknowledged it', async () => {
    const { status, body } = await asAgent('messages', { to: '081234567890', message: 'Halo dari API' });
    expect(status).to.equal(200);
    expect(body).to.include({ status: 'sent', to: `${CUSTOMER}@c.us` });
    const [sent] = sentTo(`${CUSTOMER}@c.us`, 'Halo dari API');
    expect(sent).to.include({ id: body.messageId });
    expect(sent!.ack).to.be.at.least(1);
    const read = await call('GET', `/agents/shop/messages/${body.id}`, undefined, {
      authorization: `Bearer ${KEY}`,
    });
    expect(read.body).to.include({ messageId: body.messageId, sentAt: body.timestamp });
    expect(read.body.status).to.be.oneOf(['sent', 'delivered']);
  });

  it('sends a text to a group', async () => {
    service().network.group({ id: group, name: 'Team', participants: [BOT, CUSTOMER, '628999999999'] });
    const { status } = await asAgent('messages', { to: group, message: 'Halo grup' });
    expect(status).to.equal(200);
    expect(sentTo(group, 'Halo grup')).to.have.length(1);
  });

  it('sends a quoted reply, and answers 404 for an unknown quote', async () => {
    service().ai.behave = () => ({ body: {} });
    service().network.write(CUSTOMER, { to: BOT, text: 'quote me' });
    const incoming = await eventually('the message', () =>
      service()
        .network.messages(BOT, `${CUSTOMER}@c.us`)
        .find((message) => message.body === 'quote me'),
    );
    const { status } = await asAgent('messages', { to: CUSTOMER, message: 'Noted', quoteId: incoming.id });
    expect(status).to.equal(200);
    expect(sentTo(`${CUSTOMER}@c.us`, 'Noted')[0]!.quotedId).to.equal(incoming.id);
    const missing = await asAgent('messages', {
      to: CUSTOMER,
      message: 'x',
      quoteId: `false_${CUSTOMER}@c.us_NOPE`,
    });
    expect([missing.status, missing.body.error?.code]).to.deep.equal([404, 'NOT_FOUND']);
    expect(sentTo(`${CUSTOMER}@c.us`, 'x')).to.have.length(0);
  });

  it('answers 422 for a number without an account', async () => {
    const { status, body } = await asAgent('messages', { to: '+15550000001', message: 'anyone?' });
    expect([status, body.error?.code]).to.deep.equal([422, 'RECIPIENT_NOT_ON_WHATSAPP']);
  });

  it('sends an image given as base64 and keeps a preview', async () => {
    const { status, body } = await asAgent('media', {
      to: CUSTOMER,
      data: PIXEL.toString('base64'),
      caption: 'Invoice #123',
      mimetype: 'image/jpeg',
    });
    expect(status).to.equal(200);
    expect(body).to.include({ status: 'sent', mimetype: 'image/png', size: 70 });
    expect(existsSync(String(body.previewPath))).to.equal(true);
    const [sent] = sentTo(`${CUSTOMER}@c.us`, 'Invoice #123');
    expect(sent!.media).to.include({ mimetype: 'image/png', size: 70 });
  });

  it('sends an image given by URL, without a preview on request', async () => {
    const { status, body } = await asAgent('media', {
      to: CUSTOMER,
      url: `${service().images}/image.png`,
      caption: 'by URL',
      save_to_temp: false,
    });
    expect(status).to.equal(200);
    expect(body).not.to.have.property('previewPath');
    expect(sentTo(`${CUSTOMER}@c.us`, 'by URL')).to.have.length(1);
  });

  it('asks the AI for a caller, shows typing meanwhile and sends its reply', async () => {
    const { ai, network } = service();
    ai.behave = async ({ body }) => {
      await eventually('typing to show', () => network.isTyping(CUSTOMER, `${BOT}@c.us`));
      return { body: { reply: `AI: ${body.message}` } };
    };
    const { status, body } = await asAgent('run', {
      message: 'Hello assistant!',
      sessionId: CUSTOMER,
      memory_enable: true,
    });
    expect(status).to.equal(200);
    expect(body).to.include({
      reply: 'AI: Hello assistant!',
      replySent: true,
      sessionId: `${CUSTOMER}@c.us`,
    });
    expect(sentTo(`${CUSTOMER}@c.us`, 'AI: Hello assistant!')).to.have.length(1);
    const asked = ai.calls.at(-1)!;
    expect(asked).to.include({ path: '/agents/shop/run', authorization: `Bearer ${KEY}` });
    expect(asked.body).to.include({
      message: 'Hello assistant!',
      sessionId: `${CUSTOMER}@c.us`,
      memory_enable: true,
    });
    await eventually('typing to be off', () => !network.isTyping(CUSTOMER, `${BOT}@c.us`));
  });

  it('answers a direct message with the AI’s reply', async () => {
    const { network, ai } = service();
    ai.behave = ({ body }) => ({ body: { reply: `AI: ${body.message}` } });
    network.write(CUSTOMER, { to: BOT, text: 'apa kabar?' });
    await eventually('the reply', () =>
      sentTo(`${CUSTOMER}@c.us`, 'AI: apa kabar?').some(({ ack }) => ack >= 1),
    );
    expect(ai.calls.at(-1)!.body).to.include({ message: 'apa kabar?', sessionId: `${CUSTOMER}@c.us` });
    expect(ai.calls.at(-1)!.body.metadata).to.have.property('whatsapp_name');
  });

  it('asks the AI once about a text, an image and a text, and waits while the customer types', async () => {
    const { network, ai, app } = service();
    const set = (changes: object) =>
      call('PATCH', '/agents/shop/settings', changes, { authorization: `Bearer ${KEY}` });
    const debounceMs = 400;
    await set({ debounceMs, inboundTypes: ['text', 'image'], aiMedia: 'base64' });
    const before = ai.calls.length;
    network.write(CUSTOMER, { to: BOT, text: 'the first of three' });
    const collecting = () => app.system.describe('shop').turns.first[0];
    await eventually('the burst', () => collecting()?.phase === 'collecting');
    network.type(CUSTOMER, `${BOT}@c.us`, true);
    const { since } = collecting()!;
    await eventually('the typing to extend it', () => collecting()!.until! - since > 10 * debounceMs);
    const file = { type: 'image', data: PIXEL, mimetype: 'image/png' } as const;
    network.write(CUSTOMER, { to: BOT, text: 'this one', file });
    await eventually('the image', () => collecting()!.messages === 2);
    network.type(CUSTOMER, `${BOT}@c.us`, false);
    network.type(CUSTOMER, `${BOT}@c.us`, true);
    await eventually('the typing to extend it', () => collecting()!.until! - since > 10 * debounceMs);
    network.type(CUSTOMER, `${BOT}@c.us`, false);
    network.write(CUSTOMER, { to: BOT, text: 'the last of three' });
    await eventually(
      'the reply',
      () => sentTo(`${CUSTOMER}@c.us`, 'AI: the first of three\nthis one\nthe last of three').length === 1,
    );
    const bodies = ai.calls.slice(before).map(({ body }) => body);
    expect(bodies.map(({ message }) => message)).to.deep.equal([
      'the first of three\nthis one\nthe last of three',
    ]);
    const [image, ...others] = bodies[0]!.attachments as { data: string }[];
    expect([Buffer.from(image!.data, 'base64').equals(PIXEL), others]).to.deep.equal([true, []]);
    await set({ debounceMs: null, inboundTypes: null, aiMedia: null });
  });

  it('gives the AI an image with its caption, a voice note, a document and a location, by link and in base64', async () => {
    const { network, ai, url } = service();
    const set = (changes: object) =>
      call('PATCH', '/agents/shop/settings', changes, { authorization: `Bearer ${KEY}` });
    const files = [
      { type: 'image', data: PIXEL, mimetype: 'image/png' },
      { type: 'ptt', data: HEADS['audio/ogg; codecs=opus'], mimetype: 'audio/ogg; codecs=opus', seconds: 7 },
      { type: 'document', data: HEADS['application/pdf'], mimetype: 'application/pdf', filename: 'bill.pdf' },
    ] as const;
    const place = { latitude: -6.1753924, longitude: 106.8271528, name: 'Monas' };
    for (const aiMedia of ['url', 'base64']) {
      const inboundTypes = ['image', 'audio', 'document', 'location'];
      await set({ debounceMs: 1_000, inboundTypes, aiMedia });
      const caption = `the files of ${aiMedia}`;
      const before = ai.calls.length;
      for (const file of files)
        network.write(CUSTOMER, { to: BOT, text: file.type === 'image' ? caption : '', file });
      network.write(CUSTOMER, { to: BOT, text: '', location: place });
      await eventually('the reply', () => sentTo(`${CUSTOMER}@c.us`, `AI: ${caption}`).length === 1);
      const [request, ...others] = ai.calls.slice(before).map(({ body }) => body);
      expect(others).to.deep.equal([]);
      expect(request).to.deep.include({ message: caption, location: place });
      const attachments = request!.attachments as Attachment[];
      expect(attachments.map(({ type, voice }) => [type, voice])).to.deep.equal([
        ['image', undefined],
        ['audio', true],
        ['document', undefined],
      ]);
      for (const [index, { data, url: link, sha256 }] of attachments.entries()) {
        const { pathname, search } = new URL(link ?? url);
        const bytes =
          aiMedia === 'base64' ? Buffer.from(data!, 'base64') : await bytesOf(url + pathname + search);
        expect(bytes.equals(files[index]!.data), aiMedia).to.equal(true);
        expect(sha256).to.equal(createHash('sha256').update(bytes).digest('hex'));
      }
    }
    await set({ debounceMs: null, inboundTypes: null, aiMedia: null });
  });

  it('ignores a group message without a mention, a status and a channel, and answers one with a mention', async () => {
    const { network, ai } = service();
    const before = ai.calls.length;
    network.write(CUSTOMER, { to: group, text: 'just chatting' });
    network.postStatus(CUSTOMER, BOT, 'my status');
    network.postChannel('120363000000000009@newsletter', BOT, 'news');
    network.write(CUSTOMER, { to: group, text: 'bot, help', mentionedIds: [`${BOT}@c.us`] });
    await eventually('the reply', () => sentTo(group, 'AI: bot, help').length === 1);
    network.write(CUSTOMER, { to: group, text: `ask ${BOT}` });
    await eventually('the reply', () => sentTo(group, `AI: ask ${BOT}`).length === 1);
    expect(ai.calls.slice(before).map(({ body }) => body.message)).to.deep.equal(['bot, help', `ask ${BOT}`]);
  });

  it('reports an AI error to the developer and does not reply to the user', async () => {
    const { network, ai } = service();
    ai.behave = () => ({ status: 500 });
    network.write(CUSTOMER, { to: BOT, text: 'will fail' });
    const report = await eventually('the report', () =>
      network.messages(BOT, `${DEVELOPER}@c.us`).find((message) => message.body.includes('will fail')),
    );
    for (const part of ['shop', `${CUSTOMER}@c.us`, 'reason: ERROR', 'traceId: ', 'timestamp: ']) {
      expect(report.body).to.include(part);
    }
    expect(sentTo(`${CUSTOMER}@c.us`, 'AI: will fail')).to.have.length(0);
    await eventually('typing to be off', () => !network.isTyping(CUSTOMER, `${BOT}@c.us`));
  });

  it('answers 504 when the AI takes too long, and 502 when it fails', async () => {
    const { ai } = service();
    ai.behave = () => 'hang';
    const late = await asAgent('run', { message: 'x', sessionId: CUSTOMER });
    expect([late.status, late.body.error?.code]).to.deep.equal([504, 'AI_TIMEOUT']);
    ai.behave = () => ({ status: 500 });
    const failed = await asAgent('run', { message: 'x', sessionId: CUSTOMER });
    expect([failed.status, failed.body.error?.code]).to.deep.equal([502, 'AI_DOWNSTREAM_ERROR']);
  });

  it('reconnects: logs out and answers with a new QR', async () => {
    const { status, body } = await call('POST', '/sessions/shop/reconnect');
    expect(status).to.equal(200);
    expect(body.qr).to.be.a('string');
    expect(service().network.devicesOf(BOT)).to.have.length(0);
    const refused = await asAgent('messages', { to: CUSTOMER, message: 'x' });
    expect([refused.status, refused.body.error?.code]).to.deep.equal([409, 'SESSION_NOT_READY']);
  });

  it('deletes the session with its row, auth folder and browser; a repeat is 404', async () => {
    const { status } = await call('DELETE', '/sessions/shop');
    expect(status).to.equal(200);
    expect(await row()).to.equal(undefined);
    if (!traces) return;
    const { authFolder, browsers } = traces();
    expect(existsSync(authFolder)).to.equal(false);
    expect(browsers).to.equal(0);
    const again = await call('DELETE', '/sessions/shop');
    expect([again.status, again.body.error?.code]).to.deep.equal([404, 'SESSION_NOT_FOUND']);
  });
}
