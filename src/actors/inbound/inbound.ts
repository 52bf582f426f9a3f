import { GatewayError } from '../domain/errors.ts';
import type { GatewayEvents } from '../domain/gateway-events.ts';
import type { AiRequest } from '../domain/ports/ai.ts';
import type { EpochMs } from '../domain/ports/clock.ts';
import type { InboundLog } from '../domain/ports/stores.ts';
import type {
  InboundMessage,
  Me,
  MessageEdit,
  MessageRevocation,
  WhatsAppClient,
} from '../domain/ports/whatsapp.ts';
import { pause } from '../domain/timeout.ts';
import type { AiReplies, AiReplyDeps, AiReplyOwner } from './ai-reply.ts';
import { ChatQueues } from './chat-queues.ts';
import { type AlertReason, DeveloperAlert } from './developer-alert.ts';
import { classifyInbound } from './inbound-filter.ts';
import { type Arrival, LoopGuard } from './loop-guard.ts';
import { MessageChanges, messageKey } from './message-changes.ts';
import { MessageTime } from './message-time.ts';
import type { OwnReplies } from './own-replies.ts';

/** What the inboxes of all agents share. */
export interface InboundDeps extends AiReplyDeps {
  inbound: InboundLog;
  ownReplies: OwnReplies;
  newTraceId(): string;
}

/** The agent that an inbox belongs to, read at each use: its linked account changes. */
interface InboundOwner extends AiReplyOwner {
  readonly me: Me | null;
  readonly aiReplies: AiReplies;
}

/** The messages that are being answered, or have been lately. */
interface Answering {
  chatQueues: ChatQueues;
  loops: LoopGuard;
  /** Messages that wait or are being handled, by key: their copies must not crowd new ones out of the chat's queue. */
  underWay: Map<string, InboundMessage>;
}

/** A message on its way to an answer. */
interface Turn {
  message: InboundMessage;
  key: string;
  traceId: string;
  /** The account that it came to. */
  me: Me;
  receivedAt: number;
  repliedAt: number | undefined;
}

type Handled = Parameters<GatewayEvents['inbound']>[0]['handled'];

const CAUGHT_UP_PER_CHAT = 50;
const CATCH_UP_ATTEMPTS = 6;

/** The receiving half of an agent: which messages are answered, once each, in order per chat. */
export class Inbound {
  readonly #deps: InboundDeps;
  readonly #owner: InboundOwner;
  readonly #time: MessageTime;
  readonly #changes = new MessageChanges();
  /** Made for the first message: most agents of many are idle. */
  #answering: Answering | null = null;
  /** When the account was linked, by WhatsApp's clock: what is older is not this session's. Null: unknown. */
  #linkedAt: (() => EpochMs) | null = null;
  readonly #stopped = new AbortController();

  constructor(deps: InboundDeps, owner: InboundOwner) {
    this.#deps = deps;
    this.#owner = owner;
    this.#time = new MessageTime(deps.clock);
  }

