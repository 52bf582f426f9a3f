import type { EventEmitter } from 'eventemitter3';
import type { ChatAddress, ChatMode } from '../domain/chats.ts';
import { GatewayError, toGatewayError } from '../domain/errors.ts';
import type { GatewayEvents } from '../domain/gateway-events.ts';
import type { Jid } from '../domain/identity.ts';
import { wordsOf } from '../domain/message-content.ts';
import type { AiAnswer, AiBackend, AiRequest } from '../domain/ports/ai.ts';
import type { Scheduler } from '../domain/ports/clock.ts';
import type { AgentRecord, OutgoingMessage } from '../domain/ports/stores.ts';
import type { Me, WhatsAppClient } from '../domain/ports/whatsapp.ts';
import type { ActorSettings, EffectiveSettings } from '../domain/settings.ts';
import { abortable, pause } from '../domain/timeout.ts';
import type { Reservation } from '../outbound/outbound-queue.ts';
import type { Accepted, Sender } from '../outbound/sender.ts';
import {
  type AnswerFiles,
  delayOf,
  discard,
  furtherId,
  openAnswer,
  type ReadyAnswer,
  type ReadyMessage,
  type UnreadyMessage,
} from './answer-messages.ts';
import { type AlertedMessage, alertDeveloper } from './developer-alert.ts';
import type { Handover, History } from './handover.ts';
import { showTyping } from './typing-indicator.ts';

/** What the turns of all agents share. */
export interface AiReplyDeps extends AnswerFiles {
  settings: ActorSettings;
  clock: Scheduler;
  ai: AiBackend;
  events: EventEmitter<GatewayEvents>;
}

/** An agent's row, client and linked account, read at each use because all three change. */
export interface LiveAgent {
  record(): AgentRecord;
  /** Null while no client exists. */
  client(): WhatsAppClient | null;
  /** Null unless the session is ready. */
  me(): Me | null;
}

/** An answer that was accepted for sending. */
export interface SentAnswer {
  reply: string | null;
  accepted: { message: ReadyMessage; parts: Accepted[] }[];
  unready: UnreadyMessage[];
}

/** Result of a turn. */
export type TurnOutcome =
  /** `texts`: what the answer says in words, message by message. */
  | { kind: 'replied'; texts: string[]; sent: SentAnswer }
  | { kind: 'silent' }
  /** A person has the chat, or it is closed: nothing was asked, or the answer was dropped. */
  | { kind: 'handed_over'; mode: ChatMode }
  | { kind: 'ai_failed'; error: GatewayError }
  | { kind: 'send_failed'; error: GatewayError };

const NO_ANSWER: AiAnswer = { reply: null, messages: [], dropped: 0, handoff: false };

/** Options of an answer to an inbound message. */
export interface AnswerOptions {
  traceId: string;
  chat: ChatAddress;
  /** What the answer is to, for reports. */
  asked: AlertedMessage;
  /** The account the message was written to: the answer is never sent by another one. */
  account: Jid | undefined;
  signal: AbortSignal;
  /** Checked before the AI is asked, and right before the answer is queued; false drops the turn. */
  isWanted?(): boolean;
  /** Fields of the request that are fetched while typing shows. */
  fetch?(signal: AbortSignal): Promise<Partial<AiRequest>>;
  /** Called once the AI has answered: from then on the answer waits, and is stored. */
  onAnswered?(): void;
  /** Keys of the claimed messages that it answers: their claims are settled with the answer. */
  answers?: readonly string[];
  /** The id of the first message of the answer. */
  id?: string;
  /** The place of the first message in the mailbox. */
  place?: Reservation;
}

/** What the AI answered, and what it was given of the time in which it was not asked. */
interface Asked {
  answer: AiAnswer;
  history: History | null;
}

/** One request to the AI, and how its answer is queued. */
interface Turn extends AnswerOptions {
  request: AiRequest;
}

/** The other parts of an agent that its turns use. */
export interface AiReplyParts {
  sender: Pick<Sender, 'acceptAll' | 'acceptUnawaited'>;
  handover: Pick<Handover, 'settling' | 'modeOf' | 'watch' | 'history' | 'handOff'>;
  settings(): EffectiveSettings;
}

