import type { EventEmitter } from 'eventemitter3';
import { Conversations } from './conversations.ts';
import { GatewayError } from './errors.ts';
import { FailureReport } from './failure-report.ts';
import { judgeInbound } from './inbound-filter.ts';
import { LoopGuard } from './loop-guard.ts';
import type { AiBackend, AiRequest, InboundMessage, Jid, Me, Scheduler, WhatsAppClient } from './ports.ts';
import type { AgentRecord, InboundLog } from './ports-stores.ts';
import type { GatewayEvents, RunOptions, RunOutcome } from './protocol.ts';
import { runTurn } from './run-turn.ts';
import type { Sender } from './sender.ts';
import type { ActorSettings } from './settings.ts';
import type { TurnOutput, TurnPort } from './turn.machine.ts';

/** What the inboxes of all agents share. */
export interface InboxDeps {
  settings: ActorSettings;
  clock: Scheduler;
  ai: AiBackend;
  inbound: InboundLog;
  events: EventEmitter<GatewayEvents>;
  newTraceId(): string;
}

/** The agent that an inbox belongs to, read at each use: key, client and linked account change. */
interface InboxOwner {
  readonly agentId: string;
  readonly record: Pick<AgentRecord, 'apiKey' | 'endpointUrlRun'>;
  readonly sender: Sender;
  readonly client: WhatsAppClient | null;
  readonly me: Me | null;
}

/** The messages that are being answered, or have been lately. */
interface Turns {
  conversations: Conversations;
  loops: LoopGuard;
  /** Ids that wait or are being handled: their copies must not crowd new messages out of the chat's queue. */
  underWay: Set<string>;
}

type Handled = Parameters<GatewayEvents['inbound']>[0]['handled'];

/** The receiving half of an agent: which messages are answered, once each, in order per chat (SPEC §6). */
export class Inbox {
  readonly #deps: InboxDeps;
  readonly #owner: InboxOwner;
  /** Made for the first message: most agents of many are idle. */
  #turns: Turns | null = null;
  #newestSeen = 0;

  constructor(deps: InboxDeps, owner: InboxOwner) {
    this.#deps = deps;
    this.#owner = owner;
  }

  /** Takes a message as it came from the client; its chat's turn comes in order. */
  receive(message: InboundMessage): void {
    this.#newestSeen = Math.max(this.#newestSeen, message.timestamp);
    const traceId = this.#deps.newTraceId();
    const { me } = this.#owner;
    const verdict = me ? judgeInbound(message, me) : { answer: false as const, why: 'not_ready' };
    if (!verdict.answer) {
      this.#tell(message, 'ignored', verdict.why, traceId);
      return;
    }
    const { id, chatId } = message;
    this.#turns ??= this.#makeTurns();
    const { conversations, loops, underWay } = this.#turns;
    if (underWay.has(id)) {
      this.#tell(message, 'duplicate', 'under_way', traceId);
      return;
    }
    underWay.add(id);
    const done = () => underWay.delete(id);
    const queued = conversations.enqueue(chatId, (signal) =>
      this.#answer(message, { traceId, signal, loops }).finally(done),
    );
    if (queued) return;
    done();
    this.#tell(message, 'failed', 'chat_queue_full', traceId);
  }

