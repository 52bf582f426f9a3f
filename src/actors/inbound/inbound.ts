import type { ChatMode } from '../domain/chats.ts';
import { type GatewayError, isDatabaseAway } from '../domain/errors.ts';
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
import type { ActorSettings, EffectiveSettings } from '../domain/settings.ts';
import { retry } from '../domain/timeout.ts';
import type { Sender } from '../outbound/sender.ts';
import type { AiReplies, AiReplyDeps, LiveAgent } from './ai-reply.ts';
import { type AttachmentDeps, attachmentOf, hasAttachment } from './attachments.ts';
import { Backlog } from './backlog.ts';
import { ChatQueues } from './chat-queues.ts';
import { contentTypeOf, hasContent } from './content-types.ts';
import { type AlertReason, alertDeveloper } from './developer-alert.ts';
import { chatOf, type Handover } from './handover.ts';
import { ignoreReason, isAnswerable, isOnList } from './inbound-filter.ts';
import { type Arrival, LoopGuard, type OwnReplies } from './loop-guard.ts';
import { MessageChanges, messageKey } from './message-changes.ts';
import { questionOf } from './transcripts.ts';

/** What the inbound halves of all agents share. */
export interface InboundDeps extends AiReplyDeps, AttachmentDeps {
  settings: ActorSettings;
  files: AiReplyDeps['files'] & AttachmentDeps['files'];
  inbound: InboundLog;
  ownReplies: OwnReplies;
  newTraceId(): string;
}

/** The agent's other parts that replies go through. */
export interface InboundParts {
  sender: Pick<Sender, 'acceptUnawaited'>;
  aiReplies: Pick<AiReplies, 'answer'>;
  handover: Handover;
  settings(): EffectiveSettings;
}

/** A message in its chat's queue. */
interface QueuedMessage extends Arrival {
  message: InboundMessage;
  key: string;
  traceId: string;
  /** The account that it was written to. */
  me: Me;
  /** By the host's clock. */
  arrivedAt: EpochMs;
}

type Handled = Parameters<GatewayEvents['inbound']>[0]['handled'];

/** The receiving half of an agent: decides which messages are answered, once each and in order per chat. */
export class Inbound {
  readonly #deps: InboundDeps;
  readonly #agent: LiveAgent;
  readonly #parts: InboundParts;
  readonly #backlog: Backlog;
  readonly #changes = new MessageChanges();
  readonly #loops: LoopGuard;
  readonly #chatQueues: ChatQueues;
  /** Messages queued or being handled, by key: their copies must not crowd new ones out of the chat's queue. */
  readonly #underWay = new Map<string, InboundMessage>();
  readonly #stopped = new AbortController();

  constructor(deps: InboundDeps, agent: LiveAgent, parts: InboundParts) {
    this.#deps = deps;
    this.#agent = agent;
    this.#parts = parts;
    this.#backlog = new Backlog(deps, agent);
    this.#loops = new LoopGuard(deps.ownReplies);
    this.#chatQueues = new ChatQueues(deps.settings.aiConcurrency, (error) => this.#fault('inbox', error));
  }

