import { expect } from 'chai';
import { EventEmitter } from 'eventemitter3';
import { GatewayError } from '../../../src/actors/domain/errors.ts';
import type { GatewayEvents } from '../../../src/actors/domain/gateway-events.ts';
import type { WebhookEvent } from '../../../src/actors/domain/ports/webhooks.ts';
import type {
  InboundMessage,
  WhatsAppClient,
  WhatsAppClientEvents,
} from '../../../src/actors/domain/ports/whatsapp.ts';
import { DEFAULT_LIMITS } from '../../../src/actors/domain/settings.ts';
import { Downloads } from '../../../src/actors/inbound/downloads.ts';
import { EventRecorder, type EventRecorderDeps } from '../../../src/actors/inbound/event-recorder.ts';
import { OwnStanzas } from '../../../src/actors/outbound/own-stanzas.ts';
import { eventually } from '../../support/eventually.ts';
import { BOT_CHAT, CUSTOMER_CHAT } from '../../support/fixtures.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { MemoryFiles } from '../../support/memory-files.ts';
import { away, held, inbound } from '../../support/memory-gateway.ts';

const OTHER_CHAT = '6289999999999@c.us';

describe('the recording of events for webhooks', () => {
  let clock: ManualClock;
  let recorded: WebhookEvent[];
  let deps: EventRecorderDeps;
  let downloads: number;
  let download: WhatsAppClient['downloadMedia'];
  let recorder: EventRecorder;
  let shared: Downloads;
  const files = new MemoryFiles();
  const faults: unknown[] = [];
  after(() => files.dispose());

  const client = {
    events: new EventEmitter<WhatsAppClientEvents>(),
    downloadMedia: (...args: Parameters<WhatsAppClient['downloadMedia']>) => {
      downloads += 1;
      return download(...args);
    },
  } as unknown as WhatsAppClient;
  const record = { userId: 1, agentId: 'shop' };
  const live = { record: () => record as never, client: () => client, me: () => ({ pn: BOT_CHAT }) };

  beforeEach(() => {
    clock = new ManualClock();
    recorded = [];
    downloads = 0;
    faults.length = 0;
    download = async function* () {
      yield Buffer.from('bytes');
    };
    const events = new EventEmitter<GatewayEvents>();
    events.on('fault', ({ error }) => faults.push(error));
    deps = {
      webhooks: {
        wants: () => true,
        record: async (_agent, event) => void recorded.push(event),
        recorded: async (_agent, _type, keys) => new Set(keys.filter((key) => key === 'KNOWN')),
      },
      messages: { isOurs: async (stanzaId) => stanzaId === 'OURS' },
      ownStanzas: new OwnStanzas(),
      settings: { limits: DEFAULT_LIMITS },
      fileLinks: { url: ({ id }) => `link to ${id}` },
      events,
      clock,
      files,
    };
    start();
  });

  function start(): void {
    shared = new Downloads(deps);
    recorder = new EventRecorder(deps, live, shared);
  }

  /** A message of a chat, with changes. */
  const messageOf = (stanzaId: string, changes: Partial<InboundMessage> = {}): InboundMessage => ({
    ...inbound(`false_${CUSTOMER_CHAT}_${stanzaId}`),
    ...{ chatId: CUSTOMER_CHAT, senderId: CUSTOMER_CHAT, body: stanzaId },
    ...changes,
  });
  const image = (stanzaId: string) =>
    messageOf(stanzaId, { type: 'image', file: { mimeType: 'image/png', sizeBytes: 5, sha256: '' } });
  const texts = () => recorded.map(({ data }) => (data as { text?: string }).text);
  const recordedTexts = (count: number) => eventually('the records', () => recorded.length >= count, 2_000);

  it('keeps the order of a chat while a file is downloaded, and holds up no other chat', async () => {
    const bytes = held<Buffer>();
    download = async function* () {
      yield await bytes.promise;
    };
    recorder.message(image('1'));
    recorder.message(messageOf('2'));
    recorder.message(messageOf('3', { chatId: OTHER_CHAT, senderId: OTHER_CHAT }));
    await recordedTexts(1);
    expect(texts()).to.deep.equal(['3']);
    bytes.release(Buffer.from('bytes'));
    await recordedTexts(3);
    expect(texts()).to.deep.equal(['3', '1', '2']);
    expect(recorded[1]!.data).to.have.nested.property('file.sizeBytes', 5);
  });

  it('downloads a file once for all that want it', async () => {
    recorder.message(image('1'));
    const signal = new AbortController().signal;
    const file = await shared.file(image('1'), { agent: record, client }, signal);
    await recordedTexts(1);
    expect((recorded[0]!.data as { file: { id: string } }).file.id).to.equal(file.id);
    expect(await shared.file(image('1'), { agent: record, client }, signal)).to.equal(file);
    expect(downloads).to.equal(1);
  });

  it('records of the messages that were fetched only the new ones, and downloads nothing of the others', async () => {
    await recorder.missed([
      image('KNOWN'),
      messageOf('OURS', { fromMe: true }),
      messageOf('new'),
      image('2'),
    ]);
    await recordedTexts(2);
    expect(texts()).to.deep.equal(['new', '2']);
    expect(downloads).to.equal(1);
  });

  it('waits for the database, in order', async () => {
    const { record: store } = deps.webhooks;
    let isAway = true;
    deps.webhooks.record = (...args) => (isAway ? away() : store(...args));
    start();
    for (const stanzaId of ['1', '2']) recorder.message(messageOf(stanzaId));
    await clock.pass(60_000);
    expect(texts()).to.deep.equal([]);
    isAway = false;
    await clock.pass(DEFAULT_LIMITS.probeAgainMs);
    await recordedTexts(2);
    expect(texts()).to.deep.equal(['1', '2']);
    expect(faults).to.deep.equal([]);
  });

  it('records what a person wrote on the phone, and nothing that this service sent', async () => {
    deps.ownStanzas.add('INFLIGHT');
    for (const stanzaId of ['OURS', 'INFLIGHT', 'HUMAN'])
      recorder.message(messageOf(stanzaId, { id: `true_${CUSTOMER_CHAT}_${stanzaId}`, fromMe: true }));
    await recordedTexts(1);
    await recorder.stop(1_000);
    expect(texts()).to.deep.equal(['HUMAN']);
    expect(recorded[0]!.data).to.include({ by: 'human', fromMe: true });
  });

  it('leaves out what is no message of a person or a group, and what no webhook wants', async () => {
    for (const chatId of ['status@broadcast', '1@newsletter', '1@broadcast', BOT_CHAT])
      recorder.message(messageOf(chatId, { chatId }));
    for (const type of ['e2e_notification', 'revoked', 'protocol'])
      recorder.message(messageOf(type, { type }));
    recorder.watch(client);
    for (const chatId of ['status@broadcast', '1@newsletter']) {
      const change = { messageId: `false_${chatId}_1`, chatId };
      client.events.emit('edited', { ...change, body: 'x' });
      client.events.emit('revoked', change);
      client.events.emit('reaction', {
        ...change,
        ...{ senderId: CUSTOMER_CHAT, fromMe: false, emoji: '👍', timestamp: 1 },
      });
    }
    deps.webhooks.wants = () => false;
    recorder.message(messageOf('unwanted'));
    await recorder.stop(1_000);
    expect(recorded).to.deep.equal([]);
  });

  it('records nothing more once it is stopped, and cancels a download that takes longer', async () => {
    download = async function* (_id, { signal }) {
      await new Promise((_resolve, reject) =>
        signal.addEventListener('abort', () => reject(signal.reason as Error)),
      );
      yield Buffer.from('never');
    };
    recorder.message(image('1'));
    const stopped = recorder.stop(5_000);
    recorder.message(messageOf('2'));
    await clock.pass(5_000);
    await stopped;
    expect(recorded).to.deep.equal([]);
    expect(faults).to.deep.equal([]);
    expect(clock.size).to.equal(0);
  });

  it('publishes a fault when an event can not be recorded, and goes on', async () => {
    const { record: store } = deps.webhooks;
    deps.webhooks.record = (agent, event) =>
      event.key === '1' ? Promise.reject(new GatewayError('INTERNAL', 'a bug')) : store(agent, event);
    start();
    for (const stanzaId of ['1', '2']) recorder.message(messageOf(stanzaId));
    await recordedTexts(1);
    expect(texts()).to.deep.equal(['2']);
    expect(faults).to.have.length(1);
  });
});
