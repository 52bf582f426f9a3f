import type { Request, Response } from 'express';
import { TEXTS } from '../../actors/domain/error-texts.ts';
import { GatewayError } from '../../actors/domain/errors.ts';

/** What one request holds of the budget. */
export interface Hold {
  /** Holds so many bytes more. Throws `RATE_LIMITED` (429, `Retry-After`) when there is no room; then nothing changes. */
  grow(bytes: number): void;
  /** Gives so many of them back. */
  shrink(bytes: number): void;
  /** Gives back whatever is held; safe to repeat. */
  release(): void;
}

/**
 * How many bytes of bodies and images may be in memory at once: many large ones at a time would otherwise take all of
 * it. No owner (an agent) may hold more than half, so that one customer's uploads can't keep everybody else's out.
 */
export class ByteBudget {
  readonly #total: number;
  readonly #byOwner = new Map<string, number>();
  #held = 0;

  /** @param total in bytes */
  constructor(total: number) {
    this.#total = total;
  }

  /** Bytes that are held now. */
  get held(): number {
    return this.#held;
  }

  /** The account of one request; it holds nothing yet. */
  open(owner: string): Hold {
    let own = 0;

    /** Changes what is held, here and in both sums. */
    const add = (bytes: number): void => {
      own += bytes;
      this.#held += bytes;
      const sum = (this.#byOwner.get(owner) ?? 0) + bytes;
      if (sum === 0) this.#byOwner.delete(owner);
      else this.#byOwner.set(owner, sum);
    };

    return {
      grow: (bytes) => {
        const ofOwner = this.#byOwner.get(owner) ?? 0;
        if (this.#held + bytes > this.#total || ofOwner + bytes > this.#total / 2) throw full();
        add(bytes);
      },
      shrink: (bytes) => add(-Math.min(bytes, own)),
      release: () => add(-own),
    };
  }
}

/** The refusal of bytes that don't fit any more: of no blame, and soon over. */
function full(): GatewayError {
  return new GatewayError('RATE_LIMITED', TEXTS.RATE_LIMITED.uploads);
}

/**
 * Counts a body of at most `limit` bytes for the agent whose key it came with, before anything of it is read: as long
 * as it says it is, or without a word of that as the largest that it may be, until it is there. What is held is given
 * back with the end of the request, however that ends, unless a handler takes it over.
 * @throws GatewayError `RATE_LIMITED` when there is no room
 */
export function holdBody(req: Request, res: Response, budget: ByteBudget, limit: number): void {
  // Left there by the authentication, which has to come first.
  const hold = budget.open(String(res.locals.agentId));
  hold.grow(Number(req.headers['content-length'] ?? limit));
  res.locals.bodyHold = hold;
  res.once('close', hold.release);
}

/** What the body of this request holds; from now on the caller gives it back, also when the client is gone. */
export function takeHold(res: Response): Hold {
  const hold = res.locals.bodyHold as Hold;
  res.off('close', hold.release);
  return hold;
}
