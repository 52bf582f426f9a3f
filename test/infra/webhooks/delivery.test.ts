import { randomBytes } from 'node:crypto';
import type { LookupAddress } from 'node:dns';
import { expect } from 'chai';
import type { StoredWebhook, WebhookEventType } from '../../../src/actors/domain/ports/webhooks.ts';
import type { NewWebhook } from '../../../src/http/ports.ts';
import type { DeliveryReport } from '../../../src/infra/webhooks/delivery-loop.ts';
import { SealedSecrets } from '../../../src/infra/webhooks/sealed-secrets.ts';
import { WebhookDirectory, type WebhookOptions } from '../../../src/infra/webhooks/webhook-directory.ts';
import { eventually } from '../../support/eventually.ts';
import { failureOf } from '../../support/failure.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { away } from '../../support/memory-gateway.ts';
import { MemoryWebhooks } from '../../support/memory-webhooks.ts';
import { expectSigned, NO_CONTEXT, type Received, WebhookReceiver } from '../../support/webhook-receiver.ts';

const AGENT = { userId: 1, agentId: 'shop' };
const OTHER = { userId: 1, agentId: 'cafe' };
const HOUR_MS = 3_600_000;
const SECRET = 'a secret of tests';

describe('the delivery of events to webhooks', () => {
  const secrets = new SealedSecrets(randomBytes(32));
  const opened: { close(): Promise<void> }[] = [];
  let store: MemoryWebhooks;
  let clock: ManualClock;
  let reports: DeliveryReport[];

  beforeEach(() => {
    store = new MemoryWebhooks();
    clock = new ManualClock();
    reports = [];
  });
  afterEach(async () => {
    for (const each of opened.splice(0).reverse()) await each.close();
  });

  /** A receiver, closed after the test. */
  async function receive(): Promise<WebhookReceiver> {
    const receiver = await WebhookReceiver.open();
    opened.push(receiver);
    return receiver;
  }

  /** Webhooks that may reach these receivers, stopped after the test. */
  async function open(receivers: WebhookReceiver[], options: Partial<WebhookOptions> = {}) {
    const directory = await WebhookDirectory.open({
      ...{ store, secrets, clock, random: () => 0.5, context: () => NO_CONTEXT },
      allowedOrigins: receivers.map(({ origin }) => origin),
      limits: { deadlineMs: 150, retryBaseMs: 1_000, retryMaxMs: HOUR_MS, giveUpMs: 72 * HOUR_MS },
      onReport: (report) => reports.push(report),
      onFault: (error) => {
        throw error;
      },
      ...options,
    });
    store.onPublished = directory.published;
    opened.push({ close: () => directory.stop() });
    directory.start();
    return directory;
  }

  /** A webhook of the agent at a receiver. */
  const hook = (directory: WebhookDirectory, receiver: WebhookReceiver, changes: Partial<NewWebhook> = {}) =>
    directory.create(AGENT, {
      ...{ url: `${receiver.origin}/hook`, events: ['*'], format: 'native', secret: SECRET },
      ...changes,
    });

  /** Records an event. */
  const record = (directory: WebhookDirectory, n = 1, type: WebhookEventType = 'message.received') =>
    directory.record(AGENT, { type, at: new Date(clock.now()), data: { n } });

  const outcomes = () => reports.map(({ outcome }) => outcome);
  const failures = () => reports.flatMap((report) => (report.outcome === 'failed' ? [report.error] : []));
  /** Resolves once it is true, and what it caused has happened. */
  const until = async (what: string, isTrue: () => boolean | Promise<boolean>) => {
    await eventually(what, isTrue, 5_000);
    await new Promise(setImmediate);
  };
  const delivered = () => until('all to be delivered', () => store.rows.length === 0);
  /** Resolves once so many attempts have failed. */
  const failed = async (count: number) => {
    await until(`${count} failures`, () => failures().length >= count);
    expect(failures()).to.have.length(count);
  };

  it('posts each event once, in order, numbered and signed', async () => {
    const receiver = await receive();
    const directory = await open([receiver]);
    const { id: _id } = await hook(directory, receiver);
    for (let n = 1; n <= 25; n += 1) await record(directory, n);
    const received = await receiver.arrived(25);
    await delivered();
    expect(received.map(({ body }) => body.data)).to.deep.equal(
      Array.from({ length: 25 }, (_, index) => ({ n: index + 1 })),
    );
    expect(receiver.sequences).to.deep.equal(Array.from({ length: 25 }, (_, index) => index + 1));
    for (const each of received) expectSigned(each, SECRET);
    expect(received[0]!.body).to.include({ type: 'message.received', agentId: 'shop' });
    expect(new Set(received.map(({ id }) => id)).size).to.equal(25);
  });

  it('posts the events that a webhook names, of its agent alone', async () => {
    const receiver = await receive();
    const directory = await open([receiver]);
    await hook(directory, receiver, { events: ['chat.mode'] });
    expect(directory.wants(AGENT, 'chat.mode')).to.equal(true);
    expect(directory.wants(AGENT, 'message.status')).to.equal(false);
    expect(directory.wants(OTHER, 'chat.mode')).to.equal(false);
    await record(directory, 1, 'message.status');
    await directory.record(OTHER, { type: 'chat.mode', at: new Date(), data: {} });
    await record(directory, 3, 'chat.mode');
    expect((await receiver.arrived(1))[0]!.body).to.deep.include({
      type: 'chat.mode',
      sequence: 1,
      data: { n: 3 },
    });
    await delivered();
    expect(receiver.received).to.have.length(1);
  });

  /** How a receiver may answer otherwise, and the word for it. */
  const bad: [string, string, (res: Parameters<WebhookReceiver['answer']>[0]) => void][] = [
    ['hangs', 'TIMEOUT', () => undefined],
    [
      'drips the head of its answer',
      'TIMEOUT',
      (res) => {
        const drip = setInterval(() => res.socket?.write('X'), 20);
        res.socket?.write('HTTP/1.1 200 OK\r\nX-Drip: ');
        res.socket?.on('error', () => undefined).once('close', () => clearInterval(drip));
      },
    ],
    ['answers 200 too late', 'TIMEOUT', (res) => void setTimeout(() => res.end(), 300)],
    ['redirects', 'HTTP_307', (res) => res.writeHead(307, { location: '/elsewhere' }).end()],
    ['refuses', 'HTTP_400', (res) => res.writeHead(400).end()],
    ['is gone', 'HTTP_410', (res) => res.writeHead(410).end()],
    ['has a fault', 'HTTP_500', (res) => res.writeHead(500).end()],
    ['closes the connection', 'CONNECTION_LOST', (res) => res.destroy()],
  ];
  for (const [what, word, answer] of bad)
    it(`tries again when the receiver ${what}`, async () => {
      const receiver = await receive();
      receiver.answer = answer;
      const directory = await open([receiver]);
      await hook(directory, receiver);
      await record(directory);
      await record(directory, 2);
      await failed(1);
      expect(failures()).to.deep.equal([word]);
      expect(store.rows[0]).to.include({ attempts: 1, error: word });
      receiver.answer = (res) => res.end();
      await clock.pass(1_000);
      const received = await receiver.arrived(3);
      await delivered();
      const [first, second] = received as [Received, Received];
      expect(second.id).to.equal(first.id);
      expect(second.text).to.equal(first.text);
      expect(receiver.sequences).to.deep.equal([1, 1, 2]);
      expect(outcomes()).to.deep.equal(['failed', 'delivered', 'delivered']);
      expect(reports[1]).to.include({ afterFailures: 1 });
    });

  it('counts an answer 2xx as delivered, however its body drips', async () => {
    const receiver = await receive();
    const drips = new Set<NodeJS.Timeout>();
    receiver.answer = (res) => {
      const drip = setInterval(() => res.write('x'), 20);
      drips.add(drip);
      res.writeHead(202).write('x');
      res.once('close', () => clearInterval(drip));
    };
    const directory = await open([receiver]);
    await hook(directory, receiver);
    await record(directory);
    await record(directory, 2);
    await receiver.arrived(2);
    await delivered();
    expect(outcomes()).to.deep.equal(['delivered', 'delivered']);
    for (const drip of drips) clearInterval(drip);
  });

  it('waits longer after each failure, up to an hour, and delivers all once the receiver is back', async () => {
    const receiver = await receive();
    receiver.answer = (res) => res.writeHead(503).end();
    const directory = await open([receiver]);
    await hook(directory, receiver);
    for (let n = 1; n <= 30; n += 1) await record(directory, n);
    let waited = 0;
    for (let attempt = 1; waited < HOUR_MS; attempt += 1) {
      await failed(attempt);
      const wait = Math.min(HOUR_MS, 1_000 * 2 ** (attempt - 1));
      await clock.pass(wait - 1);
      expect(failures()).to.have.length(attempt);
      await clock.pass(1);
      waited += wait;
    }
    await failed(13);
    receiver.answer = (res) => res.end();
    receiver.received.length = 0;
    await clock.pass(HOUR_MS);
    await receiver.arrived(30);
    await delivered();
    expect(receiver.sequences).to.deep.equal(Array.from({ length: 30 }, (_, index) => index + 1));
  });

  it('gives an event up after 72 hours, delivers later ones, and the dead one when it is retried', async () => {
    const receiver = await receive();
    receiver.answer = (res) => res.writeHead(503).end();
    const directory = await open([receiver]);
    const { id } = await hook(directory, receiver);
    await record(directory, 1);
    await record(directory, 2);
    await failed(1);
    while (!outcomes().includes('dead')) {
      const before = failures().length;
      await clock.pass(HOUR_MS);
      await until('the next attempt', () => failures().length > before);
    }
    expect(reports.find(({ outcome }) => outcome === 'dead')).to.include({ count: 2 });
    await record(directory, 3);
    receiver.answer = (res) => res.end();
    receiver.received.length = 0;
    await clock.pass(HOUR_MS);
    await receiver.arrived(1);
    expect(receiver.sequences).to.deep.equal([3]);
    await until('the third', async () => (await directory.find(AGENT, id)).waiting === 0);
    expect(await directory.find(AGENT, id)).to.include({ waiting: 0, dead: 2 });
    const [newest, oldest] = await directory.deliveries(AGENT, id, { status: 'dead', limit: 10 });
    expect(newest).to.include({ sequence: 2, status: 'dead', error: null, attempts: 0 });
    expect(oldest).to.include({ sequence: 1, status: 'dead', error: 'HTTP_503' });
    expect(await directory.redrive(AGENT, id, oldest!.id)).to.include({ status: 'waiting' });
    await receiver.arrived(2);
    expect(receiver.received[1]!.id).to.equal(oldest!.id);
    await until('the first', async () => (await directory.find(AGENT, id)).waiting === 0);
    expect(await directory.find(AGENT, id)).to.include({ waiting: 0, dead: 1 });
  });

  it('delivers what waits to a changed URL at once, signed with a changed secret', async () => {
    const [former, next] = [await receive(), await receive()];
    former.answer = (res) => res.writeHead(500).end();
    const directory = await open([former, next]);
    const { id } = await hook(directory, former);
    await record(directory);
    await failed(1);
    const { secret } = await directory.change(AGENT, id, { url: `${next.origin}/next`, secret: null });
    expect(secret).to.match(/^[\w-]{43}$/);
    expectSigned((await next.arrived(1))[0]!, secret!);
    await delivered();
  });

  it('keeps both of two changes at once, and creates ten webhooks at most, however many at once', async () => {
    const receiver = await receive();
    const directory = await open([receiver]);
    /** A write of the store that takes a while. */
    const slow = <T>(write: (webhook: StoredWebhook) => Promise<T>) => {
      return async (webhook: StoredWebhook) => {
        await new Promise(setImmediate);
        return write.call(store, webhook);
      };
    };
    Object.assign(store, { insert: slow(store.insert), update: slow(store.update) });
    const created = await Promise.allSettled(Array.from({ length: 12 }, () => hook(directory, receiver)));
    expect(created.filter(({ status }) => status === 'fulfilled')).to.have.length(10);
    const id = (await directory.list(AGENT))[0]!.id;
    const url = `${receiver.origin}/next`;
    await Promise.all([
      directory.change(AGENT, id, { url }),
      directory.change(AGENT, id, { events: ['chat.mode'] }),
    ]);
    expect(await directory.find(AGENT, id)).to.deep.include({ url, events: ['chat.mode'] });
    expect(store.webhooks.get(id)).to.deep.include({ url, events: ['chat.mode'] });
  });

  it('has one request for callers under way per webhook, however many they ask for', async () => {
    const receiver = await receive();
    const directory = await open([receiver]);
    const { id } = await hook(directory, receiver);
    let atOnce = 0;
    receiver.answer = (res) => {
      atOnce += 1;
      expect(atOnce).to.equal(1);
      setTimeout(() => {
        atOnce -= 1;
        res.end();
      }, 20);
    };
    const tests = await Promise.all(Array.from({ length: 5 }, () => directory.test(AGENT, id)));
    expect(tests.map((test) => test.delivered)).to.deep.equal(Array(5).fill(true));
    expect(receiver.received).to.have.length(5);
  });

  it('delivers to one while nine hang', async () => {
    const [hanging, working] = [await receive(), await receive()];
    hanging.answer = () => undefined;
    const directory = await open([hanging, working]);
    for (let n = 0; n < 9; n += 1) await hook(directory, hanging);
    await hook(directory, working);
    for (let n = 1; n <= 20; n += 1) await record(directory, n);
    await working.arrived(20);
    expect(working.sequences).to.deep.equal(Array.from({ length: 20 }, (_, index) => index + 1));
  });

  it('finds what waits at the next look when the database was away, which is no fault', async () => {
    const receiver = await receive();
    const first = await open([receiver]);
    await hook(first, receiver);
    await first.stop();
    await record(first);
    const { waiting } = store;
    let looks = 0;
    store.waiting = () => {
      looks += 1;
      return away();
    };
    const faults: unknown[] = [];
    await open([receiver], { onFault: (error) => faults.push(error) });
    await until('a look', () => looks === 1);
    expect(receiver.received).to.have.length(0);
    store.waiting = waiting;
    await clock.pass(5_000);
    await receiver.arrived(1);
    await delivered();
    expect(faults).to.deep.equal([]);
  });

  it('continues with the next start where the last one stopped', async () => {
    const receiver = await receive();
    receiver.answer = (res) => res.writeHead(500).end();
    const first = await open([receiver]);
    await hook(first, receiver);
    await record(first);
    await failed(1);
    await first.stop();
    receiver.answer = (res) => res.end();
    await open([receiver]);
    const received = await receiver.arrived(2);
    expect(received[1]!.id).to.equal(received[0]!.id);
    await delivered();
  });

  it('lets a request in progress end at a stop, and takes no other', async () => {
    const receiver = await receive();
    receiver.answer = (res) => void setTimeout(() => res.end(), 50);
    const directory = await open([receiver]);
    await hook(directory, receiver);
    await record(directory, 1);
    await record(directory, 2);
    await receiver.arrived(1);
    await directory.stop();
    expect(store.rows.map(({ data }) => data)).to.deep.equal([{ n: 2 }]);
    expect(receiver.received).to.have.length(1);
  });

  it('refuses a URL that leads to a private address, at its creation or when it is connected to', async () => {
    const receiver = await receive();
    const lookup: WebhookOptions['lookup'] = (_name, options, callback) => {
      const address: LookupAddress = { address: '127.0.0.1', family: 4 };
      if (options.all) callback(null, [address]);
      else callback(null, address.address, address.family);
    };
    const directory = await open([], { lookup });
    const urls = [
      'http://127.0.0.1/',
      'http://[::1]/',
      'http://10.0.0.1/',
      'http://localhost/',
      'ftp://a.example/',
    ];
    for (const url of [...urls, 'http://169.254.169.254/', 'http://user:pass@a.example/', 'nonsense']) {
      const refused = await failureOf(hook(directory, receiver, { url }));
      expect(refused, url).to.include({ code: 'INVALID_PAYLOAD' });
    }
    await hook(directory, receiver, { url: `http://rebound.example:${receiver.port}/` });
    await record(directory);
    await failed(1);
    expect(failures()).to.deep.equal(['URL_BLOCKED']);
    expect(receiver.received).to.deep.equal([]);
  });

  it('does not deliver with a secret that can not be unsealed, until it is changed', async () => {
    const receiver = await receive();
    const first = await open([receiver]);
    const { id } = await hook(first, receiver);
    await first.stop();
    const second = await open([receiver], { secrets: new SealedSecrets(randomBytes(32)) });
    await record(second);
    await failed(1);
    expect(failures()).to.deep.equal(['SECRET_UNREADABLE']);
    await second.change(AGENT, id, { secret: 'another secret of tests' });
    expectSigned((await receiver.arrived(1))[0]!, 'another secret of tests');
  });
});
