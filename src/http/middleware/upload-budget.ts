import type { Request, Response } from 'express';
import { TEXTS } from '../../actors/domain/error-texts.ts';
import { GatewayError } from '../../actors/domain/errors.ts';

/** What one request holds of the budget. */
export interface Hold {
  /** Reserves more bytes. @throws GatewayError `RATE_LIMITED` when there is no room; then nothing changes */
  grow(bytes: number): void;
  /** Returns all bytes; safe to repeat. */
  release(): void;
}

/**
 * Limits the bytes of bodies in memory at once. One owner (an agent) may hold half at most, so that its uploads
 * can't block everyone else's.
 */
export class ByteBudget {
  readonly #total: number;
  readonly #byOwner = new Map<string, number>();
  #held = 0;

  /** @param total in bytes */
  constructor(total: number) {
    this.#total = total;
  }

  /** Bytes held now. */
  get held(): number {
    return this.#held;
  }

  /** Opens the account of one request, which holds nothing yet. */
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
      release: () => add(-own),
    };
  }
}

/** The refusal of bytes for which there is no room now. */
function full(): GatewayError {
  return new GatewayError('RATE_LIMITED', TEXTS.RATE_LIMITED.uploads);
}

/**
 * Reserves the declared length of a body for the authenticated agent before it is read; one of unknown length counts as
 * it arrives, and `onFull` receives the error when there is no room for more. The bytes are returned when the request
 * ends, unless a handler takes them over.
 * @throws GatewayError `RATE_LIMITED` when there is no room
 */
export function holdBody(
  req: Request,
  res: Response,
  budget: ByteBudget,
  onFull: (error: unknown) => void,
): void {
  // Set by the authentication, which has to come first.
  const hold = budget.open(String(res.locals.agentId));
  const length = req.headers['content-length'];
  if (length !== undefined) hold.grow(Number(length));
  else countArriving(req, res, hold, onFull);
  res.locals.bodyHold = hold;
  res.once('close', hold.release);
}

/** Counts the chunks of a body until there is no room for one, or the request ends. */
function countArriving(req: Request, res: Response, hold: Hold, onFull: (error: unknown) => void): void {
  const count = (chunk: Buffer): void => {
    try {
      hold.grow(chunk.length);
    } catch (error) {
      req.off('data', count);
      onFull(error);
    }
  };
  req.on('data', count);
  res.once('close', () => req.off('data', count));
}

/** Takes over what the body of this request holds: the caller returns it, also when the client disconnects. */
export function takeHold(res: Response): Hold {
  const hold = res.locals.bodyHold as Hold;
  res.off('close', hold.release);
  return hold;
}
