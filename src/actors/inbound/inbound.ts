import type { TurnView } from '../domain/agent-view.ts';
import type { ChatMode } from '../domain/chats.ts';
import type {
  CustomerTyping,
  InboundMessage,
  Me,
  MessageEdit,
  MessageRevocation,
  WhatsAppClient,
} from '../domain/ports/whatsapp.ts';
import type { EffectiveSettings } from '../domain/settings.ts';
import type { Sender } from '../outbound/sender.ts';
import type { AiReplies, LiveAgent } from './ai-reply.ts';
import { Backlog } from './backlog.ts';
import { Bursts } from './bursts.ts';
import { ChatQueues } from './chat-queues.ts';
import { hasContent } from './content-types.ts';
import type { Downloads } from './downloads.ts';
import type { EventRecorder } from './event-recorder.ts';
import { chatOf, type Handover } from './handover.ts';
import { ignoreReason, isAnswerable, isOnList } from './inbound-filter.ts';
import { type Handled, type InboundTurnDeps, InboundTurns } from './inbound-turns.ts';
import { LoopGuard, type OwnReplies } from './loop-guard.ts';
import { MessageChanges, messageKey } from './message-changes.ts';
import { MessagesUnderWay } from './messages-under-way.ts';
import { Turn } from './turn.ts';

/** What the inbound halves of all agents share. */
export interface InboundDeps extends InboundTurnDeps {
  ownReplies: OwnReplies;
  newTraceId(): string;
}

/** The agent's other parts that replies go through. */
export interface InboundParts {
  sender: Pick<Sender, 'acceptUnawaited'>;
  aiReplies: Pick<AiReplies, 'answer'>;
  handover: Handover;
  downloads: Downloads;
  recorder: EventRecorder;
  settings(): EffectiveSettings;
}

/** How many of the turns under way are shown. */
const SHOWN_TURNS = 50;

/** The receiving half of an agent: decides which messages are answered, once each and in order per chat. */
export class Inbound {
  readonly #deps: InboundDeps;
  readonly #agent: LiveAgent;
  readonly #parts: InboundParts;
  readonly #backlog: Backlog;
  readonly #changes = new MessageChanges();
  readonly #loops: LoopGuard;
  readonly #chatQueues: ChatQueues;
  readonly #bursts: Bursts;
  readonly #answers: InboundTurns;
  readonly #underWay = new MessagesUnderWay();
  readonly #turns = new Set<Turn>();
  readonly #stopped = new AbortController();

