import type { EventEmitter } from 'eventemitter3';
import type { ChatAddress, ChatMode } from '../domain/chats.ts';
import type { RunMessage, RunOptions, RunOutcome, SendOutcome } from '../domain/commands.ts';
import { TEXTS } from '../domain/error-texts.ts';
import { GatewayError, toGatewayError } from '../domain/errors.ts';
import type { GatewayEvents } from '../domain/gateway-events.ts';
import type { Jid } from '../domain/identity.ts';
import { type ContentKind, wordsOf } from '../domain/message-content.ts';
import { type AiAnswer, type AiBackend, type AiRequest, MAX_ANSWER_MESSAGES } from '../domain/ports/ai.ts';
import type { Scheduler, Timer } from '../domain/ports/clock.ts';
import type { AgentRecord, MessageLog, OutgoingMessage } from '../domain/ports/stores.ts';
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
import type { Handover } from './handover.ts';

/** What the turns of all agents share. */
export interface AiReplyDeps extends AnswerFiles {
  settings: ActorSettings;
  clock: Scheduler;
  ai: AiBackend;
  messages: Pick<MessageLog, 'find'>;
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
interface SentAnswer {
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

/** What became of one message of an answer. */
interface AnswerResult {
  isReply: boolean;
  type: ContentKind;
  result: SendOutcome | GatewayError;
}

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
}

/** One request to the AI, and how its answer is queued. */
interface Turn extends AnswerOptions {
  request: AiRequest;
  /** The id of the first message of the answer. */
  id?: string;
  /** The place of the first message in the mailbox. */
  place?: Reservation;
}

/** The other parts of an agent that its turns use. */
export interface AiReplyParts {
  sender: Pick<Sender, 'acceptAll' | 'acceptUnawaited' | 'reserve' | 'outcome' | 'outcomeOfParts'>;
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
  /** `/run` requests in progress. */
  readonly #runs = new Set<Promise<RunOutcome>>();

  constructor(deps: AiReplyDeps, agent: LiveAgent, { sender, handover, settings }: AiReplyParts) {
    this.#deps = deps;
    this.#agent = agent;
    this.#sender = sender;
    this.#handover = handover;
    this.#settings = settings;
  }

  /** Answers an inbound message: the answer is queued, its delivery is not awaited. Rejects only when aborted. */
  answer(request: AiRequest, options: AnswerOptions): Promise<TurnOutcome> {
    return this.#turn({ ...options, request });
  }

  /**
   * A turn for a caller of `/run`, outside the chat's queue. It reserves a place in the mailbox before the AI is asked.
   * @throws GatewayError `RATE_LIMITED` when the mailbox is full, or the error of the AI or the send
   */
  async run(request: AiRequest, options: RunOptions, signal: AbortSignal): Promise<RunOutcome> {
    const running = this.#run(request, options, signal);
    this.#runs.add(running);
    try {
      return await running;
    } finally {
      this.#runs.delete(running);
    }
  }

