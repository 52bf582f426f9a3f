import { EventEmitter } from 'eventemitter3';
import type { AgentView, QrView, TransitionRecord } from '../../src/actors/domain/agent-view.ts';
import type { MachineName, NextTransition } from '../../src/actors/domain/chart-graph.ts';
import type { ChatView } from '../../src/actors/domain/chats.ts';
import type {
  Command,
  CommandOf,
  Reply,
  RunOutcome,
  SendOptions,
  SendOutcome,
  StartOutcome,
} from '../../src/actors/domain/commands.ts';
import { TEXTS } from '../../src/actors/domain/error-texts.ts';
import { GatewayError } from '../../src/actors/domain/errors.ts';
import type { GatewayApi } from '../../src/actors/domain/gateway-api.ts';
import type { GatewayEvents } from '../../src/actors/domain/gateway-events.ts';
import type { Jid } from '../../src/actors/domain/identity.ts';
import { wordsOf } from '../../src/actors/domain/message-content.ts';
import type { ChatPage, MessagePage } from '../../src/actors/domain/phone-chats.ts';
import type { AiRequest } from '../../src/actors/domain/ports/ai.ts';
import type { OutgoingMessage, StoredMessage } from '../../src/actors/domain/ports/stores.ts';
import type { WebAuthnJson } from '../../src/actors/domain/ports/whatsapp.ts';
import { type AgentSettings, NO_SETTINGS } from '../../src/actors/domain/settings.ts';
import { sessionMachine } from '../../src/actors/session/session.machine.ts';
import { supervisorMachine } from '../../src/actors/session/supervisor.machine.ts';
import { chartGraph } from '../../src/actors/statechart/graph.ts';

export const AT = new Date('2025-11-07T08:00:00.000Z');

/** A connected agent, as the registry would return it. */
export function agentView(agentId: string, changes: Partial<AgentView> = {}): AgentView {
  return {
    userId: 7,
    agentId,
    agentName: 'Support Bot',
    status: 'connected',
    states: ['connected.healthy'],
    supervisorStates: ['alive.running.steady'],
    since: AT.getTime(),
    reason: null,
    endpointUrlRun: null,
    lastConnectedAt: AT,
    lastDisconnectedAt: null,
    createdAt: AT,
    updatedAt: AT,
    live: {
      isConnected: true,
      sessionState: 'CONNECTED',
      isReady: true,
      hasClient: true,
      whatsapp: null,
    },
    account: '6281111111111@c.us',
    qr: null,
    passkey: null,
    restriction: null,
    settings: {
      inboundTypes: ['text'],
      aiMedia: 'url',
      debounceMs: 0,
      debounceMaxMs: 30_000,
      handoverMinutes: 0,
      ignore: [],
      replyDelay: { perCharacterMs: 0, maxMs: 0 },
    },
    chats: { human: 0, closed: 0 },
    turns: { count: 0, first: [] },
    mailbox: { mode: 'idle', depth: 0, capacity: 500, tokens: 99, nextTokenSeconds: 0.4 },
    supervisor: { restarts: 0 },
    ...changes,
  };
}

interface FakeAgent {
  view: AgentView;
  key: string;
  qr?: QrView;
  history: TransitionRecord[];
}

/** What a create request gives of an agent. */
type Created = { agentId: string } & Pick<CommandOf<'session.create'>, 'userId' | 'agentName' | 'apiKey'>;

/** Carries out a command on an agent. */
type Handlers = {
  [Type in Command['type']]: (agentId: string, command: CommandOf<Type>) => Promise<Reply<CommandOf<Type>>>;
};

