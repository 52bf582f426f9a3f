import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MessageLog, StoredMessage } from '../src/actors/domain/ports/stores.ts';
import { type ActorSettings, DEFAULT_LIMITS } from '../src/actors/domain/settings.ts';
import { Dispatcher } from '../src/actors/outbound/dispatcher.ts';
import { childEnvironment } from '../src/infra/config.ts';
import { HOST_CLOCK } from '../src/infra/host-clock.ts';
import { WwebjsDriver } from '../src/infra/whatsapp/wwebjs/driver.ts';
import type { SandboxNetwork } from '../src/sandbox/network/network.ts';

const settings: ActorSettings = {
  sendRatePerMinute: 10_000_000,
  sendBurst: 10_000_000,
  mailboxCapacity: 500,
  sendWaitMs: 30_000,
  sendTimeoutMs: 30_000,
  messageTtlMs: 3_600_000,
  qrWaitMs: 30_000,
  qrMaxRefreshes: 15,
  startConcurrency: 1,
  aiConcurrency: 1,
  inboundTypes: ['text'],
  aiMedia: 'url',
  debounceMs: 0,
  debounceMaxMs: 30_000,
  handoverMinutes: 0,
  developer: '6281100000003@c.us',
  limits: DEFAULT_LIMITS,
};

/** An agent's outbound side on the real driver, with a message log that stores nothing. */
export interface OutboxWay {
  /** Resolves when WhatsApp has acknowledged the message. @throws Error for any other outcome */
  send(to: string, text: string): Promise<void>;
  close(): Promise<void>;
}

/** Links a client of the driver to `number` and opens an outbox on it. */
export async function openOutbox(
  network: SandboxNetwork,
  extraArgs: string[],
  executablePath: string,
  number: string,
): Promise<OutboxWay> {
  const authDir = await mkdtemp(join(tmpdir(), 'gateway-bench-'));
  const fault = (where: string, error: unknown): void => console.error(where, error);
  const driver = new WwebjsDriver({
    authDir,
    executablePath,
    extraArgs,
    sandbox: 'auto',
    sendTimeoutMs: settings.sendTimeoutMs,
    environment: childEnvironment(),
    onFault: fault,
    onNotice: () => undefined,
  });
  const client = driver.create({ userId: 1, agentId: 'outbox' });
  const nothing = async (): Promise<void> => undefined;
  const log = {
    markSending: nothing,
    settle: nothing,
    receive: async () => null,
  } as Partial<MessageLog> as MessageLog;
  const silent = (): void => undefined;
  const reports = { changed: silent, status: silent, receipt: silent, fault };
  const outbox = new Dispatcher({
    settings,
    clock: HOST_CLOCK,
    agent: { userId: 1, agentId: 'outbox' },
    log,
    permits: async () => true,
    reports,
  });
  client.events.on('ack', (ack) => outbox.acked(ack));
  client.events.on('qr', (qr) => network.scan(qr, number));
  const ready = new Promise((resolve) => client.events.once('ready', resolve));
  await client.start();
  await ready;
  outbox.open({ client, me: { pn: number }, suspect: silent });
  let seq = 0;
  return {
    async send(to, text) {
      seq += 1;
      const message = stored(seq, to, text);
      const end = await outbox.put(message).outcome;
      if (end?.status !== 'sent') throw new Error(`The outcome of the message is ${end?.status}.`);
    },
    async close() {
      outbox.close();
      await driver.close();
      await rm(authDir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** A text as the message log would store it. */
function stored(seq: number, to: string, text: string): StoredMessage {
  return {
    id: String(seq),
    userId: 1,
    agentId: 'outbox',
    seq,
    to,
    content: { kind: 'text', text },
    origin: 'api',
    traceId: String(seq),
    status: 'queued',
    messageId: null,
    error: null,
    createdAt: new Date(),
    account: null,
    stanzaId: null,
    chatId: null,
    handedOverAt: null,
    sentAt: null,
  };
}
