import { Conversations } from './conversations.ts';
import { pause } from './deadline.ts';
import { GatewayError } from './errors.ts';
import { FailureReport } from './failure-report.ts';
import { judgeInbound } from './inbound-filter.ts';
import { LoopGuard } from './loop-guard.ts';
import type { AiRequest, InboundMessage, Jid, Me, WhatsAppClient } from './ports.ts';
import type { InboundLog } from './ports-stores.ts';
import type { GatewayEvents } from './protocol.ts';
import type { TurnDeps, TurnOwner, Turns } from './turns.ts';

/** What the inboxes of all agents share. */
export interface InboxDeps extends TurnDeps {
  inbound: InboundLog;
  newTraceId(): string;
}

/** The agent that an inbox belongs to, read at each use: its linked account changes. */
interface InboxOwner extends TurnOwner {
  readonly me: Me | null;
  readonly turns: Turns;
}

/** The messages that are being answered, or have been lately. */
interface Answering {
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
  #answering: Answering | null = null;
  #newestSeen = 0;
  #stopped = false;

  constructor(deps: InboxDeps, owner: InboxOwner) {
    this.#deps = deps;
    this.#owner = owner;
  }

  /** Takes a message as it came from the client; its chat's turn comes in order. */
  receive(message: InboundMessage): void {
    this.#newestSeen = Math.max(this.#newestSeen, message.timestamp);
    const traceId = this.#deps.newTraceId();
    // What comes while it stops stays unread and unclaimed: it is taken up after the next start.
    const me = this.#stopped ? null : this.#owner.me;
    const verdict = me ? judgeInbound(message, me) : { answer: false as const, why: 'not_ready' };
    if (!verdict.answer) {
      this.#tell(message, 'ignored', verdict.why, traceId);
      return;
    }
    const { id, chatId } = message;
    this.#answering ??= this.#makeAnswering();
    const { conversations, loops, underWay } = this.#answering;
    if (underWay.has(id)) {
      this.#tell(message, 'duplicate', 'under_way', traceId);
      return;
    }
    underWay.add(id);
    const done = () => underWay.delete(id);
    const queued = conversations.enqueue(chatId, (signal) =>
      this.#answer(message, { traceId, account: me?.pn, signal, loops }).finally(done),
    );
    if (queued) return;
    done();
    this.#tell(message, 'failed', 'chat_queue_full', traceId);
  }

  /** Takes what came while nobody listened, through the same door; not older than the backlog's limit. */
  async catchUp(client: WhatsAppClient): Promise<void> {
    const since = (this.#newestSeen || this.#deps.clock.now()) - this.#deps.settings.limits.backlogMs;
    for (const message of await client.fetchMissed({ since, perChat: 50 })) {
      if (message.timestamp >= since) this.receive(message);
    }
  }

  /** No message is being answered, and none waits for it. */
  get isIdle(): boolean {
    return this.#answering?.conversations.isIdle ?? true;
  }

  /** Takes nothing new, lets turns end for so long, then aborts them: those messages stay unanswered. */
  async stop(patienceMs: number): Promise<void> {
    this.#stopped = true;
    await this.#answering?.conversations.stop(patienceMs);
  }

  /** What answers. */
  #makeAnswering(): Answering {
    const conversations = new Conversations(this.#deps.settings.aiConcurrency, (error) =>
      this.#fault('inbox', error),
    );
    return { conversations, loops: new LoopGuard(), underWay: new Set() };
  }

  /** One message's turn: claimed once for ever, asked, answered or reported. */
  async #answer(
    message: InboundMessage,
    turn: { traceId: string; account: Jid | undefined; signal: AbortSignal; loops: LoopGuard },
  ): Promise<void> {
    const { traceId, account, signal, loops } = turn;
    if (!(await this.#claim(message, traceId, signal))) {
      this.#tell(message, 'duplicate', 'seen', traceId);
      return;
    }
    if (!loops.allow(message.chatId, this.#deps.clock.monotonic())) {
      this.#tell(message, 'looping', 'too_many_replies', traceId);
      return;
    }
    const output = await this.#owner.turns.answer(toRequest(message), traceId, account, signal);
    if (output.kind === 'ai_failed') await this.#reportFailure(message, output.error, traceId);
    const failed = output.kind === 'ai_failed' || output.kind === 'send_failed';
    this.#tell(message, failed ? 'failed' : 'answered', output.kind, traceId);
  }

  /**
   * True when the message is this turn's to answer. While the database is away its chat waits for it, as long as an
   * answer would still be of use.
   */
  async #claim(message: InboundMessage, traceId: string, signal: AbortSignal): Promise<boolean> {
    const { inbound, clock, settings } = this.#deps;
    for (const since = clock.monotonic(); ; ) {
      try {
        return await inbound.claim(this.#owner.record, message.id);
      } catch (error) {
        const isAway = error instanceof GatewayError && error.code === 'DATABASE_UNAVAILABLE';
        const isLate = clock.monotonic() - since > settings.limits.backlogMs;
        if (isAway && !isLate) await pause(clock, settings.limits.probeAgainMs, signal);
        if (isAway && !isLate && !signal.aborted) continue;
        this.#tell(message, 'failed', 'not_claimed', traceId);
        throw error;
      }
    }
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