  /**
   * The session became ready: takes the messages missed while the service or the connection was away. `linkedAt` is the
   * monotonic moment of a link made in this session, null for a restored one.
   */
  async open(client: WhatsAppClient, linkedAt: number | null): Promise<void> {
    // A client may become ready more than once.
    client.events.off('edited', this.#onEdited).on('edited', this.#onEdited);
    client.events.off('revoked', this.#onRevoked).on('revoked', this.#onRevoked);
    const missed = await this.#backlog.open(client, linkedAt, this.#stopped.signal);
    // First what a person wrote: it decides whether the others are answered.
    for (const message of missed) if (message.fromMe) void this.#takeOwn(message, { isMissed: true });
    for (const message of missed) if (!message.fromMe) this.#take(message);
  }

  /** Takes a message that the client received. */
  receive(message: InboundMessage): void {
    this.#backlog.received(message);
    if (message.fromMe) void this.#takeOwn(message, { isMissed: false });
    else this.#take(message);
  }

  /** True when no message is queued or being handled. */
  get isIdle(): boolean {
    return this.#chatQueues.isIdle;
  }

  /** Takes no new messages, gives turns in progress `patienceMs` to finish, then aborts them unanswered. */
  async stop(patienceMs: number): Promise<void> {
    this.#stopped.abort();
    await this.#chatQueues.stop(patienceMs);
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

  /** Queues a message to be answered in its chat's order. */
  #enqueue(message: InboundMessage, { key, traceId, me }: { key: string; traceId: string; me: Me }): void {
    const { clock } = this.#deps;
    const arrival = { receivedAt: clock.monotonic(), repliedAt: this.#loops.repliedAt(message) };
    const queued = { message, key, traceId, me, arrivedAt: clock.now(), ...arrival };
    const done = () => this.#underWay.delete(key);
    this.#underWay.set(key, message);
    if (this.#chatQueues.enqueue(message.chatId, (signal) => this.#handle(queued, signal).finally(done)))
      return;
    done();
    this.#report(message, 'failed', 'chat_queue_full', traceId);
  }

  /** Handles a message when its chat's turn comes: claims it, reads its current text, answers or reports it. */
  async #handle(queued: QueuedMessage, signal: AbortSignal): Promise<void> {
    const { key, me, traceId } = queued;
    const report = (handled: Handled, why: string) => this.#report(queued.message, handled, why, traceId);
    if (this.#backlog.isLate(queued.message)) return report('ignored', 'late');
    if (!(await this.#claim(queued, signal))) return report('duplicate', 'seen');
    const message = { ...queued.message, body: this.#changes.bodyOf(key, queued.message.body) };
    await this.#parts.handover.settling(chatOf(message));
    const why = this.#changes.isRevoked(key) ? 'revoked' : this.#whyIgnored(message, me);
    if (why !== null) return report('ignored', why);
    const mode = this.#mode(message);
    if (mode !== 'bot') {
      this.#parts.handover.record(message, 'customer', queued.arrivedAt);
      return report('handed_over', mode);
    }
    const decision = this.#loops.decide(message, queued);
    if (decision === 'cut') await this.#alert(message, 'LOOP', traceId);
    if (decision !== 'answer') return report('looping', 'machine');
    await this.#answer({ ...queued, message }, signal);
  }

  /** Asks the AI and queues its reply, unless the message was revoked meanwhile. */
  async #answer({ message, key, traceId, me, arrivedAt }: QueuedMessage, signal: AbortSignal): Promise<void> {
    const report = (handled: Handled, why: string) => this.#report(message, handled, why, traceId);
    const isWanted = () => !this.#changes.isRevoked(key);
    const { inboundTypes } = this.#parts.settings();
    // Who answers texts alone gets the request of `/run` and nothing more.
    const answersTextAlone = inboundTypes.every((type) => type === 'text');
    const request = answersTextAlone ? toRequest(message) : { ...toRequest(message), ...contentOf(message) };
    const options = {
      ...{ traceId, chat: chatOf(message), account: me.pn, asked: message, signal, isWanted },
      ...(hasAttachment(message) && {
        fetch: (stopped: AbortSignal) => this.#fetch(message, traceId, stopped),
      }),
    };
    const turn = await this.#parts.aiReplies.answer(request, options);
    if (turn.kind === 'replied') {
      this.#loops.replied(message, { texts: turn.texts, me, now: this.#deps.clock.monotonic() });
      return report('answered', 'replied');
    }
    if (!isWanted()) return report('ignored', 'revoked');
    if (turn.kind === 'handed_over') {
      this.#parts.handover.record(message, 'customer', arrivedAt);
      return report('handed_over', turn.mode);
    }
    if (turn.kind === 'silent') return report('answered', 'silent');
    if (turn.kind === 'ai_failed')
      await this.#alert(message, turn.error.code === 'AI_TIMEOUT' ? 'TIMEOUT' : 'ERROR', traceId, turn.error);
    report('failed', turn.kind);
  }

  /** Downloads the file of a message for the AI. */
  async #fetch(message: InboundMessage, traceId: string, signal: AbortSignal): Promise<Partial<AiRequest>> {
    const attachment = await attachmentOf(this.#deps, message, {
      ...{ agent: this.#agent.record(), client: this.#agent.client(), traceId, signal },
      media: this.#parts.settings().aiMedia,
      onFault: (error) => this.#fault('download', error),
    });
    const attachments = [attachment];
    return { attachments, message: questionOf(message.body, attachments) };
  }

  /** True when this message is not handled yet. While the database is away the chat waits, until an answer is late. */
  async #claim({ message, key, traceId }: QueuedMessage, signal: AbortSignal): Promise<boolean> {
    const { inbound, clock, settings } = this.#deps;
    const shouldRetry = (error: unknown) => isDatabaseAway(error) && !this.#backlog.isLate(message);
    const options = { clock, everyMs: settings.limits.probeAgainMs, signal, shouldRetry };
    try {
      return await retry(() => inbound.claim(this.#agent.record(), key), options);
    } catch (error) {
      this.#report(message, 'failed', 'not_claimed', traceId);
      throw error;
    }
  }

  /** Until its turn begins, an edited message is asked as edited. */
  readonly #onEdited = ({ messageId, body }: MessageEdit) => this.#changes.edit(messageKey(messageId), body);

  /** A revoked message is not asked, and its reply is dropped unless it is queued already. */
  readonly #onRevoked = ({ messageId }: MessageRevocation) => this.#changes.revoke(messageKey(messageId));

  /** Queues a report to the developer about a message without a reply. */
  async #alert(
    message: InboundMessage,
    reason: AlertReason,
    traceId: string,
    error?: GatewayError,
  ): Promise<void> {
    const { clock, settings } = this.#deps;
    const { agentId } = this.#agent.record();
    const { sender } = this.#parts;
    // Where the answer is not valid, the backend's author needs to know what.
    const details = error?.details?.path === undefined ? [] : [error.message];
    const context = { agentId, developer: settings.developer, clock, sender, client: this.#agent.client() };
    await alertDeveloper(context, message, { reason, traceId, details }).catch((error: unknown) =>
      this.#fault('report', error),
    );
  }

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

/** What a message has beside words and a file. */
function contentOf({ location, contacts, quoted }: InboundMessage): Partial<AiRequest> {
  return {
    ...(location && { location }),
    ...(contacts && { contacts }),
    ...(quoted && { quoted: { ...quoted, type: contentTypeOf(quoted.type) } }),
  };
}

/** The AI payload of an inbound message, in the shape of `/run`. */
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
