import { Router } from 'express';
import { agentIdOf } from '../auth.ts';
import { BODY_LIMITS, jsonBody, parseWith } from '../body.ts';
import { resource } from '../routing.ts';
import { traceIdOf } from '../trace.ts';
import type { AgentRouteDeps } from './agents.ts';

/** `POST /agents/{agentId}/run` (SPEC §3): asks the AI for a chat and sends what it answers. */
export function runRoutes({ system, auth, rateLimit, once, bodies }: AgentRouteDeps): Router {
  const router = Router({ caseSensitive: true });

  resource(router, '/agents/:agentId/run', {
    post: [
      auth,
      rateLimit,
      jsonBody(BODY_LIMITS.text),
      async (req, res) => {
        const agentId = agentIdOf(res);
        const body = parseWith(bodies.run, req.body);
        await once(req, res, 'run', body, async () => {
          system.assertCanSend(agentId);
          const { reply, replySent, sessionId, id, messageId } = await system.run(
            agentId,
            body,
            traceIdOf(res),
          );
          return { status: 200, body: { reply, replySent, sessionId, id, messageId } };
        });
      },
    ],
  });

  return router;
}
