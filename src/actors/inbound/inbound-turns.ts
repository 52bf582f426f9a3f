import { type GatewayError, isDatabaseAway } from '../domain/errors.ts';
import type { GatewayEvents } from '../domain/gateway-events.ts';
import type { AiRequest } from '../domain/ports/ai.ts';
import type { InboundLog } from '../domain/ports/stores.ts';
import type { InboundMessage } from '../domain/ports/whatsapp.ts';
import type { ActorSettings, EffectiveSettings } from '../domain/settings.ts';
import { retry } from '../domain/timeout.ts';
import type { Sender } from '../outbound/sender.ts';
import type { AiReplies, AiReplyDeps, LiveAgent, TurnOutcome } from './ai-reply.ts';
import { type Attachment, type AttachmentDeps, attachmentOf } from './attachments.ts';
import type { Backlog } from './backlog.ts';
import { type AlertReason, alertDeveloper } from './developer-alert.ts';
import { type Downloads, hasAttachment } from './downloads.ts';
import { chatOf, type Handover } from './handover.ts';
import type { LoopGuard } from './loop-guard.ts';
import type { MessageChanges } from './message-changes.ts';
import { questionOf } from './transcripts.ts';
import type { QueuedMessage, Turn } from './turn.ts';
import { requestOf } from './turn-request.ts';

/** What the turns of all agents share. */
export interface InboundTurnDeps extends AiReplyDeps, AttachmentDeps {
  settings: ActorSettings;
  inbound: InboundLog;
}

/** Files of a request beyond that are given by link, whatever is set: it holds them whole, a third larger. */
const MAX_BASE64_BYTES = 8 * 1024 * 1024;

export type Handled = Parameters<GatewayEvents['inbound']>[0]['handled'];

/** The other parts of an agent that its turns use. */
export interface InboundTurnParts {
  sender: Pick<Sender, 'acceptUnawaited'>;
  aiReplies: Pick<AiReplies, 'answer'>;
  handover: Handover;
  downloads: Downloads;
  backlog: Backlog;
  changes: MessageChanges;
  loops: LoopGuard;
  settings(): EffectiveSettings;
  /** Why a message is not answered, or null. */
  whyIgnored(message: QueuedMessage): string | null;
  /** Publishes how a message was handled. */
  report(message: InboundMessage, handled: Handled, why: string, traceId: string): void;
}

/** Answers the messages that were taken, turn by turn: claims them, asks the AI, reports what became of each. */
export class InboundTurns {
  readonly #deps: InboundTurnDeps;
  readonly #agent: LiveAgent;
  readonly #parts: InboundTurnParts;

  constructor(deps: InboundTurnDeps, agent: LiveAgent, parts: InboundTurnParts) {
    this.#deps = deps;
    this.#agent = agent;
    this.#parts = parts;
  }

