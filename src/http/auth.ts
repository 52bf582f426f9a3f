import { createHash, timingSafeEqual } from 'node:crypto';
import type { Request, RequestHandler, Response } from 'express';
import { GatewayError } from '../actors/errors.ts';
import type { GatewaySystem } from '../actors/protocol.ts';
import { parseWith } from './body.ts';
import { createKeyRefresh } from './key-refresh.ts';
import { agentPath } from './schemas.ts';

/** The token of `Authorization: Bearer …`, or undefined. Any visible ASCII: the keys belong to another system. */
export function bearerOf(req: Request): string | undefined {
  return /^bearer +([\x21-\x7e]+)$/i.exec(req.headers.authorization ?? '')?.[1];
}

/** Compares in constant time: digests have one length, whatever was presented. */
export function sameSecret(presented: string, stored: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(presented), digest(stored));
}

/** The 401 of a missing or wrong Bearer. */
export function unauthorized(): GatewayError {
  return new GatewayError('UNAUTHORIZED', 'A valid Bearer key is required.');
}

/**
 * Lets only the agent's own key through (SPEC §3 Agents). No Bearer is 401 for any agent; with one, an unknown
 * agent is 404 at the same cost. A wrong key also asks for a look-up of the newest one, in the background.
 */
export function agentAuth(system: GatewaySystem): RequestHandler {
  const refreshKey = createKeyRefresh((agentId) => system.refreshApiKey(agentId));
  return function authenticateAgent(req, res, next) {
    const presented = bearerOf(req);
    if (presented === undefined) throw unauthorized();
    const { agentId } = parseWith(agentPath, { agentId: req.params.agentId });
    const stored = system.apiKey(agentId);
    const same = sameSecret(presented, stored ?? '');
    if (stored === undefined) throw new GatewayError('SESSION_NOT_FOUND', 'There is no such agent.');
    if (!same) {
      refreshKey(agentId);
      throw unauthorized();
    }
    res.locals.agentId = agentId;
    next();
  };
}

/** The agent that `agentAuth` let through. */
export function agentIdOf(res: Response): string {
  return String(res.locals.agentId);
}
