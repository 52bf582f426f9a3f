import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import whatsapp, { type Message } from 'whatsapp-web.js';
import { SandboxNetwork } from '../../src/infra/whatsapp/sandbox/network.ts';
import { whenChromium } from '../support/chromium.ts';
import { type StandIn, startStandIn } from '../support/stand-in/index.ts';

const { Client, LocalAuth, MessageMedia } = whatsapp;
const BOT = '6281100000001';
const ANN = '6281200000002@c.us';
const PIXEL =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

/** The next event of a client: its arguments, once they pass the test. */
async function next<T extends unknown[]>(
  client: whatsapp.Client,
  event: string,
  test: (...values: T) => boolean = () => true,
): Promise<T> {
  for (;;) {
    const values = (await once(client, event, { signal: AbortSignal.timeout(10_000) })) as T;
    if (test(...values)) return values;
  }
}

whenChromium('the stand-in of web.whatsapp.com, seen by whatsapp-web.js', (executablePath) => {
  let dataPath: string;
  let network: SandboxNetwork;
  let standIn: StandIn;
  let client: whatsapp.Client;

  /** A client on the profile of this test. */
  function newClient(): whatsapp.Client {
    return new Client({
      authStrategy: new LocalAuth({ dataPath }),
      webVersionCache: { type: 'none' },
      puppeteer: { executablePath, pipe: true, args: [...standIn.chromiumArgs, '--no-sandbox'] },
    });
  }

  /** Links the client by scanning its QR. */
  async function link(): Promise<void> {
    const [qr] = await Promise.all([next<[string]>(client, 'qr'), client.initialize()]);
    const ready = next(client, 'ready');
    network.scan(qr[0], BOT);
    await ready;
  }

  /** Sends and waits for the ack; answers the message's id and the ack's. */
  async function sendAndWait(to: string, text: string, ack: number): Promise<[string, string]> {
    const acked = next<[Message, number]>(client, 'message_ack', (_, value) => value === ack);
    const sent = await client.sendMessage(to, text);
    return [sent.id._serialized, (await acked)[0].id._serialized];
  }

  beforeEach(async () => {
    dataPath = await mkdtemp(join(tmpdir(), 'stand-in-'));
    network = new SandboxNetwork({ seed: 'stand-in', refLifetimeMs: 300 });
    network.account(BOT, { name: 'Bot' });
    network.account(ANN, { name: 'Ann' });
    standIn = await startStandIn(network);
    client = newClient();
  });

  afterEach(async () => {
    await client.destroy();
    await standIn.close();
    network.close();
    await rm(dataPath, { recursive: true, force: true, maxRetries: 5 });
  });

  it('links by a QR, sends text, tells its acks and receives', async () => {
    await link();
    expect(client.info.wid._serialized).to.equal(`${BOT}@c.us`);
    expect(client.info.pushname).to.equal('Bot');
    expect(await client.getState()).to.equal('CONNECTED');
    const [sent, acked] = await sendAndWait(ANN, 'hello', 2);
    expect(acked).to.equal(sent);
    expect(network.messages(ANN).map(({ body }) => body)).to.deep.equal(['hello']);
    const received = next<[Message]>(client, 'message');
    network.write(ANN, { to: `${BOT}@c.us`, text: 'hi bot' });
    const [message] = await received;
    expect(message.body).to.equal('hi bot');
    expect(message.from).to.equal(ANN);
  });
});
