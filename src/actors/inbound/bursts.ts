import type { Scheduler } from '../domain/ports/clock.ts';
import type { CustomerTyping } from '../domain/ports/whatsapp.ts';
import type { EffectiveSettings } from '../domain/settings.ts';
import { type QueuedMessage, Turn } from './turn.ts';

/** A burst of so many messages is asked about at once; further ones begin the next. */
const MAX_MESSAGES = 50;

/** What an agent's bursts need of it. */
export interface BurstParts {
  settings(): Pick<EffectiveSettings, 'debounceMs' | 'debounceMaxMs'>;
  /** A burst begins: the returned function is called when it collects no more. */
  onBegin(turn: Turn): () => void;
  /** A burst collects no more: it is to be asked about. */
  onCollected(turn: Turn): void;
  onError(error: unknown): void;
}

/**
 * The bursts of an agent that collect, one of each writer in a chat: in a group, what two people write is not one thought.
 * There is nothing of a writer whose messages are asked about, nor where `debounceMs` is 0.
 */
export class Bursts {
  readonly #clock: Scheduler;
  readonly #parts: BurstParts;
  readonly #collecting = new Map<string, Turn>();

  constructor(clock: Scheduler, parts: BurstParts) {
    this.#clock = clock;
    this.#parts = parts;
  }

  get isEmpty(): boolean {
    return this.#collecting.size === 0;
  }

  /** Adds a message to its writer's burst, or begins one with it; false where there is none and no debounce. */
  take(message: QueuedMessage, traceId: string): boolean {
    const isOff = this.#parts.settings().debounceMs === 0;
    if (isOff && this.isEmpty) return false;
    const writer = writerOf(message);
    const burst = this.#collecting.get(writer);
    if (!burst && isOff) return false;
    if (!burst) this.#begin(writer, message, traceId);
    else {
      burst.add(message);
      if (burst.messages.length >= MAX_MESSAGES) burst.close();
    }
    return true;
  }

  /** A customer types, or types no more. */
  typing({ chatId, typing }: CustomerTyping): void {
    for (const burst of this.#collecting.values())
      if (burst.newest.message.chatId === chatId) burst.typing(typing);
  }

  /** Drops what is collected. */
  stop(): void {
    for (const burst of this.#collecting.values()) burst.end();
    this.#collecting.clear();
  }

  #begin(writer: string, message: QueuedMessage, traceId: string): void {
    const { settings, onBegin, onCollected, onError } = this.#parts;
    let unwatch = () => {};
    const collected = () => {
      if (!this.#collecting.delete(writer)) return;
      unwatch();
      onCollected(turn);
    };
    const turn = new Turn(message, traceId, this.#clock, {
      debounceMs: () => settings().debounceMs,
      debounceMaxMs: settings().debounceMaxMs,
      onCollected: collected,
      onError: (error) => {
        onError(error);
        // Its messages are asked about all the same.
        collected();
      },
    });
    this.#collecting.set(writer, turn);
    unwatch = onBegin(turn);
  }
}

/** Whose burst a message belongs to: of the same account, the same chat and the same writer. */
function writerOf({ me, message }: QueuedMessage): string {
  return `${me.pn} ${message.chatId} ${message.senderId}`;
}