  /**
   * The session is ready. `linkedAt` is the monotonic moment of its link, null when it came back by itself. What came
   * while the service or the connection was away is taken through the same door.
   */
  async open(client: WhatsAppClient, linkedAt: number | null): Promise<void> {
    this.#follow(client);
    // A device that was linked just now has no backlog: all that it gets is new.
    if (linkedAt === null) this.#time.connected();
    else this.#linkedAt = () => this.#time.at(linkedAt);
    await this.#settleLink(linkedAt !== null);
    const oldest = this.#time.now() - this.#deps.settings.limits.backlogMs;
    const since = Math.max(oldest, this.#linkedAt?.() ?? oldest);
    for (const message of await this.#fetchMissed(client, since)) {
      if (latestTime(message) >= since) this.#take(message);
    }
  }

  /** Takes a message as it came from the client; its chat's turn comes in order. */
  receive(message: InboundMessage): void {
    this.#time.seen(message.timestamp);
    this.#take(message);
  }

  /** No message is being answered, and none waits for it. */
  get isIdle(): boolean {
    return this.#answering?.chatQueues.isIdle ?? true;
  }

  /** Takes nothing new, lets turns end for so long, then aborts them: those messages stay unanswered. */
  async stop(patienceMs: number): Promise<void> {
    this.#stopped.abort();
    await this.#answering?.chatQueues.stop(patienceMs);
  }

  /** What came in since then; asked for again while a page that is busy after its start does not answer. */
  async #fetchMissed(client: WhatsAppClient, since: EpochMs): Promise<InboundMessage[]> {
    const { clock, settings } = this.#deps;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await client.fetchMissed({ since, perChat: CAUGHT_UP_PER_CHAT });
      } catch (error) {
        await pause(clock, settings.limits.probeAgainMs, this.#stopped.signal);
        const isGone = this.#stopped.signal.aborted || this.#owner.client !== client;
        if (isGone || attempt === CATCH_UP_ATTEMPTS) throw error;
      }
    }
  }

  /** Queues a message for its chat, unless it is not to be answered. */
  #take(message: InboundMessage): void {
    const traceId = this.#deps.newTraceId();
    const key = messageKey(message.id);
    // What comes while it stops stays unclaimed: it is taken up after the next start.
    const me = this.#stopped.signal.aborted ? null : this.#owner.me;
    const why = me ? this.#whyIgnored(message, me) : 'not_ready';
    if (this.#noteCopy(key, message)) this.#report(message, 'duplicate', 'under_way', traceId);
    else if (me && why === null) this.#enqueue({ message, key, traceId, me });
    else this.#report(message, 'ignored', why ?? 'not_ready', traceId);
  }

  /** Queues a message that is to be answered. */
  #enqueue(accepted: Pick<Turn, 'message' | 'key' | 'traceId' | 'me'>): void {
    this.#answering ??= this.#makeAnswering();
    const { chatQueues, loops, underWay } = this.#answering;
    const { message, key, traceId } = accepted;
    const receivedAt = this.#deps.clock.monotonic();
    const turn = { ...accepted, receivedAt, repliedAt: loops.repliedAt(chatKeyOf(message)) };
    underWay.set(key, message);
    const done = () => underWay.delete(key);
    const queued = chatQueues.enqueue(message.chatId, (signal) =>
      this.#answer(turn, loops, signal).finally(done),
    );
    if (queued) return;
    done();
    this.#report(message, 'failed', 'chat_queue_full', traceId);
  }

  /** Listens to what changes messages, and their age; once per client, however often that becomes ready. */
  #follow({ events }: WhatsAppClient): void {
    events.off('state', this.#onState).on('state', this.#onState);
    events.off('edited', this.#onEdited).on('edited', this.#onEdited);
    events.off('revoked', this.#onRevoked).on('revoked', this.#onRevoked);
  }

  /** The connection may have been away. */
  readonly #onState = (state: string) => (state === 'CONNECTED' ? this.#time.connected() : this.#time.away());

  /** Until its turn begins, an edited message is asked as edited. */
  readonly #onEdited = ({ messageId, body }: MessageEdit) => this.#changes.edit(messageKey(messageId), body);

  /** A message that was taken back is not asked, and its reply is dropped as long as it is not queued. */
  readonly #onRevoked = ({ messageId }: MessageRevocation) => this.#changes.revoke(messageKey(messageId));

  /** Stores when the account was linked, or reads it: the next process has to know. */
  async #settleLink(isNew: boolean): Promise<void> {
    const { inbound, clock, settings } = this.#deps;
    const { record } = this.#owner;
    const since = clock.monotonic();
    const goesOn = () => clock.monotonic() - since < settings.limits.backlogMs;
    const { signal } = this.#stopped;
    if (isNew) {
      const at = new Date(this.#linkedAt!());
      await this.#onceStored(() => inbound.link(record, at), goesOn, signal);
    } else if (this.#linkedAt === null) {
      const at = await this.#onceStored(() => inbound.linkedAt(record), goesOn, signal);
      if (at) this.#linkedAt ??= () => at.getTime();
    }
  }

  /** True for a copy of a message under way; it may know of a change that was not reported. */
  #noteCopy(key: string, copy: InboundMessage): boolean {
    const original = this.#answering?.underWay.get(key);
    if (!original) return false;
    if (copy.type === 'revoked') this.#changes.revoke(key);
    else if (copy.type === original.type && copy.body !== original.body) this.#changes.edit(key, copy.body);
    return true;
  }

  /** Why a message is not to be answered, or null. */
  #whyIgnored(message: InboundMessage, me: Me): string | null {
    const verdict = classifyInbound(message, me);
    if (!verdict.answer) return verdict.why;
    return this.#linkedAt && latestTime(message) < this.#linkedAt() ? 'before_link' : null;
  }

  /** What answers. */
  #makeAnswering(): Answering {
    const chatQueues = new ChatQueues(this.#deps.settings.aiConcurrency, (error) =>
      this.#fault('inbox', error),
    );
    return { chatQueues, loops: new LoopGuard(), underWay: new Map() };
  }

  /** One message's turn: claimed once, asked as it is now, answered or reported. */
  async #answer(turn: Turn, loops: LoopGuard, signal: AbortSignal): Promise<void> {
    const { key, me, traceId } = turn;
    if (this.#isLate(turn.message)) {
      this.#report(turn.message, 'ignored', 'late', traceId);
    } else if (!(await this.#claim(turn, signal))) {
      this.#report(turn.message, 'duplicate', 'seen', traceId);
    } else {
      const message = { ...turn.message, body: this.#changes.bodyOf(key, turn.message.body) };
      const why = this.#changes.isRevoked(key) ? 'revoked' : this.#whyIgnored(message, me);
      if (why !== null) this.#report(message, 'ignored', why, traceId);
      else if (await this.#isLooping({ ...turn, message }, loops))
        this.#report(message, 'looping', 'machine', traceId);
      else await this.#ask({ ...turn, message }, loops, signal);
    }
  }

  /** Asks the AI, whose reply is queued unless the message was taken back meanwhile. */
  async #ask({ message, key, traceId, me }: Turn, loops: LoopGuard, signal: AbortSignal): Promise<void> {
    const isWanted = () => !this.#changes.isRevoked(key);
    const output = await this.#owner.aiReplies.answer(toRequest(message), traceId, {
      account: me.pn,
      signal,
      isWanted,
    });
    if (output.kind === 'replied') {
      this.#noteReply(message, output.text, loops);
      this.#report(message, 'answered', output.kind, traceId);
    } else if (!isWanted()) {
      this.#report(message, 'ignored', 'revoked', traceId);
    } else {
      if (output.kind === 'ai_failed') await this.#reportFailure(message, reasonOf(output.error), traceId);
      this.#report(message, output.kind === 'silent' ? 'answered' : 'failed', output.kind, traceId);
    }
  }

  /** True when the message is one of a loop of two machines; the first is reported to the developer. */
  async #isLooping({ message, receivedAt, repliedAt, traceId }: Turn, loops: LoopGuard): Promise<boolean> {
    const { ownReplies } = this.#deps;
    const { body, senderId, lid } = message;
    const isOwn = ownReplies.has(senderId, body) || (lid !== undefined && ownReplies.has(lid, body));
    const arrival: Arrival = { text: body, receivedAt, repliedAt, isOwn };
    const verdict = loops.judge(chatKeyOf(message), arrival);
    if (verdict === 'cut') await this.#reportFailure(message, 'LOOP', traceId);
    return verdict !== 'answer';
  }

  /** Remembers what was replied, by which a machine's answer is recognised. */
  #noteReply(message: InboundMessage, text: string, loops: LoopGuard): void {
    loops.replied(chatKeyOf(message), text, this.#deps.clock.monotonic());
    const { me } = this.#owner;
    if (me) this.#deps.ownReplies.note(me, text);
  }

  /** True when an answer would be of no use any more, by WhatsApp's time. */
  #isLate({ timestamp }: InboundMessage): boolean {
    return this.#time.now() - timestamp > this.#deps.settings.limits.backlogMs;
  }

  /**
   * True when the message is this turn's to answer. While the database is away its chat waits for it, as long as an
   * answer would still be of use.
   */
  async #claim({ message, key, traceId }: Turn, signal: AbortSignal): Promise<boolean> {
    const { inbound } = this.#deps;
    const claim = () => inbound.claim(this.#owner.record, key);
    try {
      return await this.#onceStored(claim, () => !this.#isLate(message), signal);
    } catch (error) {
      this.#report(message, 'failed', 'not_claimed', traceId);
      throw error;
    }
  }

  /** Tries a call to the database again while that is away, as long as `goesOn` says so. */
  async #onceStored<T>(call: () => Promise<T>, goesOn: () => boolean, signal: AbortSignal): Promise<T> {
    const { clock, settings } = this.#deps;
    for (;;) {
      try {
        return await call();
      } catch (error) {
        const isAway = error instanceof GatewayError && error.code === 'DATABASE_UNAVAILABLE';
        if (isAway && goesOn()) await pause(clock, settings.limits.probeAgainMs, signal);
        if (!isAway || !goesOn() || signal.aborted) throw error;
      }
    }
  }

  /** Reports a message that got no reply to the developer. */
  async #reportFailure(message: InboundMessage, reason: AlertReason, traceId: string): Promise<void> {
    const { agentId, sender, client } = this.#owner;
    const { clock, settings } = this.#deps;
    const fault = (failure: unknown) => this.#fault('report', failure);
    const report = new DeveloperAlert({
      agentId,
      sender,
      client,
      clock,
      developer: settings.developer,
      fault,
    });
    await report.send(message, reason, traceId);
  }

  /** Publishes what became of a message. */
  #report(message: InboundMessage, handled: Handled, why: string, traceId: string): void {
    this.#deps.events.emit('inbound', {
      agentId: this.#owner.agentId,
      type: message.type,
      handled,
      why,
      traceId,
    });
  }

  /** Publishes an error that no caller gets. */
  #fault(where: string, error: unknown): void {
    this.#deps.events.emit('fault', { agentId: this.#owner.agentId, where, error });
  }
}

/** Whom the loop guard watches: in a group each writer. */
function chatKeyOf({ chatId, senderId }: InboundMessage): string {
  return `${chatId} ${senderId}`;
}

/** The latest moment at which a message may have been written: WhatsApp's clock has whole seconds. */
function latestTime({ timestamp }: InboundMessage): EpochMs {
  return timestamp % 1_000 === 0 ? timestamp + 999 : timestamp;
}

/** Why the AI gave no reply, in the report's words. */
function reasonOf(error: GatewayError): AlertReason {
  return error.code === 'AI_TIMEOUT' ? 'TIMEOUT' : 'ERROR';
}

/** The AI payload of an inbound message: the one of `/run`. */
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
