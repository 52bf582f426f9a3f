import { setMaxListeners } from 'node:events';
import { TEXTS } from '../domain/error-texts.ts';
import { GatewayError } from '../domain/errors.ts';
import type { Jid } from '../domain/identity.ts';

/**
 * Handles one turn of a chat; `signal` is aborted when the agent stops waiting for it. `releaseSlot` lets another chat's
 * job begin before this one has ended; its own chat waits for the end.
 */
export type ChatJob = (signal: AbortSignal, releaseSlot: () => void) => Promise<void>;

/**
 * Jobs of one agent's chats: in order within a chat, in parallel across chats, at most `concurrency` in a slot at once.
 * A chat's queue exists only while it has work.
 */
export class ChatQueues {
  readonly #onError: (error: unknown) => void;
  readonly #chats = new Map<Jid, ChatJob[]>();
  readonly #ready: Jid[] = [];
  readonly #running = new Set<Promise<void>>();
  #freeSlots: number;
  readonly #abort = new AbortController();

  constructor(concurrency: number, onError: (error: unknown) => void) {
    this.#freeSlots = concurrency;
    this.#onError = onError;
    // Each running job listens to it.
    setMaxListeners(0, this.#abort.signal);
  }

  /** Queues a job. */
  enqueue(chatId: Jid, job: ChatJob): void {
    let chat = this.#chats.get(chatId);
    if (!chat) {
      chat = [];
      this.#chats.set(chatId, chat);
      this.#ready.push(chatId);
    }
    chat.push(job);
    this.#next();
  }

  /** True when no job is queued or running. */
  get isIdle(): boolean {
    return this.#chats.size === 0 && this.#running.size === 0;
  }

  /** Drops queued jobs, gives running ones `patienceMs` to finish, then aborts them; resolves when all have settled. */
  async stop(patienceMs: number): Promise<void> {
    this.#chats.clear();
    this.#ready.length = 0;
    const reason = new GatewayError('SHUTTING_DOWN', TEXTS.SHUTTING_DOWN.agent);
    const timer = setTimeout(() => this.#abort.abort(reason), patienceMs);
    await Promise.all(this.#running);
    clearTimeout(timer);
  }

  /** Starts jobs of ready chats while there are slots. */
  #next(): void {
    while (this.#freeSlots > 0) {
      const chatId = this.#ready.shift();
      if (chatId === undefined) return;
      const job = this.#chats.get(chatId)?.shift();
      if (!job) {
        this.#chats.delete(chatId);
        continue;
      }
      this.#start(chatId, job);
    }
  }

  /** Runs a job; its chat then queues behind the other ready ones. */
  #start(chatId: Jid, job: ChatJob): void {
    this.#freeSlots -= 1;
    let hasSlot = true;
    const releaseSlot = () => {
      if (!hasSlot) return;
      hasSlot = false;
      this.#freeSlots += 1;
      this.#next();
    };
    const running = job(this.#abort.signal, releaseSlot)
      .catch(this.#onError)
      .finally(() => {
        this.#running.delete(running);
        if (this.#chats.has(chatId)) this.#ready.push(chatId);
        releaseSlot();
        this.#next();
      });
    this.#running.add(running);
  }
}
