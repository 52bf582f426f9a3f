import { type ActorRefFrom, createActor } from 'xstate';
import type { TurnPhase, TurnView } from '../domain/agent-view.ts';
import type { EpochMs, Scheduler } from '../domain/ports/clock.ts';
import type { InboundMessage, Me } from '../domain/ports/whatsapp.ts';
import { burstMachine } from './burst.machine.ts';
import type { Arrival } from './loop-guard.ts';

/** A message that waits for its turn. */
export interface QueuedMessage extends Arrival {
  message: InboundMessage;
  key: string;
  /** The account that it was written to. */
  me: Me;
  /** By the host's clock. */
  arrivedAt: EpochMs;
}

/** How a burst collects. */
export interface BurstOptions {
  debounceMs(): number;
  debounceMaxMs: number;
  /** Called once it collects no more. */
  onCollected(): void;
  onError(error: unknown): void;
}

/** Messages of a chat that the AI is asked about together, oldest first. */
export class Turn {
  readonly messages: QueuedMessage[];
  /** That of its first message. */
  readonly traceId: string;
  readonly #clock: Scheduler;
  /** Of a burst. A turn of one message that waits for no other has none: it would take a quarter of its CPU. */
  readonly #burst: ActorRefFrom<typeof burstMachine> | null;
  #phase: TurnPhase = 'waiting';
  #since: EpochMs;

  constructor(first: QueuedMessage, traceId: string, clock: Scheduler, burst?: BurstOptions) {
    this.messages = [first];
    this.traceId = traceId;
    this.#clock = clock;
    this.#since = first.arrivedAt;
    this.#burst = burst ? this.#collect(burst) : null;
  }

  /** The newest of its messages. */
  get newest(): QueuedMessage {
    return this.messages.at(-1)!;
  }

  /** A further message of a burst; one that was fetched late stands before those written after it. */
  add(message: QueuedMessage): void {
    this.messages.push(message);
    this.messages.sort((one, other) => one.message.timestamp - other.message.timestamp);
    this.#burst?.send({ type: 'message.received' });
  }

  /** The writer of a burst types, or types no more. */
  typing(isTyping: boolean): void {
    this.#burst?.send({ type: isTyping ? 'typing.started' : 'typing.stopped' });
  }

  /** Collects no more. */
  close(): void {
    this.#burst?.send({ type: 'burst.closed' });
  }

  /** Its turn in the chat has come. */
  start(): void {
    this.#begin('asking');
    this.#burst?.send({ type: 'turn.started' });
  }

  /** The AI has answered. */
  answered(): void {
    this.#begin('answering');
    this.#burst?.send({ type: 'answer.received' });
  }

  /** It is done with, or dropped. */
  end(): void {
    this.#burst?.send({ type: 'turn.ended' });
  }

  /** What it waits for. */
  view(): TurnView {
    const { chatId } = this.newest.message;
    const messages = this.messages.length;
    if (!this.#burst) return { chatId, messages, phase: this.#phase, since: this.#since };
    const { value, context } = this.#burst.getSnapshot();
    const { since, until } = context;
    if (typeof value === 'object') return { chatId, messages, phase: 'collecting', since, until };
    return { chatId, messages, phase: value === 'done' ? 'answering' : value, since };
  }

  #begin(phase: TurnPhase): void {
    this.#phase = phase;
    this.#since = this.#clock.now();
  }

  #collect({
    debounceMs,
    debounceMaxMs,
    onCollected,
    onError,
  }: BurstOptions): ActorRefFrom<typeof burstMachine> {
    const clock = this.#clock;
    const burst = createActor(burstMachine, { clock, input: { clock, debounceMs, debounceMaxMs } });
    burst.on('collected', onCollected);
    burst.subscribe({ error: onError });
    return burst.start();
  }
}