/** An agent's turns: asks the AI while typing shows, then sends its answer. */
export class AiReplies {
  readonly #deps: AiReplyDeps;
  readonly #agent: LiveAgent;
  readonly #sender: AiReplyParts['sender'];
  readonly #handover: AiReplyParts['handover'];
  readonly #settings: AiReplyParts['settings'];

  constructor(deps: AiReplyDeps, agent: LiveAgent, { sender, handover, settings }: AiReplyParts) {
    this.#deps = deps;
    this.#agent = agent;
    this.#sender = sender;
    this.#handover = handover;
    this.#settings = settings;
  }

  /** Answers a request: the answer is queued, its delivery is not awaited. Rejects only when aborted. */
  answer(request: AiRequest, options: AnswerOptions): Promise<TurnOutcome> {
    return this.#turn({ ...options, request });
  }

  /**
   * The AI backend bounds the asking, the mailbox the sending. No state machine: a turn has no state worth showing, and
   * an actor per message cost a quarter of the message's CPU.
   * @throws the signal's reason as soon as it is aborted
   */
  async #turn(turn: Turn): Promise<TurnOutcome> {
    const { chat, signal } = turn;
    signal.throwIfAborted();
    const settling = this.#handover.settling(chat);
    if (settling) await settling;
    const mode = this.#handover.modeOf(chat);
    if (mode !== 'bot') return { kind: 'handed_over', mode };
    // Aborted with the agent, and when the chat is handed over.
    const stop = new AbortController();
    const abort = () => stop.abort(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    const unwatch = this.#handover.watch(chat, () => stop.abort());
    try {
      return await this.#askAndSend(turn, stop.signal);
    } finally {
      signal.removeEventListener('abort', abort);
      unwatch();
    }
  }

