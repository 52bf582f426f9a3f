import { type GatewayError, toGatewayError } from '../domain/errors.ts';
import type { Scheduler, Timer } from '../domain/ports/clock.ts';

/** What a turn may do, bound to its agent, chat and request. */
export interface TurnPort {
  /** Asks the AI, within a deadline of its own; null when it has nothing to say. */
  ask(signal: AbortSignal): Promise<string | null>;
  /** Shows that the agent types, or no more. */
  setTyping(typing: boolean): void;
  /** Accepts the reply for sending and, when asked to, waits for how it ends. */
  reply(text: string): Promise<TurnReply>;
}

interface TurnReply {
  id: string;
  messageId?: string;
  sent: boolean;
}

/** What a turn is made of. */
export interface TurnInput {
  port: TurnPort;
  clock: Scheduler;
  typingRenewMs: number;
}

/** How a turn ended: a reply, the AI's silence, or what went wrong. */
export type TurnOutput =
  | { kind: 'replied'; text: string; reply: TurnReply }
  | { kind: 'silent' }
  | { kind: 'ai_failed'; error: GatewayError }
  | { kind: 'send_failed'; text: string; error: GatewayError };

/**
 * One turn of a conversation: asks the AI while typing shows, then sends what it answered. The AI backend's own
 * deadline ends the asking, the mailbox's ends the sending. Straight on, and no machine: it has no state that anyone
 * could look at or choose, and an actor for each message cost a quarter of what the message did.
 * @throws the signal's reason, at once, when it is aborted
 */
export async function runTurn(input: TurnInput, signal: AbortSignal): Promise<TurnOutput> {
  signal.throwIfAborted();
  let abort = () => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    abort = () => reject(signal.reason);
  });
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await take(input, signal, aborted);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** The steps of a turn; `aborted` rejects with the signal's reason. */
async function take(input: TurnInput, signal: AbortSignal, aborted: Promise<never>): Promise<TurnOutput> {
  const { port } = input;
  let text: string | null;
  const endTyping = showTyping(input);
  try {
    text = await Promise.race([port.ask(signal), aborted]);
  } catch (error) {
    signal.throwIfAborted();
    return { kind: 'ai_failed', error: toGatewayError(error, 'AI_DOWNSTREAM_ERROR') };
  } finally {
    endTyping();
  }
  if (!text) return { kind: 'silent' };
  try {
    const reply = await Promise.race([port.reply(text), aborted]);
    return { kind: 'replied', text, reply };
  } catch (error) {
    signal.throwIfAborted();
    return { kind: 'send_failed', text, error: toGatewayError(error) };
  }
}

/** Keeps "typing…" alive, since WhatsApp drops it after about 25 s, until it is ended (SPEC §6). */
function showTyping({ port, clock, typingRenewMs }: TurnInput): () => void {
  let renewal: Timer;
  const renew = () => {
    port.setTyping(true);
    renewal = clock.setTimeout(renew, typingRenewMs);
  };
  renew();
  return () => {
    clock.clearTimeout(renewal);
    port.setTyping(false);
  };
}
