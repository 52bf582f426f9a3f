import type { EventEmitter } from 'eventemitter3';
import type { Agent } from '../agent/agent.ts';
import type { Command, CommandOf, Reply, StartOutcome } from '../domain/commands.ts';
import { TEXTS } from '../domain/error-texts.ts';
import { GatewayError } from '../domain/errors.ts';
import type { GatewayEvents } from '../domain/gateway-events.ts';
import type { Clock } from '../domain/ports/clock.ts';
import type { MessageLog, StoredMessage } from '../domain/ports/stores.ts';
import { whyDown } from '../domain/restart-policy.ts';
import type { ActorSettings } from '../domain/settings.ts';
import type { SessionTag } from '../session/session.setup.ts';
import type { SupervisorEvent } from '../session/supervisor.machine.ts';
import type { AgentRegistry } from './agent-registry.ts';
import type { ApiKeyRefresh } from './api-key-refresh.ts';
import { answerPasskey, noPairing, noPasskey, pairingCode } from './device-linking.ts';
import type { Lifecycle } from './lifecycle.ts';

/** What the routes work with. */
export interface RouteContext {
  agents: AgentRegistry;
  lifecycle: Pick<Lifecycle, 'assertOpen' | 'isStopping'>;
  keys: ApiKeyRefresh;
  messages: Pick<MessageLog, 'find'>;
  clock: Clock;
  settings: Pick<ActorSettings, 'limits' | 'qrWaitMs'>;
  events: EventEmitter<GatewayEvents>;
}

/** The way of a command to its agent. */
interface CommandRoute<C extends Command> {
  /** The supervisor's machine, what a state of the session runs, or what is stored of the agent. */
  to:
    | 'supervisor'
    | 'client'
    | 'dispatcher'
    | 'AI reply'
    | 'message log'
    | 'chat modes'
    | 'settings'
    | 'API key';
  /** The event that the machine receives; refused where its state has no transition for it. */
  event?: SupervisorEvent['type'];
  /** The tag of the session's states in which the command is accepted; any state where there is none. */
  tag?: SessionTag;
  handle(context: RouteContext, agentId: string, command: C): Promise<Reply<C>>;
}

/** Carries a command out on its agent. */
type Handler<C extends Command> = (context: RouteContext, agent: Agent, command: C) => Promise<Reply<C>>;

/** Commands that send a message, or check whether one could be sent. */
type Sending = CommandOf<'message.check' | 'message.send' | 'turn.run'>;

