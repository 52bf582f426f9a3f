import type { EventEmitter } from 'eventemitter3';
import type { ChatAddress, ChatMode } from '../domain/chats.ts';
import type { RunOptions, RunOutcome, SendOutcome } from '../domain/commands.ts';
import { GatewayError, toGatewayError } from '../domain/errors.ts';
import type { GatewayEvents } from '../domain/gateway-events.ts';
import type { Jid } from '../domain/identity.ts';
import type { AiBackend, AiRequest } from '../domain/ports/ai.ts';
import type { Scheduler, Timer } from '../domain/ports/clock.ts';
import type { AgentRecord, OutgoingMessage } from '../domain/ports/stores.ts';
import type { Me, WhatsAppClient } from '../domain/ports/whatsapp.ts';
import type { ActorSettings } from '../domain/settings.ts';
import { abortable } from '../domain/timeout.ts';
import type { Sender } from '../outbound/sender.ts';
import type { Handover } from './handover.ts';

/** What the turns of all agents share. */
export interface AiReplyDeps {
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

/** Result of a turn; `R` is what sending the reply returned. */
export type TurnOutcome<R> =
  | { kind: 'replied'; text: string; sent: R }
  | { kind: 'silent' }
  /** A person has the chat, or it is closed: nothing was asked, or the reply was dropped. */
  | { kind: 'handed_over'; mode: ChatMode }
  | { kind: 'ai_failed'; error: GatewayError }
  | { kind: 'send_failed'; error: GatewayError };

/** Options of a reply to an inbound message. */
export interface AnswerOptions {
  traceId: string;
  chat: ChatAddress;
  /** The account the message was written to: the reply is never sent by another one. */
  account: Jid;
  signal: AbortSignal;
  /** Checked before the AI is asked, and once it has answered; false drops the turn. */
  isWanted(): boolean;
  /** Fields of the request that are fetched while typing shows. */
  fetch?(signal: AbortSignal): Promise<Partial<AiRequest>>;
}

/** One request to the AI and what to do with its reply. */
interface Turn<R> {
  request: AiRequest;
  chat: ChatAddress;
  traceId: string;
  signal: AbortSignal;
  isWanted?(): boolean;
  fetch?(signal: AbortSignal): Promise<Partial<AiRequest>>;
  send(text: string): Promise<R>;
}

/** The other parts of an agent that its turns use. */
export interface AiReplyParts {
  sender: Pick<Sender, 'acceptUnawaited' | 'reserve' | 'send'>;
  handover: Pick<Handover, 'settling' | 'modeOf' | 'watch' | 'history'>;
}

/** An agent's turns: asks the AI while typing shows, then sends its reply. */
export class AiReplies {
  readonly #deps: AiReplyDeps;
  readonly #agent: LiveAgent;
  readonly #sender: AiReplyParts['sender'];
  readonly #handover: AiReplyParts['handover'];
  /** `/run` requests in progress. */
  readonly #runs = new Set<Promise<RunOutcome>>();

  constructor(deps: AiReplyDeps, agent: LiveAgent, { sender, handover }: AiReplyParts) {
    this.#deps = deps;
    this.#agent = agent;
    this.#sender = sender;
    this.#handover = handover;
  }

