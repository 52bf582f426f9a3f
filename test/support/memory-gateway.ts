import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'eventemitter3';
import type { Command } from '../../src/actors/domain/commands.ts';
import { GatewayError } from '../../src/actors/domain/errors.ts';
import type { AgentRef } from '../../src/actors/domain/identity.ts';
import type { MessageContent } from '../../src/actors/domain/message-content.ts';
import type { AiAnswer, AiBackend } from '../../src/actors/domain/ports/ai.ts';
import type { Scheduler } from '../../src/actors/domain/ports/clock.ts';
import type {
  AgentRecord,
  AgentStore,
  ChatStore,
  MessageLog,
  StoredMessage,
} from '../../src/actors/domain/ports/stores.ts';
import type { Transcriber } from '../../src/actors/domain/ports/transcriber.ts';
import type { WebhookOutbox } from '../../src/actors/domain/ports/webhooks.ts';
import type {
  InboundMessage,
  WebAuthnJson,
  WhatsAppClient,
  WhatsAppClientEvents,
  WhatsAppDriver,
} from '../../src/actors/domain/ports/whatsapp.ts';
import { type ActorSettings, DEFAULT_LIMITS, NO_SETTINGS } from '../../src/actors/domain/settings.ts';
import { createGateway } from '../../src/actors/gateway/gateway.ts';
import { HOST_CLOCK } from '../../src/infra/host-clock.ts';
import { answerOf } from './answers.ts';

/** The default trace id of requests. */
export const TRACE = '0'.repeat(32);
export const ME = { pn: '6281111111111@c.us' };
const CUSTOMER = '6283333333333@c.us';

/** A promise that the test resolves (`release`) or rejects (`fail`). */
export function held<T>() {
  let release!: (value: T) => void;
  let fail!: (error: unknown) => void;
  const promise = new Promise<T>((resolve, reject) => {
    release = resolve;
    fail = reject;
  });
  return { promise, release, fail };
}

/** The database can't be reached. */
export const away = () => Promise.reject(new GatewayError('DATABASE_UNAVAILABLE', 'away'));

/** A direct message from a customer. */
export function inbound(id: string): InboundMessage {
  const chatId = '6282222222222@c.us';
  const text = { id, chatId, senderId: chatId, fromMe: false, type: 'chat', body: `text ${id}` };
  return { ...text, mentionedIds: [], timestamp: Date.now() };
}

/** A database in memory, with failures that a test injects. */
export class MemoryDatabase {
  readonly rows = new Map<string, AgentRecord>();
  readonly messages = new Map<string, StoredMessage>();
  readonly claims = new Set<string>();
  /** Keys of messages whose claims are final, with an answer or without one. */
  readonly settled: string[] = [];
  readonly #open = new Set<string>();
  readonly links = new Map<string, Date>();
  /** The active keys of every user, the newest first. */
  keys: string[] = [];
  /** Hooks of tests: run before the operation, which fails with them. */
  before: Partial<Record<'append' | 'save' | 'remove' | 'pending' | 'claim', () => Promise<unknown>>> = {};
  #seq = 0;

  readonly agents: AgentStore = {
    save: async ({ status, ...agent }) => {
      await this.before.save?.();
      const times = {
        lastConnectedAt: null,
        lastDisconnectedAt: null,
        createdAt: new Date(),
        updatedAt: new Date(),
      };
      const state = this.rows.get(agent.agentId)?.status ?? status;
      const record = { ...agent, ...times, endpointUrlRun: null, status: state };
      this.rows.set(agent.agentId, record);
      return record;
    },
    list: async () => [...this.rows.values()],
    find: async ({ userId, agentId }) => {
      const row = this.rows.get(agentId);
      return row?.userId === userId ? row : null;
    },
    has: async (agent) => (await this.agents.find(agent)) !== null,
    version: async () => JSON.stringify([...this.rows.values()]),
    setStatus: async ({ agentId }, { to }) => {
      const row = this.rows.get(agentId);
      if (row) this.rows.set(agentId, { ...row, status: to });
    },
    setApiKey: async () => undefined,
    forget: async () => undefined,
    remove: async ({ agentId }) => {
      await this.before.remove?.();
      this.rows.delete(agentId);
    },
  };