  /** Takes what came while nobody listened, through the same door; not older than the backlog's limit. */
  async catchUp(client: WhatsAppClient): Promise<void> {
    const since = (this.#newestSeen || this.#deps.clock.now()) - this.#deps.settings.limits.backlogMs;
    for (const message of await client.fetchUnread({ since, perChat: 50 })) {
      if (message.timestamp >= since) this.receive(message);
    }
  }

  /** `/run`: one turn for a caller, outside of the chat's queue. A full mailbox is told before the AI is asked. */
  async run(request: AiRequest, { traceId, id }: RunOptions, signal: AbortSignal): Promise<RunOutcome> {
    const place = this.#owner.sender.reserve();
    try {
      const port = this.#turnPort(traceId, async (text) => {
        const sent = await this.#owner.sender.send(
          { id, ...this.#replyTo(request.sessionId, text, traceId) },
          { respondAsync: false },
          place,
        );
        return {
          id: sent.id,
          sent: sent.status === 'sent',
          messageId: sent.status === 'sent' ? sent.messageId : undefined,
        };
      });
      return this.#runOutcome(request.sessionId, await this.#turn(port, request, signal));
    } finally {
      place.release();
    }
  }

  /** No message is being answered, and none waits for it. */
  get isIdle(): boolean {
    return this.#turns?.conversations.isIdle ?? true;
  }

  /** Lets turns end for so long, then aborts them: a message whose turn was aborted stays unanswered. */
  async stop(patienceMs: number): Promise<void> {
    await this.#turns?.conversations.stop(patienceMs);
  }

  /** What answers. */
  #makeTurns(): Turns {
    const conversations = new Conversations(this.#deps.settings.aiConcurrency, (error) =>
      this.#fault('inbox', error),
    );
    return { conversations, loops: new LoopGuard(), underWay: new Set() };
  }

  /** One message's turn: claimed once for ever, asked, answered or reported. */
  async #answer(
    message: InboundMessage,
    { traceId, signal, loops }: { traceId: string; signal: AbortSignal; loops: LoopGuard },
  ): Promise<void> {
    if (!(await this.#deps.inbound.claim(this.#owner.agentId, message.id))) {
      this.#tell(message, 'duplicate', 'seen', traceId);
      return;
    }
    if (!loops.allow(message.chatId, this.#deps.clock.monotonic())) {
      this.#tell(message, 'looping', 'too_many_replies', traceId);
      return;
    }
    const port = this.#turnPort(traceId, async (text) => {
      const id = await this.#owner.sender.acceptUnawaited(this.#replyTo(message.chatId, text, traceId));
      return { id, sent: false };
    });
    const output = await this.#turn(port, toRequest(message), signal);
    if (output.kind === 'ai_failed') await this.#reportFailure(message, output.error, traceId);
    const failed = output.kind === 'ai_failed' || output.kind === 'send_failed';
    this.#tell(message, failed ? 'failed' : 'answered', output.kind, traceId);
  }

  /** Tells the developer. */
  async #reportFailure(message: InboundMessage, error: GatewayError, traceId: string): Promise<void> {
    const { agentId, sender, client } = this.#owner;
    const { clock, settings } = this.#deps;
    const fault = (failure: unknown) => this.#fault('report', failure);
    const report = new FailureReport({
      agentId,
      sender,
      client,
      clock,
      developer: settings.developer,
      fault,
    });
    await report.send(message, error, traceId);
  }

  /** Runs a turn with the agent's settings. */
  #turn(port: TurnPort, request: AiRequest, signal: AbortSignal): Promise<TurnOutput> {
    const { clock, settings } = this.#deps;
    return runTurn({ port, request, clock, typingRenewMs: settings.limits.typingRenewMs }, signal);
  }

  /** What a turn may do, bound to this agent and trace. */
  #turnPort(traceId: string, reply: (text: string) => ReturnType<TurnPort['reply']>): TurnPort {
    return {
      ask: (request, signal) => this.#ask(request, traceId, signal),
      // Typing is a courtesy: its errors never fail a reply (FAULTS F31).
      setTyping: (chatId, typing) => {
        this.#owner.client?.setTyping(chatId, typing).catch(() => undefined);
      },
      reply: (_chatId, text) => reply(text),
    };
  }

  /** Asks the AI and tells the world how that went. */
  async #ask(request: AiRequest, traceId: string, signal: AbortSignal): Promise<string | null> {
    const { clock, events, ai } = this.#deps;
    const { agentId, record } = this.#owner;
    const identity = { agentId, apiKey: record.apiKey, endpointUrl: record.endpointUrlRun };
    const startedAt = clock.monotonic();
    const tell = (outcome: 'reply' | 'silence' | 'timeout' | 'error') =>
      events.emit('ai', { agentId, outcome, durationMs: Math.round(clock.monotonic() - startedAt), traceId });
    try {
      const reply = await ai.ask(identity, request, { traceId, signal });
      tell(reply ? 'reply' : 'silence');
      return reply;
    } catch (error) {
      tell(error instanceof GatewayError && error.code === 'AI_TIMEOUT' ? 'timeout' : 'error');
      throw error;
    }
  }

  /** The answer of `/run`, or the error that the turn ended with. */
  #runOutcome(sessionId: Jid, output: TurnOutput): RunOutcome {
    if (output.kind === 'ai_failed' || output.kind === 'send_failed') throw output.error;
    if (output.kind === 'silent') return { reply: null, replySent: false, sessionId };
    const { id, messageId, sent } = output.reply;
    return { reply: output.text, replySent: sent, sessionId, id, messageId };
  }

  /** A reply as an outgoing message. */
  #replyTo(to: Jid, text: string, traceId: string) {
    return { to, kind: 'text', text, origin: 'reply', traceId } as const;
  }

  /** Counts what became of a message. */
  #tell(message: InboundMessage, handled: Handled, why: string, traceId: string): void {
    this.#deps.events.emit('inbound', {
      agentId: this.#owner.agentId,
      type: message.type,
      handled,
      why,
      traceId,
    });
  }

  /** An error that nobody waits for. */
  #fault(where: string, error: unknown): void {
    this.#deps.events.emit('fault', { agentId: this.#owner.agentId, where, error });
  }
}

/** The AI payload of an inbound message: the one of `/run` (SPEC §6). */
function toRequest(message: InboundMessage): AiRequest {
  return {
    message: message.body,
    sessionId: message.chatId,
    metadata: {
      whatsapp_name: message.senderName ?? null,
      chat_name: message.chatName ?? message.senderName ?? null,
      sender: message.senderId,
      message_id: message.id,
    },
  };
}
