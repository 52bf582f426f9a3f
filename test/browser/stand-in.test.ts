import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect } from 'chai';
import whatsapp, { type Message } from 'whatsapp-web.js';
import { holdPipe } from '../../src/infra/whatsapp/wwebjs/library.ts';
import { SandboxNetwork } from '../../src/sandbox/network/network.ts';
import { whenChromium } from '../support/chromium.ts';
import { eventually } from '../support/eventually.ts';
import { type StandIn, startStandIn } from '../support/stand-in/index.ts';

const { Client, LocalAuth, MessageMedia } = whatsapp;
const BOT = '6281100000001';
const ANN = '6281200000002@c.us';
const NO_ACCOUNT = '15550000001@c.us';
const PIXEL =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

/** The arguments of a client's next event that pass the test. */
async function next<T extends unknown[]>(
  client: whatsapp.Client,
  event: string,
  test: (...values: T) => boolean = () => true,
): Promise<T> {
  for (;;) {
    const values = (await once(client, event, { signal: AbortSignal.timeout(30_000) })) as T;
    if (test(...values)) return values;
  }
}

whenChromium('the stand-in of web.whatsapp.com, with whatsapp-web.js', (executablePath) => {
  let dataPath: string;
  let network: SandboxNetwork;
  let standIn: StandIn;
  let client: whatsapp.Client;

  /** Creates a client on the profile of this test. */
  function newClient(): whatsapp.Client {
    return new Client({
      authStrategy: new LocalAuth({ dataPath }),
      webVersionCache: { type: 'none' },
      puppeteer: { executablePath, pipe: true, args: [...standIn.chromiumArgs, '--no-sandbox'] },
    });
  }

  /** Links the client by scanning its QR. */
  async function link(): Promise<void> {
    let qr = '';
    client.on('qr', (newest: string) => {
      qr = newest;
    });
    await client.initialize();
    holdPipe(client);
    const ready = next(client, 'ready');
    // On a slow machine a QR may be replaced before it is scanned: then the next one is scanned.
    await eventually('a valid QR', () => {
      try {
        return network.scan(qr, BOT);
      } catch {
        return null;
      }
    });
    await ready;
  }

  /** Sends and waits for the ack; returns the ids of the message and of the ack. */
  async function sendAndWait(to: string, text: string, ack: number): Promise<[string, string]> {
    const acked = next<[Message, number]>(client, 'message_ack', (_, value) => value === ack);
    const sent = await client.sendMessage(to, text);
    return [sent.id._serialized, (await acked)[0].id._serialized];
  }

  /** Waits for Ann's copy of a message: a send resolves earlier. */
  const delivered = (index: number, chatId?: string) =>
    eventually('the delivery', () => network.messages(ANN, chatId)[index]);

  /** Runs an action and returns the message that it causes. */
  async function receive(act: () => unknown): Promise<Message> {
    const [[message]] = await Promise.all([next<[Message]>(client, 'message'), act()]);
    return message;
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

  it('shows a new QR when one expires', async () => {
    const [first] = await Promise.all([next<[string]>(client, 'qr'), client.initialize()]);
    const [second] = await next<[string]>(client, 'qr', (qr) => qr !== first[0]);
    expect(second.split(',')).to.have.length(5);
    expect(first[0]).not.to.match(/undefined/);
    expect(() => network.scan(first[0], BOT)).to.throw(/expired/);
  });

  it('links by a QR, sends a text, emits its acks, and receives', async () => {
    await link();
    expect(client.info.wid._serialized).to.equal(`${BOT}@c.us`);
    expect(client.info.pushname).to.equal('Bot');
    expect(await client.getState()).to.equal('CONNECTED');
    const [sent, acked] = await sendAndWait(ANN, 'hello', 2);
    expect(acked).to.equal(sent);
    expect((await delivered(0)).body).to.equal('hello');
    const message = await receive(() => network.write(ANN, { to: `${BOT}@c.us`, text: 'hi bot' }));
    expect([message.body, message.from, message.fromMe]).to.deep.equal(['hi bot', ANN, false]);
    expect((await message.getContact()).pushname).to.equal('Ann');
  });

  it('resolves a send at ack 0, and reports a refusal with ack -1', async () => {
    await link();
    network.faults.setLatency(BOT, 100);
    const refused = next<[Message, number]>(client, 'message_ack');
    const sent = await client.sendMessage(NO_ACCOUNT, 'hello?');
    expect(sent.ack).to.equal(0);
    const [message, ack] = await refused;
    expect([message.id._serialized, ack]).to.deep.equal([sent.id._serialized, -1]);
    network.faults.setLatency(BOT, 0);
    expect(await client.getNumberId(NO_ACCOUNT)).to.equal(null);
    expect((await client.getNumberId(ANN))?._serialized).to.equal(ANN);
  });

  it('quotes only messages of the chat', async () => {
    await link();
    const question = await receive(() => network.write(ANN, { to: `${BOT}@c.us`, text: 'where?' }));
    await client.sendMessage(ANN, 'here', { quotedMessageId: question.id._serialized });
    const asked = network.messages(ANN)[0];
    const answered = await delivered(1);
    expect(answered.quotedId).to.equal(asked?.id);
    const unknown = { quotedMessageId: `false_${ANN}_3EB0FFFF`, ignoreQuoteErrors: false };
    const error = await client.sendMessage(ANN, 'what?', unknown).catch(String);
    expect(error).to.match(/Could not get the quoted message/);
  });

  it('sends an image, and downloads its bytes', async () => {
    await link();
    await client.sendMessage(ANN, new MessageMedia('image/png', PIXEL, 'dot.png'), { caption: 'a dot' });
    const received = await delivered(0);
    expect([received.type, received.body, received.media?.mimetype]).to.deep.equal([
      'image',
      'a dot',
      'image/png',
    ]);
    const bytes = network.mediaFile(received.media?.sha256 ?? '')?.data;
    expect(Buffer.from(bytes ?? []).toString('base64')).to.equal(PIXEL);
    const file = { type: 'image' as const, data: Buffer.from(PIXEL, 'base64'), mimetype: 'image/png' };
    const message = await receive(() => network.write(ANN, { to: `${BOT}@c.us`, text: 'mine', file }));
    expect([message.type, message.hasMedia, message.body]).to.deep.equal(['image', true, 'mine']);
    expect((await message.downloadMedia()).data).to.equal(PIXEL);
  });

  it("receives from groups, status and channels with WhatsApp's addresses", async () => {
    await link();
    const { id } = network.group({ name: 'Team', participants: [BOT, ANN] });
    const draft = { to: id, text: '@bot hello', mentionedIds: [`${BOT}@c.us`] };
    const inGroup = await receive(() => network.write(ANN, draft));
    expect([inGroup.from, inGroup.author, inGroup.mentionedIds]).to.deep.equal([id, ANN, [`${BOT}@c.us`]]);
    const chat = await inGroup.getChat();
    expect([chat.isGroup, chat.name]).to.deep.equal([true, 'Team']);
    const status = await receive(() => network.postStatus(ANN, BOT, 'on holiday'));
    expect([status.from, status.author, status.isStatus]).to.deep.equal(['status@broadcast', ANN, true]);
    const channel = '120363000000000001@newsletter';
    const post = await receive(() => network.postChannel(channel, BOT, 'news'));
    expect([post.from, post.author]).to.deep.equal([channel, undefined]);
    await client.sendMessage(id, 'hello team');
    expect((await delivered(1, id)).body).to.equal('hello team');
  });

  it('addresses people by LID where WhatsApp does, in one chat', async () => {
    const { lid } = network.account(ANN, { addressedByLid: true });
    await link();
    const message = await receive(() => network.write(ANN, { to: `${BOT}@c.us`, text: 'hi' }));
    expect(message.from).to.equal(lid);
    const sent = await client.sendMessage(ANN, 'hello');
    expect(sent.to).to.equal(lid);
    expect((await client.getNumberId(ANN))?._serialized).to.equal(lid);
    expect((await client.getContactById(lid)).id._serialized).to.equal(ANN);
  });

  it('shows typing', async () => {
    await link();
    const chat = await client.getChatById(ANN);
    const typing = () => once(network.events as unknown as NodeJS.EventEmitter, 'typing');
    const [[started]] = await Promise.all([typing(), chat.sendStateTyping()]);
    expect(started).to.include({ reader: ANN, chatId: `${BOT}@c.us`, typing: true });
    const [[stopped]] = await Promise.all([typing(), chat.clearState()]);
    expect(stopped).to.include({ typing: false });
  });

  it('restores its session and the messages that arrived meanwhile', async () => {
    await link();
    await client.sendMessage(ANN, 'one', { sendSeen: false });
    await client.sendMessage(ANN, 'two', { sendSeen: false });
    await client.destroy();
    network.write(ANN, { to: `${BOT}@c.us`, text: 'three' });
    network.write(ANN, { to: `${BOT}@c.us`, text: 'four' });
    client = newClient();
    const codes: string[] = [];
    client.on('qr', (qr) => codes.push(qr));
    await Promise.all([next(client, 'ready'), client.initialize()]);
    expect(codes).to.deep.equal([]);
    const [chat] = await client.getChats();
    expect(chat?.unreadCount).to.equal(2);
    const unread = await chat?.fetchMessages({ limit: 2, fromMe: false });
    expect(unread?.map(({ body }) => body)).to.deep.equal(['three', 'four']);
    const own = await chat?.fetchMessages({ limit: 50, fromMe: true });
    expect(own?.map(({ body }) => body)).to.deep.equal(['one', 'two']);
    expect(own?.map(({ id }) => id._serialized)).to.deep.equal(
      network.messages(BOT, ANN).flatMap(({ id, fromMe }) => (fromMe ? [id] : [])),
    );
    await client.sendSeen(ANN);
    expect(network.chats(BOT)[0]?.unread).to.equal(0);
  });

  it('is logged out by the phone, and shows a QR again', async () => {
    await link();
    const [[reason]] = await Promise.all([
      next<[string]>(client, 'disconnected'),
      next<[string]>(client, 'qr'),
      network.unlink(BOT),
    ]);
    expect(reason).to.equal('LOGOUT');
  });

  it('logs out, which removes the link on both sides', async () => {
    await link();
    const [device] = network.devicesOf(BOT);
    await client.logout();
    expect(network.isLinked(device?.token ?? '')).to.equal(false);
    client = newClient();
    await Promise.all([next(client, 'qr'), client.initialize()]);
  });

  it('emits the states of its connection', async () => {
    await link();
    const states: string[] = [];
    client.on('change_state', (state) => states.push(state));
    const back = next<[string]>(client, 'change_state', (state) => state === 'CONNECTED');
    network.faults.drop(BOT);
    const sent = await client.sendMessage(ANN, 'later');
    expect(sent.ack).to.equal(0);
    expect(network.messages(ANN)).to.deep.equal([]);
    network.faults.restore(BOT);
    await back;
    expect(states).to.deep.equal(['OPENING', 'CONNECTED']);
    expect((await delivered(0)).body).to.equal('later');
    const ended = next<[string]>(client, 'disconnected');
    network.faults.setState(BOT, 'TOS_BLOCK');
    expect(await ended).to.deep.equal(['TOS_BLOCK']);
  });

  // Reloads are tested with the driver: the bare library rejects unhandled promises then.
  it('receives what its own phone sends', async () => {
    await link();
    const created = next<[Message]>(client, 'message_create');
    network.write(BOT, { to: ANN, text: 'from the phone' });
    const [message] = await created;
    expect([message.fromMe, message.body]).to.deep.equal([true, 'from the phone']);
    expect(network.devicesOf(BOT)).to.have.length(1);
  });

  it('hangs while frozen, and continues when thawed', async () => {
    await link();
    network.faults.freeze(BOT, true);
    const exists = client.getNumberId(ANN);
    const hangs = Symbol('hangs');
    let state: Promise<unknown>;
    // It takes a moment to reach the page.
    do state = client.getState();
    while ((await Promise.race([state, setTimeout(300, hangs)])) !== hangs);
    network.faults.freeze(BOT, false);
    expect(await state).to.equal('CONNECTED');
    expect((await exists)?._serialized).to.equal(ANN);
  });
});
