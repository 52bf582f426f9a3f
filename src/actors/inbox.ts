import type { EventEmitter } from 'eventemitter3';
import { Conversations } from './conversations.ts';
import { GatewayError } from './errors.ts';
import { FailureReport } from './failure-report.ts';
import { judgeInbound } from './inbound-filter.ts';
import { LoopGuard } from './loop-guard.ts';
import type { AiBackend, AiRequest, InboundMessage, Jid, Me, Scheduler, WhatsAppClient } from './ports.ts';
import type { InboundLog } from './ports-stores.ts';
import type { GatewayEvents, RunOptions, RunOutcome } from './protocol.ts';
import { runTurn } from './run-turn.ts';
import type { Sender } from './sender.ts';
import type { ActorSettings } from './settings.ts';
import type { TurnOutput, TurnPort } from './turn.machine.ts';

/** What an inbox needs of the world and of its agent. */
export interface InboxDeps {
  agentId: string;
  settings: ActorSettings;
  clock: Scheduler;
  ai: AiBackend;
  log: InboundLog;
  events: EventEmitter<GatewayEvents>;
  sender: Sender;
  newTraceId(): string;
  /** The agent as the AI backend knows it, read at each call: its key may change. */
  identity(): { agentId: string; apiKey: string; endpointUrl: string | null };
  client(): WhatsAppClient | null;
  me(): Me | null;
}

type Handled = Parameters<GatewayEvents['inbound']>[0]['handled'];

/** The receiving half of an agent: which messages are answered, once each, in order per chat (SPEC §6). */
export class Inbox {
  readonly #deps: InboxDeps;
  readonly #conversations: Conversations;
  readonly #loops = new LoopGuard();
  readonly #report: FailureReport;
  /** Ids that wait or are being handled: their copies must not crowd new messages out of the chat's queue. */
  readonly #underWay = new Set<string>();
  #newestSeen = 0;

  constructor(deps: InboxDeps) {
    this.#deps = deps;
    this.#conversations = new Conversations(deps.settings.aiConcurrency, (error) =>
      this.#fault('inbox', error),
    );
    this.#report = new FailureReport({
      ...deps,
      developer: deps.settings.developer,
      fault: (error) => this.#fault('report', error),
    });
  }

  /** Takes a message as it came from the client; its chat's turn comes in order. */
  receive(message: InboundMessage): void {
    this.#newestSeen = Math.max(this.#newestSeen, message.timestamp);
    const traceId = this.#deps.newTraceId();
    const me = this.#deps.me();
    const verdict = me ? judgeInbound(message, me) : { answer: false as const, why: 'not_ready' };
    if (!verdict.answer) {
      this.#tell(message, 'ignored', verdict.why, traceId);
      return;
    }
    const { id, chatId } = message;
    if (this.#underWay.has(id)) {
      this.#tell(message, 'duplicate', 'under_way', traceId);
      return;
    }
    this.#underWay.add(id);
    const done = () => this.#underWay.delete(id);
    const queued = this.#conversations.enqueue(chatId, (signal) =>
      this.#answer(message, traceId, signal).finally(done),
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
    const place = this.#deps.sender.reserve();
    try {
      const port = this.#turnPort(traceId, async (text) => {
        const sent = await this.#deps.sender.send(
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
    return this.#conversations.isIdle;
  }

  /** Lets turns end for so long, then aborts them: a message whose turn was aborted stays unanswered. */
  stop(patienceMs: number): Promise<void> {
    return this.#conversations.stop(patienceMs);
  }

  /** One message's turn: claimed once for ever, asked, answered or reported. */
  async #answer(message: InboundMessage, traceId: string, signal: AbortSignal): Promise<void> {
    if (!(await this.#deps.log.claim(this.#deps.agentId, message.id))) {
      this.#tell(message, 'duplicate', 'seen', traceId);
      return;
    }
    if (!this.#loops.allow(message.chatId, this.#deps.clock.monotonic())) {
      this.#tell(message, 'looping', 'too_many_replies', traceId);
      return;
    }
    const port = this.#turnPort(traceId, async (text) => {
      const id = await this.#deps.sender.acceptUnawaited(this.#replyTo(message.chatId, text, traceId));
      return { id, sent: false };
    });
    const output = await this.#turn(port, toRequest(message), signal);
    if (output.kind === 'ai_failed') await this.#report.send(message, output.error, traceId);
    const failed = output.kind === 'ai_failed' || output.kind === 'send_failed';
    this.#tell(message, failed ? 'failed' : 'answered', output.kind, traceId);
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
        this.#deps
          .client()
          ?.setTyping(chatId, typing)
          .catch(() => undefined);
      },
      reply: (_chatId, text) => reply(text),
    };
  }

  /** Asks the AI and tells the world how that went. */
  async #ask(request: AiRequest, traceId: string, signal: AbortSignal): Promise<string | null> {
    const { agentId, clock, events } = this.#deps;
    const startedAt = clock.monotonic();
    const tell = (outcome: 'reply' | 'silence' | 'timeout' | 'error') =>
      events.emit('ai', { agentId, outcome, durationMs: Math.round(clock.monotonic() - startedAt), traceId });
    try {
      const reply = await this.#deps.ai.ask(this.#deps.identity(), request, { traceId, signal });
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
      agentId: this.#deps.agentId,
      type: message.type,
      handled,
      why,
      traceId,
    });
  }

  /** An error that nobody waits for. */
  #fault(where: string, error: unknown): void {
    this.#deps.events.emit('fault', { agentId: this.#deps.agentId, where, error });
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
