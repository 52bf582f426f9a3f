import { TEXTS } from '../domain/error-texts.ts';
import { GatewayError } from '../domain/errors.ts';
import { Fifo } from '../domain/fifo.ts';
import type { Jid } from '../domain/identity.ts';

/** A piece of work of one chat; it settles its own errors. */
export type ChatJob = (signal: AbortSignal) => Promise<void>;

const MAX_WAITING_PER_CHAT = 50;

/**
 * The chats of one agent: strictly in order inside a chat, in parallel across chats, at most `concurrency`
 * jobs at once (SPEC §6). A chat exists only while it has work.
 */
export class ChatQueues {
  readonly #concurrency: number;
  readonly #fault: (error: unknown) => void;
  readonly #chats = new Map<Jid, Fifo<ChatJob>>();
  readonly #ready = new Fifo<Jid>();
  readonly #running = new Set<Promise<void>>();
  readonly #abort = new AbortController();

  constructor(concurrency: number, fault: (error: unknown) => void) {
    this.#concurrency = concurrency;
    this.#fault = fault;
  }

  /** Queues a job of a chat; false when that chat has too many waiting. */
  enqueue(chatId: Jid, job: ChatJob): boolean {
    const chat = this.#chats.get(chatId);
    if (chat) {
      if (chat.length >= MAX_WAITING_PER_CHAT) return false;
      chat.push(job);
      return true;
    }
    const fresh = new Fifo<ChatJob>();
    fresh.push(job);
    this.#chats.set(chatId, fresh);
    this.#ready.push(chatId);
    this.#next();
    return true;
  }

  /** Nobody waits for an answer. */
  get isIdle(): boolean {
    return this.#chats.size === 0 && this.#running.size === 0;
  }

  /** Forgets what waits, gives what runs `patienceMs` to end, then aborts it; resolves when all have settled. */
  async stop(patienceMs: number): Promise<void> {
    this.#chats.clear();
    while (this.#ready.shift() !== undefined);
    const reason = new GatewayError('SHUTTING_DOWN', TEXTS.SHUTTING_DOWN.agent);
    const impatience = setTimeout(() => this.#abort.abort(reason), patienceMs);
    await Promise.all(this.#running);
    clearTimeout(impatience);
  }

  /** Starts jobs of ready chats while there are places. */
  #next(): void {
    while (this.#running.size < this.#concurrency) {
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

  /** Runs a job; its chat comes up again afterwards, behind the others. */
  #start(chatId: Jid, job: ChatJob): void {
    const running = job(this.#abort.signal)
      .catch(this.#fault)
      .finally(() => {
        this.#running.delete(running);
        if (this.#chats.has(chatId)) this.#ready.push(chatId);
        this.#next();
      });
    this.#running.add(running);
  }
}