  readonly log: MessageLog = {
    append: async ({ userId, agentId }, message, acceptance = {}) => {
      await this.before.append?.();
      const { at: createdAt = new Date(), status = 'queued', stanzaId = null, answers = [] } = acceptance;
      this.#settle(answers);
      this.#seq += 1;
      const id = message.id ?? String(this.#seq);
      const open = { messageId: null, error: null, chatId: null, handedOverAt: null, sentAt: null };
      const own = { id, userId, agentId, seq: this.#seq, status, stanzaId, createdAt };
      const stored = { ...message, account: message.account ?? null, ...open, ...own };
      this.messages.set(id, stored);
      return stored;
    },
    markSending: async () => undefined,
    settle: async (id, outcome) => {
      const row = this.messages.get(id);
      const messageId = outcome.status === 'sent' ? outcome.messageId : null;
      if (row) this.messages.set(id, { ...row, messageId, status: outcome.status });
    },
    receive: async (_agent, { messageId }) =>
      [...this.messages.values()].find((row) => row.messageId === messageId) ?? null,
    find: async (_agent, id) => this.messages.get(id) ?? null,
    claimed: async () => [],
    isOurs: async (stanzaId) => [...this.messages.values()].some((row) => row.stanzaId === stanzaId),
    pending: async () => {
      await this.before.pending?.();
      return [];
    },
    failPending: async () => undefined,
  };

  /** Chats without a memory of their own: those of the tests are in the process. */
  readonly chats: ChatStore = {
    load: async () => [],
    save: async () => undefined,
    remove: async () => undefined,
    merge: async () => undefined,
    record: async () => undefined,
    history: async () => ({ entries: [], lastId: '0' }),
    forget: async () => undefined,
  };

  readonly inbound = {
    claim: async (_agent: AgentRef, id: string) => {
      await this.before.claim?.();
      const isNew = !this.claims.has(id);
      this.claims.add(id);
      return isNew;
    },
    link: async ({ agentId }: AgentRef, at: Date) => {
      this.links.set(agentId, at);
    },
    claimTurn: async (_agent: AgentRef, keys: string[]) => {
      await this.before.claim?.();
      const claimed = keys.filter((key) => !this.claims.has(key) || this.#open.has(key));
      for (const key of claimed) {
        this.claims.add(key);
        this.#open.add(key);
      }
      return claimed;
    },
    settle: async (_agent: AgentRef, keys: string[]) => {
      this.#settle(keys);
    },
    linkedAt: async ({ agentId }: AgentRef) => this.links.get(agentId) ?? null,
  };

  #settle(keys: readonly string[]): void {
    this.settled.push(...keys);
    for (const key of keys) this.#open.delete(key);
  }
}

/** A driver whose clients follow the test's script; by default every call succeeds at once. */
class ScriptedDriver implements WhatsAppDriver {
  readonly name = 'sandbox';
  readonly clients: WhatsAppClient[] = [];
  readonly sent: string[] = [];
  readonly assertions: WebAuthnJson[] = [];
  /** When set, every send is refused with this code. */
  refusal: number | undefined;
  script: Partial<WhatsAppClient> = {};

  create(): WhatsAppClient {
    const done = async () => undefined;
    const calls = {
      ...{ start: done, logout: done, destroy: done, reload: done, setTyping: done, watchTyping: done },
      markRead: done,
      resolveRecipient: async (jid: string) => jid,
      identify: async (chatId: string) => ({ chatId }),
      probe: async () => 'CONNECTED',
      requestPairingCode: async () => 'ABCD1234',
      answerPasskey: async (assertion: WebAuthnJson) => {
        this.assertions.push(assertion);
      },
      findSent: async () => [],
      fetchMissed: async () => [],
      listChats: async () => ({ chats: [] }),
      listMessages: async () => ({ messages: [] }),
      findMessage: async () => null,
      findContact: async (jid: string) => ({ jid }),
      downloadMedia: async function* () {},
      send: async (_to: string, content: MessageContent) => {
        const timestamp = Date.now();
        if (content.kind !== 'text') return { messageId: content.kind, timestamp, ack: 1 };
        this.sent.push(content.text);
        const ack = this.refusal === undefined ? 1 : -1;
        return { messageId: `wa ${content.text}`, timestamp, ack, errorCode: this.refusal };
      },
    };
    const events = new EventEmitter<WhatsAppClientEvents>();
    const client = { ...calls, ...this.script, events };
    this.clients.push(client);
    return client;
  }

  prepare = async () => undefined;
  adopt = async () => undefined;
  hasCredentials = async () => false;
  removeCredentials = async () => undefined;
  memory = async () => new Map();
  close = async () => undefined;
}

/** What a test replaces of its gateway. */
export interface MemoryGatewayChanges {
  settings?: Partial<ActorSettings>;
  /** What the AI answers, or just its reply. */
  ask?: (...call: Parameters<AiBackend['ask']>) => Promise<AiAnswer | string | null>;
  database?: MemoryDatabase;
  clock?: Scheduler;
  transcriber?: Transcriber;
  webhooks?: WebhookOutbox;
}

/** A gateway on a scripted driver and a database in memory, for races that depend on single microtasks. */
export function memoryGateway(changes: MemoryGatewayChanges = {}) {
  const { database = new MemoryDatabase(), clock = HOST_CLOCK } = changes;
  const driver = new ScriptedDriver();
  /** Paths of deleted image files. */
  const released: string[] = [];
  const system = createGateway({
    driver,
    clock,
    ai: {
      ask: async (...call) => {
        const answer = changes.ask ? await changes.ask(...call) : 'hello';
        return typeof answer === 'object' && answer !== null ? answer : answerOf(answer);
      },
    },
    transcriber: changes.transcriber,
    agents: database.agents,
    apiKeys: { active: async () => database.keys },
    messages: database.log,
    inbound: database.inbound,
    chats: database.chats,
    agentSettings: { load: async () => NO_SETTINGS, save: async () => undefined },
    webhooks: changes.webhooks ?? {
      wants: () => false,
      record: async () => undefined,
      recorded: async () => new Set(),
    },
    files: {
      release: async (_agent, { path }) => void released.push(path),
      add: async (_agent, bytes) => {
        for await (const _chunk of bytes);
        throw new Error('There are no files.');
      },
      find: async () => null,
    },
    fileLinks: { url: ({ id }) => `http://localhost/files/${id}` },
    intake: { open: () => Promise.reject(new GatewayError('NOT_FOUND', 'There is no such file.')) },
    random: () => 0.5,
    newTraceId: () => TRACE,
    newStanzaId: () => `3EB0${randomBytes(9).toString('hex').toUpperCase()}`,
    settings: {
      ...{ sendRatePerMinute: 6_000, sendBurst: 100, mailboxCapacity: 500 },
      ...{ sendWaitMs: 30_000, sendTimeoutMs: 30_000, messageTtlMs: 3_600_000 },
      ...{ qrWaitMs: 30_000, qrMaxRefreshes: 3, startConcurrency: 2, aiConcurrency: 4, handoverMinutes: 0 },
      ...{ debounceMs: 0, debounceMaxMs: 30_000 },
      ...{ inboundTypes: ['text'], aiMedia: 'url' },
      ...{ developer: '628999@c.us', limits: { ...DEFAULT_LIMITS, probeAgainMs: 5 } },
      ...changes.settings,
    },
  });
  const ask = <C extends Command>(command: C) => system.ask('shop', command);
  const spec = {
    type: 'session.create',
    userId: 1,
    agentName: 'Shop',
    apiKey: 'key',
    traceId: TRACE,
  } as const;
  const create = () => ask(spec);
  /** Requests the start of an agent; returns the answer, once there is a client, and that client's events. */
  const start = async (agentId: string) => {
    const made = driver.clients.length;
    const created = system.ask(agentId, spec);
    while (driver.clients.length === made) await new Promise(setImmediate);
    return { created, events: driver.clients.at(-1)!.events };
  };
  /** Creates an agent that shows a QR; returns its client's events. */
  const showQr = async (agentId = 'shop', code = 'a,b,c') => {
    const { created, events } = await start(agentId);
    events.emit('qr', code);
    await created;
    return events;
  };
  return {
    database,
    driver,
    system,
    released,
    create,
    reconnect: () => ask({ type: 'session.reconnect', traceId: TRACE }),
    remove: (agentId = 'shop') => system.ask(agentId, { type: 'session.remove', traceId: TRACE }),
    /** The newest client. */
    client: () => driver.clients.at(-1)!,
    /** Creates the agent and connects it. */
    connect: async () => {
      const { created, events } = await start('shop');
      events.emit('ready', ME);
      await created;
    },
    showQr,
    /** Creates an agent and links its account with a QR; returns its client's events. */
    link: async (agentId = 'shop') => {
      const events = await showQr(agentId);
      events.emit('authenticated');
      events.emit('ready', ME);
      return events;
    },
    send: (text: string) =>
      ask({
        type: 'message.send',
        userId: 1,
        message: { to: CUSTOMER, content: { kind: 'text', text }, origin: 'api', traceId: TRACE },
        respondAsync: false,
      }),
    /** `/run`; the reply is stored under `id`. */
    run: (message: string, id?: string) =>
      ask({ type: 'turn.run', userId: 1, request: { message, sessionId: CUSTOMER }, traceId: TRACE, id }),
  };
}
