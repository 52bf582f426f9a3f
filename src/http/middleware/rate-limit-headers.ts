import type { RequestHandler, Response } from 'express';
import type { GatewayApi } from '../../actors/domain/gateway-api.ts';
import { beforeAnswer } from '../send-json.ts';
import { agentOf } from './agent-auth.ts';

/**
 * Sets `RateLimit-Policy` and `RateLimit` (IETF draft) from the agent's bucket; neither for an agent that has just been
 * deleted.
 */
function showBucket(system: GatewayApi, policy: string, res: Response): void {
  try {
    const { tokens, nextTokenSeconds } = system.mailbox(agentOf(res).agentId);
    res.setHeader('RateLimit-Policy', policy);
    res.setHeader('RateLimit', `"send";r=${Math.floor(tokens)};t=${Math.ceil(nextTokenSeconds)}`);
  } catch {
    res.removeHeader('RateLimit');
  }
}

/** Adds the agent's bucket to every response, as it is when the response is written. */
export function rateLimitHeaders(system: GatewayApi, perMinute: number): RequestHandler {
  const policy = `"send";q=${perMinute};w=60`;
  return function showRateLimit(_req, res, next) {
    beforeAnswer(res, () => showBucket(system, policy, res));
    next();
  };
}
