import type { RequestHandler } from 'express';
import type { EdgeDeps } from '../../context.ts';
import { agentAuth } from '../../middleware/agent-auth.ts';
import { createOnce, type Once } from '../../middleware/idempotency.ts';
import { rateLimitHeaders } from '../../middleware/rate-limit-headers.ts';
import { type AgentBodies, agentBodies } from '../../openapi/request-schemas.ts';

/** What the routes under `/agents/{agentId}` share, beside the injected parts. */
export interface AgentRouteDeps extends EdgeDeps {
  auth: RequestHandler;
  rateLimit: RequestHandler;
  once: Once;
  bodies: AgentBodies;
}

/** Makes the shared parts once, so that all of these routes throttle and validate as one. */
export function agentRouteDeps(deps: EdgeDeps): AgentRouteDeps {
  const { system, settings } = deps;
  return {
    ...deps,
    auth: agentAuth(system),
    rateLimit: rateLimitHeaders(system, settings.SEND_RATE_PER_MINUTE),
    once: createOnce(deps),
    bodies: agentBodies((text) => deps.parseJid(text, settings.DEFAULT_COUNTRY)),
  };
}