/** The actors as HTTP sees them, without any: answers are set by the test, calls are recorded. */
export class FakeSystem implements GatewayApi {
  readonly events = new EventEmitter<GatewayEvents>();
  readonly charts = { agent: chartGraph(sessionMachine), supervisor: chartGraph(supervisorMachine) };
  /** What `next` returns of every agent's machine. */
  nextOfAgent: NextTransition[] = [];
  readonly agents = new Map<string, FakeAgent>();
  readonly messages = new Map<string, StoredMessage>();
  readonly sent: { agentId: string; message: OutgoingMessage; options: SendOptions }[] = [];
  readonly ran: { agentId: string; request: AiRequest }[] = [];
  readonly created: Created[] = [];
  readonly refreshed: string[] = [];
  readonly assertions: WebAuthnJson[] = [];
  readonly pairings: Jid[] = [];
  readonly chats = new Map<Jid, ChatView>();
  readonly read: Jid[] = [];
  readonly typing: { chatId: Jid; typing: boolean }[] = [];
  settings: AgentSettings = NO_SETTINGS;
  /** What the phone has, as every read returns it. */
  chatPage: ChatPage = { chats: [] };
  messagePage: MessagePage = { messages: [] };
  readonly asked: { agentId: string; command: Command }[] = [];
  /** Implementations of calls, for tests to replace. */
  onSend: (message: OutgoingMessage, options: SendOptions) => Promise<SendOutcome> = async (message) => ({
    status: 'sent',
    id: `m-${this.sent.length}`,
    messageId: `true_${message.to}_3EB0`,
    to: message.to,
    at: AT,
  });
  onRun: (request: AiRequest) => Promise<RunOutcome> = async (request) => ({
    reply: 'Hello!',
    replySent: true,
    sessionId: request.sessionId,
    id: 'm-1',
    messageId: 'true_1',
  });
  onCreate: (spec: Created) => Promise<StartOutcome> = async ({ agentId }) => ({
    agent: this.add(agentId, `key-${agentId}`, { status: 'awaiting_qr' }).view,
    qr: { code: '2@code', issuedAt: AT.getTime() },
    created: true,
    outcome: 'qr',
  });
  onReconnect: (agentId: string) => Promise<StartOutcome> = async (agentId) => ({
    agent: this.describe(agentId),
    qr: { code: '2@again', issuedAt: AT.getTime() },
    created: false,
    outcome: 'qr',
  });
  onRefresh: (agentId: string) => undefined = (agentId) => void this.refreshed.push(agentId);
  /** Whether a removal finds the device unlinked. */
  isUnlinked = true;
  /** The error of every command that sends, while set. */
  refusal: GatewayError | null = null;

  add(agentId: string, key: string, changes: Partial<AgentView> = {}, qr?: QrView): FakeAgent {
    const agent = { view: agentView(agentId, { ...changes, qr: qr ?? null }), key, qr, history: [] };
    this.agents.set(agentId, agent);
    return agent;
  }