  /**
   * Handles a turn when its chat's time has come. Its claims are settled with the answer, or afterwards; those of a turn
   * that is aborted stay open, so that the next process asks again. `onAnswered` is called once the AI has answered.
   */
  async handle(turn: Turn, signal: AbortSignal, onAnswered: () => void): Promise<void> {
    const inTime = turn.messages.filter((each) => !this.#parts.backlog.isLate(each.message));
    this.#report(turn, turn.messages, inTime, 'ignored', 'late');
    if (inTime.length === 0) return;
    const claimed = await this.#claim(turn, inTime, signal);
    this.#report(turn, inTime, claimed, 'duplicate', 'seen');
    if (claimed.length === 0) return;
    const asked = await this.#sift(turn, claimed);
    const isStored = asked.length > 0 && (await this.#answer(turn, asked, { signal, onAnswered }));
    await this.#settle(
      isStored ? claimed.filter(({ key }) => !asked.some((each) => each.key === key)) : claimed,
    );
  }

  /**
   * Claims the messages of a turn, and returns those that are not handled yet. While the database is away the chat waits,
   * until an answer is late.
   */
  async #claim({ traceId }: Turn, messages: QueuedMessage[], signal: AbortSignal): Promise<QueuedMessage[]> {
    const { inbound, clock, settings } = this.#deps;
    const { backlog, report } = this.#parts;
    const keys = messages.map(({ key }) => key);
    const isLate = () => messages.every(({ message }) => backlog.isLate(message));
    const shouldRetry = (error: unknown) => isDatabaseAway(error) && !isLate();
    const options = { clock, everyMs: settings.limits.probeAgainMs, signal, shouldRetry };
    try {
      const claimed = await retry(() => inbound.claimTurn(this.#agent.record(), keys), options);
      return messages.filter(({ key }) => claimed.includes(key));
    } catch (error) {
      for (const { message } of messages) report(message, 'failed', 'not_claimed', traceId);
      throw error;
    }
  }

  /** Makes claims final; one that is lost is that of a message without an answer, which is asked again at most once. */
  async #settle(messages: QueuedMessage[]): Promise<void> {
    if (messages.length === 0) return;
    const keys = messages.map(({ key }) => key);
    await this.#deps.inbound.settle(this.#agent.record(), keys).catch((error: unknown) => {
      if (!isDatabaseAway(error)) this.#fault('inbox', error);
    });
  }

  /** The messages of a turn that the AI is asked about, with their current texts; the others are reported. */
  async #sift(turn: Turn, claimed: QueuedMessage[]): Promise<QueuedMessage[]> {
    const { changes, handover, loops, whyIgnored, report } = this.#parts;
    const { traceId } = turn;
    const chat = chatOf(turn.newest.message);
    await handover.settling(chat);
    const left: QueuedMessage[] = [];
    for (const each of claimed) {
      const message = { ...each.message, body: changes.bodyOf(each.key, each.message.body) };
      const current = { ...each, message };
      const why = changes.isRevoked(each.key) ? 'revoked' : whyIgnored(current);
      if (why === null) left.push(current);
      else report(message, 'ignored', why, traceId);
    }
    const mode = handover.modeOf(chat);
    if (mode !== 'bot') {
      this.#keepForPerson(turn, left, mode);
      return [];
    }
    const asked: QueuedMessage[] = [];
    for (const each of left) {
      const decision = loops.decide(each.message, each);
      if (decision === 'cut') await this.#alert(each.message, 'LOOP', traceId);
      if (decision === 'answer') asked.push(each);
      else report(each.message, 'looping', 'machine', traceId);
    }
    return asked;
  }

  /** Asks the AI and queues its answer, unless every message was revoked meanwhile. True when an answer was stored. */
  async #answer(
    turn: Turn,
    asked: QueuedMessage[],
    { signal, onAnswered }: { signal: AbortSignal; onAnswered(): void },
  ): Promise<boolean> {
    const { changes, loops } = this.#parts;
    const { traceId } = turn;
    const { message: newest, me } = asked.at(-1)!;
    const isWanted = () => asked.some(({ key }) => !changes.isRevoked(key));
    const messages = asked.map(({ message }) => message);
    const request = requestOf(messages, this.#answersTextAlone());
    const report = (handled: Handled, why: string) => this.#report(turn, asked, [], handled, why);
    const outcome: TurnOutcome = await this.#parts.aiReplies.answer(request, {
      ...{ traceId, chat: chatOf(newest), account: me.pn, signal, isWanted, onAnswered },
      asked: { ...newest, body: request.message },
      answers: asked.map(({ key }) => key),
      ...(messages.some(hasAttachment) && {
        fetch: (stopped: AbortSignal) => this.#fetch(asked, traceId, stopped),
      }),
    });
    if (outcome.kind === 'replied') {
      loops.replied(newest, { texts: outcome.texts, me, now: this.#deps.clock.monotonic() });
      report('answered', 'replied');
      return true;
    }
    if (!isWanted()) report('ignored', 'revoked');
    else if (outcome.kind === 'handed_over') this.#keepForPerson(turn, asked, outcome.mode);
    else if (outcome.kind === 'silent') report('answered', 'silent');
    else {
      if (outcome.kind === 'ai_failed')
        await this.#alertFailure({ ...newest, body: request.message }, traceId, outcome.error);
      report('failed', outcome.kind);
    }
    return false;
  }

  /** Who answers texts alone gets the request of `/run` and nothing more. */
  #answersTextAlone(): boolean {
    return this.#parts.settings().inboundTypes.every((type) => type === 'text');
  }

  /**
   * Downloads the files of messages for the AI, in order; the request is about those that are not revoked by then. After
   * twice the time of one download no further one is begun: the chat and its slot don't wait for fifty.
   */
  async #fetch(asked: QueuedMessage[], traceId: string, signal: AbortSignal): Promise<Partial<AiRequest>> {
    const { aiMedia } = this.#parts.settings();
    const { clock, settings } = this.#deps;
    const end = clock.monotonic() + 2 * settings.limits.downloadMs;
    const attachments: Attachment[] = [];
    let inlined = 0;
    for (const { message } of asked) {
      if (!hasAttachment(message)) continue;
      const attachment = await attachmentOf(this.#deps, message, {
        ...{ agent: this.#agent.record(), traceId, signal },
        client: clock.monotonic() < end ? this.#agent.client() : null,
        ...{ downloads: this.#parts.downloads, media: aiMedia, maxBase64Bytes: MAX_BASE64_BYTES - inlined },
        onFault: (error) => this.#fault('download', error),
      });
      if (attachment.data !== undefined) inlined += attachment.sizeBytes;
      attachments.push(attachment);
    }
    const left = asked.filter(({ key }) => !this.#parts.changes.isRevoked(key)).map(({ message }) => message);
    if (left.length === 0) return {};
    const ofLeft = attachments.filter(({ messageId }) => left.some(({ id }) => id === messageId));
    const request = requestOf(left, this.#answersTextAlone());
    return { ...request, attachments: ofLeft, message: questionOf(request.message, ofLeft) };
  }

  /** Keeps messages for the AI, which is given them once the chat is the bot's again; not those revoked meanwhile. */
  #keepForPerson(turn: Turn, messages: QueuedMessage[], mode: string): void {
    for (const { key, message, arrivedAt } of messages)
      if (!this.#parts.changes.isRevoked(key)) this.#parts.handover.record(message, 'customer', arrivedAt);
    this.#report(turn, messages, [], 'handed_over', mode);
  }

  /** Queues a report to the developer about a request that failed. */
  async #alertFailure(message: InboundMessage, traceId: string, error: GatewayError): Promise<void> {
    await this.#alert(message, error.code === 'AI_TIMEOUT' ? 'TIMEOUT' : 'ERROR', traceId, error);
  }

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

  /** Reports the messages of a turn that are not among the others. */
  #report(
    turn: Turn,
    messages: QueuedMessage[],
    others: QueuedMessage[],
    handled: Handled,
    why: string,
  ): void {
    if (messages.length === others.length) return;
    for (const each of messages)
      if (!others.includes(each)) this.#parts.report(each.message, handled, why, turn.traceId);
  }

  /** Publishes an error that no caller receives. */
  #fault(where: string, error: unknown): void {
    this.#deps.events.emit('fault', { agentId: this.#agent.record().agentId, where, error });
  }
}
