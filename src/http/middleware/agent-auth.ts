import { hash, timingSafeEqual } from 'node:crypto';
import type { Request, RequestHandler, Response } from 'express';
import { TEXTS } from '../../actors/domain/error-texts.ts';
import { GatewayError } from '../../actors/domain/errors.ts';
import type { GatewayApi } from '../../actors/domain/gateway-api.ts';
import type { AgentRef } from '../../actors/domain/identity.ts';
import { partsOfMediaId } from '../../infra/cloud-ids.ts';
import { agentPath } from '../openapi/request-schemas.ts';
import { parseWith } from './json-body.ts';
import { createKeyRefresh } from './key-refresh.ts';
import { wrongKeys } from './wrong-keys.ts';

/** The token of `Authorization: Bearer …`, or undefined. Any visible ASCII: the keys belong to another system. */
export function bearerOf(req: Request): string | undefined {
  return /^bearer +([\x21-\x7e]+)$/i.exec(req.headers.authorization ?? '')?.[1];
}

/** Digests are compared in place of secrets: they all have one length. */
function digestOf(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}

/** Compares in constant time, whatever was presented. */
export function sameSecret(presented: string, stored: string): boolean {
  return timingSafeEqual(digestOf(presented), digestOf(stored));
}

/** The 401 of a missing or wrong Bearer. */
export function unauthorized(): GatewayError {
  return new GatewayError('UNAUTHORIZED', TEXTS.UNAUTHORIZED.keyRequired);
}

/** The 404 for an unknown agent; created as the 401 is, to take as long. */
function unknownAgent(): GatewayError {
  return new GatewayError('SESSION_NOT_FOUND', TEXTS.SESSION_NOT_FOUND.noAgent);
}

/** The id of the agent that a path names: itself, or in a media id of the Cloud API. */
function namedAgent(system: GatewayApi, { agentId, nodeId }: Request['params']): unknown {
  if (typeof nodeId !== 'string' || system.credentials(nodeId)) return agentId ?? nodeId;
  return partsOfMediaId(nodeId)?.agentId ?? nodeId;
}

/**
 * Requires the agent's own key. No Bearer is 401 for any agent; with one, an unknown agent is 404 at the same cost.
 * A wrong key also starts a look-up of the newest one, in the background.
 *
 * Too many wrong keys of one address are 429 with `Retry-After`; the right key is never refused.
 */
export function agentAuth(system: GatewayApi): RequestHandler {
  const refreshKey = createKeyRefresh((agentId) => {
    // The agent may be removed by now.
    system.ask(agentId, { type: 'api_key.refresh' }).catch(() => undefined);
  });
  const refusal = wrongKeys();
  return function authenticateAgent(req, res, next) {
    const presented = bearerOf(req);
    if (presented === undefined) throw unauthorized();
    const { agentId } = parseWith(agentPath, { agentId: namedAgent(system, req.params) });
    const agent = system.credentials(agentId);
    // An unknown agent takes as long: no Bearer is empty.
    const same = sameSecret(presented, agent?.apiKey ?? '');
    if (agent === undefined) throw refusal(req, unknownAgent());
    if (!same) {
      refreshKey(agentId);
      throw refusal(req, unauthorized());
    }
    res.locals.agentId = agentId;
    res.locals.userId = agent.userId;
    next();
  };
}

/** The agent that `agentAuth` has authenticated, with its user. */
export function agentOf(res: Response): AgentRef {
  return { userId: Number(res.locals.userId), agentId: String(res.locals.agentId) };
}