/** The table of commands: where each goes, and in which state it is accepted. `docs/architecture.md` draws it. */
export const COMMAND_ROUTES: { readonly [Type in Command['type']]: CommandRoute<CommandOf<Type>> } = {
  'session.create': { to: 'supervisor', event: 'session.start', handle: createSession },
  'session.reconnect': { to: 'supervisor', event: 'session.reconnect', handle: reconnectSession },
  'session.remove': {
    to: 'supervisor',
    event: 'session.remove',
    handle: async ({ agents }, agentId, { traceId }) => agents.remove(agentId, traceId),
  },
  'passkey.answer': inState('passkey', 'client', {
    refuse: noPasskey,
    handle: (_context, agent, { assertion }) => answerPasskey(agent, assertion),
  }),
  'pairing_code.request': inState('qr', 'client', {
    refuse: ({ agents }, agent, { number }) => noPairing(agents.all(), agent, number),
    handle: ({ agents, clock, settings: { limits } }, agent, { number }) =>
      pairingCode(agents.all(), agent, number, { clock, limits }),
  }),
  'message.check': whenConnected('dispatcher', async (_context, agent, { traceId }): Promise<undefined> => {
    agent.sender.assertRoom(traceId);
  }),
  'message.send': whenConnected('dispatcher', (_context, agent, command) =>
    agent.sender.send(command.message, command),
  ),
  'turn.run': whenConnected('AI reply', (_context, agent, command) =>
    agent.aiRuns.run(command.request, command, agent.shutdown.signal),
  ),
  'turn.outcome': inAnyState('message log', (_context, agent, { id, sessionId }) =>
    agent.aiRuns.outcome(id, sessionId),
  ),
  'message.find': inAnyState<CommandOf<'message.find'>>('message log', findMessage),
  'message.withdraw': inAnyState('dispatcher', async (context, agent, command) => {
    const message = await findMessage(context, agent, command);
    const isWithdrawn =
      message.error?.code === 'WITHDRAWN' || (await agent.sender.dispatcher.withdraw(message.id));
    return { message, isWithdrawn };
  }),
  'message.outcome': inAnyState('message log', async (context, agent, command) =>
    agent.sender.outcome(await findMessage(context, agent, command)),
  ),
  'chats.list': inAnyState('chat modes', async (_context, { chatModes }, { mode }) => {
    await chatModes.load();
    return chatModes.list(mode);
  }),
  'chat.find': inAnyState('chat modes', async (_context, agent, { chatId }) => {
    await agent.chatModes.load();
    return agent.chatModes.view(await agent.identify(chatId));
  }),
  'chat.set_mode': inAnyState('chat modes', async (_context, agent, { chatId, ...change }) =>
    agent.chatModes.set(await agent.identify(chatId), change),
  ),
  'chats.read': ofPhone((agent, query) => agent.phone.chats(query)),
  'chat.read_messages': ofPhone((agent, { chatId, ...query }) => agent.phone.messages(chatId, query)),
  'chat.fetch_file': ofPhone((agent, { chatId, messageId }) =>
    agent.phone.file(chatId, messageId, agent.shutdown.signal),
  ),
  'contact.find': ofPhone((agent, { jid }) => agent.phone.call((client) => client.findContact(jid))),
  'chat.mark_read': ofPhone(async (agent, { chatId }): Promise<undefined> => {
    await agent.phone.call((client) => client.markRead(chatId));
  }),
  'chat.set_typing': ofPhone(async (agent, { chatId, typing }): Promise<undefined> => {
    await agent.phone.call((client) => client.setTyping(chatId, typing));
  }),
  'settings.read': inAnyState('settings', (_context, agent) => agent.settings.read()),
  'settings.change': inAnyState('settings', async ({ events }, agent, { changes, traceId }) => {
    const settings = await agent.settings.change(changes);
    events.emit('settings', { agentId: agent.agentId, names: Object.keys(changes), traceId });
    return settings;
  }),
  'api_key.refresh': inAnyState('API key', async ({ keys }, agent): Promise<undefined> => {
    keys.refresh(agent);
  }),
};

/** The route of a command. */
export function routeOf<C extends Command>(command: C): CommandRoute<C> {
  return COMMAND_ROUTES[command.type] as unknown as CommandRoute<C>;
}

/** A command for what the session runs in the states with this tag; in any other state it is refused. */
function inState<C extends Command>(
  tag: SessionTag,
  to: CommandRoute<C>['to'],
  {
    refuse,
    handle,
  }: { refuse(context: RouteContext, agent: Agent, command: C): GatewayError; handle: Handler<C> },
): CommandRoute<C> {
  return {
    to,
    tag,
    async handle(context, agentId, command) {
      const agent = agentOf(context, agentId, command);
      if (agent.actorSystem.is(tag)) return handle(context, agent, command);
      throw refuse(context, agent, command);
    },
  };
}

/** A command that sends: refused during a stop, too; each refusal is counted. */
function whenConnected<C extends Sending>(to: CommandRoute<C>['to'], handle: Handler<C>): CommandRoute<C> {
  const route = inState<C>('connected', to, { refuse: notConnected, handle });
  return {
    ...route,
    async handle(context, agentId, command) {
      if (context.lifecycle.isStopping) countRejected(context, agentId, command, 'draining');
      context.lifecycle.assertOpen();
      return route.handle(context, agentId, command);
    },
  };
}

