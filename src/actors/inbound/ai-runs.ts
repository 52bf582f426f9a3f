import type { RunMessage, RunOptions, RunOutcome, SendOutcome } from '../domain/commands.ts';
import { TEXTS } from '../domain/error-texts.ts';
import { GatewayError, toGatewayError } from '../domain/errors.ts';
import type { Jid } from '../domain/identity.ts';
import { type ContentKind, wordsOf } from '../domain/message-content.ts';
import { type AiRequest, MAX_ANSWER_MESSAGES } from '../domain/ports/ai.ts';
import type { MessageLog } from '../domain/ports/stores.ts';
import { abortable } from '../domain/timeout.ts';
import type { Sender } from '../outbound/sender.ts';
import type { AiReplies, LiveAgent, SentAnswer } from './ai-reply.ts';
import { furtherId } from './answer-messages.ts';

/** What became of one message of an answer. */
interface AnswerResult {
  isReply: boolean;
  type: ContentKind;
  result: SendOutcome | GatewayError;
}

/** The other parts of an agent that its runs use. */
interface AiRunParts {
  replies: Pick<AiReplies, 'answer'>;
  sender: Pick<Sender, 'reserve' | 'outcome' | 'outcomeOfParts'>;
}

/** An agent's turns for callers of `/run`, who get what became of the answer. */
export class AiRuns {
  readonly #messages: Pick<MessageLog, 'find'>;
  readonly #agent: LiveAgent;
  readonly #replies: AiRunParts['replies'];
  readonly #sender: AiRunParts['sender'];
  /** Those in progress. */
  readonly #runs = new Set<Promise<RunOutcome>>();

  constructor(messages: Pick<MessageLog, 'find'>, agent: LiveAgent, { replies, sender }: AiRunParts) {
    this.#messages = messages;
    this.#agent = agent;
    this.#replies = replies;
    this.#sender = sender;
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
    const find = (messageId: string) => this.#messages.find(record, messageId);
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

  /** The turn of `run`. */
  async #run(request: AiRequest, { traceId, id }: RunOptions, signal: AbortSignal): Promise<RunOutcome> {
    const { sessionId } = request;
    const place = this.#sender.reserve(traceId);
    const account = this.#agent.me()?.pn;
    const chat = { chatId: sessionId };
    const asked = { chatId: sessionId, senderId: sessionId, type: 'chat', body: request.message };
    try {
      const turn = await this.#replies.answer(request, { chat, asked, account, traceId, signal, id, place });
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
