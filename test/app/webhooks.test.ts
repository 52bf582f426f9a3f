import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { WEBHOOK_EVENTS } from '../../src/actors/domain/ports/webhooks.ts';
import { callApi } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { BEARER, BOT, BOT_CHAT, CUSTOMER, CUSTOMER_CHAT, PIXEL, UNLIMITED } from '../support/fixtures.ts';
import { linkAgent } from '../support/link-agent.ts';
import { checkEvent } from '../support/openapi-check.ts';
import { withDatabase } from '../support/postgres.ts';
import { type Service, startService } from '../support/service.ts';
import { expectSigned, WebhookReceiver } from '../support/webhook-receiver.ts';

const SILENT = '6281234567891';
const GROUP = '120363000000000001@g.us';

describe('what happens to an agent reaches its webhook', function () {
  this.timeout(30_000);
  const database = withDatabase();
  let service: Service;
  let receiver: WebhookReceiver;
  let webhook: { id: string; secret: string };
  /** How many deliveries were looked at. */
  let seen = 0;

  const call = async (method: string, path: string, body?: unknown) =>
    callApi(service.url, method, `/agents/shop${path}`, body, BEARER);

  before(async () => {
    receiver = await WebhookReceiver.open();
    const env = { ...UNLIMITED, WEBHOOK_ALLOWED_ORIGINS: receiver.origin };
    service = await startService(database(), { env });
    await linkAgent(service, 'shop', BOT);
    service.network.group({ id: GROUP, name: 'Team', participants: [BOT, CUSTOMER] });
    const created = await call('POST', '/webhooks', { url: receiver.origin, events: ['*'] });
    webhook = created.body as never;
  });
  after(async () => {
    await service?.close();
    await receiver?.close();
  });

  const write = (to: string, draft: object = {}, from = CUSTOMER) =>
    service.network.write(from, { text: 'hello', ...draft, to });

  /** The next events of a type, once there are so many; others are skipped. */
  async function next(type: string, count = 1): Promise<Record<string, unknown>[]> {
    const found = () => receiver.received.slice(seen).filter(({ body }) => body.type === type);
    await eventually(`${count} ${type}`, () => found().length >= count, 10_000);
    const events = found().slice(0, count);
    seen = receiver.received.indexOf(events.at(-1)!) + 1;
    return events.map(({ body }) => body.data as Record<string, unknown>);
  }

  it('a text, and each status of the answer', async () => {
    write(BOT);
    const [data] = await next('message.received');
    expect(data).to.deep.include({
      ...{ chatId: CUSTOMER_CHAT, from: CUSTOMER_CHAT, fromMe: false, by: 'customer' },
      ...{ type: 'text', text: 'hello' },
    });
    const found = await call('GET', `/chats/${CUSTOMER_CHAT}/messages`);
    expect((found.body.messages as { id: string }[]).map(({ id }) => id)).to.include(data!.id);
    const statuses = await next('message.status', 3);
    expect(statuses.map(({ status }) => status)).to.include.members(['sent']);
    expect(statuses[0]).to.include({ to: CUSTOMER_CHAT, kind: 'text', origin: 'reply' });
    expect(new Set(statuses.map(({ id }) => id)).size).to.equal(1);
    for (const each of receiver.received) expectSigned(each, webhook.secret);
  });

  it('a file, in the store behind a signed link, in the order of its chat', async () => {
    write(BOT, { text: 'my receipt', file: { type: 'image', mimetype: 'image/png', data: PIXEL } });
    write(BOT, { text: 'and a word' });
    const [image, text] = await next('message.received', 2);
    expect(text).to.include({ type: 'text', text: 'and a word' });
    expect(image).to.include({ type: 'image', text: 'my receipt' });
    const { url, ...file } = image!.file as { url: string; id: string };
    const sha256 = createHash('sha256').update(PIXEL).digest('hex');
    expect(file).to.deep.include({ mimeType: 'image/png', sizeBytes: PIXEL.length, sha256 });
    const { pathname, search } = new URL(url);
    expect(pathname).to.equal(`/files/${file.id}`);
    const bytes = Buffer.from(await (await fetch(service.url + pathname + search)).arrayBuffer());
    expect(bytes.equals(PIXEL)).to.equal(true);
  });

  it('a file that can not be had, with the reason', async () => {
    service.network.configure({ mediaRefusals: 'always' });
    write(BOT, { text: '', file: { type: 'image', mimetype: 'image/png', data: PIXEL } });
    const [{ file }] = (await next('message.received')) as [{ file: Record<string, unknown> }];
    service.network.configure({ mediaRefusals: 'off' });
    expect(file).to.have.nested.property('error.code', 'MEDIA_FETCH_FAILED');
    expect(file).not.to.have.property('url');
  });

  it('a group’s message without a mention, and what a person writes on the phone; not the service’s own', async () => {
    write(GROUP, { text: 'lunch?' });
    write(SILENT, { text: 'from the phone' }, BOT);
    const received = await next('message.received', 2);
    const [own, ofGroup] = received.sort((one) => (one.fromMe ? -1 : 1));
    expect(ofGroup).to.include({ chatId: GROUP, from: CUSTOMER_CHAT, text: 'lunch?', fromMe: false });
    expect(own).to.include({ chatId: `${SILENT}@c.us`, fromMe: true, by: 'human', text: 'from the phone' });
    const sent = await call('POST', '/messages', { to: SILENT, message: 'by the API' });
    expect(sent.status).to.equal(200);
    write(BOT, { text: 'last' });
    expect((await next('message.received'))[0]).to.include({ text: 'last' });
  });

  it('edits, revocations, reactions and calls', async () => {
    const message = write(BOT, { text: 'draft' });
    const [{ id }] = (await next('message.received')) as [{ id: string }];
    service.network.edit(CUSTOMER, message.id, 'better');
    expect((await next('message.edited'))[0]).to.include({ id, chatId: CUSTOMER_CHAT, text: 'better' });
    service.network.react(CUSTOMER, message.id, '👍');
    expect((await next('message.reaction'))[0]).to.include({
      from: CUSTOMER_CHAT,
      emoji: '👍',
      fromMe: false,
    });
    service.network.revoke(CUSTOMER, message.id);
    expect((await next('message.revoked'))[0]).to.include({ id, chatId: CUSTOMER_CHAT });
    service.network.call(CUSTOMER, BOT_CHAT);
    expect((await next('call.received'))[0]).to.include({
      from: CUSTOMER_CHAT,
      isVideo: false,
      isGroup: false,
    });
  });

  it('who answers a chat, restrictions, and the state of the session', async () => {
    await call('PUT', `/chats/${CUSTOMER_CHAT}`, { mode: 'human', minutes: 5 });
    expect((await next('chat.mode'))[0]).to.include({
      ...{ chatId: CUSTOMER_CHAT, from: 'bot', mode: 'human', cause: 'api' },
    });
    await call('PATCH', '/settings', { handoverMinutes: 5 });
    write(SILENT, { text: 'mine now' }, BOT);
    expect((await next('chat.mode'))[0]).to.include({
      chatId: `${SILENT}@c.us`,
      mode: 'human',
      cause: 'person',
    });
    await service.network.clock.advance(6 * 60_000);
    const ended = await next('chat.mode', 2);
    for (const each of ended) expect(each).to.include({ from: 'human', mode: 'bot', cause: 'expired' });
    service.network.faults.restrict(BOT, { kind: 'message_cap' });
    expect((await next('session.restriction'))[0]).to.have.nested.property('restriction.kind', 'message_cap');
    service.network.faults.restrict(BOT, null);
    expect((await next('session.restriction'))[0]).to.include({ restriction: null });
    service.network.unlink(BOT);
    expect((await next('session.state'))[0]).to.include({
      ...{ status: 'disconnected', from: 'connected', reason: 'LOGOUT' },
    });
  });

  it('once each and in order; messages that came while the service was stopped with the next start', async () => {
    await linkAgent(service, 'shop', BOT);
    await next('session.state', 1);
    await service.restart(() => write(BOT, { text: 'missed' }));
    await eventually('the start', () => service.app.system.describe('shop').status === 'connected');
    expect((await next('message.received'))[0]).to.include({ text: 'missed' });
    write(BOT, { text: 'after it' });
    expect((await next('message.received'))[0]).to.include({ text: 'after it' });
    const { received, sequences } = receiver;
    expect(sequences).to.deep.equal(sequences.map((_, index) => index + 1));
    expect(new Set(received.map(({ id }) => id)).size).to.equal(received.length);
    for (const { body } of received) checkEvent(body);
    const types = new Set(received.map(({ body }) => body.type));
    expect([...types]).to.have.members([...WEBHOOK_EVENTS]);
    const texts = received.map(({ body }) => (body.data as { text?: string }).text);
    expect(texts.filter((text) => text === 'missed')).to.have.length(1);
  });

  it('all that happened in the hour in which its receiver was down, in order, once it is up', async () => {
    receiver.answer = (res) => res.writeHead(503).end();
    const refused = receiver.received.length;
    const texts = Array.from({ length: 6 }, (_, n) => `after ${n * 10} minutes`);
    for (const text of texts) {
      write(BOT, { text });
      await service.network.clock.advance(600_000);
    }
    await eventually('a refused attempt', () => receiver.received.length > refused);
    receiver.answer = (res) => res.end();
    const up = receiver.received.length;
    const delivered = () =>
      receiver.received.slice(up).filter(({ body }) => texts.includes((body.data as { text: string }).text));
    await eventually('all to be delivered', async () => {
      await service.network.clock.advance(600_000);
      return new Set(delivered().map(({ id }) => id)).size === texts.length;
    });
    const sequences = receiver.sequences.slice(up);
    expect(sequences).to.deep.equal([...sequences].sort((one, other) => one - other));
    expect(delivered().map(({ body }) => (body.data as { text: string }).text)).to.deep.equal(texts);
    seen = receiver.received.length;
  });

  it('no more once the agent is deleted, and what waits for it is deleted, too', async () => {
    receiver.answer = (res) => res.writeHead(500).end();
    const before = receiver.received.length;
    write(BOT, { text: 'never delivered' });
    await eventually('an attempt', () => receiver.received.length > before);
    await callApi(service.url, 'DELETE', '/sessions/shop', undefined, BEARER);
    const { rows } = await service.pool.query(
      'select id from gateway_webhook union all select id from gateway_webhook_delivery',
    );
    expect(rows).to.deep.equal([]);
  });
});
