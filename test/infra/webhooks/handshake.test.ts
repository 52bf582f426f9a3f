import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { HOST_CLOCK } from '../../../src/infra/host-clock.ts';
import { SealedSecrets } from '../../../src/infra/webhooks/sealed-secrets.ts';
import { WebhookDirectory } from '../../../src/infra/webhooks/webhook-directory.ts';
import { failureOf } from '../../support/failure.ts';
import { MemoryWebhooks } from '../../support/memory-webhooks.ts';
import { NO_CONTEXT, WebhookReceiver } from '../../support/webhook-receiver.ts';

const AGENT = { userId: 1, agentId: 'shop' };

describe('the handshake with a receiver of the format cloud', () => {
  let store: MemoryWebhooks;
  let receiver: WebhookReceiver;
  let directory: WebhookDirectory;
  let asked: Record<string, string>[];

  beforeEach(async () => {
    store = new MemoryWebhooks();
    receiver = await WebhookReceiver.open();
    asked = [];
    receiver.challenged = (query) => {
      asked.push(query);
      return query['hub.verify_token'] === 'right' ? query['hub.challenge']! : null;
    };
    directory = await WebhookDirectory.open({
      ...{ store, secrets: new SealedSecrets(randomBytes(32)), clock: HOST_CLOCK, random: () => 0.5 },
      allowedOrigins: [receiver.origin],
      limits: { deadlineMs: 200, retryBaseMs: 5, retryMaxMs: 5, giveUpMs: 60_000 },
      context: () => NO_CONTEXT,
      onReport: () => undefined,
      onFault: (error) => {
        throw error;
      },
    });
    store.onPublished = directory.published;
    directory.start();
  });
  afterEach(async () => {
    await directory.stop();
    await receiver.close();
  });

  /** Creates a webhook at the receiver. */
  const create = (verifyToken?: string, path = '/hook?of=shop') =>
    directory.create(AGENT, { url: receiver.origin + path, events: ['*'], format: 'cloud', verifyToken });
  const record = (status = 'sent') =>
    directory.record(AGENT, {
      type: 'message.status',
      at: new Date(),
      data: { id: 'm', to: '628@c.us', status },
    });

  it('asks for a challenge beside the query of the URL, at the creation', async () => {
    const { verified, verifyToken } = await create('right');
    expect([verified, verifyToken]).to.deep.equal([true, 'right']);
    const { 'hub.challenge': challenge, ...query } = asked[0]!;
    expect(challenge).to.match(/^\d{10}$/);
    expect(query).to.deep.equal({ of: 'shop', 'hub.mode': 'subscribe', 'hub.verify_token': 'right' });
    await record();
    const [arrived] = await receiver.arrived(1);
    expect(arrived!.body).to.have.nested.property('entry[0].changes[0].value.statuses[0].status', 'sent');
    expect(arrived!.headers).to.have.property('x-hub-signature-256');
    expect(arrived!.headers).not.to.have.any.keys('x-webhook-signature', 'x-webhook-timestamp');
  });

  it('generates a token that is shown once', async () => {
    const { verified, verifyToken, id } = await create();
    expect([verified, asked[0]!['hub.verify_token']]).to.deep.equal([false, verifyToken]);
    expect(verifyToken).to.match(/^[\w-]{43}$/);
    expect(await directory.find(AGENT, id)).not.to.have.property('verifyToken');
    expect(JSON.stringify(await store.load())).not.to.include(verifyToken);
  });

  it('lets nothing be recorded or posted before it has succeeded, and is repeated on request', async () => {
    receiver.challenged = () => 'another text';
    const { id } = await create('right');
    expect(await directory.verify(AGENT, id)).to.deep.equal({ verified: false, error: 'WRONG_CHALLENGE' });
    receiver.challenged = () => null;
    expect(await directory.verify(AGENT, id)).to.deep.equal({ verified: false, error: 'HTTP_403' });
    await record();
    expect(store.rows).to.deep.equal([]);
    expect(await directory.test(AGENT, id)).to.deep.include({ delivered: false, error: 'NOT_VERIFIED' });
    receiver.challenged = (query) => query['hub.challenge']!;
    expect(await directory.verify(AGENT, id)).to.deep.equal({ verified: true });
    expect(await directory.find(AGENT, id)).to.have.property('verified', true);
    await record();
    expect(await receiver.arrived(1)).to.have.length(1);
  });

  it('is repeated for another URL, whose receiver is given nothing before', async () => {
    const { id } = await create('right');
    receiver.challenged = () => null;
    const moved = await directory.change(AGENT, id, { url: `${receiver.origin}/other` });
    expect(moved).to.include({ verified: false });
    const same = await directory.change(AGENT, id, { url: `${receiver.origin}/other`, events: ['*'] });
    expect(same).to.include({ verified: false });
    receiver.challenged = (query) => query['hub.challenge']!;
    const back = await directory.change(AGENT, id, { url: `${receiver.origin}/hook` });
    expect(back).to.include({ verified: true });
  });

  it('reads no more of an answer than a challenge has', async () => {
    receiver.challenged = () => 'x'.repeat(1_000_000);
    const { id } = await create('right');
    expect(await directory.verify(AGENT, id)).to.deep.equal({ verified: false, error: 'CONNECTION_LOST' });
  });

  it('skips events that the format has no words for', async () => {
    await create('right');
    await record('queued');
    await record('read');
    const [arrived] = await receiver.arrived(1);
    expect(arrived!.text).to.include('"status":"read"');
  });

  it('is none of the format native', async () => {
    const url = `${receiver.origin}/hook`;
    const { id, verified } = await directory.create(AGENT, { url, events: ['*'], format: 'native' });
    expect(verified).to.equal(true);
    expect(await directory.verify(AGENT, id)).to.deep.equal({ verified: true });
    expect(asked).to.deep.equal([]);
    expect((await failureOf(directory.verify(AGENT, 'missing'))).code).to.equal('NOT_FOUND');
  });
});
