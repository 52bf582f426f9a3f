import type { Request, Response } from 'express';
import type { ByteBudget, Hold } from './upload-budget.ts';

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