  constructor(deps: InboundDeps, agent: LiveAgent, parts: InboundParts) {
    this.#deps = deps;
    this.#agent = agent;
    this.#parts = parts;
    this.#backlog = new Backlog(deps, agent);
    this.#loops = new LoopGuard(deps.ownReplies);
    this.#chatQueues = new ChatQueues(deps.settings.aiConcurrency, (error) => this.#fault('inbox', error));
    this.#bursts = new Bursts(deps.clock, {
      settings: parts.settings,
      onBegin: (turn) => this.#beginBurst(turn),
      onCollected: (turn) => this.#queue(turn),
      onError: (error) => this.#fault('burst', error),
    });
    this.#answers = new InboundTurns(deps, agent, {
      ...parts,
      backlog: this.#backlog,
      changes: this.#changes,
      loops: this.#loops,
      whyIgnored: ({ message, me }) => this.#whyIgnored(message, me),
      report: (message, handled, why, traceId) => this.#report(message, handled, why, traceId),
    });
  }

  /**
   * The session became ready: takes the messages missed while the service or the connection was away. `linkedAt` is the
   * monotonic moment of a link made in this session, null for a restored one.
   */
  async open(client: WhatsAppClient, linkedAt: number | null): Promise<void> {
    // A client may become ready more than once.
    client.events.off('edited', this.#onEdited).on('edited', this.#onEdited);
    client.events.off('revoked', this.#onRevoked).on('revoked', this.#onRevoked);
    client.events.off('typing', this.#onTyping).on('typing', this.#onTyping);
    this.#parts.recorder.watch(client);
    const missed = await this.#backlog.open(client, linkedAt, this.#stopped.signal);
    void this.#parts.recorder.missed(missed.filter((message) => !this.#backlog.isBeforeLink(message)));
    // First what a person wrote: it decides whether the others are answered.
    for (const message of missed) if (message.fromMe) void this.#takeOwn(message, { isMissed: true });
    for (const message of missed) if (!message.fromMe) this.#take(message);
  }

  /** Takes a message that the client received. */
  receive(message: InboundMessage): void {
    this.#backlog.received(message);
    this.#record(message);
    if (message.fromMe) void this.#takeOwn(message, { isMissed: false });
    else this.#take(message);
  }

  /** True when no message is collected, queued or being handled. */
  get isIdle(): boolean {
    return this.#bursts.isEmpty && this.#chatQueues.isIdle;
  }

  /** How many turns are under way, and what the first of them wait for. */
  view(): { count: number; first: TurnView[] } {
    const first = [];
    for (const turn of this.#turns) {
      if (first.length === SHOWN_TURNS) break;
      first.push(turn.view());
    }
    return { count: this.#turns.size, first };
  }

  /**
   * Takes no new messages, drops what is not being handled, which is unclaimed and fetched after the next start, gives
   * turns in progress `patienceMs` to finish, then aborts them unanswered.
   */
  async stop(patienceMs: number): Promise<void> {
    this.#stopped.abort();
    this.#bursts.stop();
    await Promise.all([this.#chatQueues.stop(patienceMs), this.#parts.recorder.stop(patienceMs)]);
  }

  /** Records a message for the agent's webhooks, whatever becomes of it. */
  #record(message: InboundMessage): void {
    if (!this.#backlog.isBeforeLink(message)) this.#parts.recorder.message(message);
  }

  /** Queues a message for its chat, or reports why not. */
  #take(message: InboundMessage): void {
    const traceId = this.#deps.newTraceId();
    const key = messageKey(message.id);
    // A message that arrives during the stop stays unclaimed and is fetched after the next start.
    const me = this.#stopped.signal.aborted ? null : this.#agent.me();
    const why = me ? this.#whyIgnored(message, me) : 'not_ready';
    if (this.#noteCopy(key, message)) this.#report(message, 'duplicate', 'under_way', traceId);
    else if (me && why === null) this.#enqueue(message, { key, traceId, me });
    else this.#report(message, 'ignored', why ?? 'not_ready', traceId);
  }

  /** Takes a message that the account itself sent: from here, or by a person on another device. */
  async #takeOwn(message: InboundMessage, { isMissed }: { isMissed: boolean }): Promise<void> {
    const traceId = this.#deps.newTraceId();
    const me = this.#stopped.signal.aborted ? null : this.#agent.me();
    const matters = me && isAnswerable(message.chatId, me) && !this.#backlog.isBeforeLink(message);
    const isOfPerson =
      matters &&
      (await this.#parts.handover.own(message, this.#backlog.ageOf(message)).catch((error: unknown) => {
        // Unclaimed at a stop: it is fetched after the next start.
        if (!this.#stopped.signal.aborted) this.#fault('handover', error);
        return false;
      }));
    // Those of the service that were fetched have been reported when they were sent.
    if (isOfPerson) this.#report(message, 'ignored', 'person', traceId);
    else if (!isMissed) this.#report(message, 'ignored', 'own', traceId);
  }

  /** True for a copy of a message under way; it may carry a change that was not reported. */
  #noteCopy(key: string, copy: InboundMessage): boolean {
    const original = this.#underWay.get(key);
    if (!original) return false;
    if (copy.type === 'revoked') this.#changes.revoke(key);
    else if (copy.type === original.type && copy.body !== original.body) this.#changes.edit(key, copy.body);
    return true;
  }

  /** Why a message is not answered, or null. */
  #whyIgnored(message: InboundMessage, me: Me): string | null {
    if (isOnList(message, this.#parts.settings().ignore)) return 'ignore_list';
    const { inboundTypes } = this.#parts.settings();
    const why =
      ignoreReason(message, me, inboundTypes) ?? (this.#backlog.isBeforeLink(message) ? 'before_link' : null);
    // The AI is given it later, whatever its kind.
    const isOfOtherKind = why === 'not_text' || why === 'text';
    const isForPerson = isOfOtherKind && hasContent(message) && this.#mode(message) !== 'bot';
    return isForPerson ? null : why;
  }

  /** Who answers the chat of a message. */
  #mode(message: InboundMessage): ChatMode {
    return this.#parts.handover.modeOf(chatOf(message));
  }

  /** Takes a message to be answered: in its chat's order, with those that the same burst brings. */
  #enqueue(message: InboundMessage, { key, traceId, me }: { key: string; traceId: string; me: Me }): void {
    const { clock } = this.#deps;
    const refusal = this.#underWay.add(key, message);
    if (refusal !== null) {
      this.#report(message, 'failed', refusal, traceId);
      return;
    }
    const arrival = { receivedAt: clock.monotonic(), repliedAt: this.#loops.repliedAt(message) };
    const queued = { message, key, me, arrivedAt: clock.now(), ...arrival };
    if (this.#bursts.take(queued, traceId)) this.#publishTurns();
    else this.#queue(new Turn(queued, traceId, clock));
  }

  /** A burst begins: its writer's typing extends it, and a person who takes the chat over ends it. */
  #beginBurst(turn: Turn): () => void {
    const { message } = turn.newest;
    this.#turns.add(turn);
    // A courtesy: without it typing extends nothing.
    void this.#agent
      .client()
      ?.watchTyping(message.chatId)
      .catch(() => undefined);
    return this.#parts.handover.watch(chatOf(message), () => turn.close());
  }

  /** Queues a turn in its chat. */
  #queue(turn: Turn): void {
    this.#turns.add(turn);
    this.#publishTurns();
    this.#chatQueues.enqueue(turn.newest.message.chatId, async (signal, releaseSlot) => {
      turn.start();
      this.#publishTurns();
      const onAnswered = () => {
        turn.answered();
        this.#publishTurns();
        releaseSlot();
      };
      await this.#answers.handle(turn, signal, onAnswered).finally(() => this.#end(turn));
    });
  }

  /** A turn is done with. */
  #end(turn: Turn): void {
    turn.end();
    this.#turns.delete(turn);
    for (const { key } of turn.messages) this.#underWay.delete(key);
    this.#publishTurns();
  }

  /** Publishes that the turns are not what they were. */
  #publishTurns(): void {
    this.#deps.events.emit('turns', { agentId: this.#agent.record().agentId });
  }

  /** Until its turn begins, an edited message is asked as edited. */
  readonly #onEdited = ({ messageId, body }: MessageEdit) => this.#changes.edit(messageKey(messageId), body);

  /** A revoked message is not asked, and its reply is dropped unless it is queued already. */
  readonly #onRevoked = ({ messageId }: MessageRevocation) => this.#changes.revoke(messageKey(messageId));

  /** A customer's typing extends the burst that is collected. */
  readonly #onTyping = (typing: CustomerTyping) => {
    this.#bursts.typing(typing);
    this.#publishTurns();
  };

  /** Publishes how a message was handled. */
  #report(message: InboundMessage, handled: Handled, why: string, traceId: string): void {
    const { agentId } = this.#agent.record();
    this.#deps.events.emit('inbound', { agentId, type: message.type, handled, why, traceId });
  }

  /** Publishes an error that no caller receives. */
  #fault(where: string, error: unknown): void {
    this.#deps.events.emit('fault', { agentId: this.#agent.record().agentId, where, error });
  }
}