/** A command about the data of the phone, while the agent is connected. */
function ofPhone<C extends Command>(
  handle: (agent: Agent, command: C) => Promise<Reply<C>>,
): CommandRoute<C> {
  return inState<C>('connected', 'client', {
    refuse: (_context, { record }) =>
      new GatewayError('SESSION_NOT_READY', TEXTS.SESSION_NOT_READY.notConnected(record.status)),
    handle: (_context, agent, command) => handle(agent, command),
  });
}

/** A command about what is stored of an agent. */
function inAnyState<C extends Command>(to: CommandRoute<C>['to'], handle: Handler<C>): CommandRoute<C> {
  return {
    to,
    handle: async (context, agentId, command) => handle(context, agentOf(context, agentId, command), command),
  };
}

/** The agent, which has to be the user's where the command names one. @throws GatewayError `SESSION_NOT_FOUND` */
function agentOf({ agents }: RouteContext, agentId: string, command: Command): Agent {
  return 'userId' in command ? agents.getOwned({ userId: command.userId, agentId }) : agents.get(agentId);
}

/** Publishes that a message was refused. */
function countRejected(
  { events }: RouteContext,
  agentId: string,
  command: Sending,
  reason: 'draining' | 'not_ready',
): void {
  const { traceId } = command.type === 'message.send' ? command.message : command;
  events.emit('rejected', { agentId, reason, traceId });
}

/** Refusal of what needs a connection. */
function notConnected(context: RouteContext, { agentId, record }: Agent, command: Sending): GatewayError {
  countRejected(context, agentId, command, 'not_ready');
  return new GatewayError('SESSION_NOT_READY', TEXTS.SESSION_NOT_READY.notConnected(record.status));
}

/** Creates or updates the agent, then starts its session unless that is connected. */
async function createSession(
  context: RouteContext,
  agentId: string,
  command: CommandOf<'session.create'>,
): Promise<StartOutcome> {
  context.lifecycle.assertOpen();
  const { agent, created } = await context.agents.obtain(agentId, command);
  if (agent.isConnected) return { agent: agent.view(), qr: null, created, outcome: 'connected' };
  return { ...(await start(context, agent, { type: 'session.start', traceId: command.traceId })), created };
}

/** Restarts the session with a new link. */
async function reconnectSession(
  context: RouteContext,
  agentId: string,
  { traceId }: CommandOf<'session.reconnect'>,
): Promise<StartOutcome> {
  context.lifecycle.assertOpen();
  const agent = context.agents.get(agentId);
  const started = await start(context, agent, { type: 'session.reconnect', traceId });
  return { ...started, created: false, isUnlinked: agent.link.isUnlinked };
}

/** Sends a start to the supervisor and waits for QR, readiness or failure, `QR_WAIT_MS` at most. */
async function start(
  { lifecycle, settings }: RouteContext,
  agent: Agent,
  event: SupervisorEvent,
): Promise<Omit<StartOutcome, 'created'>> {
  await agent.boot();
  // A stop may have begun while the database was read.
  lifecycle.assertOpen();
  agent.actorSystem.assertAccepts(event);
  const reached = agent.startWaiters.next(settings.qrWaitMs);
  agent.command(event);
  const progress = await reached;
  // The agent was removed, or stopped, meanwhile.
  agent.shutdown.signal.throwIfAborted();
  if (progress?.kind === 'down') {
    const { lastError } = agent.view().supervisor;
    throw new GatewayError('SESSION_START_FAILED', whyDown(progress.reason, lastError));
  }
  return { agent: agent.view(), qr: agent.connection.qr, outcome: progress?.kind ?? 'pending' };
}

/** A message of the agent. @throws GatewayError `NOT_FOUND` */
async function findMessage(
  { messages }: RouteContext,
  { record }: Agent,
  { id }: { id: string },
): Promise<StoredMessage> {
  const message = await messages.find(record, id);
  if (message) return message;
  throw new GatewayError('NOT_FOUND', TEXTS.NOT_FOUND.message);
}
