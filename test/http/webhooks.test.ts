import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { eventually } from '../support/eventually.ts';
import { expectProblem, Harness } from '../support/http-harness.ts';
import { expectSigned, WebhookReceiver } from '../support/webhook-receiver.ts';

const AGENT = { userId: 7, agentId: 'bot' };

describe('webhooks over HTTP', () => {
  const harness = new Harness();
  let receiver: WebhookReceiver;
  before(async () => {
    receiver = await WebhookReceiver.open();
    harness.receivers.push(receiver.origin);
    await harness.start();
  });
  after(async () => {
    await harness.stop();
    await receiver.close();
  });
  afterEach(async () => {
    receiver.answer = (res) => res.end();
    for (const { id } of await list()) await ask('DELETE', `/${id}`);
  });

  const ask = (method: string, path = '', json?: unknown) =>
    harness.ask(`/agents/bot/webhooks${path}`, { method, key: 'secret-key', json });
  const list = async () => (await ask('GET')).body.webhooks as { id: string }[];
  /** Creates a webhook at the receiver. */
  const create = async (changes = {}) => {
    const { body } = await ask('POST', '', { url: `${receiver.origin}/hook`, events: ['*'], ...changes });
    return body as unknown as { id: string; secret: string };
  };

  it('are created with a secret that is shown once, listed, changed and deleted', async () => {
    const created = await ask('POST', '', { url: receiver.origin, events: ['chat.mode', 'chat.mode'] });
    const { id, secret, ...shown } = created.body;
    expect(created.status).to.equal(201);
    expect(created.headers.get('location')).to.equal(`/agents/bot/webhooks/${id}`);
    expect(secret).to.match(/^[\w-]{43}$/);
    expect(shown).to.deep.include({
      ...{ url: receiver.origin, events: ['chat.mode'], format: 'native', waiting: 0, dead: 0 },
    });
    expect((await ask('GET', `/${id}`)).body).to.deep.equal({ id, ...shown });
    const changed = await ask('PATCH', `/${id}`, { events: ['*'] });
    expect(changed.body).to.deep.equal({ id, ...shown, events: ['*'] });
    const rotated = await ask('PATCH', `/${id}`, { secret: null });
    expect(rotated.body.secret)
      .to.match(/^[\w-]{43}$/)
      .and.not.equal(secret);
    const given = await ask('PATCH', `/${id}`, { secret: 'a-secret-of-the-caller' });
    expect(given.body).not.to.have.property('secret');
    expect(await list()).to.deep.equal([{ id, ...shown, events: ['*'] }]);
    const stored = JSON.stringify([...harness.webhooks.webhooks.values()]);
    for (const each of [secret, rotated.body.secret, 'a-secret-of-the-caller'])
      expect(stored).not.to.include(each);
    expect((await ask('DELETE', `/${id}`)).status).to.equal(204);
    expectProblem(await ask('DELETE', `/${id}`), 'NOT_FOUND');
  });

  it('post a test event at once, and the answer says what became of it', async () => {
    const { id, secret } = await create();
    const { body } = await ask('POST', `/${id}/test`);
    expect(body).to.include({ delivered: true, status: 200 });
    const tested = receiver.received.at(-1)!;
    expectSigned(tested, secret);
    expect(tested.body).to.deep.include({ id: body.id, type: 'webhook.test', agentId: 'bot', sequence: 0 });
    receiver.answer = (res) => res.writeHead(302, { location: '/' }).end();
    expect((await ask('POST', `/${id}/test`)).body).to.include({ delivered: false, error: 'HTTP_302' });
  });

  it('of the format cloud are verified at their creation, and again on request', async () => {
    const { body } = await ask('POST', '', { url: receiver.origin, events: ['*'], format: 'cloud' });
    expect(body).to.include({ format: 'cloud', verified: true });
    expect(body.verifyToken).to.match(/^[\w-]{43}$/);
    receiver.challenged = () => null;
    const repeated = await ask('POST', `/${body.id}/verify`);
    expect([repeated.status, repeated.body]).to.deep.equal([200, { verified: false, error: 'HTTP_403' }]);
    const native = { url: receiver.origin, events: ['*'], verifyToken: 'token' };
    const refused = await ask('POST', '', native);
    expect(refused.body.error.details).to.have.nested.property('[0].path', 'verifyToken');
  });

  it('show dead letters page by page, and deliver one when it is asked for', async () => {
    const { id } = await create();
    receiver.answer = (res) => res.writeHead(500).end();
    for (let n = 1; n <= 3; n += 1)
      await harness.webhooks.record(AGENT, { type: 'chat.mode', at: new Date(), data: { n } });
    await eventually('an attempt', () => harness.webhooks.rows[0]!.attempts > 0);
    await harness.webhooks.giveUp(id, new Date());
    expect((await ask('GET', `/${id}`)).body).to.include({ waiting: 0, dead: 3 });
    const first = (await ask('GET', `/${id}/deliveries?status=dead&limit=2`)).body;
    const next = (await ask('GET', `/${id}/deliveries?limit=2&before=${first.next}`)).body;
    const pages = [first, next].map(({ deliveries }) => deliveries as { id: string; data: unknown }[]);
    expect(pages.flat().map(({ data }) => data)).to.deep.equal([{ n: 3 }, { n: 2 }, { n: 1 }]);
    expect(next).not.to.have.property('next');
    const [oldest] = pages[1]!;
    expect(oldest).to.include({ type: 'chat.mode', status: 'dead', error: 'HTTP_500', sequence: 1 });
    receiver.answer = (res) => res.end();
    const count = receiver.received.length;
    const retried = await ask('POST', `/${id}/deliveries/${oldest!.id}/retry`);
    expect(retried.body).to.include({ id: oldest!.id, status: 'waiting' });
    await receiver.arrived(count + 1);
    expect(receiver.received.at(-1)!.id).to.equal(oldest!.id);
    await eventually('its delivery', async () => (await ask('GET', `/${id}`)).body.dead === 2);
    expectProblem(await ask('POST', `/${id}/deliveries/${randomUUID()}/retry`), 'NOT_FOUND');
  });

  it('are refused with an invalid URL, event or secret, and beyond ten', async () => {
    const url = receiver.origin;
    for (const [body, path] of [
      [{ url: 'http://10.0.0.1/', events: ['*'] }, 'url'],
      [{ url: 'file:///etc/passwd', events: ['*'] }, 'url'],
      [{ url, events: [] }, 'events'],
      [{ url, events: ['message.unheard-of'] }, 'events.0'],
      [{ url, events: ['*'], secret: 'short' }, 'secret'],
      [{ url, events: ['*'], format: 'xml' }, 'format'],
      [{ url, events: ['*'], verified: true }, 'verified'],
    ] as const) {
      const refused = await ask('POST', '', body);
      expectProblem(refused, 'INVALID_PAYLOAD');
      expect((refused.body.error.details as { path: string }[])[0]!.path, JSON.stringify(body)).to.equal(
        path,
      );
    }
    for (let n = 0; n < 10; n += 1) await create();
    expectProblem(await ask('POST', '', { url, events: ['*'] }), 'INVALID_PAYLOAD');
    expect(await list()).to.have.length(10);
  });

  it("are an agent's own: with another agent's key there are none", async () => {
    harness.system.add('other', 'other-key');
    const { id } = await create();
    const path = `/agents/other/webhooks/${id}`;
    for (const method of ['GET', 'DELETE'])
      expectProblem(await harness.ask(path, { method, key: 'other-key' }), 'NOT_FOUND');
    expectProblem(await harness.ask(`${path}/test`, { method: 'POST', key: 'other-key' }), 'NOT_FOUND');
    expectProblem(await harness.ask(`${path}/deliveries`, { key: 'other-key' }), 'NOT_FOUND');
    expectProblem(await harness.ask('/agents/bot/webhooks', { key: 'other-key' }), 'UNAUTHORIZED');
    expect((await harness.ask('/agents/other/webhooks', { key: 'other-key' })).body).to.deep.equal({
      webhooks: [],
    });
  });
});
