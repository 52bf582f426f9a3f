import type { EventEmitter } from 'eventemitter3';
import { GatewayError } from '../domain/errors.ts';
import type { RunOptions, RunOutcome } from '../domain/gateway-api.ts';
import type { GatewayEvents } from '../domain/gateway-events.ts';
import type { Jid } from '../domain/identity.ts';
import type { AiBackend, AiRequest } from '../domain/ports/ai.ts';
import type { Scheduler } from '../domain/ports/clock.ts';
import type { AgentRecord } from '../domain/ports/stores.ts';
import type { Me, WhatsAppClient } from '../domain/ports/whatsapp.ts';
import type { ActorSettings } from '../domain/settings.ts';
import type { Sender } from '../outbound/sender.ts';
import { runTurn, type TurnOutput, type TurnPort } from './ai-turn.ts';

/** What the turns of all agents share. */
export interface AiReplyDeps {
  settings: ActorSettings;
  clock: Scheduler;
  ai: AiBackend;
  events: EventEmitter<GatewayEvents>;
}

/** The agent that takes the turns, read at each use: key and client change. */
export interface AiReplyOwner {
  readonly agentId: string;
  readonly record: AgentRecord;
  readonly sender: Sender;
  readonly client: WhatsAppClient | null;
  readonly me: Me | null;
}

/** An agent's turns: the AI is asked while typing shows, and what it answers is sent (SPEC §3, §6). */
export class AiReplies {
  readonly #deps: AiReplyDeps;
  readonly #owner: AiReplyOwner;
  /** Requests of `/run` under way. */
  readonly #runs = new Set<Promise<RunOutcome>>();

  constructor(deps: AiReplyDeps, owner: AiReplyOwner) {
    this.#deps = deps;
    this.#owner = owner;
  }

  /**
   * A chat's turn: its reply is queued for the account that was written to, unless it is unwanted by then, and its
   * outcome is not awaited.
   */
  answer(
    request: AiRequest,
    traceId: string,
    { account, signal, isWanted }: { account: Jid; signal: AbortSignal; isWanted(): boolean },
  ): Promise<TurnOutput> {
    const port = this.#port(request, traceId, async (text) => {
      const reply = { ...replyTo(request.sessionId, text, traceId), account };
      return { id: await this.#owner.sender.acceptUnawaited(reply), sent: false };
    });
    const ask: TurnPort['ask'] = async (abort) => {
      const reply = await port.ask(abort);
      return isWanted() ? reply : null;
    };
    return this.#turn({ ...port, ask }, signal);
  }

  /** `/run`: one turn for a caller, outside of the chat's queue. A full mailbox is refused before the AI is asked. */
  async run(request: AiRequest, options: RunOptions, signal: AbortSignal): Promise<RunOutcome> {
    const running = this.#run(request, options, signal);
    this.#runs.add(running);
    try {
      return await running;
    } finally {
      this.#runs.delete(running);
    }
  }

  /** Resolves when no `/run` is under way, however each of them ended. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#runs);
  }

  /** Takes the turn of a `/run` with a place in the mailbox. */
  async #run(request: AiRequest, { traceId, id }: RunOptions, signal: AbortSignal): Promise<RunOutcome> {
    const place = this.#owner.sender.reserve(traceId);
    const account = this.#owner.me?.pn;
    try {
      const port = this.#port(request, traceId, async (text) => {
        const reply = { id, ...replyTo(request.sessionId, text, traceId), account };
        const sent = await this.#owner.sender.send(reply, { respondAsync: false }, place);
        return {
          id: sent.id,
          sent: sent.status === 'sent',
          messageId: sent.status === 'sent' ? sent.messageId : undefined,
        };
      });
      return outcomeOf(request.sessionId, await this.#turn(port, signal));
    } finally {
      place.release();
    }
  }

  /** Runs a turn with the agent's settings. */
  #turn(port: TurnPort, signal: AbortSignal): Promise<TurnOutput> {
    const { clock, settings } = this.#deps;
    return runTurn({ port, clock, typingRenewMs: settings.limits.typingRenewMs }, signal);
  }

  /** What a turn on this request may do. */
  #port(request: AiRequest, traceId: string, reply: TurnPort['reply']): TurnPort {
    return {
      ask: (signal) => this.#ask(request, traceId, signal),
      setTyping: this.#typing(request.sessionId),
      reply,
    };
  }

  /** Shows typing in the chat that the reply goes to. A courtesy: its errors never fail a reply. */
  #typing(to: Jid): (typing: boolean) => void {
    // Resolved once, so that what is shown first is not overtaken.
    let chatId: Promise<Jid> | null = null;
    return (typing) => {
      const { client } = this.#owner;
      if (!client) return;
      chatId ??= client.resolveRecipient(to).then((resolved) => resolved ?? to);
      chatId.then(
        (resolved) => client.setTyping(resolved, typing).catch(() => undefined),
        () => {
          chatId = null;
        },
      );
    };
  }

  /** Asks the AI and publishes the outcome. */
  async #ask(request: AiRequest, traceId: string, signal: AbortSignal): Promise<string | null> {
    const { clock, events, ai } = this.#deps;
    const { agentId, record } = this.#owner;
    const identity = { agentId, apiKey: record.apiKey, endpointUrl: record.endpointUrlRun };
    const startedAt = clock.monotonic();
    const tell = (outcome: 'reply' | 'silence' | 'timeout' | 'error') =>
      events.emit('ai', { agentId, outcome, durationMs: Math.round(clock.monotonic() - startedAt), traceId });
    try {
      const reply = await ai.ask(identity, request, { traceId, signal });
      tell(reply ? 'reply' : 'silence');
      return reply;
    } catch (error) {
      tell(error instanceof GatewayError && error.code === 'AI_TIMEOUT' ? 'timeout' : 'error');
      throw error;
    }
  }
}

/** The answer of `/run`, or the error that the turn ended with. */
function outcomeOf(sessionId: Jid, output: TurnOutput): RunOutcome {
  if (output.kind === 'ai_failed' || output.kind === 'send_failed') throw output.error;
  if (output.kind === 'silent') return { reply: null, replySent: false, sessionId };
  const { id, messageId, sent } = output.reply;
  return { reply: output.text, replySent: sent, sessionId, id, messageId };
}

/** A reply as an outgoing message. */
function replyTo(to: Jid, text: string, traceId: string) {
  return { to, kind: 'text', text, origin: 'reply', traceId } as const;
}
