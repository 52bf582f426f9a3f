import type { RequestHandler, Response } from 'express';
import type { GatewaySystem } from '../actors/protocol.ts';
import { agentIdOf } from './auth.ts';

/**
 * Sets `RateLimit-Policy` and `RateLimit` (IETF draft) from the agent's bucket of this moment. An agent that
 * was deleted meanwhile has none to show.
 */
function showBucket(system: GatewaySystem, perMinute: number, res: Response): void {
  try {
    const { tokens, nextTokenSeconds } = system.mailbox(agentIdOf(res));
    res.set('RateLimit-Policy', `"send";q=${perMinute};w=60`);
    res.set('RateLimit', `"send";r=${Math.floor(tokens)};t=${Math.ceil(nextTokenSeconds)}`);
  } catch {
    res.removeHeader('RateLimit');
  }
}

/** Shows the agent's bucket on whatever is answered, read when the answer is written (SPEC §3). */
export function rateLimitHeaders(system: GatewaySystem, perMinute: number): RequestHandler {
  return function showRateLimit(_req, res, next) {
    const json = res.json.bind(res);
    res.json = (body) => {
      showBucket(system, perMinute, res);
      return json(body);
    };
    next();
  };
}
