import type { EventEmitter } from 'eventemitter3';
import type { AgentView } from '../domain/agent-view.ts';
import type { ChatAddress } from '../domain/chats.ts';
import type { GatewayEvents } from '../domain/gateway-events.ts';
import type { Jid } from '../domain/identity.ts';
import type { AiBackend } from '../domain/ports/ai.ts';
import type { Scheduler } from '../domain/ports/clock.ts';
import type { ContentIntake, FileLinks, FileStore, MessageFiles } from '../domain/ports/files.ts';
import type {
  AgentRecord,
  ChatStore,
  InboundLog,
  MessageLog,
  SessionState,
  SettingsStore,
} from '../domain/ports/stores.ts';
import type { Transcriber } from '../domain/ports/transcriber.ts';
import type { WebhookOutbox } from '../domain/ports/webhooks.ts';
import type { WhatsAppDriver } from '../domain/ports/whatsapp.ts';
import type { Semaphore } from '../domain/semaphore.ts';
import type { ActorSettings } from '../domain/settings.ts';
import { AiReplies } from '../inbound/ai-reply.ts';
import { AiRuns } from '../inbound/ai-runs.ts';
import { ChatModes } from '../inbound/chat-modes.ts';
import { Downloads } from '../inbound/downloads.ts';
import { EventRecorder } from '../inbound/event-recorder.ts';
import { Handover } from '../inbound/handover.ts';
import { Inbound } from '../inbound/inbound.ts';
import type { OwnReplies } from '../inbound/loop-guard.ts';
import { PhoneData } from '../inbound/phone-data.ts';
import type { OwnStanzas } from '../outbound/own-stanzas.ts';
import { Sender } from '../outbound/sender.ts';
import { AccountRestriction } from '../session/account-restriction.ts';
import { ActorSystem } from '../session/actor-system.ts';
import { Connection } from '../session/connection.ts';
import { DeviceLink } from '../session/device-link.ts';
import { SessionEffects } from '../session/session-effects.ts';
import type { StartCircuitBreaker } from '../session/start-circuit-breaker.ts';
import type { SupervisorEvent, SupervisorReport } from '../session/supervisor.machine.ts';
import { AgentStatus, type StatusWriter } from './agent-status.ts';
import { SettingsOfAgent } from './settings-of-agent.ts';
import { Shutdown } from './shutdown.ts';
import { StartWaiters } from './start-waiters.ts';

/** The ports and settings that every agent works with. */
export interface AgentPorts {
  driver: WhatsAppDriver;
  ai: AiBackend;
  /** Turns voice into text, where it is configured. */
  transcriber?: Transcriber;
  messages: MessageLog;
  inbound: InboundLog;
  chats: ChatStore;
  agentSettings: SettingsStore;
  files: MessageFiles & Pick<FileStore, 'add' | 'find'>;
  webhooks: WebhookOutbox;
  fileLinks: Pick<FileLinks, 'url'>;
  /** Opens the files of the AI's answers. */
  intake: ContentIntake;
  clock: Scheduler;
  random(): number;
  newTraceId(): string;
  /** A WhatsApp id for the next message. */
  newStanzaId(agentId: string): string;
  settings: ActorSettings;
}

/** What all agents of a gateway share. */
export interface AgentDeps extends AgentPorts {
  semaphore: Semaphore;
  circuitBreaker: StartCircuitBreaker;
  ownReplies: OwnReplies;
  ownStanzas: OwnStanzas;
  projection: StatusWriter;
  events: EventEmitter<GatewayEvents>;
}