  /** Answers an inbound message: the reply is queued, its delivery is not awaited. Rejects only when aborted. */
  answer(request: AiRequest, options: AnswerOptions): Promise<TurnOutcome<string>> {
    const { account, ...turn } = options;
    const send = (text: string) =>
      this.#sender.acceptUnawaited({ ...replyTo(request, text, turn.traceId), account });
    return this.#turn({ ...turn, request, send });
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

  async #run(request: AiRequest, { traceId, id }: RunOptions, signal: AbortSignal): Promise<RunOutcome> {
    const place = this.#sender.reserve(traceId);
    const account = this.#agent.me()?.pn;
    const send = (text: string) =>
      this.#sender.send({ id, ...replyTo(request, text, traceId), account }, { respondAsync: false }, place);
    try {
      const chat = { chatId: request.sessionId };
      return runOutcome(request.sessionId, await this.#turn({ request, chat, traceId, signal, send }));
    } finally {
      place.release();
    }
  }

  /**
   * The AI backend bounds the asking, the mailbox the sending. No state machine: a turn has no state worth showing, and
   * an actor per message cost a quarter of the message's CPU.
   * @throws the signal's reason as soon as it is aborted
   */
  async #turn<R>(turn: Turn<R>): Promise<TurnOutcome<R>> {
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
  async #askAndSend<R>(turn: Turn<R>, stopped: AbortSignal): Promise<TurnOutcome<R>> {
    const { request, chat, signal, isWanted } = turn;
    signal.throwIfAborted();
    const stopTyping = this.#showTyping(request.sessionId);
    let text: string | null;
    try {
      text = await abortable(this.#ask({ ...turn, signal: stopped }), stopped);
    } catch (error) {
      signal.throwIfAborted();
      if (stopped.aborted) return this.#handedOver(chat);
      return { kind: 'ai_failed', error: toGatewayError(error, 'AI_DOWNSTREAM_ERROR') };
    } finally {
      stopTyping();
    }
    const settling = this.#handover.settling(chat);
    if (settling) await settling;
    if (stopped.aborted) return this.#handedOver(chat);
    if (!text || isWanted?.() === false) return { kind: 'silent' };
    try {
      return { kind: 'replied', text, sent: await abortable(turn.send(text), signal) };
    } catch (error) {
      signal.throwIfAborted();
      return { kind: 'send_failed', error: toGatewayError(error) };
    }
  }

  /** The outcome of a turn whose chat was handed over; it may be the bot's again by now. */
  #handedOver(chat: ChatAddress): TurnOutcome<never> {
    const mode = this.#handover.modeOf(chat);
    return { kind: 'handed_over', mode: mode === 'bot' ? 'human' : mode };
  }

  /** Asks the AI, with what passed while it was not asked, and publishes the outcome. */
  async #ask(turn: Turn<unknown>): Promise<string | null> {
    const { request, chat, traceId, signal } = turn;
    const { clock, events, ai } = this.#deps;
    const fetched = await turn.fetch?.(signal);
    if (fetched && turn.isWanted?.() === false) return null;
    const history = request.history === undefined ? await this.#handover.history(chat) : null;
    const asked = { ...request, ...fetched, ...(history && { history: history.entries }) };
    const { agentId, apiKey, endpointUrlRun: endpointUrl } = this.#agent.record();
    const startedAt = clock.monotonic();
    const publish = (outcome: 'reply' | 'silence' | 'timeout' | 'error') =>
      events.emit('ai', { agentId, outcome, durationMs: Math.round(clock.monotonic() - startedAt), traceId });
    try {
      const reply = await ai.ask({ agentId, apiKey, endpointUrl }, asked, { traceId, signal });
      if (!signal.aborted) history?.used();
      publish(reply ? 'reply' : 'silence');
      return reply;
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

/** The answer of `/run`. @throws the error that the turn ended with */
function runOutcome(sessionId: Jid, turn: TurnOutcome<SendOutcome>): RunOutcome {
  if (turn.kind === 'ai_failed' || turn.kind === 'send_failed') throw turn.error;
  if (turn.kind === 'silent' || turn.kind === 'handed_over')
    return { reply: null, replySent: false, sessionId };
  const { text: reply, sent } = turn;
  if (sent.status === 'queued') return { reply, replySent: false, sessionId, id: sent.id };
  return { reply, replySent: true, sessionId, id: sent.id, messageId: sent.messageId };
}

/** A reply as an outgoing message. */
function replyTo({ sessionId: to }: AiRequest, text: string, traceId: string): OutgoingMessage {
  return { to, content: { kind: 'text', text }, origin: 'reply', traceId };
}