  /** The turn itself; `stopped` is aborted with its signal, and when its chat is handed over. */
  async #askAndSend(turn: Turn, stopped: AbortSignal): Promise<TurnOutcome> {
    const { request, chat, signal, isWanted } = turn;
    signal.throwIfAborted();
    const { clock, settings } = this.#deps;
    const typing = { clock, renewMs: settings.limits.typingRenewMs, client: () => this.#agent.client() };
    const stopTyping = showTyping(typing, request.sessionId);
    let asked: Asked;
    let opened: ReadyAnswer;
    try {
      asked = await abortable(this.#ask(turn, stopped), stopped);
      turn.onAnswered?.();
      opened = await this.#write(asked.answer, stopped);
    } catch (error) {
      signal.throwIfAborted();
      if (stopped.aborted) return this.#handedOver(chat);
      return { kind: 'ai_failed', error: toGatewayError(error, 'AI_DOWNSTREAM_ERROR') };
    } finally {
      stopTyping();
    }
    const settling = this.#handover.settling(chat);
    if (settling) await settling;
    // In the tick of the acceptance: a crash before it asks again, with the same history.
    if (!stopped.aborted) asked.history?.used();
    if (!stopped.aborted && isWanted?.() !== false) return this.#send(turn, asked.answer, opened);
    await discard(this.#deps, this.#agent.record(), opened.ready);
    return stopped.aborted ? this.#handedOver(chat) : { kind: 'silent' };
  }

  /** Stores the files of an answer, and waits as long as the agent's reply delay says. @throws when stopped */
  async #write(answer: AiAnswer, stopped: AbortSignal): Promise<ReadyAnswer> {
    const record = this.#agent.record();
    const opening = openAnswer(this.#deps, record, answer);
    try {
      const delayMs = delayOf(answer, this.#settings().replyDelay);
      if (delayMs > 0) await pause(this.#deps.clock, delayMs, stopped);
      return await abortable(opening, stopped);
    } catch (error) {
      void opening.then(({ ready }) => discard(this.#deps, record, ready));
      throw error;
    }
  }

  /** Queues an answer, all of it or nothing, and hands the chat over where it says so; reports what is not sent. */
  async #send(turn: Turn, answer: AiAnswer, { ready, unready }: ReadyAnswer): Promise<TurnOutcome> {
    const { chat, traceId, signal } = turn;
    const accepting = ready.length > 0 ? this.#accept(turn, ready) : Promise.resolve([]);
    // In the tick of the acceptance: what was accepted still leaves, and the two are stored together.
    if (answer.handoff) this.#handover.handOff(chat, traceId);
    try {
      const parts = await abortable(accepting, signal);
      await this.#reportUnsent(turn, answer, unready);
      const [failure] = unready;
      if (ready.length === 0)
        return failure ? { kind: 'send_failed', error: failure.error } : { kind: 'silent' };
      const texts = ready.map(({ content }) => wordsOf(content)).filter((text) => text !== '');
      const accepted = ready.map((message, index) => ({ message, parts: parts[index]! }));
      return { kind: 'replied', texts, sent: { reply: answer.reply, accepted, unready } };
    } catch (error) {
      signal.throwIfAborted();
      return { kind: 'send_failed', error: toGatewayError(error) };
    }
  }

  /** Accepts the messages of an answer; their files are deleted when they are refused. @throws as `Sender.acceptAll` */
  async #accept(
    { request, traceId, account, id, place, answers }: Turn,
    ready: ReadyMessage[],
  ): Promise<Accepted[][]> {
    const startsWithReply = ready[0]?.place === null;
    const messages = ready.map(({ place, content, quoteId }, index): OutgoingMessage => {
      const further = id && index > 0 ? furtherId(id, startsWithReply, place ?? 0) : id;
      return { id: further, to: request.sessionId, content, quoteId, account, origin: 'reply', traceId };
    });
    try {
      return await this.#sender.acceptAll(messages, { place, answers });
    } catch (error) {
      await discard(this.#deps, this.#agent.record(), ready);
      throw error;
    }
  }

  /** Reports to the developer what of an answer is not sent. */
  async #reportUnsent(turn: Turn, answer: AiAnswer, unready: UnreadyMessage[]): Promise<void> {
    const { asked, traceId } = turn;
    const details = unready.map(({ error }) => error.message);
    const sent = answer.messages.length;
    if (answer.dropped > 0)
      details.push(`The AI answered ${sent + answer.dropped} messages; the first ${sent} are sent.`);
    if (details.length === 0) return;
    const { clock, settings, events } = this.#deps;
    const { agentId } = this.#agent.record();
    const { developer } = settings;
    const context = { agentId, developer, clock, sender: this.#sender, client: this.#agent.client() };
    await alertDeveloper(context, asked, { reason: 'ERROR', traceId, details }).catch((error: unknown) =>
      events.emit('fault', { agentId, where: 'report', error }),
    );
  }

  /** The outcome of a turn whose chat was handed over; it may be the bot's again by now. */
  #handedOver(chat: ChatAddress): TurnOutcome {
    const mode = this.#handover.modeOf(chat);
    return { kind: 'handed_over', mode: mode === 'bot' ? 'human' : mode };
  }

  /** Asks the AI, with what passed while it was not asked, and publishes the outcome. */
  async #ask(turn: Turn, signal: AbortSignal): Promise<Asked> {
    const { request, chat, traceId } = turn;
    const { clock, events, ai } = this.#deps;
    const fetched = await turn.fetch?.(signal);
    if (fetched && turn.isWanted?.() === false) return { answer: NO_ANSWER, history: null };
    const history = request.history === undefined ? await this.#handover.history(chat) : null;
    const asked = { ...request, ...fetched, ...(history && { history: history.entries }) };
    const { agentId, apiKey, endpointUrlRun: endpointUrl } = this.#agent.record();
    const startedAt = clock.monotonic();
    const publish = (outcome: 'reply' | 'silence' | 'timeout' | 'error') =>
      events.emit('ai', { agentId, outcome, durationMs: Math.round(clock.monotonic() - startedAt), traceId });
    try {
      const answer = await ai.ask({ agentId, apiKey, endpointUrl }, asked, { traceId, signal });
      publish(answer.reply !== null || answer.messages.length > 0 ? 'reply' : 'silence');
      return { answer, history };
    } catch (error) {
      publish(error instanceof GatewayError && error.code === 'AI_TIMEOUT' ? 'timeout' : 'error');
      throw error;
    }
  }
}