  /** Resolves when no `/run` is in progress. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#runs);
  }

  /** The answer to a repeated `/run`, from what was stored: the first message under this id. @throws as `run` */
  async outcome(id: string, sessionId: Jid): Promise<RunOutcome> {
    const record = this.#agent.record();
    const find = (messageId: string) => this.#deps.messages.find(record, messageId);
    const first = await find(id);
    if (!first) throw new GatewayError('NOT_FOUND', TEXTS.NOT_FOUND.message);
    const places = Array.from({ length: MAX_ANSWER_MESSAGES }, (_, place) => place);
    const findAll = (startsWithReply: boolean) =>
      Promise.all(places.map((place) => find(furtherId(id, startsWithReply, place))));
    const [afterReply, others] = await Promise.all([findAll(true), findAll(false)]);
    const isReply = first.content.kind === 'text' && others.every((message) => message === null);
    const stored = [first, ...afterReply, ...others].filter((message) => message !== null);
    const results = stored.map(async (message): Promise<AnswerResult> => {
      const result = await resultOf(async () => this.#sender.outcome(message));
      return { isReply: isReply && message === first, type: message.content.kind, result };
    });
    return runOutcome(sessionId, isReply ? wordsOf(first.content) : null, await Promise.all(results));
  }

  async #run(request: AiRequest, { traceId, id }: RunOptions, signal: AbortSignal): Promise<RunOutcome> {
    const { sessionId } = request;
    const place = this.#sender.reserve(traceId);
    const account = this.#agent.me()?.pn;
    const chat = { chatId: sessionId };
    const asked = { chatId: sessionId, senderId: sessionId, type: 'chat', body: request.message };
    try {
      const turn = await this.#turn({ request, chat, asked, account, traceId, signal, id, place });
      if (turn.kind === 'ai_failed' || turn.kind === 'send_failed') throw turn.error;
      if (turn.kind !== 'replied') return { reply: null, replySent: false, sessionId };
      const results = await abortable(this.#results(turn.sent), signal);
      return runOutcome(sessionId, turn.sent.reply, results);
    } finally {
      place.release();
    }
  }

  /** What became of an answer's messages, in order, within `SEND_WAIT_MS`. */
  async #results({ accepted, unready }: SentAnswer): Promise<AnswerResult[]> {
    const outcome = async ({ message, parts }: SentAnswer['accepted'][number]) => ({
      place: message.place ?? -1,
      isReply: message.place === null,
      type: message.content.kind,
      result: await resultOf(() => this.#sender.outcomeOfParts(parts, { respondAsync: false })),
    });
    const failed = unready.map(({ place, kind: type, error: result }) => ({
      place,
      isReply: false,
      type,
      result,
    }));
    const results = [...(await Promise.all(accepted.map(outcome))), ...failed];
    return results.sort((one, other) => one.place - other.place);
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
    const stopTyping = this.#showTyping(request.sessionId);
    let answer: AiAnswer;
    let opened: ReadyAnswer;
    try {
      answer = await abortable(this.#ask(turn, stopped), stopped);
      opened = await this.#write(answer, stopped);
    } catch (error) {
      signal.throwIfAborted();
      if (stopped.aborted) return this.#handedOver(chat);
      return { kind: 'ai_failed', error: toGatewayError(error, 'AI_DOWNSTREAM_ERROR') };
    } finally {
      stopTyping();
    }
    const settling = this.#handover.settling(chat);
    if (settling) await settling;
    if (!stopped.aborted && isWanted?.() !== false) return this.#send(turn, answer, opened);
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
    { request, traceId, account, id, place }: Turn,
    ready: ReadyMessage[],
  ): Promise<Accepted[][]> {
    const startsWithReply = ready[0]?.place === null;
    const messages = ready.map(({ place, content, quoteId }, index): OutgoingMessage => {
      const further = id && index > 0 ? furtherId(id, startsWithReply, place ?? 0) : id;
      return { id: further, to: request.sessionId, content, quoteId, account, origin: 'reply', traceId };
    });
    try {
      return await this.#sender.acceptAll(messages, place);
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
  async #ask(turn: Turn, signal: AbortSignal): Promise<AiAnswer> {
    const { request, chat, traceId } = turn;
    const { clock, events, ai } = this.#deps;
    const fetched = await turn.fetch?.(signal);
    if (fetched && turn.isWanted?.() === false) return NO_ANSWER;
    const history = request.history === undefined ? await this.#handover.history(chat) : null;
    const asked = { ...request, ...fetched, ...(history && { history: history.entries }) };
    const { agentId, apiKey, endpointUrlRun: endpointUrl } = this.#agent.record();
    const startedAt = clock.monotonic();
    const publish = (outcome: 'reply' | 'silence' | 'timeout' | 'error') =>
      events.emit('ai', { agentId, outcome, durationMs: Math.round(clock.monotonic() - startedAt), traceId });
    try {
      const answer = await ai.ask({ agentId, apiKey, endpointUrl }, asked, { traceId, signal });
      if (!signal.aborted) history?.used();
      publish(answer.reply !== null || answer.messages.length > 0 ? 'reply' : 'silence');
      return answer;
    } catch (error) {
      publish(error instanceof GatewayError && error.code === 'AI_TIMEOUT' ? 'timeout' : 'error');
      throw error;
    }
  }

  /** Shows typing until the returned function is called; renewed because WhatsApp drops it after about 25 s. */
  #showTyping(to: Jid): () => void {
    const { clock, settings } = this.#deps;
    // One look-up for all calls keeps them in order.
    let chat: Promise<Jid> | null = null;
    const setTyping = (typing: boolean) => {
      const client = this.#agent.client();
      if (!client) return;
      chat ??= client.resolveRecipient(to).then((resolved) => resolved ?? to);
      chat.then(
        // A courtesy: its errors never fail a reply.
        (chatId) => client.setTyping(chatId, typing).catch(() => undefined),
        () => {
          chat = null;
        },
      );
    };
    let renewal: Timer;
    const renew = () => {
      setTyping(true);
      renewal = clock.setTimeout(renew, settings.limits.typingRenewMs);
    };
    renew();
    return () => {
      clock.clearTimeout(renewal);
      setTyping(false);
    };
  }
}

/** What a call resolves or rejects with. */
async function resultOf(call: () => Promise<SendOutcome>): Promise<SendOutcome | GatewayError> {
  try {
    return await call();
  } catch (error) {
    return toGatewayError(error);
  }
}

/**
 * The answer of `/run`. @throws the error of a message when none was sent or is queued: nothing of the answer has left,
 * or that is unknown
 */
function runOutcome(sessionId: Jid, reply: string | null, results: AnswerResult[]): RunOutcome {
  const failures = results.map(({ result }) => result).filter((result) => result instanceof GatewayError);
  if (failures.length === results.length)
    throw failures.find(({ details }) => details?.outcome === 'unknown') ?? failures[0]!;
  const messages = results.filter(({ isReply }) => !isReply).map(runMessage);
  const ofReply = results.find(({ isReply }) => isReply);
  const { id, messageId } = ofReply ? runMessage(ofReply) : {};
  return {
    reply,
    replySent: messageId !== undefined,
    sessionId,
    ...(id !== undefined && { id }),
    ...(messageId !== undefined && { messageId }),
    ...(messages.length > 0 && { messages }),
  };
}

/** A message of an answer, as `/run` shows it. */
function runMessage({ type, result }: AnswerResult): RunMessage {
  if (result instanceof GatewayError) {
    const { code, message, details } = result;
    return { ...(typeof details?.id === 'string' && { id: details.id }), type, error: { code, message } };
  }
  return { id: result.id, ...(result.status === 'sent' && { messageId: result.messageId }), type };
}
