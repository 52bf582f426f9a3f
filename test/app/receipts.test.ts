import { expect } from 'chai';
import { callApi } from '../support/api.ts';
import { EventStream } from '../support/event-stream.ts';
import { eventually } from '../support/eventually.ts';
import { BEARER, CUSTOMER } from '../support/fixtures.ts';
import { connected, linkAgent } from '../support/link-agent.ts';
import { withDatabase } from '../support/postgres.ts';
import { type Service, startService } from '../support/service.ts';

describe('what became of a sent message', function () {
  this.timeout(30_000);
  const database = withDatabase();
  let service: Service;

  const call = (method: string, path: string, body?: unknown, headers = {}) =>
    callApi(service.app.url, method, path, body, { ...BEARER, ...headers });

  before(async () => {
    service = await startService(database());
    await linkAgent({ url: service.app.url, network: service.network }, 'shop');
  });
  after(() => service?.close());

  /** Sends a text; its id. */
  async function send(text: string): Promise<string> {
    const { status, body } = await call('POST', '/agents/shop/messages', { to: CUSTOMER, message: text });
    expect(status).to.equal(200);
    return String(body.id);
  }

  /** The message once it has this status. */
  const standing = (id: string, status: string) =>
    eventually(`${status}`, async () => {
      const { body } = await call('GET', `/agents/shop/messages/${id}`);
      return body.status === status && body;
    });

  /** The customer opens the chat. */
  const read = () => service.network.read(CUSTOMER, service.network.chats(CUSTOMER)[0]!.id);

  it('is delivered and read, with the time of each, in the answer, the events and the metrics', async () => {
    const events = await EventStream.open(`${service.app.url}/sessions/shop/events`);
    const id = await send('an invoice');
    const delivered = await standing(id, 'delivered');
    expect(delivered).to.include.keys('sentAt', 'deliveredAt').and.not.to.include.keys('readAt');
    read();
    expect(await standing(id, 'read')).to.include.keys('sentAt', 'deliveredAt', 'readAt');
    await events.has(`"id":"${id}","kind":"text","origin":"api","status":"delivered","deliveredAt"`);
    await events.has(`"id":"${id}","kind":"text","origin":"api","status":"read","deliveredAt"`);
    events.close();
    const metrics = await (await fetch(`${service.app.url}/metrics`)).text();
    expect(metrics).to.match(/^wa_message_acks_total\{ack="delivered"\} 1$/m);
    expect(metrics).to.match(/^wa_message_acks_total\{ack="read"\} 1$/m);
    expect(metrics).to.match(/^wa_message_acks_total\{ack="played"\} 0$/m);
  });

  it('is still a success for a request that is repeated with its key', async () => {
    const request = () =>
      call(
        'POST',
        '/agents/shop/messages',
        { to: CUSTOMER, message: 'once' },
        { 'idempotency-key': 'receipt' },
      );
    const first = await request();
    await standing(String(first.body.id), 'delivered');
    const again = await request();
    expect([again.status, again.body]).to.deep.equal([200, first.body]);
  });

  it('is known of a message that was read while the service was stopped', async () => {
    const id = await send('read it later');
    await standing(id, 'delivered');
    await service.restart(read);
    await connected(service.app.url, 'shop');
    expect(await standing(id, 'read')).to.include.keys('deliveredAt', 'readAt');
  });
});