  readonly #handlers: Handlers = {
    'session.create': async (agentId, { userId, agentName, apiKey }) => {
      const spec = { userId, agentId, agentName, apiKey };
      this.created.push(spec);
      return this.onCreate(spec);
    },
    'session.reconnect': async (agentId) => {
      this.#agent(agentId);
      return this.onReconnect(agentId);
    },
    'session.remove': async (agentId) => {
      this.#agent(agentId);
      this.agents.delete(agentId);
      this.events.emit('removed', agentId);
      return { isUnlinked: this.isUnlinked };
    },
    'passkey.answer': async (agentId, { assertion }): Promise<undefined> => {
      this.passkey(agentId);
      this.assertions.push(assertion);
    },
    'pairing_code.request': async (agentId, { number }) => {
      this.qr(agentId);
      this.pairings.push(number);
      return { code: 'ABCD1234', expiresAt: AT.getTime() + 180_000 };
    },
    'message.check': async (agentId): Promise<undefined> => this.#refuse(agentId),
    'message.send': async (agentId, { message, respondAsync }) => {
      this.#refuse(agentId);
      this.sent.push({ agentId, message, options: { respondAsync } });
      return this.onSend(message, { respondAsync });
    },
    'turn.run': async (agentId, { request }) => {
      this.#refuse(agentId);
      this.ran.push({ agentId, request });
      return this.onRun(request);
    },
    'turn.outcome': async (_agentId, { id, sessionId }) => {
      const { content, status, messageId } = this.#message(id);
      const sent = status === 'sent' && { messageId: String(messageId) };
      return { reply: wordsOf(content), replySent: status === 'sent', sessionId, id, ...sent };
    },
    'message.find': async (_agentId, { id }) => this.#message(id),
    'message.withdraw': async (_agentId, { id }) => {
      const message = this.#message(id);
      const isWithdrawn = message.status === 'queued';
      if (isWithdrawn) this.messages.set(id, { ...message, status: 'failed' });
      return { message, isWithdrawn };
    },
    'message.outcome': async (_agentId, { id }) => {
      const { to, status, messageId } = this.#message(id);
      if (status === 'sent') return { status, id, messageId: String(messageId), to, at: AT };
      if (status === 'queued') return { status, id, to, position: 0 };
      throw new GatewayError('BAD_GATEWAY', 'It failed.', { details: { outcome: 'failed', id } });
    },
    'chats.list': async (agentId, { mode }) => {
      this.#agent(agentId);
      return [...this.chats.values()].filter((chat) => chat.mode === mode);
    },
    'chat.find': async (_agentId, { chatId }) => this.chats.get(chatId) ?? { chatId, mode: 'bot' },
    'chat.set_mode': async (_agentId, { chatId, mode, minutes }) => {
      const until = minutes === undefined ? {} : { until: AT.getTime() + minutes * 60_000 };
      const chat = { chatId, mode, ...(mode !== 'bot' && { since: AT.getTime() }), ...until };
      this.chats.set(chatId, chat);
      return chat;
    },
    'chats.read': async (agentId): Promise<ChatPage> => {
      this.#refuse(agentId);
      return this.chatPage;
    },
    'chat.read_messages': async (agentId): Promise<MessagePage> => {
      this.#refuse(agentId);
      return this.messagePage;
    },
    'chat.fetch_file': async (agentId) => {
      this.#refuse(agentId);
      throw new GatewayError('NOT_FOUND', TEXTS.NOT_FOUND.file);
    },
    'contact.find': async (agentId, { jid }) => {
      this.#refuse(agentId);
      return { jid };
    },
    'chat.mark_read': async (agentId, { chatId }): Promise<undefined> => {
      this.#refuse(agentId);
      this.read.push(chatId);
    },
    'chat.set_typing': async (agentId, { chatId, typing }): Promise<undefined> => {
      this.#refuse(agentId);
      this.typing.push({ chatId, typing });
    },
    'settings.read': async () => this.settings,
    'settings.change': async (_agentId, { changes }) => {
      this.settings = { ...this.settings, ...changes };
      return this.settings;
    },
    'api_key.refresh': async (agentId): Promise<undefined> => this.onRefresh(agentId),
  };

  /** Throws the error that the test has set. */
  #refuse(agentId: string): undefined {
    this.#agent(agentId);
    if (this.refusal) throw this.refusal;
  }

  #message(id: string): StoredMessage {
    const message = this.messages.get(id);
    if (!message) throw new GatewayError('NOT_FOUND', TEXTS.NOT_FOUND.message);
    return message;
  }

  #agent(agentId: string): FakeAgent {
    const agent = this.agents.get(agentId);
    if (!agent) throw new GatewayError('SESSION_NOT_FOUND', TEXTS.SESSION_NOT_FOUND.noAgent);
    return agent;
  }

  async restore(): Promise<void> {}

  ask<C extends Command>(agentId: string, command: C): Promise<Reply<C>> {
    const handle = this.#handlers[command.type] as unknown as (id: string, asked: C) => Promise<Reply<C>>;
    this.asked.push({ agentId, command });
    return handle(agentId, command);
  }

  list(): AgentView[] {
    return [...this.agents.values()].map(({ view }) => view);
  }

  describe(agentId: string): AgentView {
    return this.#agent(agentId).view;
  }

  mailbox(agentId: string) {
    return this.describe(agentId).mailbox;
  }

  qr(agentId: string): QrView {
    const { qr } = this.#agent(agentId);
    if (!qr) throw new GatewayError('SESSION_NOT_READY', TEXTS.SESSION_NOT_READY.noQr);
    return qr;
  }

  passkey(agentId: string): WebAuthnJson {
    const { passkey } = this.describe(agentId);
    if (!passkey?.challenge) throw new GatewayError('SESSION_NOT_READY', TEXTS.SESSION_NOT_READY.noPasskey);
    return passkey.challenge;
  }

  history(agentId: string): TransitionRecord[] {
    return [...this.#agent(agentId).history];
  }

  next(agentId: string): Record<MachineName, NextTransition[]> {
    this.#agent(agentId);
    return { agent: this.nextOfAgent, supervisor: [] };
  }

  credentials(agentId: string): { userId: number; apiKey: string } | undefined {
    const agent = this.agents.get(agentId);
    return agent && { userId: agent.view.userId, apiKey: agent.key };
  }

  async stop(): Promise<void> {}
}