/** One agent, composed of its parts: its status, its connection, its sender and receiver, its actor system. */
export class Agent {
  readonly agentId: string;
  readonly connection: Connection;
  readonly link: DeviceLink;
  readonly settings: SettingsOfAgent;
  readonly chatModes: ChatModes;
  readonly sender: Sender;
  readonly aiRuns: AiRuns;
  readonly inbound: Inbound;
  readonly phone: PhoneData;
  readonly startWaiters: StartWaiters;
  readonly actorSystem: ActorSystem;
  readonly shutdown: Shutdown;
  readonly #deps: AgentDeps;
  readonly #status: AgentStatus;
  readonly #restriction: AccountRestriction;
  readonly #session: SessionEffects;
  #booted: Promise<void> | null = null;
  /** Of the request that the machines are executing; undefined when they have. */
  #traceId: string | undefined;

  constructor(record: AgentRecord, deps: AgentDeps) {
    const { userId, agentId } = record;
    const { clock, random, events, settings } = deps;
    const ref = { userId, agentId };
    const traceId = () => this.#traceId;
    this.agentId = agentId;
    this.#deps = deps;
    const status = new AgentStatus(deps, record);
    this.#status = status;
    this.startWaiters = new StartWaiters(clock);
    const connection = new Connection(agentId, clock, events);
    this.connection = connection;
    this.link = new DeviceLink(clock);
    this.settings = new SettingsOfAgent(deps, ref);
    this.chatModes = new ChatModes(deps, ref);
    const effective = () => this.settings.effective;
    const handover = new Handover(deps, { agent: ref, modes: this.chatModes, settings: effective });
    this.sender = new Sender(deps, ref, {
      permits: (message) => handover.permits(message),
      onRefusal: (kind) => this.#restriction.refused(kind),
    });
    const live = {
      record: () => status.record,
      client: () => connection.client,
      me: () => connection.me,
    };
    const downloads = new Downloads(deps);
    const recorder = new EventRecorder(deps, live, downloads);
    this.#restriction = new AccountRestriction(clock, settings.limits.refusalMs, (restriction) => {
      recorder.restriction(restriction);
      events.emit('restriction', { agentId, restriction });
    });
    const { sender } = this;
    const aiReplies = new AiReplies(deps, live, { sender, handover, settings: effective });
    this.aiRuns = new AiRuns(deps.messages, live, { replies: aiReplies, sender });
    this.phone = new PhoneData(deps, { agent: ref, client: live.client, modes: this.chatModes });
    this.inbound = new Inbound(deps, live, {
      ...{ sender, aiReplies, handover, downloads, recorder, settings: effective },
    });
    this.#session = new SessionEffects(deps, {
      agent: ref,
      connection,
      link: this.link,
      restriction: this.#restriction,
      dispatcher: this.sender.dispatcher,
      inbound: this.inbound,
      onQr: () => this.startWaiters.reach({ kind: 'qr' }),
      traceId,
    });
    this.actorSystem = new ActorSystem({ effects: this.#session, random }, clock, {
      traceId,
      onTransition: (transition) => events.emit('transition', agentId, transition),
      onStatus: (state, reason) => this.#changeStatus(state, reason),
      onReport: (report) => this.#report(report),
      onError: (error) => events.emit('fault', { agentId, where: 'actor', error }),
    });
    this.shutdown = new Shutdown(deps, {
      ref,
      sender: this.sender,
      inbound: this.inbound,
      aiRuns: this.aiRuns,
      handover,
      startWaiters: this.startWaiters,
      actorSystem: this.actorSystem,
      boot: () => this.boot(),
    });
  }

  /** Its row as it is known: key, name and AI endpoint may be replaced. */
  get record(): AgentRecord {
    return this.#status.record;
  }

  set record(record: AgentRecord) {
    this.#status.record = record;
  }

  /** True when a message can be sent now. */
  get isConnected(): boolean {
    return this.actorSystem.is('connected');
  }

  /** Loads credentials and queue, and starts the actor system; once, however often it is called. */
  boot(): Promise<void> {
    this.#booted ??= this.#boot().catch((error: unknown) => {
      this.#booted = null;
      throw error;
    });
    return this.#booted;
  }

  async #boot(): Promise<void> {
    this.link.restore(await this.#deps.driver.hasCredentials(this.record));
    await Promise.all([this.settings.load(), this.chatModes.load(), this.sender.restore()]);
    this.actorSystem.start();
  }

  /** Entered into the registry: whatever its row says, there is no connection yet. */
  begin(): void {
    if (this.#status.status === 'connected') this.#status.change('disconnected', null);
  }

  /** Takes over what another system has changed in its row. */
  update({ agentName, apiKey, endpointUrlRun }: AgentRecord): void {
    this.record = { ...this.record, agentName, apiKey, endpointUrlRun };
  }

  /** After a restart of the service: connects if it is linked, else it is disconnected, whatever its row says. */
  restore(): void {
    if (this.record.status === 'auth_failed') return;
    if (this.link.isLinked) this.command({ type: 'session.restore' });
    // A start may have been requested meanwhile.
    else if (this.actorSystem.isDown) this.#status.change('disconnected', null);
  }

  /** Sends the supervisor a command; what follows carries the trace id of its request. */
  command(event: SupervisorEvent): void {
    if ('traceId' in event && this.actorSystem.can(event)) this.#traceId = event.traceId;
    this.actorSystem.command(event);
  }

  /** True when it is connected, has nothing to do, and has had nothing for `ms`. */
  isQuiet(ms: number): boolean {
    const isIdle = this.sender.dispatcher.isEmpty && this.inbound.isIdle;
    return this.isConnected && isIdle && this.connection.quietMs >= ms;
  }

  /**
   * Probes the client outside of the session chart, which is only notified of a page that isn't well and then probes it
   * again: two transitions for each probe of a healthy page would be most of the cost of an idle agent, and most of its
   * history.
   */
  probe(): void {
    if (!this.isConnected) return;
    const suspect = () => this.actorSystem.requestProbe();
    this.#session.probe().then((state) => {
      if (state !== 'CONNECTED') suspect();
    }, suspect);
  }

  /** A chat with both addresses of its person, as far as the session knows them now. */
  async identify(chatId: Jid): Promise<ChatAddress> {
    const unknown = { chatId };
    if (!this.isConnected || !this.connection.client) return unknown;
    return this.connection.client.identify(chatId).catch(() => unknown);
  }

  /** Everything about it at this moment, except its key. */
  view(): AgentView {
    const { apiKey: _apiKey, status: _status, ...row } = this.record;
    const { restarts, nextStartAt, ...states } = this.actorSystem.view();
    return {
      ...row,
      ...states,
      status: this.#status.status,
      since: this.#status.since,
      live: this.connection.view(this.isConnected),
      account: this.connection.account,
      qr: this.connection.qr,
      passkey: this.connection.passkey,
      restriction: this.#restriction.current,
      settings: this.settings.effective,
      chats: { human: this.chatModes.count('human'), closed: this.chatModes.count('closed') },
      mailbox: this.sender.dispatcher.view(),
      turns: this.inbound.view(),
      supervisor: {
        restarts,
        lastError: this.#session.lastError,
        nextStartAt: nextStartAt ?? undefined,
      },
    };
  }

  /** The session has a status. When it is connected, or down, the request has been executed. */
  #changeStatus(status: SessionState, reason: string | null): void {
    this.#status.change(status, reason, this.#traceId);
    if (status === 'connected' || this.actorSystem.isDown) this.#traceId = undefined;
  }

  /** Passes a report of the supervisor on. */
  #report(report: SupervisorReport): void {
    if (report.type === 'connected') this.startWaiters.reach({ kind: 'connected' });
    if (report.type === 'down') this.startWaiters.reach({ kind: 'down', reason: report.reason });
    if (report.type === 'restart') {
      const { reason, attempt, delayMs } = report;
      this.#deps.events.emit('restart', { agentId: this.agentId, reason, attempt, delayMs });
    }
  }
}
