import type { MailboxView } from '../domain/agent-view.ts';
import { TEXTS } from '../domain/error-texts.ts';
import { GatewayError } from '../domain/errors.ts';
import type { Clock } from '../domain/ports/clock.ts';
import type { StoredMessage } from '../domain/ports/stores.ts';
import { TokenBucket } from './token-bucket.ts';

/** Receives a message with its outcome, or null when a stop keeps it queued. */
export type Waiter = (message: StoredMessage | null) => void;

/**
 * A queued message with its waiting caller. The waiter is not in a map by id: a map leaves its outgrown tables behind,
 * each referring to the next, and what they held would survive every small garbage collection.
 */
export interface Entry {
  message: StoredMessage;
  /** When it was accepted, by the monotonic clock: its age survives a step of the host's clock. */
  acceptedAt: number;
  /** It was handed over and has no outcome: it may have left. */
  mayHaveLeft: boolean;
  waiter?: Waiter;
}

/** A place in the mailbox, held while the message is being stored. */
export interface Reservation {
  release(): void;
}

/**
 * The FIFO mailbox with its token bucket. Messages wait in `waiting` for a token, then in `outgoing`, at most a burst
 * of them, until they are sent one by one.
 */
export class OutboundQueue {
  #waiting: Entry[] = [];
  readonly #outgoing: Entry[] = [];
  readonly #capacity: number;
  readonly #burst: number;
  readonly #bucket: TokenBucket;
  readonly #clock: Clock;
  #reserved = 0;
  #open = false;

  constructor(
    settings: { mailboxCapacity: number; sendRatePerMinute: number; sendBurst: number },
    clock: Clock,
  ) {
    this.#capacity = settings.mailboxCapacity;
    this.#burst = settings.sendBurst;
    this.#clock = clock;
    this.#bucket = new TokenBucket(settings.sendRatePerMinute, settings.sendBurst, clock.monotonic());
  }

  /** Messages that wait for a token, and reserved places. */
  get depth(): number {
    return this.#waiting.length + this.#reserved;
  }

  /** All messages without an outcome. */
  get length(): number {
    return this.#waiting.length + this.#outgoing.length;
  }

  /** Holds a place for one message. @throws GatewayError `RATE_LIMITED` when all are taken. */
  reserve(): Reservation {
    this.assertRoom();
    this.#reserved += 1;
    let held = true;
    return {
      release: () => {
        if (held) this.#reserved -= 1;
        held = false;
      },
    };
  }

  /** @throws GatewayError `RATE_LIMITED` when a message would have to be refused now. */
  assertRoom(): void {
    const places = this.#capacity + this.#freeTokens();
    if (this.depth < places) return;
    throw new GatewayError('RATE_LIMITED', TEXTS.RATE_LIMITED.mailboxFull(this.#capacity), {
      details: {
        retryAfterSeconds: Math.max(1, Math.ceil(this.#bucket.msUntilNext(this.#clock.monotonic()) / 1000)),
      },
    });
  }

  /** True when the only reserved place is for the next message to send, and there is a token for it. */
  isNextInLine(): boolean {
    return this.#reserved === 1 && this.length === 0 && this.#freeTokens() > 0;
  }

  /** Puts a stored message at the end; returns how many are before it. */
  put(entry: Entry): number {
    this.#waiting.push(entry);
    const before = this.length - 1;
    this.#admit();
    return before;
  }

  /** Tokens may be taken from now on. */
  open(): void {
    this.#open = true;
    this.#admit();
  }

  /** No token is taken any more: messages of `outgoing` wait again, in order, and their tokens are given back. */
  close(): void {
    this.#open = false;
    const back = this.#outgoing.splice(0);
    this.#waiting = [...back, ...this.#waiting];
    this.#bucket.giveBack(back.length);
  }

  /** Removes all messages that fit, from a closed queue. */
  removeWaiting(fits: (entry: Entry) => boolean): Entry[] {
    const removed = this.#waiting.filter(fits);
    this.#waiting = this.#waiting.filter((entry) => !fits(entry));
    return removed;
  }

  /** Removes a message; a token that it has is given back. */
  remove(entry: Entry): void {
    const place = this.#outgoing.indexOf(entry);
    if (place < 0) {
      this.#waiting = this.#waiting.filter((other) => other !== entry);
      return;
    }
    this.#outgoing.splice(place, 1);
    this.#bucket.giveBack(1);
  }

  /** The next message to send, left in place; undefined when none has a token. */
  next(): Entry | undefined {
    this.#admit();
    return this.#outgoing[0];
  }

  /** How many messages are before this one; 0 when it is not queued. */
  positionOf(id: string): number {
    const fits = (entry: Entry) => entry.message.id === id;
    const outgoing = this.#outgoing.findIndex(fits);
    if (outgoing >= 0) return outgoing;
    const waiting = this.#waiting.findIndex(fits);
    return waiting < 0 ? 0 : this.#outgoing.length + waiting;
  }

  /** All messages, in order. */
  entries(): Entry[] {
    return [...this.#outgoing, ...this.#waiting];
  }

  /** The oldest message of all. */
  oldest(): Entry | undefined {
    return this.#outgoing[0] ?? this.#waiting[0];
  }

  /** Removes the oldest message. */
  dropOldest(): Entry | undefined {
    return this.#outgoing.shift() ?? this.#waiting.shift();
  }

  /** Milliseconds until the next waiting message can get a token, or null when none waits for one. */
  msUntilToken(): number | null {
    if (!this.#open || this.#waiting.length === 0) return null;
    return this.#bucket.msUntilNext(this.#clock.monotonic());
  }

  /** How full it is at this moment. */
  view(): Omit<MailboxView, 'mode'> {
    const now = this.#clock.monotonic();
    return {
      depth: this.#waiting.length,
      capacity: this.#capacity,
      tokens: this.#bucket.available(now),
      nextTokenSeconds: Math.ceil(this.#bucket.msUntilNext(now) / 1000),
    };
  }

  /** Tokens that a message stored now could still get at once. */
  #freeTokens(): number {
    if (!this.#open) return 0;
    return Math.min(this.#bucket.available(this.#clock.monotonic()), this.#burst - this.#outgoing.length);
  }

  /** Moves messages on as long as there are tokens. */
  #admit(): void {
    while (
      this.#open &&
      this.#waiting.length > 0 &&
      this.#outgoing.length < this.#burst &&
      this.#bucket.take(this.#clock.monotonic())
    ) {
      this.#outgoing.push(this.#waiting.shift() as Entry);
    }
  }
}
